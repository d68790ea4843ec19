"""The commands of a Kafka of one's own, `tapebook kafka …`."""

from typing import Annotated, Any

import typer

from data.terminal import OUT, Json, Out, say, say_json

app = typer.Typer()
kafka = typer.Typer(no_args_is_help=True, help="A genuine Apache Kafka on this machine: start, stop, status, topics.")
app.add_typer(kafka, name="kafka")


def _server(out: Any, port: int = 0) -> Any:
    from live.broker.server import KafkaServer

    return KafkaServer(out / "kafka", port=port)


@kafka.command()
def start(
    out: Out = OUT,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for clients, on loopback; 0 is the last one used, or any.")] = 0,
    as_json: Json = False,
) -> None:
    """Start a Kafka of one node with its data under OUT/kafka; returns when topics can be made. It runs until `tapebook kafka stop`.

    Its jars come from Maven Central once (47 MB), each held against our own lock file; Java is the system's (17 or above), or that of
    the extra `kafka`.

    Example: `tapebook kafka start --json`
    """
    server = _server(out, port)
    before = server.status()
    running = before or server.start()
    if as_json:
        say_json(running._asdict())
    elif before:
        say(f"Kafka runs already: {running.servers} (pid {running.pid}, {running.folder})")
    else:
        say(f"Kafka runs: {running.servers} (pid {running.pid}, {running.folder}, {running.seconds:.1f} s); tapebook kafka stop ends it")


@kafka.command()
def stop(out: Out = OUT) -> None:
    """End the Kafka under OUT/kafka in order; its data stays.

    Example: `tapebook kafka stop`
    """
    server = _server(out)
    say(f"Kafka has ended ({server.folder})" if server.stop() else f"no Kafka runs in {server.folder}")


@kafka.command()
def status(out: Out = OUT, as_json: Json = False) -> None:
    """Does a Kafka run under OUT/kafka? Exits with 1 where none does.

    Example: `tapebook kafka status --json`
    """
    server = _server(out)
    running = server.status()
    if as_json:
        say_json({"running": running is not None, "folder": str(server.folder), **(running._asdict() if running else {})})
    elif running:
        say(f"Kafka runs: {running.servers} (pid {running.pid}, {running.folder})")
    else:
        say(f"no Kafka runs in {server.folder}")
    if running is None:
        raise typer.Exit(1)


@kafka.command()
def topics() -> None:
    """The topics of a session: keys, partitions, retention, who writes what.

    Example: `tapebook kafka topics`
    """
    from live.broker.topics import as_table

    say(as_table())

"""`tapebook live`: run a session, check its configuration, list those that run, stop them, and see to dead letters."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from data.terminal import LONG, OUT, Json, Out, say, say_json


class _RunsByDefault(TyperGroup):
    """Without the name of a command, `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front where no command is named."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args.insert(0, "run")
        return super().parse_args(ctx, args)


ConfigurationFile = Annotated[Path, typer.Argument(metavar="SESSION.toml", help="The session's configuration.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The session's name.")]

app = typer.Typer()
live = typer.Typer(
    cls=_RunsByDefault,
    help="A live session: `tapebook live SESSION.toml`, or `tapebook live --demo` without any configuration.",
    subcommand_metavar="[SESSION.toml | COMMAND] …",
)
letters = typer.Typer(no_args_is_help=True, help="Messages that could not be read: list them, or send them again.")
app.add_typer(live, name="live")
live.add_typer(letters, name="dead-letters")


@live.command()
def run(
    file: Annotated[Path | None, typer.Argument(metavar="SESSION.toml", help="The session's configuration.", show_default=False)] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A synthetic market, three strategies and a small crowd.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="Through a genuine Kafka, which is started where none runs.")] = False,
    replay: Annotated[str | None, typer.Option(metavar="FILE|RUN", help="Play a file, or a recorded session, through the session.")] = None,
    speed: Annotated[
        float, typer.Option(min=0, max=LONG, help="Speed of the replay: 10 is ten times as fast as recorded; 0 is as fast as it goes.")
    ] = 1.0,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after this time.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the gateway; 0 is any.")] = None,
    out: Out = OUT,
    as_json: Annotated[bool, typer.Option("--json", help="Nothing but one JSON object at the end.")] = False,
    gateway: Annotated[bool, typer.Option("--gateway/--no-gateway", help="Let clients connect.")] = True,
) -> None:
    """Run a session until Ctrl-C, SIGTERM, the end of its replay or `--for`.

    Example: `tapebook live run --demo --for 20`, where `run` may be left out
    """
    import asyncio

    from live.cli.runner import Options, run_session, session_of

    options = Options(file, demo, kafka, replay, speed, seconds, port, out, as_json, gateway)
    raise typer.Exit(asyncio.run(run_session(session_of(options), options)))


@live.command()
def check(file: ConfigurationFile) -> None:
    """Check a configuration as a whole: every problem at once, exit 2; strategies are imported.

    Example: `tapebook live check desk.toml`
    """
    from live.configuration.session import read_settings
    from live.session.opening import participants_of

    settings = read_settings(file)
    participants_of(settings)
    counts = [(len(getattr(settings, what)), what) for what in ("instruments", "portfolios", "traders", "strategies")]
    say(f"{file}: session {settings.name!r} is fine: " + ", ".join(f"{count} {what}" for count, what in counts))


@live.command("list")
def list_sessions(out: Out = OUT, as_json: Json = False) -> None:
    """The sessions under OUT, newest first.

    Example: `tapebook live list`
    """
    from live.cli.tables import session_table
    from live.session.status import sessions

    found = sessions(out)
    if as_json:
        say_json(found)
    elif not found:
        say(f"no session under {out / 'live'}; start one with tapebook live --demo")
    else:
        say(session_table(found))


@live.command()
def status(name: Name, out: Out = OUT, as_json: Json = False) -> None:
    """How a session stands. Exits with 1 where it does not run.

    Example: `tapebook live status demo`
    """
    from live.session.status import status_of

    said = status_of(out, name)
    if as_json:
        say_json(said)
    else:
        say("\n".join(f"{key:8} {value}" for key, value in said.items()))
    if said["state"] != "running":
        raise typer.Exit(1)


@live.command()
def stop(name: Name, out: Out = OUT) -> None:
    """Stop a session in order: it takes no more, commits what it took, keeps its state and closes.

    Example: `tapebook live stop demo`
    """
    from live.session.status import stop_session

    said = stop_session(out, name)
    say(f"session {name!r} {said['state']} at seq {said.get('seq', 0):,}")


@live.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="notifications, settlement or surveillance.")],
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="The session, running or not.")],
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Make a service anew from its session's log: it forgets what the log says again, and takes in every fact.

    Example: `tapebook live rebuild surveillance --session desk`
    """
    from live.services.rebuild import rebuild as made_anew

    said = made_anew(service, session, out)
    say_json(said) if as_json else say(f"{service} of {session}: {said['said']}")


@live.command()
def services(
    name: Name,
    stop: Annotated[str | None, typer.Option(metavar="SERVICE", help="Stop this one; the session goes on.")] = None,
    start: Annotated[str | None, typer.Option(metavar="SERVICE", help="Start this one again; it catches up.")] = None,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """The services of a session that runs: how each stands, and how far behind it is; stop one, start it again.

    Example: `tapebook live services desk --stop notifications`
    """
    from live.services.rebuild import ask_session, standing

    for service, what in ((stop, "stop"), (start, "start")):
        if service is not None:
            ask_session(name, out, service, what)
    said = standing(name, out)
    if as_json:
        say_json(said)
    else:
        say(
            "\n".join(
                f"{key:14} {one['state']:8} seq {one['seq']:,}, {one['behind']:,} behind  {one['error']}".rstrip()
                for key, one in said.items()
            )
        )


@live.command()
def streams(
    file: ConfigurationFile,
    servers: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Servers of the Kafka, instead of the file's.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after this time.")] = None,
    out: Out = OUT,
    as_json: Annotated[bool, typer.Option("--json", help="Nothing but one JSON object at the end.")] = False,
) -> None:
    """Make bars, indicators and alerts of a Kafka's market data, in a process of its own, until Ctrl-C, SIGTERM or `--for`.

    Instruments and the table [streams] are those of the file; a session of it with `streams = { run = false }` leaves them to this one.

    Example: `tapebook live streams desk.toml --servers 127.0.0.1:9092`
    """
    import asyncio

    from live.cli.streams import run_streams

    raise typer.Exit(asyncio.run(run_streams(file, servers, seconds, out, as_json)))


@live.command()
def read(
    follow: Annotated[str, typer.Option("--follow", metavar="DIR|NAME", help="The session: its folder, or its name under OUT.")],
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Where it listens; 0 is any.")] = None,
    configuration: Annotated[
        Path | None, typer.Option("--configuration", metavar="SESSION.toml", help="A configuration whose [gateway] applies.")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after this time.")] = None,
    out: Out = OUT,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one JSON object.")] = False,
) -> None:
    """Serve a session's pages and streams for reading, from a process of its own: it follows the sealed segments, and takes no commands.

    Example: `tapebook live read --follow desk --port 8001`
    """
    import asyncio

    from live.cli.reader import ReaderOptions, read

    raise typer.Exit(asyncio.run(read(ReaderOptions(follow, port, configuration, seconds, out, as_json))))


@live.command()
def attach(
    strategy: Annotated[str, typer.Argument(metavar="MODULE:CLASS", help="The strategy, as mine:Maker.")],
    url: Annotated[str, typer.Option(help="The gateway of its session.")],
    token_file: Annotated[Path | None, typer.Option(help="A file with the token; without it TAPEBOOK_TOKEN.")] = None,
    portfolio: Annotated[str | None, typer.Option(help="One of the token's portfolios.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be given several times.")
    ] = None,
    silent_after: Annotated[str | None, typer.Option(help="Have its orders cancelled after such a silence, as 5s.")] = None,
    verify: Annotated[Path | None, typer.Option(help="The PEM file of the authority that signed the gateway's certificate.")] = None,
    patience: Annotated[float, typer.Option(min=0, max=LONG, help="Seconds that it tries to come back after an outage.")] = 60.0,
    keep_orders: Annotated[bool, typer.Option("--keep-orders", help="Leave open orders at the end.")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Nothing but one JSON object at the end.")] = False,
) -> None:
    """Run a strategy in a process of its own against a running session, through its gateway, until Ctrl-C, SIGTERM or `--for`.

    Example: `tapebook live attach mine:Maker --url http://127.0.0.1:8000 --token-file maker.token --set edge=2`
    """
    import asyncio

    from live.cli.attached import AttachOptions, attach, attachment_of

    options = AttachOptions(
        strategy, url, token_file, portfolio, settings or [], silent_after, verify, patience, keep_orders, seconds, as_json
    )
    raise typer.Exit(asyncio.run(attach(attachment_of(options), options)))


@letters.command("list")
def list_letters(
    file: ConfigurationFile, limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20, as_json: Json = False
) -> None:
    """The newest messages that could not be read, and why.

    Example: `tapebook live dead-letters list desk.toml`
    """
    import asyncio

    from live.cli.letters import letters_of, shown

    found = asyncio.run(letters_of(file, limit))
    say_json(shown(found)) if as_json else say(
        "\n".join(f"{one['offset']:>8}  {one['error']}\n          {one['value']}" for one in shown(found))
    )


@letters.command()
def retry(
    file: ConfigurationFile, offset: Annotated[int | None, typer.Option(help="The one at this offset; without it all.")] = None
) -> None:
    """Send messages again to the topic that they came from, as they are.

    Example: `tapebook live dead-letters retry desk.toml --offset 3`
    """
    import asyncio

    from live.cli.letters import send_again

    say(f"{asyncio.run(send_again(file, offset))} messages were sent again")

"""The commands about event logs, of recorded runs and of live sessions alike: `tapebook log verify`, `log head`, `log sql`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from data.cli import log
from data.terminal import OUT, Json, Out, say, say_json

RunName = Annotated[str | None, typer.Argument(help="Run id or its beginning; the newest by default.")]
SessionName = Annotated[str | None, typer.Option("--session", help="Name of a live session, ended or running, instead of a run.")]
SHOWN = 50
"""Rows that a table shows of an answer."""


@log.command("verify")
def verify_log(run: RunName = None, session: SessionName = None, out: Out = OUT, as_json: Json = False) -> None:
    """Replay a run from its log and feed, or a live session from its log: the same bytes, or where they first differ (exit 1).

    Example: `tapebook log verify 20260105-0930`
    """
    from rich.text import Text

    from backtest.store import find_run

    if run is not None and session is not None:
        raise typer.BadParameter("verify a run or a --session, one at a time")
    if session is None:
        found = find_run(run, out)
        name, said = found.run_id, {"run": found.run_id, **vars(_verdict(found, out))}
    else:
        name, said = session, {"session": session, **_verify_session(session, out)}
    if as_json:
        say_json(said)
    else:
        sign = ("verified", "green") if said["ok"] else ("differs", "red")
        say(Text.assemble(sign, f"  {name}: {said['text']}"))
        own, blocks = ("own ", f", {said['blocks']:,} checkpoints") if "blocks" in said else ("", "")
        say(f"          {said['commands']:,} {own}commands, {said['facts']:,} facts{blocks} compared")
    if not said["ok"]:
        raise typer.Exit(1)


@log.command("head")
def show_head(
    name: Annotated[str, typer.Argument(help="Live session, ended or running; or a run, by its id or its beginning.")],
    check: Annotated[str | None, typer.Option(help="A line that was kept: exit 1 where the log no longer holds what it says.")] = None,
    out: Out = OUT,
) -> None:
    """Print one line that tells where a log ends, for an auditor to keep; --check it later: nothing was cut off or changed before.

    Example: `tapebook log head desk`
    """
    from data.log.event_log import EventLog

    with EventLog.open(_log_of(name, out)) as found:
        if check is None:
            typer.echo("\n".join(found.head(number) for number in found.sessions()["session"]))
        elif found.holds(check):
            say("the log holds what the line says; `tapebook log verify` checks every row before it")
        else:
            say("the log does not hold what the line says: its end was cut off, or it was written anew")
            raise typer.Exit(1)


def _verdict(found: Any, out: Path) -> Any:
    """What playing the run again found. Raises RunError where its log cannot be read to the end."""
    import duckdb

    from backtest.store import RunError
    from backtest.verify import verify_run

    try:
        return verify_run(found, out / "cache")
    except duckdb.Error as error:
        why = str(error).partition("\n")[0]
        raise RunError(f"{found.log}: is damaged ({why}); take the run's folder from a backup, or run it again") from None


def _verify_session(name: str, out: Path) -> dict[str, Any]:
    """What the chain of a live session and its replay say; while it runs, as far as it is sealed."""
    from data.log.event_log import EventLog
    from data.segments.audit_file import FILE, SEALS, disagreement
    from data.segments.place import find_session

    folder = find_session(name, out)
    with EventLog.open(folder) as found:
        numbers = found.sessions()["session"].to_list()
        checked = [found.verify(number) for number in numbers]
        audited = disagreement(folder / FILE, (row for number in numbers for row in found.rows(SEALS, [number])))
    said = next((one for one in checked if not one.ok), None)
    return {
        "ok": said is None and audited is None,
        "text": said.message if said else audited or "the log is what was written, and replay gives the same facts",
        "commands": sum(one.commands for one in checked),
        "facts": sum(one.facts for one in checked),
        "seq": said.first_difference_seq if said else None,
    }


@log.command("sql")
def ask_log(
    name: Annotated[str, typer.Argument(help="Live session, ended or running; or a run, by its id or its beginning.")],
    statement: Annotated[str, typer.Argument(help="One SELECT over the log's tables and views; in quotes.")],
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Ask a log in SQL: its tables are commands, facts, batches …, its views orders, trades, positions … (SHOW TABLES lists them).

    Example: `tapebook log sql desk "SELECT symbol, count(*) AS trades FROM trades GROUP BY ALL"`
    """
    from data.log.event_log import EventLog
    from data.log.sql import plain_rows, select
    from data.log.sql_table import answer_table

    with EventLog.open(_log_of(name, out)) as found:
        frame = select(found, statement, None if as_json else SHOWN + 1)
    say_json(plain_rows(frame)) if as_json else say(answer_table(frame[:SHOWN], more=len(frame) > SHOWN))


def _log_of(name: str, out: Path) -> Path:
    """The folder of a live session or of a run. Raises LogError where it is neither."""
    from backtest.past import RunError, find_folder
    from data.log.schema import LogError
    from data.segments.place import find_session

    try:
        return find_session(name, out)
    except LogError as no_session:
        try:
            return find_folder(name, out)
        except RunError as no_run:
            raise LogError(f"{no_session}; {no_run}") from None


def log_at(name: str, out: Path) -> Path:
    """As `_log_of`, or the path of a log, or of a session's folder, that is there."""
    given = Path(name)
    return given if given.exists() and (given.suffix == ".duckdb" or (given / "log.duckdb").exists()) else _log_of(name, out)

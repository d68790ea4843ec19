"""What can be studied of a log alone: `tapebook log surveil`, cases of market abuse; `tapebook log extract`, order records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.logs import log_at
from data.cli import log
from data.terminal import OUT, Json, Out, say, say_json

if TYPE_CHECKING:
    import polars as pl

LogName = Annotated[str, typer.Argument(metavar="NAME|PATH", help="Live session, run, or the path of a log.")]


@log.command("surveil")
def surveil_log(
    name: LogName,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only this rule; may be given several times.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="RULE.NAME=VALUE", help="A parameter of a rule.")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules: definitions, sources, parameters.")] = False,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Look through a log for market abuse: cases with the seqs of the facts that show them. Exits with 1 where there are any.

    Example: `tapebook log surveil desk --rule layering --set layering.ratio=3`
    """
    from data.surveillance.surveyor import chosen

    if rules:
        say("\n\n".join(_explained(one) for one in chosen(rule)))
        return
    found = _cases(name, out, rule, set_)
    if as_json:
        from data.log.sql import plain_rows

        say_json(plain_rows(found))
    else:
        from data.log.sql_table import answer_table

        say(answer_table(found.drop("seqs")[:50], more=len(found) > 50) if len(found) else "no case")
    if len(found):
        raise typer.Exit(1)


def _cases(name: str, out: Path, rules: list[str] | None, given: list[str] | None) -> "pl.DataFrame":
    """The cases of all sessions of a log."""
    import polars as pl

    from data.log.event_log import EventLog
    from data.surveillance.cases import cases
    from data.surveillance.rule import SurveillanceError

    values: dict[str, dict[str, str]] = {}
    for one in given or []:
        key, equals, value = one.partition("=")
        of, dot, parameter = key.partition(".")
        if not (equals and dot):
            raise SurveillanceError(f"--set {one!r}: write RULE.NAME=VALUE, such as layering.ratio=3")
        values.setdefault(of, {})[parameter] = value
    with EventLog.open(log_at(name, out)) as found:
        return pl.concat([cases(found, number, rules, values) for number in found.sessions()["session"]])


def _explained(rule: object) -> str:
    made = [f"{rule.name}: {rule.says}", f"  source: {rule.source}"]  # type: ignore[attr-defined]
    made += [f"  {name} = {rule.parameters[name]:g}: {text}" for name, text in rule.explained.items()]  # type: ignore[attr-defined]
    return "\n".join(made)


@log.command("extract")
def extract_log(
    name: LogName,
    file: Annotated[Path, typer.Option("--file", "--out", dir_okay=False, help="The file to write: .csv or .parquet.")],
    form: Annotated[str, typer.Option("--format", help="Columns as of the CAT (cat), or of MiFID II's RTS 24 (rts24).")] = "cat",
    session: Annotated[str | None, typer.Option("--session", help="Of a log of several sessions, this one; else the first.")] = None,
    under: Annotated[Path, typer.Option("--under", file_okay=False, help="Folder of runs and sessions.")] = OUT,
    as_json: Json = False,
) -> None:
    """Write every event of every order to a file, read it back, and hold it against the log. Exits with 1 where they differ.

    Example: `tapebook log extract desk --out orders.parquet --format rts24`
    """
    from data.log.event_log import EventLog
    from data.regulatory.extract import extract

    with EventLog.open(log_at(name, under)) as found:
        made = extract(found, found.session(session) if session else 1, file, form)
    said = {**made._asdict(), "path": str(made.path), "format": form}
    if as_json:
        say_json(said)
    elif made.problems:
        say("\n".join(f"differs  {problem}" for problem in made.problems))
    else:
        say(f"{made.path}: {made.rows:,} events, {made.executed_lots:,} lots executed by {made.orders:,} orders, as in the log")
    if made.problems:
        raise typer.Exit(1)

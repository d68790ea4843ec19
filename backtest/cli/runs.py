"""The commands about recorded runs: `tapebook runs list`, `show`, `compare`, and `tapebook log verify`."""

from typing import Annotated, Any

import typer

from data.cli import log
from data.terminal import OUT, Json, Out, say, say_json

runs = typer.Typer(no_args_is_help=True, help="Recorded runs: list, show, compare.")
RunName = Annotated[str | None, typer.Argument(help="Run id or its beginning; the newest by default.")]


@runs.command("list")
def list_runs(out: Out = OUT, as_json: Json = False) -> None:
    """Every recorded run, newest first.

    Example: `tapebook runs list --out results`
    """
    from backtest import store
    from backtest.cli.run_tables import RunsTable

    found = list(store.runs(out))
    if as_json:
        say_json([{"run": run.run_id, **run.said["meta"], "summary": run.said["summary"]} for run in found])
    elif found:
        say(RunsTable(found))
    else:
        say(f"no runs under {out / 'runs'}; make one with `tapebook backtest`")


@runs.command("show")
def show_run(run: RunName = None, out: Out = OUT, as_json: Json = False) -> None:
    """What a run was and what came of it.

    Example: `tapebook runs show 20260105-0930`
    """
    from backtest.cli.run_tables import run_table
    from backtest.store import find_run

    found = find_run(run, out)
    if as_json:
        say_json({"run": str(found.folder), **found.said})
        return
    say(run_table(found))
    say(f"report  {found.report}")


@runs.command("compare")
def compare_runs(runs: Annotated[list[str], typer.Argument(help="Two or more run ids.")], out: Out = OUT, as_json: Json = False) -> None:
    """Runs side by side: what was set differently, and what came of it.

    Example: `tapebook runs compare 20260105-0930 20260105-0945`
    """
    from backtest.cli.run_tables import CompareTable
    from backtest.store import find_run

    found = [find_run(name, out) for name in runs]
    if as_json:
        say_json([{"run": run.run_id, **run.said} for run in found])
    else:
        say(CompareTable(found))


@log.command("verify")
def verify_log(run: RunName = None, out: Out = OUT, as_json: Json = False) -> None:
    """Play a run again from its log and feed: the same bytes, or where they first differ (exit 1).

    Example: `tapebook log verify 20260105-0930`
    """
    from rich.text import Text

    from backtest.store import find_run

    found = find_run(run, out)
    verdict = _verdict(found, out)
    if as_json:
        say_json({"run": found.run_id, **vars(verdict)})
    else:
        sign = ("verified", "green") if verdict.ok else ("differs", "red")
        say(Text.assemble(sign, f"  {found.run_id}: {verdict.text}"))
        say(f"          {verdict.commands:,} own commands, {verdict.facts:,} facts, {verdict.blocks:,} checkpoints compared")
    if not verdict.ok:
        raise typer.Exit(1)


def _verdict(found: Any, out: Any) -> Any:
    """What playing the run again found. Raises RunError where its log cannot be read to the end."""
    import duckdb

    from backtest.store import RunError
    from backtest.verify import verify_run

    try:
        return verify_run(found, out / "cache")
    except duckdb.Error as error:
        why = str(error).partition("\n")[0]
        raise RunError(f"{found.log}: is damaged ({why}); take the run's folder from a backup, or run it again") from None

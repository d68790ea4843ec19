"""The commands about recorded runs: `tapebook runs list`, `show`, `compare`."""

from typing import Annotated

import typer

from backtest.cli.logs import RunName
from data.terminal import OUT, Json, Out, say, say_json

runs = typer.Typer(no_args_is_help=True, help="Recorded runs: list, show, compare.")


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

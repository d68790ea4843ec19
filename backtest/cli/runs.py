"""The commands about recorded runs: `tapebook runs list`, `show`, `compare`, `export`, `report`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backtest.cli.logs import RunName
from data.terminal import OUT, Json, Out, say, say_json

runs = typer.Typer(no_args_is_help=True, help="Recorded runs: list, show, compare, export, report.")
Where = Annotated[str | None, typer.Option(help='Condition over figures and parameters, like "sharpe > 1 AND fills >= 30".')]
Of = Annotated[str | None, typer.Option("--strategy", help="Only runs whose strategy has this in its name.")]
On = Annotated[str | None, typer.Option("--data", help="Only runs whose data have this in their name.")]


@runs.command("list")
def list_runs(out: Out = OUT, where: Where = None, strategy: Of = None, data: On = None, as_json: Json = False) -> None:
    """Every recorded run, newest first; or those that match.

    Example: `tapebook runs list --out results --where "sharpe > 1 AND fills >= 30"`
    """
    from backtest.cli.run_tables import RunsTable

    found = _found(out, where, strategy, data)
    if as_json:
        say_json([{"run": run.run_id, **run.said["meta"], "summary": run.said["summary"]} for run in found])
    elif found:
        say(RunsTable(found))
    elif where or strategy or data:
        say("no run fits")
    else:
        say(f"no runs under {out / 'runs'}; make one with `tapebook backtest`")


def _found(out: Path, where: str | None, strategy: str | None, data: str | None) -> list[Any]:
    from backtest import store

    found = list(store.runs(out))
    if not (where or strategy or data):
        return found
    from backtest.runs_table import runs_frame

    fitting = runs_frame(out, where=where, strategy=strategy, data=data)["run"].to_list() if found else []
    return [run for run in found if run.run_id in fitting]


@runs.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="What to write: .parquet, .csv or .json.")],
    out: Out = OUT,
    where: Where = None,
    strategy: Of = None,
    data: On = None,
) -> None:
    """Every run, or those that match, as one table: what it was, its parameters, all its figures.

    Example: `tapebook runs export runs.parquet --strategy Maker`
    """
    from backtest.runs_table import export_runs, runs_frame

    frame = runs_frame(out, where=where, strategy=strategy, data=data)
    if not frame.height:
        raise ValueError(f"no run under {out / 'runs'} to export" + (" that fits" if where or strategy or data else ""))
    say(f"{frame.height:,} runs, {frame.width} columns: {export_runs(frame, file)}")


def warn_of_changes(run: Any) -> None:
    """A line about files of a run that somebody changed since it was made."""
    from rich.text import Text

    if run.changed:
        said = f"  {run.run_id}: {', '.join(run.changed)} not as the run wrote it; `tapebook log verify` says more"
        say(Text.assemble(("changed", "red"), said))


@runs.command("report")
def report_run(
    run: RunName = None,
    out: Out = OUT,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Print it into this file, with the machine's Chromium.")] = None,
) -> None:
    """Where a run's report is; or print it as PDF.

    Example: `tapebook runs report 20260105-0930 --pdf maker.pdf`
    """
    from backtest.store import find_run

    found = find_run(run, out)
    if pdf is None:
        say(str(found.report))
        return
    from backtest.report.printing import print_page

    say(str(print_page(found.report, pdf)))


@runs.command("show")
def show_run(run: RunName = None, out: Out = OUT, as_json: Json = False) -> None:
    """What a run was and what came of it.

    Example: `tapebook runs show 20260105-0930`
    """
    from backtest.cli.run_tables import run_table
    from backtest.store import find_run

    found = find_run(run, out)
    if as_json:
        say_json({"run": str(found.folder), **found.said, "changed": found.changed})
        return
    say(run_table(found))
    warn_of_changes(found)
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
        say_json([{"run": run.run_id, **run.said, "changed": run.changed} for run in found])
    else:
        say(CompareTable(found))
        for run in found:
            warn_of_changes(run)

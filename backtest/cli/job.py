"""The commands of scheduled jobs: `tapebook job run`, `check`, `list`, `pin`."""

import datetime
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from data.terminal import OUT, Json, Out, say, say_json

job = typer.Typer(no_args_is_help=True, help="Scheduled jobs: run, check, list, pin.")
app = typer.Typer()
app.add_typer(job, name="job")
File = Annotated[Path, typer.Argument(help="The job's TOML file.")]
Day = Annotated[str | None, typer.Option("--date", help="YYYY-MM-DD; by default today by the clock that the file names.")]


def _job(file: Path, date: str | None) -> Any:
    from backtest.jobs.job import Job
    from backtest.jobs.settings import JobError, today

    try:
        day = today(file) if date is None else datetime.date.fromisoformat(date)
    except ValueError as error:
        if date is None:
            raise
        raise JobError(f"--date {date}: write YYYY-MM-DD ({error})") from None
    return Job(file, day)


@job.command("run")
def run_job(
    file: File, date: Day = None, again: Annotated[bool, typer.Option("--again", help="Do again what is already done.")] = False
) -> None:
    """Do a date's backtests and sweeps, judge its gates, write its summary. Safe to start again: what is done is not done twice.

    Log lines (JSON) go to standard error and to job.log beside the results. Exits 0, 1 (a step failed or a gate does not hold), 2 (bad
    file).

    Example: `tapebook job run nightly.toml --date 2026-01-05`
    """
    from backtest.jobs.job import JobRunning

    made = _job(file, date)
    try:
        with redirect_stdout(sys.stderr):
            code = made.run(again)
    except JobRunning as error:
        print(f"tapebook: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(made.folder / "summary.html")
    raise typer.Exit(code)


@job.command("check")
def check_job(file: File, date: Day = None) -> None:
    """Read a job's file, find its strategies and its data, run nothing.

    Example: `tapebook job check nightly.toml`
    """
    made = _job(file, date)
    with chdir(made.file.parent):
        for step in made.settings.steps:
            _checked(step, made.file)
    steps, gates = made.settings.steps, made.settings.gates
    say(f"{file}: {len(steps)} steps ({', '.join(step.name for step in steps)}), {len(gates)} gates; artifacts go to {made.folder}")


def _checked(step: Any, file: Path) -> None:
    """Raises ValueError with the step's name for what it could not run."""
    from backtest.jobs.settings import JobError
    from backtest.jobs.steps import sweep_of

    try:
        sweep_of(step) if hasattr(step, "grid") else step.backtest()
    except ValueError as error:
        raise JobError(f"{file}: step {step.name}: {error}") from None


@job.command("list")
def list_jobs(out: Out = OUT, as_json: Json = False) -> None:
    """Every job and date that was run, and how it ended.

    Example: `tapebook job list --out results`
    """
    from rich.table import Table
    from rich.text import Text

    from backtest.jobs.listing import jobs

    found = jobs(out)
    if as_json:
        say_json(found)
        return
    if not found:
        say(f"no jobs under {out / 'jobs'}; run one with `tapebook job run FILE.toml`")
        return
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "date", "outcome", "what"):
        made.add_column(name, overflow="fold", no_wrap=name in ("date", "outcome"))
    for one in found:
        ok = one["outcome"] == "ok"
        what = f"{len(one['steps'])} steps" if ok else one["problems"][0]
        made.add_row(one["job"], one["date"], Text(one["outcome"], style="green" if ok else "red"), Text(what))
    say(made)


@job.command("pin")
def pin_job(file: File, date: Day = None) -> None:
    """Make a date the one that gates with "pinned" hold later dates against.

    Example: `tapebook job pin nightly.toml --date 2026-01-05`
    """
    say(f"pinned {_job(file, date).pin()}")

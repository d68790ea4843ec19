"""The command line: `tapebook backtest`, `runs`, `log`, `data`, `explain`, `lab`."""

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

UsageError: Any = typer.BadParameter.__base__  # of click, which recent versions of typer carry within them
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
runs_app = typer.Typer(no_args_is_help=True, help="Recorded runs: list, show, compare.")
log_app = typer.Typer(no_args_is_help=True, help="Event logs: verify.")
data_app = typer.Typer(no_args_is_help=True, help="Market data: show, check.")
app.add_typer(runs_app, name="runs")
app.add_typer(log_app, name="log")
app.add_typer(data_app, name="data")

Out = Annotated[Path, typer.Option("--out", help="Folder for runs and decoded feeds.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of a table.")]
RunName = Annotated[str | None, typer.Argument(help="Run id or its beginning; the newest by default.")]
Symbol = Annotated[str | None, typer.Option(help="Where the file's name does not say it.")]
Date = Annotated[str | None, typer.Option(help="YYYY-MM-DD, where the file's name does not say it.")]
Tick = Annotated[str | None, typer.Option(help="Price step, like 0.01.")]
Orderbook = Annotated[str | None, typer.Option(help="LOBSTER order book file beside the messages.")]
Format = Annotated[str, typer.Option(help="Format of the file.")]
File = Annotated[str, typer.Argument(help="Market data file, or LOBSTER's zip.")]
OUT = Path(".tapebook")
INTERRUPTED = 130


@app.callback()
def tapebook() -> None:
    """Backtests with exact queue position, from a real exchange day to a report. Start with: `tapebook backtest`"""


def say(text: Any) -> None:
    """Print for people: rich, at most 80 columns where the terminal does not say."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=80)
    console.print(text)


@app.command()
def backtest(
    job: Annotated[Path | None, typer.Argument(help="A TOML file with these options as keys, for scheduled jobs.")] = None,
    data: Annotated[str | None, typer.Option(help="Market data file; without it, a synthetic day.")] = None,
    format: Annotated[str | None, typer.Option(help="lobster, or synthetic.")] = None,
    orderbook: Orderbook = None,
    symbol: Symbol = None,
    date: Date = None,
    tick: Tick = None,
    messages: Annotated[int | None, typer.Option(help="Rows of the synthetic day.")] = None,
    strategy: Annotated[str | None, typer.Option(help="module:Class, or an example: MarketMaker, ImbalanceTaker.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", help="name=value of a strategy's parameter; may be repeated.")] = None,
    cash: Annotated[str | None, typer.Option(help="Currency at the start [1000000].")] = None,
    feed_latency: Annotated[str | None, typer.Option(help="From the exchange to the strategy, like 100us, 1ms [100us].")] = None,
    order_latency: Annotated[str | None, typer.Option(help="From the strategy to the exchange [100us].")] = None,
    response_latency: Annotated[str | None, typer.Option(help="Of the exchange's answers [100us].")] = None,
    maker_fee: Annotated[str | None, typer.Option(help="Part of the notional; negative is a rebate.")] = None,
    taker_fee: Annotated[str | None, typer.Option(help="Part of the notional.")] = None,
    start: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    end: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    warm_up: Annotated[str | None, typer.Option(help="Like 5min: the book is watched before the strategy is called.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic day.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder for runs and decoded feeds [.tapebook].")] = None,
    as_json: Json = False,
) -> None:
    """Run a strategy on a recorded or synthetic day, and write a report.

    Example: `tapebook backtest --data AMZN_message_5.csv --format lobster --symbol AMZN --strategy mine:Maker --set spread=4`
    """
    given = dict(locals())
    from backtest.cli.settings import assignment, settings

    pairs = dict(assignment(text) for text in given.pop("set") or [])
    job_file, as_json = given.pop("job"), given.pop("as_json")
    chosen = settings(job_file, {**given, "set": pairs})
    made = chosen.backtest()
    result = _with_progress(made, Path(chosen.out), quiet=as_json)
    if as_json:
        print(json.dumps({"run": str(result.folder), **json.loads((result.folder / "run.json").read_text())}, default=str))
        return
    from backtest.cli.summary_table import summary_table

    say(summary_table(result))
    say(f"report  [link=file://{(result.folder / 'report.html').resolve()}]{result.folder / 'report.html'}[/link]")
    say(f"run     {result.folder}")


def _with_progress(made: Any, out: Path, quiet: bool) -> Any:
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return made.run(out)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("compiling (first time only), then playing", total=None)
        made.progress = lambda row, rows: bar.update(task, description="playing", completed=row, total=rows)
        return made.run(out)


@runs_app.command("list")
def list_runs(out: Out = OUT, as_json: Json = False) -> None:
    """Every recorded run, newest first.

    Example: `tapebook runs list --out results`
    """
    from backtest.cli.run_tables import runs_table
    from backtest.store import runs

    found = list(runs(out))
    if as_json:
        print(json.dumps([{"run": run.run_id, **run.said["meta"], "summary": run.said["summary"]} for run in found], default=str))
    elif found:
        say(runs_table(found))
    else:
        say(f"no runs under {out / 'runs'}; make one with `tapebook backtest`")


@runs_app.command("show")
def show_run(
    run: RunName = None,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """What a run was and what came of it.

    Example: `tapebook runs show 20260105-0930`
    """
    from backtest.cli.run_tables import run_table
    from backtest.store import find_run

    found = find_run(run, out)
    if as_json:
        print(json.dumps({"run": str(found.folder), **found.said}, default=str))
        return
    say(run_table(found))
    say(f"report  {found.report}")


@runs_app.command("compare")
def compare_runs(runs: Annotated[list[str], typer.Argument(help="Two or more run ids.")], out: Out = OUT, as_json: Json = False) -> None:
    """Runs side by side: what was set differently, and what came of it.

    Example: `tapebook runs compare 20260105-0930 20260105-0945`
    """
    from backtest.cli.run_tables import compare_table
    from backtest.store import find_run

    found = [find_run(name, out) for name in runs]
    if as_json:
        print(json.dumps([{"run": run.run_id, **run.said} for run in found], default=str))
    else:
        say(compare_table(found))


@log_app.command("verify")
def verify_log(run: RunName = None, out: Out = OUT, as_json: Json = False) -> None:
    """Play a run again from its log and feed: the same bytes, or where they first differ (exit 1).

    Example: `tapebook log verify 20260105-0930`
    """
    from backtest.store import find_run
    from backtest.verify import verify_run

    found = find_run(run, out)
    verdict = verify_run(found, out / "cache")
    if as_json:
        print(json.dumps({"run": found.run_id, **vars(verdict)}))
    else:
        sign = "[green]verified[/green]" if verdict.ok else "[red]differs[/red]"
        say(f"{sign}  {found.run_id}: {verdict.text}")
        say(f"          {verdict.commands:,} own commands, {verdict.facts:,} facts, {verdict.blocks:,} block digests")
    if not verdict.ok:
        raise typer.Exit(1)


def _feed(file: str, form: str, options: dict[str, Any]) -> Any:
    from data.formats import open_feed

    return open_feed(form, file, **options)


@data_app.command("show")
def show_data(
    file: File,
    format: Format = "lobster",
    symbol: Symbol = None,
    date: Date = None,
    orderbook: Orderbook = None,
    tick: Tick = None,
    as_json: Json = False,
) -> None:
    """What is in a file: rows by kind, first and last time, prices, quantities.

    Example: `tapebook data show LOBSTER_SampleFile_AMZN_2012-06-21_5.zip`
    """
    from backtest.cli.run_tables import data_table
    from data.quality.check import describe_feed

    said = describe_feed(_feed(file, format, {"symbol": symbol, "date": date, "orderbook": orderbook, "tick": tick}))
    print(json.dumps(said, default=str)) if as_json else say(data_table(said))


@data_app.command("check")
def check_data(
    file: File,
    format: Format = "lobster",
    symbol: Symbol = None,
    date: Date = None,
    orderbook: Orderbook = None,
    tick: Tick = None,
    as_json: Json = False,
) -> None:
    """Is a file what it should be: rows, time order, contradictions, crossed rows, aggressors that our matching fills identically.

    Example: `tapebook data check LOBSTER_SampleFile_AMZN_2012-06-21_5.zip`
    """
    from backtest.cli.run_tables import data_table
    from data.quality.check import check_feed

    said = check_feed(_feed(file, format, {"symbol": symbol, "date": date, "orderbook": orderbook, "tick": tick}))
    print(json.dumps(said, default=str)) if as_json else say(data_table(said))


@app.command()
def explain(
    word: Annotated[str | None, typer.Argument(help="A command, fact, reason, limit, rule, order type, flag, status or field.")] = None,
    as_json: Json = False,
) -> None:
    """What a word of the exchange says; of a command its fields and its facts in their order. Without a word, all there are.

    Example: `tapebook explain POST_ONLY`
    """
    from backtest.cli import explain as pages

    if word is None:
        print(json.dumps(pages.groups())) if as_json else say(pages.words_page())
        return
    found = pages.find(word)
    print(json.dumps(pages.as_json(found))) if as_json else say(pages.page(found))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks.

    Example: `tapebook lab --no-browser`
    """
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        raise ValueError("tapebook lab needs JupyterLab, which is not installed: uv run --extra lab tapebook lab")
    from jupyterlab.labapp import main

    folder = Path(__file__).resolve().parents[2] / "notebooks"
    main([f"--notebook-dir={folder if folder.is_dir() else Path.cwd()}", *context.args])


def run_command_line(words: Sequence[str]) -> int:
    """Run one command; returns the exit code. Bad input is one clear line on stderr."""
    try:
        code = app(list(words), prog_name="tapebook", standalone_mode=False)
        return 1 if code == INTERRUPTED else int(code or 0)
    except (typer.Abort, KeyboardInterrupt):
        print("tapebook: stopped", file=sys.stderr)
        return 1
    except UsageError as error:
        context = getattr(error, "ctx", None)
        mend = f"; see {context.command_path} --help" if context is not None and words else ""
        text = error.format_message()
        print(f"tapebook: {text.rstrip('.')}{mend}" if mend else text, file=sys.stderr)
        return 2
    except (ValueError, FileNotFoundError, PermissionError) as error:
        print(f"tapebook: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Exception:
        traceback.print_exc()
        return 1

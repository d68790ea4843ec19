"""The commands of the historical shell: `tapebook backtest`, `runs`, `log verify`, `log sql`, `explain`, `lab`."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from backtest.cli.log_studies import LogName as _LogName  # noqa: F401  # its module adds to `tapebook log`
from backtest.cli.runs import runs
from data.cli import Columns, Date, KindOfTable, Lot, Orderbook, Repair, Symbol, Tick, TimeZone
from data.terminal import Json, folder_of, say, say_json

app = typer.Typer()
app.add_typer(runs, name="runs")


@app.command()
def backtest(
    job: Annotated[Path | None, typer.Argument(help="A TOML file with these options as keys, for scheduled jobs.")] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="Market data file, or a folder of days; repeat it for several days. Else a synthetic day.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Of the data; by default the file says it.")] = None,
    orderbook: Orderbook = None,
    symbol: Symbol = None,
    date: Date = None,
    tick: Tick = None,
    lot: Lot = None,
    kind: KindOfTable = None,
    columns: Columns = None,
    time_zone: TimeZone = None,
    repair: Repair = None,
    calendar: Annotated[str | None, typer.Option(help="An exchange's MIC, like XNYS: days end and begin by its sessions.")] = None,
    messages: Annotated[int | None, typer.Option(help="Rows of the synthetic day.")] = None,
    strategy: Annotated[str | None, typer.Option(help="module:Class, or an example: MarketMaker, ImbalanceTaker.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", help="name=value of a strategy's parameter; may be repeated.")] = None,
    cash: Annotated[str | None, typer.Option(help="Currency at the start [1000000].")] = None,
    feed_latency: Annotated[str | None, typer.Option(help="From the exchange to the strategy, like 100us, 1ms [100us].")] = None,
    order_latency: Annotated[str | None, typer.Option(help="From the strategy to the exchange [100us].")] = None,
    response_latency: Annotated[str | None, typer.Option(help="Of the exchange's answers [100us].")] = None,
    queue: Annotated[
        str | None, typer.Option(help="Queue model of trades and levels: risk-averse, proportional, power:2 [risk-averse].")
    ] = None,
    fill: Annotated[str | None, typer.Option(help="Where orders meet bars: next_open, close, or path [next_open].")] = None,
    volume_share: Annotated[str | None, typer.Option(help="Share of a bar's volume that our orders of one side may trade [0.1].")] = None,
    maker_fee: Annotated[str | None, typer.Option(help="Part of the notional; negative is a rebate.")] = None,
    taker_fee: Annotated[str | None, typer.Option(help="Part of the notional.")] = None,
    fees: Annotated[str | None, typer.Option(help="A venue's maker and taker fee instead, like binance-spot.")] = None,
    start: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    end: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    warm_up: Annotated[str | None, typer.Option(help="Like 5min: the book is watched before the strategy is called.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic day.")] = None,
    out: Annotated[str | None, typer.Option(callback=folder_of, help="Folder for runs and decoded feeds [.tapebook].")] = None,
    as_json: Json = False,
) -> None:
    """Run a strategy on a recorded day, on several one after the other, or on a synthetic one, and write a report.

    Example: `tapebook backtest --data AMZN_message_5.csv --format lobster --symbol AMZN --strategy mine:Maker --set spread=4`
    """
    given = dict(locals())
    from backtest.cli.settings import assignment, settings

    pairs = dict(assignment(text) for text in given.pop("set") or [])
    job_file, as_json = given.pop("job"), given.pop("as_json")
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # what a strategy prints is not JSON
        chosen = settings(job_file, {**given, "set": pairs})
        result = _with_progress(chosen.backtest(), Path(chosen.out), quiet=as_json)
    _say_result(result, as_json)


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


def _say_result(result: Any, as_json: bool) -> None:
    from rich.text import Text

    from backtest.cli.summary_table import summary_table
    from backtest.store import find_run

    if as_json:
        say_json({"run": str(result.folder), **find_run(str(result.folder)).said})
        return
    report = result.folder / "report.html"
    say(summary_table(result))
    say(Text.assemble("report  ", (str(report), f"link {report.resolve().as_uri()}")))
    say(f"run     {result.folder}")


@app.command()
def explain(
    term: Annotated[
        str | None, typer.Argument(help="A command, fact, reason, limit, order type, field, figure, caution, view, strategy hook …")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain a term of the exchange, or a figure of a run; of a command its fields and its facts in their order. Without a term, list all.

    Example: `tapebook explain POST_ONLY`
    """
    from backtest.cli import explain_pages as pages
    from engine.messages import dictionary

    if term is None:
        say_json(dictionary.groups(pages.further())) if as_json else say(pages.terms_page())
        return
    found = dictionary.find(term, pages.further())
    say_json(dictionary.as_json(found)) if as_json else say(pages.page(found))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks.

    Example: `tapebook lab --no-browser`
    """
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        mend = "uv run --extra lab tapebook lab, or pip install 'tapebook[lab]'"
        raise ValueError(f"tapebook lab needs JupyterLab, which is not installed: {mend}")
    from jupyterlab.labapp import main

    folder = Path(__file__).resolve().parents[2] / "notebooks"
    main([f"--notebook-dir={folder if folder.is_dir() else Path.cwd()}", *context.args])

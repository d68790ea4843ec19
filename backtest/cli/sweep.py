"""The command `tapebook sweep`: many parameters of a strategy, from the command line."""

import sys
from contextlib import nullcontext, redirect_stdout
from typing import Annotated, Any

import typer

from data.cli import Date, Orderbook, Symbol, Tick
from data.terminal import Json, folder_of, say, say_json

app = typer.Typer()
BEST_SHOWN = 10


@app.command()
def sweep(
    strategy: Annotated[str, typer.Argument(help="module:Class, or an example: MarketMaker, ImbalanceTaker.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUES]...", help="More parameters of the grid.")] = None,
    grid: Annotated[
        list[str] | None, typer.Option(help="name=values: edge=1..5, ratio=0.1..0.5..0.1 (with a step), size=10,20; may be repeated.")
    ] = None,
    method: Annotated[str, typer.Option(help="grid (all combinations), random or optuna (within low..high).")] = "grid",
    runs: Annotated[int, typer.Option(help="Runs of random and optuna.")] = 100,
    chance: Annotated[int, typer.Option(help="Seed of random and optuna.")] = 0,
    target: Annotated[str, typer.Option(help="The figure to maximise.")] = "sharpe",
    processes: Annotated[int, typer.Option(help="Processes of this machine.")] = 1,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler instead, like tcp://10.0.0.1:8786.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Longest that one run may take.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Market data file, or a folder of days. Else a synthetic day.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of the data; by default the file says it.")] = None,
    orderbook: Orderbook = None,
    symbol: Symbol = None,
    date: Date = None,
    tick: Tick = None,
    messages: Annotated[int | None, typer.Option(help="Rows of the synthetic day.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", help="name=value of a parameter that stays the same.")] = None,
    cash: Annotated[str | None, typer.Option(help="Currency at the start [1000000].")] = None,
    feed_latency: Annotated[str | None, typer.Option(help="From the exchange to the strategy [100us].")] = None,
    order_latency: Annotated[str | None, typer.Option(help="From the strategy to the exchange [100us].")] = None,
    response_latency: Annotated[str | None, typer.Option(help="Of the exchange's answers [100us].")] = None,
    maker_fee: Annotated[str | None, typer.Option(help="Part of the notional; negative is a rebate.")] = None,
    taker_fee: Annotated[str | None, typer.Option(help="Part of the notional.")] = None,
    start: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    end: Annotated[str | None, typer.Option(help="HH:MM[:SS] on the exchange's clock.")] = None,
    warm_up: Annotated[str | None, typer.Option(help="Like 5min.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic day.")] = None,
    out: Annotated[str | None, typer.Option(callback=folder_of, help="Folder for sweeps and decoded feeds [.tapebook].")] = None,
    as_json: Json = False,
) -> None:
    """Run a strategy with many parameters, on many cores, and say whether the best of them is more than luck. Started again it goes on.

    Example: `tapebook sweep mine:Maker --data AMZN_message_5.csv --grid edge=1..5 size=10,20 --processes 2`
    """
    given = dict(locals())
    own = {name: given.pop(name) for name in ("more", "grid", "method", "runs", "chance", "target", "processes", "dask", "seconds")}
    as_json = given.pop("as_json")
    from backtest.cli.settings import assignment, settings

    pairs = dict(assignment(text) for text in given.pop("set") or [])
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # what a strategy prints is not JSON
        chosen = settings(None, {**given, "set": pairs})
        result = _made(chosen.backtest(), own).run(
            processes=own["processes"], dask=own["dask"], out=chosen.out, seconds=own["seconds"], show=False if as_json else None
        )
    _say(result, as_json)
    if not result.complete or not result.best().height:
        raise typer.Exit(1)


def _made(backtest: Any, own: dict[str, Any]) -> Any:
    """The sweep that the options describe."""
    from backtest.sweep.space import SweepError, parsed
    from backtest.sweep.sweep import Sweep

    words = [*(own["grid"] or []), *(own["more"] or [])]
    if not words:
        raise SweepError("no grid: say which parameters to try, like --grid edge=1..5 size=10,20")
    space: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            raise SweepError(f"--grid {word}: write name=values, like edge=1..5")
        if name.strip() in space:
            raise SweepError(f"--grid {word}: {name.strip()} stands there twice")
        space[name.strip()] = parsed(text) if own["method"] == "grid" or ".." not in text else _range(text)
    if own["method"] not in ("grid", "random", "optuna"):
        raise SweepError(f"--method {own['method']!r}: there are grid, random, optuna")
    return Sweep(backtest, **{own["method"]: space}, runs=own["runs"], seed=own["chance"], target=own["target"])


def _range(text: str) -> tuple[Any, Any]:
    """low..high of random and optuna."""
    from backtest.sweep.space import SweepError, value_of

    low, _, high = text.partition("..")
    ends = value_of(low), value_of(high)
    if not all(isinstance(end, int | float) for end in ends):
        raise SweepError(f"{text!r} is not a range; write low..high, or values like 10,20")
    return ends


def _say(result: Any, as_json: bool) -> None:
    from backtest.sweep.page import write_files

    files = write_files(result)
    best = result.best(count=BEST_SHOWN)
    if as_json:
        luck = result.luck._asdict() | {"text": result.luck.text}
        told = {"sweep": str(result.folder), "runs": len(result), "complete": result.complete, "failed": result.failed.to_dicts()}
        say_json({**told, "best": best.to_dicts(), "luck": luck})
        return
    say(_table(result, best))
    for line in _errors(result):
        say(line)
    say(result.luck.text)
    if not result.complete:
        say(f"stopped after {len(result):,} of {result.total:,} runs; the same command goes on")
    for name, path in files.items():
        say(f"{name:<7} {path}")


def _table(result: Any, best: Any) -> Any:
    from rich.table import Table

    from backtest.numbers import compact, significant
    from backtest.sweep.row import shown

    figures = [name for name in dict.fromkeys([result.target, "net_pnl", "fills", "max_drawdown"]) if name in best.columns]
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in [*result.names, *figures]:
        made.add_column(name.replace("_", " "), justify="right")
    for row in best.iter_rows(named=True):
        texts = [significant(row[name]) if name == result.target else compact(row[name]) for name in figures]
        made.add_row(*(shown(row[name]) for name in result.names), *texts)
    return made


def _errors(result: Any) -> list[str]:
    """The three most frequent errors."""
    found = result.failed["error"].value_counts(sort=True).head(3).iter_rows()
    return [f"{many:,} of {len(result):,} runs failed: {text}" for text, many in found]

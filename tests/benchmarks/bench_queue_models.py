"""How far each queue model errs: the same passive orders on a day of orders (their place is exact) and on its trades and levels.

    uv run python -m tests.benchmarks.bench_queue_models [zip or message file] [--every 5] [--for 30] [--depth 10] [--hours 1]

One lot is put at the touch of either side every few seconds and cancelled after a while; what became of each of them is compared.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from backtest.run import Backtest
from data.feed import Feed
from data.levels.of_orders import levels_of
from data.lobster.reader import read_lobster
from data.synthetic.flow import synthetic_flow
from engine.messages.vocabulary import Kind, Side, TimeInForce

LOBSTER = Path(__file__).parents[3] / "shared" / "data" / "lobster"
MODELS = ("risk-averse", "proportional", ("power", 2.0), ("power", 3.0))


def day(given: str | None) -> Feed:
    """The file that was named; else AMZN's sample day where it is, else a synthetic one."""
    if given:
        return read_lobster(given)
    found = sorted(LOBSTER.glob("*AMZN*level*5*.zip")) or sorted(LOBSTER.glob("*AMZN*_5.zip"))
    return read_lobster(found[0]) if found else synthetic_flow(messages=200_000)


def passive_orders(feed: Feed, every: float, wait: float) -> pl.DataFrame:
    """One lot at each touch every `every` seconds, cancelled `wait` seconds later; prices of the market as it was without us."""
    market = Backtest(feed, orders={"ts": [0], "kind": [Kind.CANCEL], "order_id": [1], "symbol": [feed.instrument.symbol]}).run(None)
    samples = market.recording.samples
    step = int(every * 1e9)
    times = np.arange(samples["ts"][0] + 60 * 10**9, samples["ts"][-1] - int(wait * 1e9), step)
    rows = samples[np.searchsorted(samples["ts"], times, side="right") - 1]
    rows["ts"] = times
    rows = rows[rows["has"] & 3 == 3]
    unit = float(feed.instrument.price_unit)
    parts = []
    for side, name in ((Side.BUY, "bid"), (Side.SELL, "ask")):
        ids = 1 + 2 * np.arange(len(rows)) + int(side)
        parts.append((rows["ts"], Kind.NEW, ids, side, np.round(rows[name] * unit, 9)))
        parts.append((rows["ts"] + int(wait * 1e9), Kind.CANCEL, ids, side, np.zeros(len(rows))))
    frames = [
        pl.DataFrame({"ts": ts, "kind": [kind.name] * len(ts), "order_id": ids, "side": [side.name] * len(ts), "price": price})
        for ts, kind, ids, side, price in parts
    ]
    return (
        pl.concat(frames)
        .sort("ts", maintain_order=True)
        .with_columns(symbol=pl.lit(feed.instrument.symbol), quantity=pl.lit(1.0), time_in_force=pl.lit(TimeInForce.GTC.name))
    )


def outcome(feed: Feed, orders: pl.DataFrame, queue: object, cache: str) -> tuple[pl.DataFrame, float]:
    """What became of each order that rested: seconds to its fill (null: none); and CPU seconds of the run."""
    feed.commands(cache)
    began = time.process_time()
    result = Backtest(feed, orders=orders, order_latency=0, queue=queue, cache=cache).run(None)
    spent = time.process_time() - began
    fills = result.fills.filter(pl.col("liquidity") == "MAKER").group_by("order_id").agg(pl.col("ts").min().alias("filled"))
    taken = result.fills.filter(pl.col("liquidity") == "TAKER")["order_id"].unique()
    rested = result.orders.filter(~pl.col("order_id").is_in(taken.implode()) & (pl.col("status") != "REJECTED"))
    made = rested.select("order_id", "created").join(fills, on="order_id", how="left")
    return made.select("order_id", wait=(pl.col("filled") - pl.col("created")).dt.total_nanoseconds() / 1e9), spent


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("file", nargs="?")
    said.add_argument("--every", type=float, default=5.0)
    said.add_argument("--for", type=float, default=30.0, dest="wait")
    said.add_argument("--depth", type=int, default=10)
    said.add_argument("--hours", type=float, help="of the day, from its first row on")
    asked = said.parse_args()
    feed = day(asked.file)
    if asked.hours:
        feed = feed.until(int(next(iter(feed.batches()))["ts"][0]) + int(asked.hours * 3600e9))
    with tempfile.TemporaryDirectory() as cache:
        compare(feed, asked, cache)


def compare(feed: Feed, asked: argparse.Namespace, cache: str) -> None:
    """A line for each model."""
    orders = passive_orders(feed, asked.every, asked.wait)
    exact, spent = outcome(feed, orders, None, cache)
    print(f"{feed.name}: {exact.height} orders of one lot at the touch, {asked.wait:g} s each")
    print(f"{'':>14} {'fill rate':>9} {'median s':>9} {'both':>7} {'only here':>9} {'only exact':>10} {'late by s':>9} {'CPU s':>6}")
    print(f"{'orders (exact)':>14} {exact['wait'].is_not_null().mean():9.1%} {exact['wait'].median():9.2f} {'':>37} {spent:6.1f}")
    levels = levels_of(feed, asked.depth)
    for model in MODELS:
        guessed, spent = outcome(levels, orders, model, cache)
        both = exact.join(guessed, on="order_id", suffix="_guessed")
        here, there = both["wait_guessed"].is_not_null(), both["wait"].is_not_null()
        late = (both["wait_guessed"] - both["wait"]).drop_nulls()
        name = model if isinstance(model, str) else f"{model[0]} {model[1]:g}"
        shares = f"{(here & there).mean():7.1%} {(here & ~there).mean():9.1%} {(~here & there).mean():10.1%}"
        print(f"{name:>14} {here.mean():9.1%} {guessed['wait'].median():9.2f} {shares} {late.mean():9.2f} {spent:6.1f}")


if __name__ == "__main__":
    main()

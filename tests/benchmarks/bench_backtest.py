"""Backtests a second on a market of orders: a market maker that quotes every 10 ms, here and in hftbacktest, on the same rows.

uv run --group bench --group test python -m tests.benchmarks.bench_backtest [--hft DIR] [--rows N] [--rounds N]

DIR holds the market's generator (gen_feed.py) and the peer's strategy (bench.py). Both sides play the whole file: every 10 ms cancel all
quotes, bid at the best bid and offer at the best ask, one lot, post-only, position within 100 lots; feed latency 250 us (the peer's
stands in the file), order 100 us there and 100 us back. Ours also keeps every fact, a sample of the market each 100 ms and a digest of
the exchange every 65,536 rows. All run once a round, one after the other, so that they share the machine's load; CPU time, medians.
Before that our replay is held against the touches that the file itself records.
"""

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from backtest import Backtest
from data.feed import Feed
from engine import Exchange, Instrument, Kind, Side, Strategy
from engine.compiler.kernel import kernel
from engine.loop.loop_state import Want
from engine.messages.records import COMMAND
from engine.strategy import context as c

EVERY, LIMIT_LOTS = 10_000_000, 100
TRADE, ADD, CANCEL, MODIFY, FILL = 2, 10, 11, 12, 13
BUY_FLAG = np.uint64(1 << 29)
KINDS = {ADD: Kind.ADD, CANCEL: Kind.REDUCE, MODIFY: Kind.MODIFY, FILL: Kind.EXECUTE, TRADE: Kind.FLOW}
SYMBOL = Instrument("SYN", tick="0.01", lot="1", maker_fee="-0.00002", taker_fee="0.0003")


def commands_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """History commands of the file's rows, and the file row of each.

    A sweep is one time: its TRADE rows become one FLOW, its FILL rows EXECUTE; the CANCEL and MODIFY rows after them say again what the
    fills did and are left out.
    """
    what = (rows["ev"] & np.uint64(0xFF)).astype(np.int64)
    event = np.cumsum(np.diff(rows["exch_ts"], prepend=rows["exch_ts"][0]) != 0)
    trades = what == TRADE
    swept = (np.bincount(event, trades) > 0)[event]
    first = np.zeros(len(rows), bool)
    first[trades] = np.diff(event[trades], prepend=-1) != 0
    lots = np.bincount(event, np.where(trades, rows["qty"], 0)).astype(np.int64)
    ticks = np.rint(rows["px"] * 100).astype(np.int64)
    worst = np.zeros(event[-1] + 1, np.int64)
    worst[event[trades]] = ticks[trades]  # the last of a sweep is its worst
    kept = np.flatnonzero(np.where(swept, first | (what == FILL), ~trades))
    made = np.zeros(len(kept), COMMAND)
    kinds = np.zeros(256, np.uint8)
    kinds[list(KINDS)] = list(KINDS.values())
    flows = what[kept] == TRADE
    made["ts"], made["kind"], made["order_id"] = rows["exch_ts"][kept], kinds[what[kept]], rows["order_id"][kept]
    made["side"] = np.where(rows["ev"][kept] & BUY_FLAG, Side.BUY, Side.SELL)
    made["price"] = np.where(flows, worst[event[kept]], ticks[kept])
    made["quantity"] = np.where(flows, lots[event[kept]], rows["qty"][kept])
    made["row"] = np.where(flows, 0, kept + 1)
    return made, kept


class GeneratedMarket(Feed):
    """The file's market, decoded."""

    def __init__(self, commands: np.ndarray) -> None:
        self.made, self.name, self.instruments, self.counts = commands, "generated", [SYMBOL], {}

    @property
    def fingerprint(self) -> str:
        return "0" * 64

    def batches(self, rows: int = 65536) -> Iterator[np.ndarray]:
        yield self.made

    def commands(self, cache: Any = None) -> np.ndarray:
        return self.made


class Quoter(Strategy):
    """One lot at each touch, anew every 10 ms."""

    every = EVERY

    def on_timer(self) -> None:
        book = self.book()
        if book.bid is None or book.ask is None:
            return
        position = self.position()
        self.cancel_all()
        if position < LIMIT_LOTS:
            self.buy(1, book.bid, post_only=True)
        if position > -LIMIT_LOTS:
            self.sell(1, book.ask, post_only=True)


@kernel
def quote(context, p):
    """Quoter as one compiled function."""
    if not c.two_sided(context):
        return
    book, position = c.book(context), c.position(context)
    c.cancel_all(context)
    if position < LIMIT_LOTS:
        c.buy(context, 1, book.bid, post_only=True)
    if position > -LIMIT_LOTS:
        c.sell(context, 1, book.ask, post_only=True)


class FastQuoter(Quoter):
    """Quoter, compiled."""

    function = quote
    wants: ClassVar[Want] = Want.TIMER


def run_ours(commands: np.ndarray, strategy: type[Strategy]) -> tuple[float, str]:
    """CPU seconds of one run, and what it did."""
    test = Backtest(GeneratedMarket(commands), strategy, cache=None, feed_latency="250us", order_latency="100us", response_latency="100us")
    began = time.process_time()
    recording, driver = test.record()
    spent = time.process_time() - began
    fills = int(np.count_nonzero(recording.facts["kind"] == Kind.TradeExecuted))
    return spent, f"{recording.wakes:,} calls, {fills:,} fills, position {int(driver.states[0].holdings['quantity'][0]):,}"


def run_peer(module: Any, rows: np.ndarray) -> tuple[float, str]:
    made = module.build("l3", "roivec", rows)
    began = time.process_time()
    calls = module.s_mm(made, EVERY, float(LIMIT_LOTS))
    spent = time.process_time() - began
    state = made.state_values(0)
    said = f"{calls:,} calls, {state.num_trades:,} fills, position {state.position:,.0f}"
    made.close()
    return spent, said


def wrong_touches(commands: np.ndarray, kept: np.ndarray, file: Any) -> int:
    """Checkpoints of the file whose best bid and ask, with their lots, our replay does not have."""
    exchange = Exchange([SYMBOL])
    ends = np.searchsorted(kept, file["check_row"], side="right")
    expected = np.stack([file[f"check_{name}"] for name in ("bid_tick", "bid_qty", "ask_tick", "ask_qty")], axis=1)
    found, start = np.zeros_like(expected), 0
    for k, end in enumerate(ends.tolist()):
        exchange.run(commands[start:end])
        start = end
        found[k] = np.concatenate([exchange.book("SYN").rows(side, 1)[0, :2] for side in (0, 1)])
    return int((found != expected).any(axis=1).sum())


def load(hft: Path, rows: int, folder: Path) -> tuple[Any, Any]:
    """(the generated file, the peer's module)."""
    subprocess.run([sys.executable, str(hft / "gen_feed.py"), "--l3-rows", str(rows), "--out", str(folder)], check=True)
    spec = importlib.util.spec_from_file_location("peer_bench", hft / "bench.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return np.load(folder / "l3.npz"), module


def measure(commands: np.ndarray, rows: np.ndarray, module: Any, rounds: int) -> None:
    """Each side `rounds` times in turn; prints rows/s and ratios."""
    sides = {
        "compiled": lambda: run_ours(commands, FastQuoter),
        "Python class": lambda: run_ours(commands, Quoter),
        "hftbacktest": lambda: run_peer(module, rows),
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    said = {}
    for _ in range(rounds):
        for name, run in sides.items():
            seconds, said[name] = run()
            spent[name].append(seconds)
    peer = float(np.median(spent["hftbacktest"]))
    for name, times in spent.items():
        middle = float(np.median(times))
        speed = f"{len(rows) / middle / 1e6:7.2f} M rows/s {middle / len(rows) * 1e9:7.1f} ns a row {peer / middle:6.2f}x"
        print(f"  {name:13} {speed}   {said[name]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hft", type=Path, default=Path("../shared/bench/hftbacktest"), help="folder of gen_feed.py and bench.py")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if not (asked.hft / "gen_feed.py").exists():
        parser.error(f"{asked.hft} has no gen_feed.py; name the folder of the market's generator with --hft")
    with tempfile.TemporaryDirectory() as folder:
        file, module = load(asked.hft.resolve(), asked.rows, Path(folder))
        rows = file["data"]
        commands, kept = commands_of(rows)
        print(f"{len(rows):,} rows are {len(commands):,} commands; ", end="")
        print(f"{wrong_touches(commands, kept, file)} of {len(file['check_row']):,} checkpoints differ")
        run_ours(commands[:20_000], FastQuoter), run_ours(commands[:20_000], Quoter), run_peer(module, rows[:20_000])  # compile
        machine = platform.processor() or platform.machine()
        versions = ", ".join(f"{name} {version(name)}" for name in ("hftbacktest", "numba", "numpy"))
        print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}")
        measure(commands, rows, module, asked.rounds)


if __name__ == "__main__":
    main()

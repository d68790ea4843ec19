"""Readers by CPU time, each beside what its users would do else; a market maker on L2 beside hftbacktest.

uv run --group bench --group test python -m tests.benchmarks.bench_readers [--rows N] [--shared DIR] [--hft DIR] [--only NAME …]

Each is read once to warm up, then `--rounds` times; the best CPU time counts, for the machine is shared. Files that are not there are made.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tapebook as tb
from backtest import Backtest
from tests.benchmarks.bench_backtest import EVERY, LIMIT_LOTS, FastQuoter, Quoter, load
from tests.data.itch_file import ItchFile


def best(what: Callable[[], Any], rounds: int) -> float:
    """Least CPU seconds of a call, after one that is not counted."""
    what()
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        what()
        spent.append(time.process_time() - began)
    return min(spent)


def drained(feed: tb.Feed) -> int:
    """Commands of a feed, read batch by batch and let go."""
    return sum(len(batch) for batch in feed.batches())


def say(name: str, count: int, unit: str, seconds: float, beside: str = "") -> None:
    print(f"{name:10} {count:>12,} {unit:9} {count / seconds / 1e6:8.3f} M/s {seconds / count * 1e9:9.1f} ns each {beside}", flush=True)


def itch(folder: Path, asked: Any) -> None:
    """Adds, executes, cancels and deletes of random orders."""
    draw, file, live = np.random.default_rng(1), ItchFile(), []
    count = min(asked.rows, 200_000)
    what, sizes, prices = draw.random(count), draw.integers(1, 9, count) * 100, 500_000 + 100 * draw.integers(-50, 50, count)
    for k in range(count):
        ns = 34_200 * 10**9 + k * 1000
        if what[k] < 0.5 or not live:
            side = "BUY" if prices[k] < 500_000 else "SELL"
            file.add(ns, k + 1, side, int(sizes[k]), int(prices[k]))
            live.append((k + 1, int(sizes[k])))
        elif what[k] < 0.55:
            file.execute(ns, *live.pop(0))
        else:
            file.delete(ns, live.pop(int(what[k] * 1e6) % len(live))[0])
    path = folder / "12302019.NASDAQ_ITCH50"
    path.write_bytes(file.blob())
    feed = tb.read_itch(path, symbol="AAPL")
    say("ITCH", count, "messages", best(lambda: drained(feed), asked.rounds))


def lobster(folder: Path, asked: Any) -> None:
    found = sorted((asked.shared / "lobster").glob("*AMZN*_5.zip"))
    if not found:
        print("LOBSTER: no sample day in --shared")
        return
    feed = tb.read_lobster(found[0])
    rows = sum(int(np.count_nonzero(batch["row"])) for batch in feed.batches())
    say("LOBSTER", rows, "rows", best(lambda: drained(feed), asked.rounds), "messages alone")


def dbn(folder: Path, asked: Any) -> None:
    """The package's own way into numpy: decode records, take the fields of each."""
    import databento_dbn

    from tests.data.test_dbn import mbo, stored

    count, draw = min(asked.rows, 100_000), np.random.default_rng(2)
    sides, prices = draw.integers(0, 2, count), draw.integers(1, 40, count) / 100
    records = [mbo(100 + k, "A", "BA"[s], round(10 + (p if s else -p), 2), 5, k + 1) for k, (s, p) in enumerate(zip(sides, prices))]
    path = stored(folder, *records)

    def theirs() -> Any:
        decoder = databento_dbn.DBNDecoder()
        decoder.write(path.read_bytes())
        rows = [one for one in decoder.decode() if isinstance(one, databento_dbn.MBOMsg)]
        return np.array([(one.ts_event, one.order_id, one.price, one.size, one.flags) for one in rows], np.int64)

    feed = tb.read_dbn(path)
    mine, other = best(lambda: drained(feed), asked.rounds), best(theirs, asked.rounds)
    say("DBN mbo", count, "records", mine, f"{other / mine:.1f} × databento-dbn's iteration into numpy")


def parquet(folder: Path, asked: Any) -> None:
    count, draw = asked.rows, np.random.default_rng(3)
    path = folder / "trades.parquet"
    ts = 1_714_573_800 * 10**9 + np.cumsum(draw.integers(1, 10**6, count))
    price, size = np.round(100 + np.cumsum(draw.integers(-1, 2, count)) / 100, 2).clip(50), draw.integers(1, 100, count)
    pl.DataFrame({"time": ts, "price": price, "size": size, "side": np.where(draw.random(count) < 0.5, "buy", "sell")}).write_parquet(path)
    feed = tb.read_table(path, "trades", symbol="A", tick="0.01")
    mine, plain = best(lambda: drained(feed), asked.rounds), best(lambda: pl.scan_parquet(path).collect(), asked.rounds)
    say("Parquet", count, "trades", mine, f"{plain / mine:.2f} × the rate of pl.scan_parquet(…).collect()")


def binance(folder: Path, asked: Any) -> None:
    found = sorted((asked.shared / "crypto").glob("*.gz"))
    if not found:
        print("Binance: no stream in --shared")
        return
    feed = tb.read_binance(found[0])
    count = sum(sum(kinds.values()) for kinds in feed.messages.values())
    say("Binance", count, "lines", best(lambda: drained(tb.read_binance(found[0])), asked.rounds), "opened (a first pass) and read")


def levels(folder: Path, asked: Any) -> None:
    """A market maker every 10 ms on levels and trades, both sides on the same rows and with their own queue model."""
    if not (asked.hft / "gen_feed.py").exists():
        print(f"L2 market maker: {asked.hft} has no gen_feed.py; name its folder with --hft")
        return
    _, module = load(asked.hft.resolve(), max(50_000, asked.rows // 4), folder)
    rows = np.load(folder / "l2.npz")["data"]
    feed = tb.read(folder / "l2.npz", "hftbacktest", quiet=True, symbol="SYN", tick="0.01", lot="1")
    feed.commands(folder / "cache")

    def ours(strategy: type[tb.Strategy]) -> Callable[[], Any]:
        how = {"feed_latency": "250us", "order_latency": "100us", "response_latency": "100us", "queue": ("power", 3.0)}
        return lambda: Backtest(feed, strategy, cache=folder / "cache", sample_every="1s", **how).record()

    def theirs() -> None:
        made = module.build("l2", "roivec", rows)
        module.s_mm(made, EVERY, float(LIMIT_LOTS))
        made.close()

    other = best(theirs, asked.rounds)
    for name, strategy in (("L2 maker", FastQuoter), ("L2 class", Quoter)):
        mine = best(ours(strategy), asked.rounds)
        say(name, len(rows), "rows", mine, f"{other / mine:.2f} × hftbacktest ({other / len(rows) * 1e9:.0f} ns a row)")


PARTS = {"itch": itch, "lobster": lobster, "dbn": dbn, "parquet": parquet, "binance": binance, "levels": levels}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the Parquet file; others are smaller")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--hft", type=Path, default=Path("../shared/bench/hftbacktest"), help="folder of gen_feed.py and bench.py")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args()
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, polars {pl.__version__}")
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            try:
                PARTS[name](Path(folder), asked)
            except ModuleNotFoundError as error:
                print(f"{name}: {error.name} is not installed", file=sys.stderr)


if __name__ == "__main__":
    main()

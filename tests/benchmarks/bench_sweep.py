"""A sweep on one and on two processes, its data in memory, and a grid of signals on bars beside backtesting.py.

    uv run --group test python -m tests.benchmarks.bench_sweep --amzn LOBSTER_SampleFile_AMZN_2012-06-21_5.zip --goog GOOG.csv

backtesting.py is not among our dependencies; where the user has installed it (`--with backtesting`) both sides run the same grid and the
figures of each pair are compared.
"""

import argparse
import os
import platform
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import tapebook as tb


class Quoter(tb.Strategy):
    """Quotes both sides once a second."""

    every = "1s"
    edge = tb.Parameter(0, low=0)
    size = tb.Parameter(10, low=1)

    def on_timer(self):
        book = self.book()
        self.cancel_all()
        self.buy(self.size, book.bid - self.edge, post_only=True)
        self.sell(self.size, book.ask + self.edge, post_only=True)


def resident(path):
    """Bytes of `path` that each process maps, its own and shared (proportional set size), from /proc; ours and our children's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parts = (folder / "smaps").read_text().split("\n")
        except OSError:
            continue
        here = False
        rss = pss = 0
        for line in parts:
            if "-" in line.split(" ")[0] and ":" not in line.split(" ")[0]:
                here = line.endswith(str(path))
            elif here and line.startswith("Rss:"):
                rss += int(line.split()[1]) * 1024
            elif here and line.startswith("Pss:"):
                pss += int(line.split()[1]) * 1024
        if rss:
            found.append((rss, pss))
    return found


def show_processes(feed, runs):
    backtest = tb.Backtest(feed, Quoter, warm_up="5min")
    grid = {"edge": range(runs // 2), "size": [10, 20]}
    with TemporaryDirectory() as folder:
        feed.commands(Path(folder) / "cache")
        backtest.cache = Path(folder) / "cache"
        sweep = tb.Sweep(backtest, grid=grid)
        took = {}
        frames = []
        for processes in (1, 2):
            began = time.monotonic()
            made = sweep.run(processes=processes, out=None, seconds=3600, show=False)
            took[processes] = time.monotonic() - began
            frames.append(made.frame.drop("seconds"))
        assert frames[0].equals(frames[1])
        print(f"{len(sweep.points)} runs: {took[1]:.1f} s in one process, {took[2]:.1f} s in two, {took[1] / took[2]:.2f}x", flush=True)
        show_memory(sweep, Path(folder) / "cache" / f"{feed.fingerprint}.npy")


def show_memory(sweep, path):
    """While two processes sweep: the decoded day lies in memory once, whoever maps it."""
    from backtest.sweep.runner import Runner
    from backtest.workers.pool import Pool

    size, most, share = path.stat().st_size, 0, 0
    for number, _ in Pool(Runner(sweep.backtest, path.parent), 2).run(sweep.points):
        if number % 4 == 3:
            found = resident(path)
            if len(found) > most or sum(pss for _, pss in found) > share:
                most, share = max(most, len(found)), max(share, sum(pss for _, pss in found))
    print(f"the day is {size / 1e6:.1f} MB; {most} processes map it, together {share / 1e6:.1f} MB of memory", flush=True)


def sma(values, length):
    made = np.full(len(values), np.nan)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    made[length - 1 :] = (sums[length:] - sums[:-length]) / length
    return made


def above(one, other):
    made = np.zeros(len(one), bool)
    made[1:] = (one[:-1] < other[:-1]) & (one[1:] > other[1:])
    return made


def show_signals(path, pairs):
    bars = tb.read_bars(path)
    close = bars.frame["close"].to_numpy()
    chosen = [(fast, slow) for fast in range(2, 60) for slow in range(fast + 2, 200, 5)][:pairs]
    backtest = tb.BarBacktest(bars, commission=0.002, end="open")

    def run(fast, slow):
        one, other = sma(close, fast), sma(close, slow)
        return backtest.run(above(one, other), short_entries=above(other, one), first=slow - 1).stats

    run(*chosen[0])
    began = time.process_time()
    ours = [run(*pair) for pair in chosen]
    mine = (time.process_time() - began) / len(chosen)
    print(f"{len(chosen):,} pairs of averages on {len(bars):,} bars: {mine * 1e3:.2f} ms of CPU a pair, every statistic", flush=True)
    try:
        theirs = peer(path)
    except ModuleNotFoundError:
        print("backtesting.py is not installed; uv run --with backtesting … compares with it")
        return
    sample = chosen[:: max(1, len(chosen) // 20)]
    began = time.process_time()
    figures = [theirs(*pair) for pair in sample]
    other = (time.process_time() - began) / len(sample)
    for pair, figure in zip(sample, figures):
        assert abs(figure["Return [%]"] - ours[chosen.index(pair)]["Return [%]"]) < 1e-8, pair
    print(f"backtesting.py: {other * 1e3:.1f} ms of CPU a pair, {other / mine:.0f}x", flush=True)


def peer(path):
    """The same in backtesting.py."""
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    def average(values, length):
        return sma(np.asarray(values), length)  # ours, so that a tie of two averages is one on both sides

    class Cross(Strategy):
        fast, slow = 10, 20

        def init(self):
            self.one, self.other = self.I(average, self.data.Close, self.fast), self.I(average, self.data.Close, self.slow)

        def next(self):
            if crossover(self.one, self.other):
                self.buy()
            elif crossover(self.other, self.one):
                self.sell()

    table = pd.read_csv(path, index_col=0, parse_dates=True)
    made = Backtest(table, Cross, cash=10_000, commission=0.002, exclusive_orders=True, finalize_trades=True)
    return lambda fast, slow: made.run(fast=fast, slow=slow)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--amzn", help="LOBSTER's sample day of AMZN; else a synthetic day")
    parser.add_argument("--goog", help="GOOG.csv of backtesting.py")
    parser.add_argument("--runs", type=int, default=100, help="0: signals alone")
    parser.add_argument("--pairs", type=int, default=1000)
    given = parser.parse_args()
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, numpy {np.__version__}")
    if given.runs:
        show_processes(tb.read_lobster(given.amzn) if given.amzn else tb.synthetic_flow(messages=50_000), given.runs)
    if given.goog:
        show_signals(given.goog, given.pairs)


if __name__ == "__main__":
    main()

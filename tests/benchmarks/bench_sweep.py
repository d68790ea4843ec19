"""A sweep on one and on two processes, its data in memory, and a grid of signals on bars beside backtesting.py.

    uv run --group test python -m tests.benchmarks.bench_sweep --amzn LOBSTER_SampleFile_AMZN_2012-06-21_5.zip --goog GOOG.csv

backtesting.py is not among our dependencies; where the user has installed it (`--with backtesting`) both sides run the same grid and the
figures of each pair are compared.
"""

import argparse
import os
import platform
import threading
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


def family():
    """Ids of this process and of those that it started."""
    here = os.getpid()
    return [here, *(int(one) for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split())]


def mapped(process, path):
    """Bytes of `path` that a process has in memory: all of them, and its share of them (PSS), from /proc."""
    here, rss, pss = False, 0, 0
    try:
        lines = Path(f"/proc/{process}/smaps").read_text().split("\n")
    except OSError:
        return 0, 0
    for line in lines:
        if "-" in line.split(" ")[0] and ":" not in line.split(" ")[0]:
            here = line.endswith(str(path))
        elif here and line.startswith("Rss:"):
            rss += int(line.split()[1]) * 1024
        elif here and line.startswith("Pss:"):
            pss += int(line.split()[1]) * 1024
    return rss, pss


def whole_share(process):
    """Bytes of a process, what it shares divided by those who share it."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.split("\n") if line.startswith("Pss:")), 0)


class Memory(threading.Thread):
    """Looks every five seconds: how many processes map the decoded day, what of it they hold together, and how large they are."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over = path, threading.Event()
        self.processes = self.rss = self.pss = self.all = 0
        self.spent = 0.0  # CPU seconds of looking, which are not the sweep's

    def run(self):
        while not self.over.wait(5):
            ours = family()
            found = [one for one in (mapped(process, self.path) for process in ours) if one[0]]
            self.processes = max(self.processes, len(found))
            self.rss = max(self.rss, sum(rss for rss, _ in found))
            self.pss = max(self.pss, sum(pss for _, pss in found))
            self.all = max(self.all, sum(whole_share(process) for process in ours))
            self.spent = time.thread_time()


def spent():
    """CPU seconds of this process, and of those that it started and that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def show_processes(feed, runs):
    backtest = tb.Backtest(feed, Quoter, warm_up="5min")
    grid = {"edge": range(max(1, runs // 2)), "size": [10, 20]}
    with TemporaryDirectory() as folder:
        feed.commands(Path(folder) / "cache")
        backtest.cache = Path(folder) / "cache"
        tb.Sweep(backtest, grid={"edge": [0], "size": [10]}).run(out=None, show=False)  # what is compiled, is compiled now
        sweep = tb.Sweep(backtest, grid=grid)
        took, used, frames = {}, {}, []
        for processes in (1, 2):
            memory = Memory(Path(folder) / "cache" / f"{feed.fingerprint}.npy")
            memory.start()
            began, before = time.monotonic(), spent()
            made = sweep.run(processes=processes, out=None, seconds=3600, show=False)
            while len(family()) > 1:  # what a process used counts once it has ended
                time.sleep(0.05)
            took[processes], used[processes] = time.monotonic() - began, spent() - before - memory.spent
            memory.over.set()
            frames.append(made.frame.drop("seconds"))
            print(
                f"{len(sweep.points)} runs in {processes} process(es): {took[processes]:.1f} s, {used[processes]:.1f} s of CPU; "
                f"{memory.processes} map the day of {memory.path.stat().st_size / 1e6:.1f} MB and hold {memory.pss / 1e6:.1f} MB of it "
                f"together (each for itself {memory.rss / 1e6:.1f} MB); all memory {memory.all / 1e6:.0f} MB",
                flush=True,
            )
        assert frames[0].equals(frames[1])
        ideal = 2 * used[1] / used[2]
        print(
            f"two processes are {took[1] / took[2]:.2f}x as fast as one, load {os.getloadavg()[0]:.1f}; by CPU time {ideal:.2f}x",
            flush=True,
        )


def sma(values, length):
    made = np.full(len(values), np.nan)
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    np.divide(sums[length:] - sums[:-length], length, out=made[length - 1 :])
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

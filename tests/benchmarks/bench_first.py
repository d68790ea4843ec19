"""What the first minute costs: imports, the memory of a day's backtest, the command line with cold and with warm machine code.

uv run --group test python -m tests.benchmarks.bench_first [--rounds N] [--messages N] [--skip-cold]

Each figure is of a fresh process; imports alternate with `import numpy, numba`, the least that anything compiled by Numba can cost.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
IMPORT = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
import {what}
print(json.dumps([1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)]))
"""
DAY = """
import json, resource, sys, time
from pathlib import Path
from backtest import Backtest, MarketMaker
from data.synthetic.flow import synthetic_flow
began = time.process_time()
result = Backtest(synthetic_flow(messages={messages}), MarketMaker, cache=Path(sys.argv[1]) / "cache").run(sys.argv[1])
said = result.summary["fills"], time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""


def fresh(code: str, *words: str) -> list[float]:
    """What `code` prints, as JSON, in a new process."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    return list(json.loads(done.stdout.splitlines()[-1]))


def imports(rounds: int) -> None:
    """Median wall and CPU ms of imports, in turn."""
    wanted = ("numpy, numba", "engine, backtest", "tapebook", "backtest.run, data.synthetic.flow")
    spent: dict[str, list[list[float]]] = {what: [] for what in wanted}
    for _ in range(rounds):
        for what in wanted:
            spent[what].append(fresh(IMPORT.format(what=what)))
    floor = np.median(spent["numpy, numba"], axis=0)
    for what, times in spent.items():
        wall, cpu = np.median(times, axis=0)
        print(f"  import {what:30} {wall:7.1f} ms   {cpu:7.1f} ms of CPU   {cpu / floor[1]:5.2f}x of numpy, numba")


def day(messages: int, folder: str) -> None:
    """CPU and largest memory of a recorded backtest of a synthetic day, the machine code being there."""
    fresh(DAY.format(messages=messages), folder)
    fills, seconds, megabytes = fresh(DAY.format(messages=messages), folder)
    print(f"  a day of {messages:,} messages, {fills:,.0f} fills, run and report: {seconds:.2f} s of CPU, {megabytes:,.0f} MiB at most")


def command(folder: str, messages: int, home: str) -> float:
    """CPU seconds of `tapebook backtest` in a process of its own, `home` holding the machine code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "tapebook", "backtest", "--messages", str(messages), "--out", folder]
    subprocess.run(words, capture_output=True, check=True, cwd=ROOT, env=os.environ | {"XDG_CACHE_HOME": home})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--skip-cold", action="store_true", help="leave out the run that compiles everything anew")
    asked = parser.parse_args()
    machine = platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "polars", "duckdb"))
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}")
    imports(asked.rounds)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        day(asked.messages, folder)
        if not asked.skip_cold:
            print(f"  tapebook backtest, cold: {command(folder, asked.messages, home):.1f} s of CPU")
            warm = [command(folder, asked.messages, home) for _ in range(3)]
            print(f"  tapebook backtest, warm: {np.median(warm):.1f} s of CPU")


if __name__ == "__main__":
    main()

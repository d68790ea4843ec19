"""The demo through the command: it is killed with its strategies at work, goes on where its log ends, and stops in order."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

from backtest.run import Backtest
from data.log.event_log import EventLog, LogError
from engine.messages.vocabulary import Kind
from engine.strategy.load import load_strategy
from live.demo.settings import STRATEGIES
from live.session.status import read_status

ROOT = Path(__file__).parents[3]


def demo(out: Path, *words: str) -> "subprocess.Popen[str]":
    """The demo in a process of its own."""
    command = [sys.executable, "-m", "tapebook", "live", "--demo", "--no-gateway", "--json", "--out", str(out), *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_running(process: "subprocess.Popen[str]", out: Path) -> None:
    """Wait until its session runs."""
    deadline = time.monotonic() + 120
    while (read_status(out / "live" / "demo") or {}).get("state") != "running":
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_they_trade(folder: Path) -> None:
    """Wait until the strategies have sent some commands, as the sealed segments tell beside the running session."""
    deadline = time.monotonic() + 60
    while True:
        with suppress(LogError), EventLog.open(folder) as log:
            if len(log.frame("commands", 1).filter(pl.col("position").is_not_null())) > 30:
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_killed_with_its_strategies_at_work_it_goes_on_where_its_log_ends(tmp_path: Path) -> None:
    process = demo(tmp_path)
    until_running(process, tmp_path)
    until_they_trade(tmp_path / "live" / "demo")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (read_status(tmp_path / "live" / "demo") or {})["state"] == "killed"

    process = demo(tmp_path)
    until_running(process, tmp_path)
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    told = json.loads(said)

    with EventLog(tmp_path / "live" / "demo" / "log.duckdb", read_only=True) as log:
        assert log.verify(1).ok
        logged, facts = log.read(1)
        assert (told["seq"], told["commands"], told["trades"]) == (
            log.last_seq(1),
            len(logged.seqs),
            int((facts["kind"] == Kind.TradeExecuted).sum()),
        )
        kinds = [load_strategy(f"live.demo.strategies:{kind}") for kind in STRATEGIES.values()]
        feed = log.feed("demo", without=list(STRATEGIES))
        driver = Backtest(feed, kinds, feed_latency=0, order_latency=0, response_latency=0).record()[1]
    own = logged.positions != -1
    assert own.sum() > 20
    assert driver.sent()[0].tobytes() == logged.records[own].tobytes()
    assert np.array_equal(driver.sent()[1], logged.seqs[own])

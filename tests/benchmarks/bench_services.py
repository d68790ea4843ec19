"""Services over a log of a million facts: CPU seconds, and the memory that they take on the way.

    uv run python -m tests.benchmarks.bench_services [FACTS]

Notifications look at every fact and tell one in a hundred, settlement nets every trade, surveillance looks for all its rules, the extract
writes and reconciles every event.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from data.log.event_log import EventLog
from data.regulatory.extract import extract
from data.settlement.terms import Terms
from engine import Exchange, Instrument
from engine.messages.records import FACT
from live.configuration.services import NotificationSettings, SettlementSettings, SurveillanceSettings
from live.services.notifications.service import Notifications
from live.services.rebuild import LogHost, catch_up
from live.services.service import Feeder
from live.services.settlement.service import Settlement
from live.services.surveillance import Surveillance

PIECE = 50_000
MONDAY = 1_767_571_200 * 10**9
INSTRUMENT = Instrument("X", "0.01", taker_fee="0.0005")


def orders(exchange: Exchange, first: int, count: int, chance: np.random.Generator) -> np.ndarray:
    """Orders of eight traders around one price, 20 ms apart; most of them trade."""
    ids = np.arange(first, first + count)
    return exchange.commands(
        {
            "order_id": ids,
            "symbol": ["X"],
            "side": chance.integers(0, 2, count),
            "price_ticks": 10_000 + chance.integers(-3, 4, count),
            "quantity_lots": chance.integers(1, 100, count),
            "trader": [f"t{k}" for k in chance.integers(0, 8, count)],
            "portfolio": [f"p{k}" for k in chance.integers(0, 8, count)],
            "ts": MONDAY + ids * 20_000_000,
        }
    )


def write(folder: Path, facts: int) -> EventLog:
    """The log of a session with so many facts."""
    folder.mkdir(parents=True)
    exchange, log, chance = Exchange([INSTRUMENT]), EventLog(folder / "log.duckdb"), np.random.default_rng(1)
    number = log.begin("desk", {}, [INSTRUMENT])
    told, commands = exchange.facts.copy(), exchange.opening
    last = made = 0
    first = 1
    while made < facts:
        seqs = np.setdiff1d(np.arange(last + 1, last + 1 + len(commands) + len(told)), told["seq"]).astype(np.int64)
        log.append(number, commands, told.astype(FACT), seqs)
        last, made = max(int(seqs[-1]), int(told["seq"][-1])), made + len(told)
        exchange.forget_facts()
        commands = orders(exchange, first, PIECE, chance)
        told = exchange.run(commands).copy()
        first += PIECE
    return log


def measured(what: str, count: int, work: Callable[[], object]) -> None:
    """Do it, and say what it cost."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    work()
    seconds = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{what:14} {seconds:8.2f} CPU s  {count / seconds:12,.0f} facts/s  peak +{grown:,.0f} MB", flush=True)


def main(facts: int) -> None:
    """Measure each service once."""
    with TemporaryDirectory() as out:
        folder = Path(out) / "live" / "desk"
        with write(folder, facts) as log:
            count = int(log.sessions()["facts"][0])
            host = LogHost(folder, log, 1)
            services = {
                "notifications": Notifications(host, [NotificationSettings(when="OrderFilled", where={"quantity": "7"})], []),
                "settlement": Settlement(host, SettlementSettings(custodian="simulated", time_zone="UTC"), {"X": Terms(2)}),
                "surveillance": Surveillance(host, SurveillanceSettings()),
            }
            print(f"{count:,} facts")
            for name, one in services.items():
                measured(name, count, lambda one=one: asyncio.run(catch_up(Feeder(one, host), host)))  # type: ignore[misc]
            measured("extract", count, lambda: extract(log, 1, Path(out) / "orders.parquet"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)

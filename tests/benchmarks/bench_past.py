"""What the past costs: snapshots as a session is logged, the way back to a moment with and without them, and each view and frame.

uv run --group test python -m tests.benchmarks.bench_past [messages] [commands between two snapshots]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.log import EventLog
from data.synthetic import synthetic_flow
from data.views import VIEWS
from engine import Exchange, Limits
from engine.event_frames import EVENTS
from engine.snapshot import pack, unpack

BATCH = 10_000


def own(exchange: Exchange, ts: np.ndarray, count: int) -> np.ndarray:
    """COMMAND records of `count` clients' orders around the market's price, one for each two that are cancelled or fill."""
    random = np.random.default_rng(3)
    side = random.integers(0, 2, count)
    return exchange.commands(
        {
            "ts": np.sort(random.choice(ts, count)),
            "order_id": np.arange(1, count + 1),
            "symbol": "TAPE",
            "side": side,
            "quantity_lots": random.integers(1, 200, count),
            "price_ticks": 10_000 + random.integers(-40, 41, count),
            "time_in_force": random.choice(["DAY", "GTC", "IOC"], count),
            "portfolio": random.choice(["ann", "bob"], count),
            "trader": random.choice(["one", "two", "three"], count),
        }
    )


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Least time of two runs, and what came of it."""
    least, made = float("inf"), None
    for _ in range(2):
        began = time.perf_counter()
        made = work()
        least = min(least, time.perf_counter() - began)
    return least, made


def write(log: EventLog, exchange: Exchange, commands: np.ndarray, shown: bool) -> tuple[int, float, float]:
    """The session, seconds in the exchange and seconds in the log; `shown`: the log sees the exchange and keeps its states."""
    session = log.begin(f"shown {shown}", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    ran = stored = 0.0
    for at in range(0, len(commands), BATCH):
        began = time.perf_counter()
        facts = exchange.run(commands[at : at + BATCH])
        told = time.perf_counter()
        log.append(session, commands[at : at + BATCH], facts, exchange=exchange if shown else None)
        ran, stored = ran + told - began, stored + time.perf_counter() - told
    return session, ran, stored


def main() -> None:
    messages, every = ([int(text) for text in sys.argv[1:]] + [1_000_000, 1 << 20][len(sys.argv) - 1 :])[:2]
    feed = synthetic_flow(messages=messages)
    history = feed.commands()

    def exchange() -> Exchange:
        return Exchange(feed.instruments, cash={"ann": 10**8}, limits={"ann": Limits(10**6, 10**9, 10**6, 10)}, history_facts=True)

    asked = exchange()
    commands = np.concatenate([history, own(asked, history["ts"], messages // 5)])
    commands = commands[np.argsort(commands["ts"], kind="stable")]
    with tempfile.TemporaryDirectory() as folder, EventLog(Path(folder) / "log.duckdb", snapshot_every=every) as log:
        plain, ran, stored = write(log, exchange(), commands, False)
        last = exchange()
        session, ran, kept = write(log, last, commands, True)
        states = log.frame("snapshots", session)["state"].bin.size().to_list()
        print(
            f"{len(commands):,} commands, {len(last.facts):,} facts; exchange {ran:.2f} s, log {stored:.2f} s, with snapshots {kept:.2f} s"
        )
        arrays = sum(array.nbytes for array in last.state.arrays().values())
        packing, packed = seconds(lambda: pack(last.state))
        unpacking, _ = seconds(lambda: unpack(packed))
        digesting, _ = seconds(last.digest)
        print(
            f"a snapshot: {len(packed):,} of {arrays:,} bytes ({states}); pack {packing:.3f} s, digest {digesting:.3f}, unpack {unpacking:.3f}"
        )
        for share in (0.1, 0.5, 0.9, 1.0):
            seq = int(log.last_seq(session) * share)
            quick, one = seconds(lambda: log.state(session, seq))  # noqa: B023
            slow, other = seconds(lambda: log.state(plain, seq))  # noqa: B023
            facts, _ = seconds(lambda: one.facts)  # noqa: B023
            assert one.digest() == other.digest()
            print(f"  state at {share:4.0%}: {quick:6.3f} s, by replay alone {slow:6.3f} s; its facts, once {facts:.3f} s")
        frames = {name: (lambda name=name: last.events(name)) if name in EVENTS else getattr(last, name, None) for name in VIEWS}
        frames["depth"] = lambda: last.depth("TAPE", 1000)
        for name, frame in frames.items():
            view, rows = seconds(lambda: log.frame(name, session))  # noqa: B023
            made, _ = seconds(frame)
            print(f"  {name:22} {len(rows):10,} rows   view {view:6.3f} s   frame {made:6.3f} s")
        print(f"  order_history          view {seconds(lambda: log.order_history(session, 77, 'one'))[0]:.3f} s", end="")
        print(f"   frame {seconds(lambda: last.order_history(77, 'one'))[0]:.3f} s")


if __name__ == "__main__":
    main()

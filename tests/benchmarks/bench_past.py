"""What the past costs: snapshots as a session is logged, the way back to a moment with and without them, and each view and frame.

uv run --group test python -m tests.benchmarks.bench_past [messages] [commands between two snapshots]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data.log.event_log import EventLog
from data.synthetic.flow import synthetic_flow
from data.views.definitions import VIEWS
from engine import Exchange, Limits
from engine.state.snapshot import pack, unpack

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


def show_snapshot(log: EventLog, session: int, exchange: Exchange) -> None:
    sizes = log.frame("snapshots", session)["state"].bin.size().to_list()
    whole = sum(array.nbytes for array in exchange.state.arrays().values())
    packing, packed = seconds(lambda: pack(exchange.state))
    digesting, _ = seconds(exchange.digest)
    unpacking, _ = seconds(lambda: unpack(packed))
    storing, _ = seconds(partial(log.snapshot, session, exchange))
    print(f"a snapshot: {len(packed):,} of {whole:,} bytes; pack {packing:.3f} s, digest {digesting:.3f} s, unpack {unpacking:.3f} s")
    print(f"packed and committed in {storing:.3f} s")
    print(f"kept, bytes: {sizes}")


def show_moments(log: EventLog, session: int, plain: int) -> None:
    """`plain`: the same session without snapshots."""
    for share in (0.1, 0.5, 0.9, 1.0):
        seq = int(log.last_seq(session) * share)
        quick, one = seconds(partial(log.state, session, seq))
        slow, other = seconds(partial(log.state, plain, seq))
        assert one.digest() == other.digest()
        print(f"  state at {share:4.0%}   with snapshots {quick:6.3f} s   by replay alone {slow:6.3f} s")


def show_answers(log: EventLog, session: int, exchange: Exchange) -> None:
    frames: dict[str, Callable[[], Any]] = {name: getattr(exchange, name, partial(exchange.events, name)) for name in VIEWS}
    frames["depth"] = partial(exchange.depth, "TAPE", 1000)
    for name, frame in frames.items():
        view, rows = seconds(partial(log.frame, name, session))
        print(f"  {name:22} {len(rows):10,} rows   view {view:6.3f} s   frame {seconds(frame)[0]:6.3f} s")
    one = exchange.executions().row(0, named=True)
    asked = (one["order_id"], one["trader"])
    view, rows = seconds(partial(log.order_history, session, *asked))
    frame = partial(exchange.order_history, *asked)
    print(f"  {'order_history':22} {len(rows):10,} rows   view {view:6.3f} s   frame {seconds(frame)[0]:6.3f} s")


def main() -> None:
    messages, every = [*map(int, sys.argv[1:]), *(1_000_000, 1 << 20)[len(sys.argv) - 1 :]]
    feed = synthetic_flow(messages=messages)
    history = feed.commands()

    def exchange() -> Exchange:
        return Exchange(feed.instruments, cash={"ann": 10**8}, limits={"ann": Limits(10**6, 10**9, 10**6, 10)}, history_facts=True)

    commands = np.concatenate([history, own(exchange(), history["ts"], messages // 5)])
    commands = commands[np.argsort(commands["ts"], kind="stable")]
    with tempfile.TemporaryDirectory() as folder, EventLog(Path(folder) / "log.duckdb", snapshot_every=every) as log:
        plain, ran, stored = write(log, exchange(), commands, False)
        last = exchange()
        session, _, _ = write(log, last, commands, True)
        print(f"{len(commands):,} commands, {len(last.facts):,} facts: {ran:.2f} s in the exchange, {stored:.2f} s in the log")
        show_snapshot(log, session, last)
        show_moments(log, session, plain)
        show_answers(log, session, last)


if __name__ == "__main__":
    main()

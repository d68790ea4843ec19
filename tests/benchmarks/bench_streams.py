"""What the market-data streams cost: the pipeline alone, and topic to topic over a broker in memory, packed and as JSON.

uv run --group test --extra live python -m tests.benchmarks.bench_streams [ticks]
"""

import asyncio
import gc
import os
import platform
import sys
import time

import numpy as np

from engine import Instrument
from live import MemoryBroker, streams
from live.broker.port import Outgoing
from live.broker.topics import MARKET_DATA_RAW, topics
from live.streams.raw_json import TickWriter

RUNS = 3
SYMBOLS = 20
BATCHES = (100, 1_000, 10_000)
START = 1_767_623_400 * 10**9
LISTED = [Instrument(f"S{k:02}", "0.01") for k in range(SYMBOLS)]


def market(count: int) -> np.ndarray:
    """A day of trades and quotes of twenty symbols, in time order."""
    chance = np.random.default_rng(1)
    made = np.zeros(count, streams.TICK)
    made["ts"] = START + np.sort(chance.integers(0, 23_400 * 10**9, count))
    made["symbol"] = chance.integers(0, SYMBOLS, count)
    made["last"] = 10_000 + np.cumsum(chance.integers(-1, 2, count))
    made["size"], made["bid"], made["ask"], made["close"] = chance.integers(1, 500, count), made["last"] - 1, made["last"] + 1, 10_000
    trade = int(streams.Has.LAST | streams.Has.SIZE | streams.Has.CLOSE)
    made["has"] = np.where(chance.random(count) < 0.5, trade, int(streams.Has.BID | streams.Has.ASK))
    return made


async def pipeline(ticks: np.ndarray, batch: int) -> tuple[float, int]:
    """CPU seconds of the pipeline alone, and what it told."""
    made, told = streams.Pipeline(LISTED), 0

    def take(rows: np.ndarray) -> None:
        nonlocal told
        told += len(rows)

    made.consume("told", take)
    began = time.process_time()
    for at in range(0, len(ticks), batch):
        await made.put(ticks[at : at + batch])
    spent = time.process_time() - began
    await made.close()
    return spent, told


async def topics_through(messages: list[Outgoing], ticks: int, batch: int) -> tuple[float, int]:
    """CPU seconds from market-data-raw to the other topics, publishing to it left out."""
    broker = MemoryBroker(bytes_max=1 << 33)
    await broker.open()
    await broker.ensure(topics())
    for at in range(0, len(messages), 10_000):
        await broker.publish(messages[at : at + 10_000])
    made = streams.Pipeline(LISTED)
    gc.freeze()  # what waits in the broker is not ours to search
    began = time.process_time()
    task = asyncio.ensure_future(streams.serve(broker, made))
    while made.counts["ticks"] < ticks:
        await asyncio.sleep(0)
        if task.done():
            task.result()
    spent = time.process_time() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.close()
    counts = made.counts
    return spent, counts["bars"] + counts["values"] + counts["alerts"]


def report(name: str, ticks: int, found: list[tuple[float, int]]) -> int:
    """One line; returns how much was told."""
    spent = min(seconds for seconds, _ in found)
    print(f"{name:40} {ticks / spent / 1e3:12,.0f} thousand ticks/s of CPU   {spent / ticks * 1e9:8,.0f} ns a tick")
    return found[0][1]


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    ticks = market(count)
    asyncio.run(pipeline(ticks[:1_000], 100))  # compile
    told = set()
    for batch in BATCHES:
        told.add(report(f"pipeline, batches of {batch:,}", count, [asyncio.run(pipeline(ticks, batch)) for _ in range(RUNS)]))
    packed = [
        message for at in range(0, count, 1_000) for message in streams.pack_ticks(MARKET_DATA_RAW, LISTED, ticks[at : at + 1_000], 0)
    ]
    told.add(
        report("topic to topic, 1,000 packed a message", count, [asyncio.run(topics_through(packed, count, 1_000)) for _ in range(RUNS)])
    )
    few = ticks[: count // 5]
    writer = TickWriter(LISTED)
    values = [Outgoing(MARKET_DATA_RAW, 0, None, writer.value(row)) for row in few.tolist()]
    runs = [asyncio.run(topics_through(values, len(few), 1_000)) for _ in range(RUNS)]
    assert report("topic to topic, JSON, batches of 1,000", len(few), runs) == asyncio.run(pipeline(few, 1_000))[1]
    assert len(told) == 1, told


if __name__ == "__main__":
    main()

"""What a command costs a live session: records into a durable log, one command alone, and JSON through a Kafka.

uv run --extra live --extra kafka --group test python -m tests.benchmarks.bench_session [--commands N] [--no-kafka]

CPU time is that of the whole process, all threads; a session uses two cores. The ratio to bare aiokafka is of runs in turn: a consumer
that takes the same commands and a producer that sends the same facts, and nothing between them.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from live.broker.port import BEGINNING, Broker, Message, Outgoing
from live.broker.topics import ORDERS_COMMANDS, TABLE
from live.cli.runner import settle_memory
from live.session.session import Session
from tests.benchmarks.session_load import messages, records, settings_of

PIECE, IN_FLIGHT = 4_096, 16
PUBLISHED = [one.name for one in TABLE if one.writers.startswith("session") and one.name != "session.claims"]


class Spent(NamedTuple):
    """Seconds by the clock, and of our process's CPU."""

    wall: float
    cpu: float


def now() -> Spent:
    """To measure from."""
    return Spent(time.perf_counter(), time.process_time())


def since(began: Spent) -> Spent:
    """Spent since then."""
    wall, cpu = now()
    return Spent(wall - began.wall, cpu - began.cpu)


def said(what: str, count: int, spent: Spent) -> str:
    """A line of figures."""
    each, cores = spent.cpu / count * 1e6, spent.cpu / spent.wall
    return f"  {what:34} {count / spent.wall / 1e3:7,.0f} k/s   {each:6.2f} µs of CPU each   {cores:.2f} cores"


def stages(session: Session) -> None:
    """Where the session's time went, by its own meters."""
    for name, histogram in sorted(session.meters.stages.items()):
        parts = ", ".join(f"p{part * 100:g} {1e3 * (histogram.percentile(part) or 0):.3g} ms" for part in (0.5, 0.99))
        print(f"    {name:8} {histogram.count:8,} times, {histogram.total:7.2f} s in all, {parts}")


async def bulk(folder: Path, count: int, publish: bool) -> None:
    """Records, pieces of PIECE, IN_FLIGHT of them waiting for their answers."""
    async with Session(settings_of({"kind": "memory", "publish": publish}), folder) as session:
        pieces = list(records(session.exchange, count, PIECE))
        waiting: deque[asyncio.Task[np.ndarray]] = deque()
        began, facts = now(), 0
        for piece in pieces:
            waiting.append(asyncio.create_task(session.run(piece)))
            if len(waiting) >= IN_FLIGHT:
                facts += len(await waiting.popleft())
        for task in waiting:
            facts += len(await task)
        spent = since(began)
        print(said("records, published in memory" if publish else "records into the log", count, spent), f"  {facts:,} facts")
        if publish and session.equipment.publisher is not None:
            await session.equipment.publisher.drained()
            print(said("  until all was published", count, since(began)))
        stages(session)
    size = (session.folder.path / "log.duckdb").stat().st_size
    print(f"    the log has {size / (count + facts):.1f} bytes a command or fact")


async def alone(folder: Path, count: int) -> None:
    """One command at a time: the next is sent when the one before is answered."""
    async with Session(settings_of(), folder) as session:
        times = []
        began = now()
        for piece in records(session.exchange, count, 1):
            sent = time.perf_counter()
            await session.run(piece)
            times.append(time.perf_counter() - sent)
        spent = since(began)
    p50, p99 = np.percentile(times, [50, 99]) * 1e3
    print(f"  one command alone: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {spent.cpu / count * 1e3:.2f} ms of CPU")


async def through_kafka(servers: str, folder: Path, values: list[bytes]) -> tuple[Spent, dict[str, list[Message]]]:
    """A session on a new Kafka whose commands wait there; until all facts are out. Returns what it published."""
    from live.broker.kafka import KafkaBroker

    broker = KafkaBroker(servers)
    await broker.open()
    session = Session(settings_of({"kind": "kafka", "servers": servers, "start": "beginning"}), folder)
    from live.broker.topics import topics

    await broker.ensure(topics(1))
    for at in range(0, len(values), 10_000):
        await broker.publish([Outgoing(ORDERS_COMMANDS, 0, b"p", value) for value in values[at : at + 10_000]])
    began = now()
    async with session:
        publisher = session.equipment.publisher
        assert publisher is not None
        while session.meters.counts["messages"] < len(values) or len(session.intake):
            await asyncio.sleep(0.01)
        await session.ask(lambda exchange: None)
        await publisher.reached(session.seq)
        spent = since(began)
        stages(session)
    out = {name: await everything(broker, name) for name in PUBLISHED}
    await broker.close()
    return spent, out


async def everything(broker: Broker, topic: str) -> list[Message]:
    """All messages of a topic."""
    reader, found = await broker.read(topic, 0, BEGINNING), []
    ((_, end),) = await broker.ends(topic)
    while reader.position < end:
        found += await reader.take(10_000, 2.0)
    await reader.close()
    return found


async def bare(servers: str, values: list[bytes], out: dict[str, list[Message]]) -> Spent:
    """aiokafka as its documentation has it: getmany() the commands, send() the facts, all futures awaited a piece."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    told = [(name, one.key, one.value) for name, found in out.items() for one in found]
    share = len(told) / len(values)
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True)
    await consumer.start()
    await producer.start()
    partition = TopicPartition(ORDERS_COMMANDS, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    began, taken, sent = now(), 0, 0
    while taken < len(values):
        taken += sum(map(len, (await consumer.getmany(timeout_ms=1000, max_records=4_096)).values()))
        until = len(told) if taken >= len(values) else int(taken * share)
        waiting = [await producer.send(name, value, key, partition=0) for name, key, value in told[sent:until]]
        await asyncio.gather(*waiting)
        sent = until
    spent = since(began)
    await consumer.stop()
    await producer.stop()
    return spent


async def kafka(folder: Path, count: int, rounds: int) -> None:
    """A session, and bare aiokafka with the same bytes, in turn."""
    from live.broker.server import KafkaServer

    values, ratios = messages(count), []
    for k in range(rounds):
        server = KafkaServer(folder / f"kafka-{k}")
        servers = (await asyncio.to_thread(server.start)).servers
        try:
            ours, out = await through_kafka(servers, folder / f"out-{k}", values)
            theirs = await bare(servers, values, out)
        finally:
            await asyncio.to_thread(server.stop)
        print(said("orders.commands to published facts", count, ours), f"  {sum(map(len, out.values())):,} messages out")
        print(said("bare aiokafka, the same bytes", count, theirs))
        ratios.append((theirs.wall / ours.wall, theirs.cpu / ours.cpu))
    wall, cpu = (statistics.median(column) for column in zip(*ratios))
    print(f"  {wall:.2f} times the speed of bare aiokafka by the clock, {cpu:.2f} by CPU time; median of {rounds}")


def main() -> None:
    """Print the machine, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--alone", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-kafka", action="store_true")
    given = parser.parse_args()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, duckdb {duckdb.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {versions}")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bulk(Path(folder) / "warm", 20_000, False))  # loads the machine code
        settle_memory()  # as the command does
        print(f"\n{given.commands:,} commands in pieces of {PIECE:,}")
        asyncio.run(bulk(Path(folder) / "bulk", given.commands, False))
        asyncio.run(bulk(Path(folder) / "published", given.commands // 5, True))
        asyncio.run(alone(Path(folder) / "alone", given.alone))
        if not given.no_kafka:
            print(f"\n{given.messages:,} messages through a Kafka on the same cores")
            asyncio.run(kafka(Path(folder), given.messages, given.rounds))


if __name__ == "__main__":
    main()

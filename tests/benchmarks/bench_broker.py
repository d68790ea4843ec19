"""How near the port comes to bare aiokafka: the same messages published and taken by both, in turn, on one genuine Kafka; and in memory.

uv run --extra live --group test python -m tests.benchmarks.bench_broker [messages] [bytes]
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from live.broker.kafka import KafkaBroker
from live.broker.memory import MemoryBroker
from live.broker.port import BEGINNING, Broker, Outgoing, Topic
from live.broker.server import KafkaServer

RUNS, ALONE = 3, 200
_names = count()

Spent = tuple[float, float]
"""Seconds by the clock, and of our own process's CPU."""
Timed = tuple[Spent, Spent]
"""Of publishing and of taking."""


def _now() -> Spent:
    return time.perf_counter(), time.process_time()


def _since(began: Spent) -> Spent:
    wall, cpu = _now()
    return wall - began[0], cpu - began[1]


def _topic() -> Topic:
    return Topic(f"bench-{next(_names)}", 1, 3_600_000)


async def bare(servers: str, values: list[bytes]) -> Timed:
    """aiokafka as its documentation has it: send() a message, all futures awaited at the end; getmany()."""
    topic, broker = _topic(), KafkaBroker(servers)
    await broker.open()
    await broker.ensure([topic])
    await broker.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True)
    await producer.start()
    began = _now()
    await asyncio.gather(*[await producer.send(topic.name, value, partition=0) for value in values])
    published = _since(began)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
    await consumer.start()
    partition, found = TopicPartition(topic.name, 0), 0
    began = _now()
    consumer.assign([partition])
    consumer.seek(partition, 0)
    while found < len(values):
        found += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
    taken = _since(began)
    await consumer.stop()
    assert found == len(values)
    return published, taken


async def by_port(broker: Broker, values: list[bytes]) -> Timed:
    """One publish of all of them, and take until they are there."""
    topic = _topic()
    await broker.open()
    await broker.ensure([topic])
    messages = [Outgoing(topic.name, 0, None, value) for value in values]
    began = _now()
    await broker.publish(messages)
    published = _since(began)
    del messages  # else the garbage collector walks through them while we take
    reader = await broker.read(topic.name, 0, BEGINNING)
    found = 0
    began = _now()
    while found < len(values):
        some = await reader.take(10_000, 1)
        assert not some or some[0].value == values[found]
        found += len(some)
    taken = _since(began)
    assert found == len(values)
    await reader.close()
    await broker.close()
    return published, taken


async def alone(broker: Broker) -> tuple[float, float]:
    """Median milliseconds of one message: until it is acknowledged, and until a waiting reader has it."""
    topic = _topic()
    await broker.open()
    await broker.ensure([topic])
    reader = await broker.read(topic.name, 0, BEGINNING)
    acknowledged, seen = [], []
    for number in range(ALONE):
        taking = asyncio.create_task(reader.take(1, 5))
        await asyncio.sleep(0.002)
        began = time.perf_counter()
        await broker.publish([Outgoing(topic.name, 0, None, b"%d" % number)])
        acknowledged.append(time.perf_counter() - began)
        assert await taking
        seen.append(time.perf_counter() - began)
    await reader.close()
    await broker.close()
    return statistics.median(acknowledged) * 1000, statistics.median(seen) * 1000


def compare(servers: str, messages: int, size: int) -> None:
    """All of them in turn; prints thousands a second, the fastest of the runs."""
    values = [(b"%d " % number).ljust(size, b"x") for number in range(messages)]
    sides: dict[str, Callable[[], Awaitable[Timed]]] = {
        "bare aiokafka": lambda: bare(servers, values),
        "KafkaBroker": lambda: by_port(KafkaBroker(servers), values),
        "MemoryBroker": lambda: by_port(MemoryBroker(bytes_max=2**31), values),
    }
    spent: dict[str, list[Timed]] = {name: [] for name in sides}
    for _ in range(RUNS):
        for name, side in sides.items():
            spent[name].append(asyncio.run(side()))  # type: ignore[arg-type]
    print(f"\n{messages:,} messages of {size} bytes, fastest of {RUNS}: thousands a second, microseconds of CPU a message in brackets\n")
    print("| | publish | take |\n|---|---|---|")
    for name, runs in spent.items():
        print(
            f"| {name} | {_figures([published for published, _ in runs], messages)} | {_figures([taken for _, taken in runs], messages)} |"
        )


def _figures(runs: list[Spent], messages: int) -> str:
    wall, cpu = (min(column) for column in zip(*runs, strict=True))
    return f"{messages / wall / 1000:.0f} ({cpu / messages * 1e6:.1f})"


def one_by_one(servers: str) -> None:
    """One message at a time."""
    print(f"\none message, milliseconds, median of {ALONE}\n\n| | acknowledged | a waiting reader has it |\n|---|---|---|")
    brokers: dict[str, Broker] = {
        "KafkaBroker": KafkaBroker(servers),
        "KafkaBroker, exactly once": KafkaBroker(servers, exactly_once=True, transactional_id="bench"),
        "MemoryBroker": MemoryBroker(),
    }
    for name, broker in brokers.items():
        acknowledged, seen = asyncio.run(alone(broker))
        print(f"| {name} | {acknowledged:.2f} | {seen:.2f} |")


def main() -> None:
    """Print the machine, then the figures."""
    given = [int(word) for word in sys.argv[1:]]
    messages, size = given[0] if given else 100_000, given[1] if given[1:] else 200
    versions = f"Python {platform.python_version()}, aiokafka {aiokafka.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {versions}")
    with tempfile.TemporaryDirectory() as folder:
        server = KafkaServer(folder)
        running = server.start()
        try:
            compare(running.servers, messages, size)
            one_by_one(running.servers)
        finally:
            server.stop()


if __name__ == "__main__":
    main()

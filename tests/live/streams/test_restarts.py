"""Streams that stop, fail or are killed in the middle, and go on: each bar, value and alert once, and none missing."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live import KafkaBroker, MemoryBroker, streams
from live.broker.port import Broker, Fenced, Outgoing
from live.broker.server import KafkaServer
from live.broker.topics import MARKET_DATA_1MIN, MARKET_DATA_RAW, MARKET_INDICATORS, PRICE_ALERTS, topics
from live.streams.serving import Serving
from tests.live.streams.ticks import LISTED, as_json, random_ticks
from tests.support.brokers import in_loop, take_all, within

KILLS = int(os.environ.get("TAPEBOOK_KILLS", "3"))
ROOT = Path(__file__).parents[3]
OUT = (MARKET_DATA_1MIN, MARKET_INDICATORS, PRICE_ALERTS)


def sayable(seed: int, count: int) -> np.ndarray:
    ticks = random_ticks(seed, count)
    return ticks[(ticks["symbol"] < 2) & (ticks["has"] >> 16 == 0) & (ticks["last"] > 0)]


async def found(broker: Broker, topic: str, start: int, expected: int) -> list[str]:
    reader = await broker.read(topic, 0, start)
    try:
        return [one.value.decode() for one in [*await take_all(reader, expected, 100), *await reader.take(1, 0.3)]]
    finally:
        await reader.close()


class Breaking(MemoryBroker):
    """Fails in the middle of a publication, when it is told to: what was published before stands."""

    left = -1

    async def publish(self, messages: Any) -> None:
        for message in messages:
            if self.left == 0 and message.topic in OUT:
                raise OSError("the line is cut")
            self.left -= message.topic in OUT
            await super().publish([message])


@in_loop
async def test_a_failure_in_the_middle_of_a_publication(tmp_path: Path) -> None:
    ticks, chance = sayable(11, 2_000), random.Random(3)
    expected = streams.run(ticks, LISTED, finish=False)
    broker = Breaking()
    await broker.open()
    await broker.ensure(topics())
    await broker.publish([Outgoing(MARKET_DATA_RAW, 0, None, value) for value in as_json(ticks)])
    failures = 0
    for at in range(40):
        broker.left = chance.randrange(5, 60) if at < 39 else -1
        pipeline = streams.Pipeline(LISTED)
        serving = Serving(broker, pipeline, tmp_path)
        task = asyncio.ensure_future(serving.run())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(_over(task, serving, len(ticks))), 20)
        failed = task.done() and isinstance(task.exception(), OSError)
        failures += failed
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pipeline.close()
        if not failed:
            break
    assert failures > 5
    assert pipeline.counts == expected.counts
    for topic in OUT:
        assert await found(broker, topic, 0, len(expected.json(topic))) == expected.json(topic)


async def _over(task: "asyncio.Task[None]", serving: Serving, ticks: int) -> None:
    while not task.done() and serving.kept.offset < ticks:
        await asyncio.sleep(0.01)


@in_loop
async def test_who_serves_later_has_the_shard() -> None:
    broker = MemoryBroker()
    await broker.open()
    await broker.ensure(topics())
    first = asyncio.ensure_future(streams.serve(broker, streams.Pipeline(LISTED)))
    await asyncio.sleep(0.1)
    second = asyncio.ensure_future(streams.serve(broker, streams.Pipeline(LISTED)))
    with pytest.raises(Fenced):
        await asyncio.wait_for(first, 10)
    assert not second.done()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def bars_end(broker: Broker) -> int:
    return (await broker.ends(MARKET_DATA_1MIN))[0][1]


async def more_bars(broker: Broker, than: int) -> None:
    """Wait until there are more bars, for a minute at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while await bars_end(broker) <= than:
                await asyncio.sleep(0.01)


@in_loop
@within(120 * (KILLS + 1))
async def test_a_process_that_is_killed(kafka: KafkaServer, tmp_path: Path) -> None:
    ticks, chance = sayable(12, 6_000), random.Random(4)
    expected, values = streams.run(ticks, LISTED, finish=False), as_json(ticks)
    broker = KafkaBroker(kafka.servers)
    await broker.open()
    try:
        await broker.ensure(topics())
        starts = {topic: (await broker.ends(topic))[0][1] for topic in (*OUT, MARKET_DATA_RAW)}
        words = [sys.executable, "-m", "tests.live.streams.load", kafka.servers, str(tmp_path), str(starts[MARKET_DATA_RAW])]
        piece = len(values) // (KILLS + 1)
        for at in range(KILLS + 1):
            process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            assert process.stdout is not None
            try:
                assert await asyncio.wait_for(process.stdout.readline(), 120) == b"serves\n"
                bars = await bars_end(broker)
                part = values[at * piece : (at + 1) * piece if at < KILLS else len(values)]
                await broker.publish([Outgoing(MARKET_DATA_RAW, 0, None, value) for value in part])
                if at < KILLS:
                    if at % 2 == 0:  # it has begun to publish, on a slow machine too
                        await more_bars(broker, bars)
                    await asyncio.sleep(chance.uniform(0.0, 0.3 if at % 2 == 0 else 1.5))
                else:
                    for topic in OUT:
                        said = expected.json(topic)
                        assert await found(broker, topic, starts[topic], len(said)) == said
            finally:
                process.send_signal(signal.SIGKILL)
                await process.wait()
    finally:
        await broker.close()

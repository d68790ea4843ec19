"""The streams over topics, on both brokers: the contract's JSON, and the same as over history however messages are cut."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from live import streams
from live.broker.port import Broker, Message, Outgoing
from live.broker.topics import (
    DEAD_LETTERS,
    MARKET_DATA_1MIN,
    MARKET_DATA_RAW,
    MARKET_INDICATORS,
    PRICE_ALERTS,
    topics,
)
from tests.live.streams.ticks import LISTED, as_json, random_ticks, tick
from tests.support.brokers import InMemory, OnKafka, in_loop, take_all

OUT = (MARKET_DATA_1MIN, MARKET_INDICATORS, PRICE_ALERTS)


@pytest.fixture(params=["memory", "kafka"])
def make(request: pytest.FixtureRequest) -> Callable[[], Broker]:
    """Makes brokers that share their topics."""
    kind = InMemory() if request.param == "memory" else OnKafka(request.getfixturevalue("kafka"))
    return kind.make


@contextlib.asynccontextmanager
async def opened(make: Callable[[], Broker]) -> AsyncIterator[Broker]:
    broker = make()
    await broker.open()
    await broker.ensure([topic for topic in topics() if topic.name in (*OUT, MARKET_DATA_RAW, DEAD_LETTERS)])
    try:
        yield broker
    finally:
        await broker.close()


@contextlib.asynccontextmanager
async def serving(broker: Broker, folder: Path | None = None, **options: Any) -> AsyncIterator[streams.Pipeline]:
    """Streams that run over a broker, from what comes next on."""
    pipeline = streams.Pipeline(LISTED, streams.StreamsSettings(**options))
    begin_at = (await broker.ends(MARKET_DATA_RAW))[0][1]
    task = asyncio.ensure_future(streams.serve(broker, pipeline, folder, begin_at=begin_at))
    try:
        yield pipeline
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await pipeline.close()


async def since(broker: Broker, starts: dict[str, int], topic: str, expected: int) -> list[Message]:
    reader = await broker.read(topic, 0, starts[topic])
    try:
        found = await take_all(reader, expected, 20)
        assert not await reader.take(1, 0.3)
        return found
    finally:
        await reader.close()


async def ends(broker: Broker) -> dict[str, int]:
    return {topic: (await broker.ends(topic))[0][1] for topic in (*OUT, DEAD_LETTERS)}


async def until(pipeline: Any, count: str, expected: int) -> None:
    """Wait until so many were counted."""
    async with asyncio.timeout(30):
        while pipeline.counts[count] < expected:
            await asyncio.sleep(0.01)


def raw(values: list[bytes]) -> list[Outgoing]:
    return [Outgoing(MARKET_DATA_RAW, 0, b"AAPL", value) for value in values]


@in_loop
async def test_the_contracts_json(make: Callable[[], Broker]) -> None:
    async with opened(make) as broker:
        starts = await ends(broker)
        values = [
            tick(1, "100.00", "10", close="98.00"),
            tick(59, "101.00", "30"),
            tick(30, "99.50", "20"),  # out of order, but in time
            tick(64.999, "102.90", "1"),  # alert: more than 5 % above 98.00 is 102.90 exactly, so not yet
            tick(65, "102.91", "1"),  # now; and the watermark reaches the end of the first minute
            tick(70, "103.50", "1"),  # above, told already
            tick(58, "90.00", "5"),  # late: revision 1
            tick(75, "101.00", "1"),  # armed again below 101.92
            tick(76, "102.95", "1"),
            tick(310, "100.00", "1"),  # the five minutes are over
            tick(59.5, "1.00", "1"),  # too late
        ]
        async with serving(broker, indicators=["SMA5"]) as begun:
            await broker.publish(raw(values))
            bars = [json.loads(one.value) for one in await since(broker, starts, MARKET_DATA_1MIN, 3)]
            means = [json.loads(one.value) for one in await since(broker, starts, MARKET_INDICATORS, 1)]
            alerts = [json.loads(one.value) for one in await since(broker, starts, PRICE_ALERTS, 2)]
        start, end = "2026-01-05T14:30:00.000000000Z", "2026-01-05T14:31:00.000000000Z"
        first = {"symbol": "AAPL", "start": start, "end": end, "open": "100.00", "high": "101.00", "low": "99.50", "close": "101.00",
                 "volume": "60", "vwap": "100.333333", "trades": 3, "revision": 0}  # fmt: skip
        assert bars[0] == first
        assert list(bars[0]) == list(first)
        assert bars[1] == {**first, "low": "90.00", "volume": "65", "vwap": "99.538462", "trades": 4, "revision": 1}
        assert [bars[2][name] for name in ("start", "trades", "revision")] == [end, 5, 0]
        assert means == [{"symbol": "AAPL", "name": "SMA5", "ts": "2026-01-05T14:35:00.000000000Z", "value": "100.417778"}]
        told = {"symbol": "AAPL", "type": "ANOMALY_DETECTED", "close": "98.00"}
        assert alerts == [
            {**told, "ts": "2026-01-05T14:31:05.000000000Z", "price": "102.91", "change": "0.050102"},
            {**told, "ts": "2026-01-05T14:31:16.000000000Z", "price": "102.95", "change": "0.050510"},
        ]
        assert begun.counts["late"] == 1
        assert begun.counts["ticks"] == len(values)


@in_loop
async def test_the_same_as_over_history(make: Callable[[], Broker]) -> None:
    """JSON one by one, in pieces of 7 and all at once, and packed: what history gives, to the byte."""
    ticks = random_ticks(5, 3_000)
    sayable = (ticks["symbol"] < 2) & (ticks["has"] >> 16 == 0) & (ticks["last"] > 0)
    ticks = ticks[sayable]
    expected = streams.run(ticks, LISTED, finish=False)
    assert expected.counts["bars"] > 60
    assert expected.counts["alerts"] > 3
    values, other_way = raw(as_json(ticks)), ticks.copy()
    other_way["symbol"] = 1 - ticks["symbol"]
    packed = list(streams.pack_ticks(MARKET_DATA_RAW, LISTED[::-1], other_way, 0))
    async with opened(make) as broker:
        for messages, size in ((values, 7), (values, len(values)), (packed, 1)):
            starts = await ends(broker)
            async with serving(broker) as running:
                for at in range(0, len(messages), size):
                    await broker.publish(messages[at : at + size])
                await until(running, "ticks", len(ticks))
                for topic in OUT:
                    said = expected.json(topic)
                    assert [one.value.decode() for one in await since(broker, starts, topic, len(said))] == said
                assert {**running.counts, "dropped": 0} == expected.counts


@in_loop
async def test_bad_records_become_dead_letters(make: Callable[[], Broker]) -> None:
    """None of them closes a window; each is counted and named."""
    bad = {
        b'{"symbol":"AAPL","ts":"2026-01-05T14:30:02Z","last":NaN}': "last: NaN is not a number",
        tick(2, "-5.00"): "last: '-5.00' is out of range",
        tick(2, "100.001"): "last: '100.001' is not a whole number of the price unit 0.01 of AAPL",
        tick(2, size="1.5"): "size: '1.5' is not a whole number of the lot 1",
        tick(2, symbol="APPL"): "symbol: no instrument 'APPL'; did you mean AAPL?",
        b'{"symbol":"AAPL","last":"1.00"}': "ts: it is missing",
        b'{"symbol":"AAPL","ts":"2200-01-01T00:00:00Z"}': "ts: '2200-01-01T00:00:00Z' is not from 1970 to 2116",
        b'{"symbol":"AAPL","ts":"2026-01-05T14:30:02Z","price":"1.00"}': "price: market-data-raw has no such field",
        b"\xff": "message: it is not UTF-8",
    }
    async with opened(make) as broker:
        starts = await ends(broker)
        async with serving(broker, indicators=[]) as running:
            await broker.publish(raw([tick(1), *bad, tick(3)]))
            letters = await since(broker, starts, DEAD_LETTERS, len(bad))
            await broker.publish(raw([tick(86_400, "1.00"), tick(66)]))  # a clock a day ahead closes nothing
            bars = [json.loads(one.value) for one in await since(broker, starts, MARKET_DATA_1MIN, 1)]
        assert [one.value for one in letters] == list(bad)
        for one, said in zip(letters, bad.values()):
            assert dict(one.headers)["error"].decode().startswith(said), (dict(one.headers)["error"], said)
        assert [(bar["start"], bar["trades"], bar["volume"]) for bar in bars] == [("2026-01-05T14:30:00.000000000Z", 2, "20")]
        found = {
            name: running.counts[name] for name in ("unknown_symbol", "bad_price", "bad_size", "bad_time", "ahead", "unreadable", "late")
        }
        assert found == {"unknown_symbol": 1, "bad_price": 3, "bad_size": 1, "bad_time": 1, "ahead": 1, "unreadable": 3, "late": 0}

"""Marks from a topic, on both brokers: what is a price becomes a mark, what is none a dead letter, a count and a line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.messages.vocabulary import Kind
from live import MemoryBroker
from live.broker.port import Broker, BrokerError, Outgoing
from live.broker.topics import DEAD_LETTERS, topics
from live.pricing.marks import MarkTopic
from tests.live.streams.test_session import session, until
from tests.live.streams.ticks import LISTED, tick
from tests.support.brokers import InMemory, OnKafka, a_topic, in_loop, take_all

BAD = {
    b'{"symbol":"AAPL","ts":"2026-01-05T14:30:02Z","last":NaN}': "last: NaN is not a number",
    tick(2, "-5.00"): "last: '-5.00' is out of range; it is 1 or more",
    tick(2, "100.001"): "last: '100.001' is not a whole number of the price unit 0.01 of AAPL",
    tick(2, symbol="APPL"): "symbol: no instrument 'APPL'; did you mean AAPL?",
    tick(2, symbol="NOBODY"): "symbol: no instrument 'NOBODY'",
    b'{"symbol":"AAPL"}': "ts: it is missing",
    b"\xff\x00": "message: it is not UTF-8",
    b"": "message: ",
}


@pytest.fixture(params=["memory", "kafka"])
def make(request: pytest.FixtureRequest) -> Callable[[], Broker]:
    kind = InMemory() if request.param == "memory" else OnKafka(request.getfixturevalue("kafka"))
    return kind.make


@in_loop
async def test_a_topic_of_marks(make: Callable[[], Broker]) -> None:
    topic, broker = a_topic(), make()
    await broker.open()
    try:
        await broker.ensure([topic, *(one for one in topics() if one.name == DEAD_LETTERS)])
        before = (await broker.ends(DEAD_LETTERS))[0][1]
        await broker.publish([Outgoing(topic.name, 0, None, tick(0, "99.00"))])  # from before the look: it is no news
        source = MarkTopic(broker, topic.name, 0, LISTED)
        assert await source.newest() == {}
        good = [tick(1, "100.00"), tick(1, None, None, "OIL", bid="-1.00", ask="-0.90"), tick(3, None, "5"), tick(4, "101.00")]
        await broker.publish([Outgoing(topic.name, 0, None, value) for value in (*good[:2], *BAD, *good[2:])])
        found = {}
        while found.get("AAPL") != 10_100:
            found |= await source.newest()
        assert found == {"AAPL": 10_100, "OIL": -19}
        assert source.refused == len(BAD)
        assert source.complaint.startswith(f"{topic.name} offset {1 + len(BAD) + 1}: message:")
        letters = await take_all(await broker.read(DEAD_LETTERS, 0, before), len(BAD))
        assert [one.value for one in letters] == list(BAD)
        for one, said in zip(letters, BAD.values()):
            assert dict(one.headers)["error"].decode().startswith(said)
        await source.close()
    finally:
        await broker.close()


@in_loop
async def test_a_session_marks_from_a_topic(tmp_path: Path) -> None:
    """Each change is a MARK of the log; bad records are told once, then at ten times as many, and the topic may come later."""
    broker = MemoryBroker("session-marks")
    given = {"run": False, "marks": {"topic": "closing-prices", "every": "20ms"}}
    async with session(tmp_path, broker, streams=given) as one:
        await until(lambda: one.notices)
        assert one.notices[0]["kind"] == "MarksRefused"
        assert "closing-prices" in one.notices[0]["failure"]
        await broker.ensure([a_topic()._replace(name="closing-prices")])

        async def marked(price: str, *bad: bytes) -> None:
            await broker.publish([Outgoing("closing-prices", 0, None, value) for value in (*bad, tick(1, price))])
            while (await one.quotes())["mark"][0] != float(price):
                await broker.publish([Outgoing("closing-prices", 0, None, tick(1, price))])  # it is read from its end on
                await until(lambda: True)

        await marked("90.00")
        await marked("91.00", *BAD)
        await marked("92.00", *list(BAD) * 10)
        await marked("93.00", *BAD)
        told = [said for said in one.notices if "count" in said]
        assert [said["count"] for said in told] == [len(BAD), 11 * len(BAD)]
        assert told[0]["failure"].endswith("; it is in dead-letters")
        _, facts = one.log.read(one.number, 1, one.seq)
        marks = facts[facts["kind"] == Kind.PriceMarked]["price"]
        assert marks.tolist() == [9_000, 9_100, 9_200, 9_300]


@in_loop
async def test_a_broker_that_fails_is_read_again() -> None:
    broker = MemoryBroker()
    await broker.open()
    source = MarkTopic(broker, "nowhere", 0, LISTED)
    with pytest.raises(BrokerError, match="nowhere"):
        await source.newest()
    await broker.ensure([a_topic()._replace(name="nowhere")])
    assert await source.newest() == {}

"""What `live.broker.port` promises, held against every broker: in memory, Kafka, Kafka with a transaction a publish."""

import asyncio
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from live.broker.port import BEGINNING, END, MESSAGE_BYTES_MAX, BrokerError, Fenced, OffsetRemoved, Outgoing
from tests.support.brokers import InMemory, OnKafka, OnKafkaExactlyOnce, a_topic, in_loop, numbered, numbers, take_all


@pytest.fixture(params=["memory", "kafka", "kafka, exactly once"])
def kind(request):
    """One of the brokers."""
    if request.param == "memory":
        return InMemory()
    server = request.getfixturevalue("kafka")
    return OnKafka(server) if request.param == "kafka" else OnKafkaExactlyOnce(server)


@asynccontextmanager
async def opened(kind, *topics):
    broker = kind.make()
    await broker.open()
    try:
        await broker.ensure(topics)
        yield broker
    finally:
        await broker.close()


@in_loop
async def test_records_come_in_order_with_all_they_have(kind):
    topic = a_topic()
    sent = [
        Outgoing(topic.name, 0, b"AAPL", b'{"a":1}', (("session", b"desk"), ("seq", b"7"), ("seq", b"8"))),
        Outgoing(topic.name, 0, None, b"no key"),
        Outgoing(topic.name, 0, b"", b"\x00\xff"),
        Outgoing(topic.name, None, b"k", b"", (("empty", b""),)),
    ]
    async with opened(kind, topic) as broker:
        await broker.publish(sent)
        reader = await broker.read(topic.name, 0, BEGINNING)
        found = await take_all(reader, 4)
        assert [(m.topic, m.partition, m.key, m.value, m.headers) for m in found] == [
            (topic.name, 0, m.key, m.value, m.headers) for m in sent
        ]
        assert [m.offset for m in found] == [0, 1, 2, 3]
        assert reader.position == 4


@in_loop
async def test_the_order_holds_over_many_publishes(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        for first in range(0, 40, 4):
            await broker.publish(numbered(topic, first, first + 4))
        found = await take_all(await broker.read(topic.name, 0, BEGINNING), 40)
        assert numbers(found) == list(range(40))
        offsets = [m.offset for m in found]
        assert offsets == sorted(set(offsets))
        assert not kind.gapless or offsets == list(range(40))


@in_loop
async def test_a_key_has_one_partition_and_a_named_partition_wins(kind):
    topic, keys = a_topic(3), [b"AAPL", b"AMZN", b"MSFT", b"GOOG", b"IBM", b"ORCL", b"NVDA", b"INTC"]
    async with opened(kind, topic) as broker:
        await broker.publish([Outgoing(topic.name, None, key, b"%d" % turn) for turn in range(3) for key in keys])
        await broker.publish([Outgoing(topic.name, 2, b"AAPL", b"named")])
        where = {}
        for at, (_, end) in enumerate(await broker.ends(topic.name)):
            found = [] if end == 0 else await take_all(await broker.read(topic.name, at, BEGINNING), 25, 1)
            for message in found:
                where.setdefault(message.key, []).append((at, message.value))
        named = where[b"AAPL"].index((2, b"named"))
        del where[b"AAPL"][named]
        assert where.keys() == set(keys)
        for told in where.values():
            assert len({at for at, _ in told}) == 1
            assert [value for _, value in told] == [b"0", b"1", b"2"]
        assert len({told[0][0] for told in where.values()}) > 1


@in_loop
async def test_records_without_a_key_keep_their_order_within_a_publish(kind):
    topic = a_topic(3)
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 50, partition=None))
        lengths = [end for _, end in await broker.ends(topic.name)]
        at = lengths.index(max(lengths))
        assert numbers(await take_all(await broker.read(topic.name, at, BEGINNING), 50)) == list(range(50))


@in_loop
async def test_take_waits_and_not_longer_than_it_is_told(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        reader = await broker.read(topic.name, 0, BEGINNING)
        began = monotonic()
        assert await reader.take(10, 0.3) == []
        assert 0.25 < monotonic() - began < 2
        began = monotonic()
        assert await reader.take(10, 0) == []
        assert monotonic() - began < 0.25
        taking = asyncio.create_task(reader.take(10, 20))
        await asyncio.sleep(0.1)
        assert not taking.done()
        await broker.publish(numbered(topic, 0, 1))
        assert numbers(await taking) == [0]


@in_loop
async def test_take_gives_no_more_than_is_asked_for(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 10))
        reader = await broker.read(topic.name, 0, BEGINNING)
        assert numbers(await reader.take(3, 20)) == [0, 1, 2]
        assert reader.position == 3
        assert numbers(await take_all(reader, 7)) == [3, 4, 5, 6, 7, 8, 9]


@in_loop
async def test_where_a_reader_starts(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 6))
        assert numbers(await take_all(await broker.read(topic.name, 0, 4), 2)) == [4, 5]
        at_the_end = await broker.read(topic.name, 0, END)
        ((first, end),) = await broker.ends(topic.name)
        assert (first, at_the_end.position) == (0, end)
        assert end == 6 or not kind.gapless
        assert await at_the_end.take(1, 0.2) == []
        await broker.publish(numbered(topic, 6, 8))
        assert numbers(await take_all(at_the_end, 2)) == [6, 7]
        with pytest.raises(BrokerError, match=r"there is no offset 1000, the next record gets \d+"):
            await broker.read(topic.name, 0, 1000)


@in_loop
async def test_a_reader_goes_on_where_another_was(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        for first in range(0, 9, 3):
            await broker.publish(numbered(topic, first, first + 3))
        first_one = await broker.read(topic.name, 0, BEGINNING)
        assert numbers(await take_all(first_one, 3)) == [0, 1, 2]
        await first_one.close()
        assert numbers(await take_all(await broker.read(topic.name, 0, first_one.position), 6)) == [3, 4, 5, 6, 7, 8]
        with pytest.raises(BrokerError, match="this reader is closed"):
            await first_one.take(1, 0)


@in_loop
async def test_what_nobody_created(kind):
    topic = a_topic(2)
    async with opened(kind, topic) as broker:
        for attempt in (
            broker.publish([Outgoing("no-such-topic", None, None, b"1")]),
            broker.read("no-such-topic", 0, BEGINNING),
            broker.ends("no-such-topic"),
        ):
            with pytest.raises(BrokerError, match="no-such-topic: the broker has no such topic; create it"):
                await attempt
        for attempt in (broker.publish(numbered(topic, 0, 1, partition=2)), broker.read(topic.name, 2, BEGINNING)):
            with pytest.raises(BrokerError, match=rf"{topic.name}: there is no partition 2; it has 2, counted from 0"):
                await attempt


@in_loop
async def test_ensure_creates_once_and_tells_of_another_number_of_partitions(kind):
    topic = a_topic(2)
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 1))
        await broker.ensure([topic, a_topic()])
        assert await broker.ends(topic.name) == [(0, 1 if kind.gapless else 2), (0, 0)]
        with pytest.raises(BrokerError, match=rf"{topic.name}: has 2 partitions, 3 are asked for"):
            await broker.ensure([a_topic(), topic._replace(partitions=3)])


@in_loop
async def test_many_messages(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 20_000))
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 20_000)) == list(range(20_000))


@in_loop
async def test_a_large_message_goes_and_a_larger_one_does_not(kind):
    topic = a_topic()
    large = bytes(MESSAGE_BYTES_MAX - 1)
    async with opened(kind, topic) as broker:
        await broker.publish([Outgoing(topic.name, 0, b"k", large)])
        for bad, why in (
            (Outgoing(topic.name, 0, b"kk", large), "1,000,001 bytes, the most is 1,000,000"),
            (Outgoing(topic.name, 0, None, "text"), "bytes, not NoneType and str"),
            (Outgoing(topic.name, 0, None, b"1", (("seq", "7"),)), "a header is a name and bytes"),
        ):
            with pytest.raises(BrokerError, match=f"{topic.name}: .*{why}"):
                await broker.publish([*numbered(topic, 0, 3), bad])
        found = await take_all(await broker.read(topic.name, 0, BEGINNING), 2, 0.5)
        assert [len(message.value) for message in found] == [len(large)], "of a publish with a bad message, none is out"


@in_loop
async def test_what_retention_removed(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        await broker.publish(numbered(topic, 0, 5))
        await kind.remove_all(broker, topic)
        await broker.publish(numbered(topic, 5, 8))
        ((first, _),) = await broker.ends(topic.name)
        assert first >= 5
        with pytest.raises(OffsetRemoved, match=rf"{topic.name}\[0\]: offset 2 is gone, the first that is still there is {first}") as told:
            await broker.read(topic.name, 0, 2)
        assert told.value.first == first
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 3)) == [5, 6, 7]


@in_loop
async def test_readers_and_publishers_side_by_side(kind):
    topic = a_topic(2)
    async with opened(kind, topic) as broker, opened(kind, topic) as other:
        readers = [await one.read(topic.name, at, BEGINNING) for one in (broker, other) for at in (0, 1)]
        taking = [asyncio.create_task(take_all(reader, 90)) for reader in readers]

        async def publish(by, partition, publisher):
            for first in range(0, 30, 5):
                await by.publish([Outgoing(topic.name, partition, publisher, b"%d" % number) for number in range(first, first + 5)])

        await asyncio.gather(*(publish(by, at, who) for at in (0, 1) for by, who in ((broker, b"a"), (broker, b"b"), (other, b"c"))))
        found = [await task for task in taking]
        assert [m.value for m in found[0]] == [m.value for m in found[2]]
        for messages in found:
            for who in (b"a", b"b", b"c"):
                assert numbers([m for m in messages if m.key == who]) == list(range(30))


@in_loop
async def test_a_taker_that_is_cancelled_loses_nothing(kind):
    topic = a_topic()
    async with opened(kind, topic) as broker:
        reader, taken = await broker.read(topic.name, 0, BEGINNING), []
        for number in range(20):
            taking = asyncio.create_task(reader.take(10, 20))
            publishing = asyncio.create_task(broker.publish(numbered(topic, number, number + 1)))
            await asyncio.sleep(0.001 * (number % 7))
            taking.cancel()
            _, found = await asyncio.gather(publishing, taking, return_exceptions=True)
            taken += [] if isinstance(found, asyncio.CancelledError) else found
        assert numbers(taken + await take_all(reader, 20 - len(taken))) == list(range(20))


@in_loop
async def test_who_claims_a_name_last_has_it(kind):
    name = a_topic().name
    async with opened(kind) as one, opened(kind) as two:
        first, other = await one.claim(name), await one.claim(f"{name}-other")
        for _ in range(2):
            await first.check()
        began = monotonic()
        second = await two.claim(name)
        for _ in range(2):
            with pytest.raises(Fenced, match=f"another session is '.*{name}' now, so this one stops"):
                await first.check()
        assert monotonic() - began < 2
        for claim in (second, other):
            await claim.check()
            await claim.release()


@in_loop
async def test_nothing_works_before_open_and_after_close(kind):
    broker, topic = kind.make(), a_topic()
    for _ in range(2):
        for attempt in (
            broker.ensure([topic]),
            broker.publish(numbered(topic, 0, 1)),
            broker.read(topic.name, 0, 0),
            broker.ends(topic.name),
        ):
            with pytest.raises(BrokerError, match="is not open"):
                await attempt
        await broker.open()
        await broker.ensure([topic])
        await broker.publish([])
        assert await broker.ends(topic.name) == [(0, 0)]
        await broker.close()
    await broker.close()


@in_loop
async def test_the_latest_of_each_key_needs_a_key(kind):
    topic = a_topic(compacted=True)
    async with opened(kind, topic) as broker:
        await broker.publish([Outgoing(topic.name, 0, b"fund", b"%d" % number) for number in range(3)])
        with pytest.raises(BrokerError, match=topic.name):
            await broker.publish(numbered(topic, 0, 1))
        await broker.publish([Outgoing(topic.name, 0, b"fund", b"3")])
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 4))[-1] == 3

"""What the broker in memory has of its own: bounds, names, threads; and the table of topics."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.broker import topics
from live.broker.memory import MemoryBroker
from live.broker.placement import partition_of
from live.broker.port import BEGINNING, END, FOR_EVER, OffsetRemoved, Outgoing
from tests.support.brokers import a_topic, in_loop, numbered, numbers, take_all


async def opened(topic, **more):
    broker = MemoryBroker(**more)
    await broker.open()
    await broker.ensure([topic])
    return broker


@in_loop
async def test_no_partition_grows_beyond_its_bytes():
    topic = a_topic(retention_ms=FOR_EVER)
    broker = await opened(topic, bytes_max=10_000)
    slow = await broker.read(topic.name, 0, BEGINNING)
    for number in range(5_000):
        await broker.publish([Outgoing(topic.name, 0, None, b"%04d" % number + bytes(96))])
    assert await broker.ends(topic.name) == [(4_900, 5_000)]
    partition = broker._store.topics[topic.name][0]
    assert len(partition._messages) < 4_000
    assert len(partition._ages) <= 101
    assert sum(len(message.value) for message in partition._messages) == partition._bytes == 10_000
    with pytest.raises(OffsetRemoved, match="offset 0 is gone, the first that is still there is 4900"):
        await slow.take(10, 0)
    found = await (await broker.read(topic.name, 0, BEGINNING)).take(10_000, 0)
    assert [message.offset for message in found] == list(range(4_900, 5_000))


@in_loop
async def test_the_last_record_stays_however_large():
    topic = a_topic()
    broker = await opened(topic, bytes_max=10)
    await broker.publish([Outgoing(topic.name, 0, None, bytes(50)), Outgoing(topic.name, 0, None, bytes(60))])
    assert await broker.ends(topic.name) == [(1, 2)]


@in_loop
async def test_records_go_when_they_are_older_than_the_retention():
    now, topic = [100.0], a_topic(retention_ms=10_000)
    broker = await opened(topic, clock=lambda: now[0])
    await broker.publish(numbered(topic, 0, 3))
    now[0] = 105
    await broker.publish(numbered(topic, 3, 5))
    now[0] = 110
    assert await broker.ends(topic.name) == [(0, 5)]
    now[0] = 110.5
    assert await broker.ends(topic.name) == [(3, 5)]
    assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 2)) == [3, 4]
    now[0] = 200
    assert await broker.ends(topic.name) == [(5, 5)]
    assert (await broker.read(topic.name, 0, BEGINNING)).position == 5


@in_loop
async def test_the_latest_of_each_key_stays():
    topic = a_topic(compacted=True, retention_ms=1)
    broker = await opened(topic, bytes_max=10)
    for turn in range(2_000):
        await broker.publish([Outgoing(topic.name, 0, b"%d" % (number % 7), b"%d" % turn) for number in range(turn % 5 + 1)])
    found = await (await broker.read(topic.name, 0, 0)).take(10**6, 0)
    assert len(found) < 1_100
    assert {message.key: message.value for message in found} == {b"%d" % key: b"1999" for key in range(5)}
    offsets = [message.offset for message in found]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == (await broker.ends(topic.name))[0][1] - 1


@in_loop
async def test_brokers_of_a_name_are_one_and_others_are_not():
    topic = a_topic()
    one, same, other = await opened(topic, name="desk"), await opened(topic, name="desk"), await opened(topic)
    await one.publish(numbered(topic, 0, 2))
    assert numbers(await take_all(await same.read(topic.name, 0, BEGINNING), 2)) == [0, 1]
    assert await other.ends(topic.name) == [(0, 0)]
    await one.close()
    assert await same.ends(topic.name) == [(0, 2)]


@in_loop
async def test_a_publisher_in_another_thread_wakes_a_reader():
    topic = a_topic()
    broker = await opened(topic)
    reader = await broker.read(topic.name, 0, END)
    taking = asyncio.create_task(take_all(reader, 300))
    await asyncio.sleep(0.01)

    def publish():
        for number in range(0, 300, 3):
            asyncio.run(broker.publish(numbered(topic, number, number + 3)))

    thread = threading.Thread(target=publish)
    thread.start()
    assert numbers(await taking) == list(range(300))
    thread.join()


@given(st.binary(max_size=40), st.integers(1, 50))
def test_a_key_goes_where_kafkas_clients_put_it(key, partitions):
    partitioner = pytest.importorskip("aiokafka.partitioner")
    assert partition_of(key, partitions) == partitioner.DefaultPartitioner()(key, list(range(partitions)), [])


def test_the_table_of_topics():
    table = topics.topics(shards=3)
    names = [topic.name for topic in table]
    assert len(set(names)) == len(names) == len(topics.TABLE)
    assert {topic.name: topic.partitions for topic in table} == {name: 1 if name == "session.claims" else 3 for name in names}
    assert all(topic.key and topic.writers and topic.value for topic in table)
    orders, events = ("orders.commands", "orders.events"), ("risk.events", "compliance.events", "portfolio.events", "notifications")
    market = ("trades", "market-data-raw", "market-data-1min", "market-indicators", "price-alerts", "market-history")
    for name in (*orders, *events, *market, "dead-letters"):
        assert f"| `{name}` |" in topics.as_markdown()
    by_name = {topic.name: topic for topic in table}
    assert by_name["portfolio.events"].compacted, "the latest of each portfolio wins"
    assert by_name["market-history"].retention_ms == FOR_EVER, "Kafka would expire it by the moments of history"

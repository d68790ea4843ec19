"""What only a genuine Kafka can show: it is killed and comes back, producers are fenced, clients of ours get stuck."""

import asyncio
import re
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from live.broker.kafka import KafkaBroker
from live.broker.kafka_client import client_settings
from live.broker.kafka_reader import KafkaReader
from live.broker.port import BEGINNING, BrokerError, Fenced, OffsetRemoved
from live.broker.security import security_settings
from live.broker.server.properties import free_ports
from tests.support.brokers import OnKafka, a_topic, in_loop, numbered, numbers, take_all


@asynccontextmanager
async def opened(kafka, *topics, **more):
    broker = KafkaBroker(kafka.servers, **more)
    await broker.open()
    try:
        await broker.ensure(topics)
        yield broker
    finally:
        await broker.close()


def without_repeats(found):
    """The values in the order in which each came first."""
    return list(dict.fromkeys(numbers(found)))


@pytest.mark.parametrize("more", [{}, {"exactly_once": True, "transactional_id": "killed"}], ids=["idempotent", "exactly once"])
@in_loop
async def test_a_kafka_that_is_killed_and_comes_back(kafka, more):
    """What was acknowledged is there, a publish that waits completes, and a reader goes on: in order, without a gap."""
    topic = a_topic()
    async with opened(kafka, topic, **more) as broker:
        reader = await broker.read(topic.name, 0, BEGINNING)
        acknowledged = []

        async def publish():
            for number in range(0, 400, 4):
                await broker.publish(numbered(topic, number, number + 4))
                acknowledged.append(number)
                await asyncio.sleep(0.002)

        publishing = asyncio.create_task(publish())
        found = await take_all(reader, 40)
        await asyncio.to_thread(kafka.kill)
        before = len(acknowledged)
        await asyncio.sleep(1)
        assert len(acknowledged) <= before + 1, "nobody acknowledges while there is no Kafka"
        assert not publishing.done()
        await asyncio.to_thread(kafka.start)
        await asyncio.wait_for(publishing, 60)
        while len(without_repeats(found)) < 400:
            more_found = await reader.take(400, 30)
            assert more_found, "the reader stalls"
            found += more_found
        assert without_repeats(found) == list(range(400))
        assert len(found) == 400 or not more, "a transaction is seen once"


@in_loop
async def test_a_bulk_that_waits_through_an_outage(kafka):
    """More than a batch holds, begun while there is no Kafka at all."""
    topic = a_topic()
    async with opened(kafka, topic) as broker:
        await broker.publish(numbered(topic, 0, 1))
        await asyncio.to_thread(kafka.kill)
        publishing = asyncio.create_task(broker.publish(numbered(topic, 1, 60_000)))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(kafka.start)
        await asyncio.wait_for(publishing, 60)
        found = await take_all(await broker.read(topic.name, 0, BEGINNING), 60_000, 5)
        assert without_repeats(found) == list(range(60_000))


@in_loop
async def test_a_publish_that_is_cancelled_in_an_outage(kafka):
    topic = a_topic()
    async with opened(kafka, topic) as broker:
        await asyncio.to_thread(kafka.kill)
        publishing = asyncio.create_task(broker.publish(numbered(topic, 0, 3)))
        await asyncio.sleep(0.3)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(publishing, 5)
        await asyncio.to_thread(kafka.start)
        await broker.publish(numbered(topic, 3, 6))
        found = numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 6, 1))
        assert found in ([3, 4, 5], [0, 1, 2, 3, 4, 5])


@in_loop
async def test_the_second_of_a_transactional_id_fences_the_first(kafka):
    topic, once = a_topic(), {"exactly_once": True, "transactional_id": "one-of-us"}
    async with opened(kafka, topic, **once) as first, opened(kafka, **once) as second:
        await second.publish(numbered(topic, 0, 2))
        began = monotonic()
        for _ in range(2):
            with pytest.raises(Fenced, match="another session is 'one-of-us' now, so this one stops"):
                await first.publish(numbered(topic, 90, 92))
        assert monotonic() - began < 2
        await second.publish(numbered(topic, 2, 4))
        assert numbers(await take_all(await second.read(topic.name, 0, BEGINNING), 4)) == [0, 1, 2, 3]


@in_loop
async def test_who_lost_a_name_in_an_outage_does_not_take_it_back(kafka):
    """A producer of ours that is made anew must not fence who took over while it was gone."""
    topic, once = a_topic(), {"exactly_once": True, "transactional_id": "takes-over"}
    async with opened(kafka, topic, **once) as first, opened(kafka) as second:
        ours = await first.claim("shard-7")
        await first.publish(numbered(topic, 0, 2))
        theirs = await second.claim("shard-7")
        for producer in (first._producer, ours._producer):
            await producer._drop(producer._producer)
        for attempt in (ours.check(), first.publish(numbered(topic, 2, 4)), ours.check()):
            with pytest.raises(Fenced):
                await attempt
        await theirs._producer._drop(theirs._producer._producer)
        await theirs.check()


@in_loop
async def test_a_transaction_is_seen_whole_or_not_at_all(kafka):
    """One that is cancelled midway leaves nothing, and does not keep readers from what follows."""
    topic = a_topic(2)
    async with opened(kafka, topic, exactly_once=True, transactional_id="whole") as broker:
        publishing = asyncio.create_task(broker.publish(numbered(topic, 0, 50_000) + numbered(topic, 0, 50_000, partition=1)))
        await asyncio.sleep(0.05)
        publishing.cancel()
        await asyncio.wait([publishing])
        await broker.publish([*numbered(topic, 100_000, 100_001), *numbered(topic, 100_000, 100_001, partition=1)])
        for partition in (0, 1):
            assert numbers(await take_all(await broker.read(topic.name, partition, BEGINNING), 1)) == [100_000]


@pytest.mark.parametrize("more", [{}, {"exactly_once": True, "transactional_id": "stuck"}], ids=["idempotent", "exactly once"])
@in_loop
async def test_a_producer_out_of_sequence_is_made_anew(kafka, more):
    topic = a_topic()
    async with opened(kafka, topic, **more) as broker:
        await broker.publish(numbered(topic, 0, 3))
        stuck = broker._producer._producer
        (partition,) = stuck._txn_manager._sequence_numbers
        stuck._txn_manager._sequence_numbers[partition] += 100
        await broker.publish(numbered(topic, 3, 20_000))
        assert broker._producer._producer is not stuck
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 20_000)) == list(range(20_000))


@in_loop
async def test_a_producer_that_waits_for_ever_is_made_anew(kafka):
    topic = a_topic()
    async with opened(kafka, topic) as broker:
        broker._producer._stall = 0.3
        await broker.publish(numbered(topic, 0, 3))
        stuck = broker._producer._producer
        stuck._sender._muted_partitions |= stuck._txn_manager._sequence_numbers.keys()
        await asyncio.wait_for(broker.publish(numbered(topic, 3, 6)), 20)
        assert broker._producer._producer is not stuck
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 6)) == list(range(6))


@in_loop
async def test_a_commit_whose_answer_was_lost_is_not_sent_again(kafka):
    topic = a_topic()
    async with opened(kafka, topic, exactly_once=True, transactional_id="in-doubt") as broker:
        producer = broker._producer._producer
        commit = producer.commit_transaction

        async def lost():
            await commit()
            raise TimeoutError

        producer.commit_transaction = lost
        await broker.publish(numbered(topic, 0, 3))
        producer = broker._producer._producer

        async def unsent():
            raise TimeoutError

        producer.commit_transaction = unsent
        await broker.publish(numbered(topic, 3, 6))
        assert numbers(await take_all(await broker.read(topic.name, 0, BEGINNING), 7, 1)) == list(range(6))


@in_loop
async def test_a_consumer_that_stalls_is_made_anew(kafka):
    topic = a_topic()
    async with opened(kafka, topic) as broker:
        await broker.publish(numbered(topic, 0, 3))
        reader = KafkaReader(client_settings(kafka.servers), topic.name, 0, 0, stall=0.4)
        await reader.start()
        assert numbers(await take_all(reader, 3)) == [0, 1, 2]
        stalled = reader._consumer
        stalled._fetcher._fetch_task.cancel()
        await asyncio.sleep(0)
        await broker.publish(numbered(topic, 3, 6))
        assert numbers(await take_all(reader, 3)) == [3, 4, 5]
        assert reader._consumer is not stalled
        await reader.close()


@in_loop
async def test_an_idle_reader_is_left_alone(kafka):
    """With a transaction's end as the last thing in the partition, which no taker ever sees."""
    topic = a_topic()
    async with opened(kafka, topic, exactly_once=True, transactional_id="idle") as broker:
        await broker.publish(numbered(topic, 0, 3))
        reader = KafkaReader(client_settings(kafka.servers), topic.name, 0, 0, stall=0.2)
        await reader.start()
        assert numbers(await take_all(reader, 3)) == [0, 1, 2]
        made = []
        assigned = reader._assigned
        reader._assigned = lambda: made.append(1) or assigned()
        assert await reader.take(1, 3) == []
        assert len(made) <= 3
        await reader.close()


@in_loop
async def test_retention_that_overtakes_a_reader(kafka):
    topic = a_topic()
    async with opened(kafka, topic) as broker:
        await broker.publish(numbered(topic, 0, 5))
        await OnKafka(kafka).remove_all(broker, topic)
        reader = KafkaReader(client_settings(kafka.servers), topic.name, 0, 2)
        await reader.start()
        for _ in range(2):
            with pytest.raises(OffsetRemoved, match="offset 2 is gone, the first that is still there is 5"):
                await reader.take(1, 10)
        await reader.close()


@in_loop
async def test_a_topic_that_is_deleted_under_us(kafka):
    from live.broker.kafka_client import admin

    topic = a_topic()
    async with opened(kafka, topic) as broker:
        broker._producer._stall = 0.5
        await broker.publish(numbered(topic, 0, 1))
        async with admin(client_settings(kafka.servers)) as client:
            await client.delete_topics([topic.name])
        with pytest.raises(BrokerError, match=f"{topic.name}: the broker has no such topic"):
            await asyncio.wait_for(broker.publish(numbered(topic, 1, 2)), 30)


@in_loop
async def test_a_kafka_that_is_not_there(caplog):
    servers = f"127.0.0.1:{free_ports().client}"
    broker, began = KafkaBroker(servers, patience=0.5), monotonic()
    with pytest.raises(BrokerError, match=rf"Kafka at {servers} does not answer \(connecting; tried for 0.5 s: .*; start it"):
        await broker.open()
    assert 0.5 <= monotonic() - began < 5
    assert re.search(rf"Kafka at {servers} does not answer .*; trying again", caplog.text)
    assert "aiokafka" not in {record.name for record in caplog.records}


@in_loop
async def test_an_open_that_waits_for_its_kafka(kafka):
    broker = KafkaBroker(kafka.servers, patience=60)
    await asyncio.to_thread(kafka.kill)
    opening = asyncio.create_task(broker.open())
    await asyncio.sleep(0.3)
    assert not opening.done()
    await asyncio.to_thread(kafka.start)
    await opening
    await broker.close()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"servers": "localhost"}, "servers: 'localhost' is not host:port"),
        ({"exactly_once": True}, "exactly_once and transactional_id come together"),
        ({"security": {"user": "me"}}, "security: user is not known; it may have protocol, mechanism"),
        ({"security": {"protocol": "TLS"}}, "security: protocol 'TLS' is not known; it is one of PLAINTEXT, SSL"),
        ({"security": {"username": "me"}}, "security: SASL needs username, and one of password and password_file"),
        ({"security": {"username": "me", "password": "x", "mechanism": "GSSAPI"}}, "security: mechanism 'GSSAPI' is not known"),
        ({"security": {"protocol": "SSL", "username": "me", "password": "x"}}, "security: SSL takes no username"),
        ({"security": {"protocol": "SSL", "ca": "/no/such.pem"}}, "security: ca /no/such.pem: .*No such file"),
        ({"security": {"protocol": "SSL", "cert": "a.pem"}}, "security: cert and key come together"),
        ({"security": {"protocol": 1}}, "security: protocol is a text, not int"),
        ({"security": {"username": "me", "password_file": "/no/such"}}, "security: password_file /no/such cannot be read"),
    ],
)
def test_a_configuration_that_cannot_be(more, why):
    with pytest.raises(BrokerError, match=why):
        KafkaBroker(**{"servers": "127.0.0.1:9092", **more})


def test_security_by_a_mapping(tmp_path):
    (tmp_path / "password").write_text("secret\n")
    made = security_settings({"username": "me", "password_file": str(tmp_path / "password"), "mechanism": "SCRAM-SHA-512"})
    context = made.pop("ssl_context")
    assert made == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": "secret",
    }
    assert context.check_hostname
    assert security_settings({}) == security_settings(None) == {}

"""A session and its Kafka: the broker is killed and comes back; another session takes the shard."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from data.log.event_log import EventLog
from engine import Kind, Side, limit
from engine.messages.commands import Command
from engine.messages.records import FACT
from live.broker.kafka import KafkaBroker
from live.broker.port import Fenced
from live.broker.server import KafkaServer
from live.broker.topics import ORDERS_EVENTS
from live.session.session import Session
from live.wire.facts import encode_facts
from tests.live.session.load import NAME, settings_of
from tests.live.session.test_crashes import command, published, until_taken
from tests.support.brokers import in_loop


@in_loop
async def test_the_broker_is_killed_and_comes_back(tmp_path: Path, a_kafka: KafkaServer) -> None:
    """Nothing is lost or doubled, and nobody has to help: commands that were sent before, meanwhile and after are carried out once."""
    servers = a_kafka.start().servers
    broker = KafkaBroker(servers)
    await broker.open()
    async with Session(settings_of(servers), tmp_path) as session:
        await broker.publish([command(k, "X", "BUY", 1, "100.00") for k in range(1, 501)])
        await until_taken(broker, 500)
        producing = asyncio.create_task(broker.publish([command(k, "X", "SELL", 1, "100.00") for k in range(501, 1001)]))
        await asyncio.to_thread(a_kafka.kill)
        answer = await session.send(_own(1))  # who does not come by the broker is served
        assert int(answer["order_id"][-1]) == 1  # behind the fact that introduces its trader
        await asyncio.sleep(1)
        await asyncio.to_thread(a_kafka.start)
        await producing
        await broker.publish([command(k, "Y", "BUY", 1, "100.00") for k in range(1001, 1201)])
        await until_taken(broker, 1200)
    with EventLog(tmp_path / "live" / NAME / "log.duckdb", read_only=True) as log:
        commands, facts = log.read(1)
        assert log.verify(1).ok
        exchange = log.replay(1)
    sent = commands.records[(commands.records["kind"] == Kind.NEW) & (commands.records["trader"] == exchange.names.traders["ann"])]
    assert sent["order_id"].tolist() == list(range(1, 1201))
    expected = [v for topic, _, v in encode_facts(NAME, facts.astype(FACT), exchange.names, exchange.decimals) if topic == ORDERS_EVENTS]
    seen = [value async for value in published(broker, ORDERS_EVENTS)]
    first = list(dict.fromkeys(seen))
    assert [msgspec.json.decode(value)["seq"] for value in first] == [msgspec.json.decode(value)["seq"] for value in expected]
    assert set(first) == set(expected)
    await broker.close()


def _own(number: int) -> Command:
    return limit(number, "Y", Side.BUY, 1, "90.00", trader="bob", portfolio="other")


@in_loop
async def test_who_starts_on_the_same_shard_takes_it(tmp_path: Path, a_kafka: KafkaServer) -> None:
    """Two sessions on one shard: the first is fenced, and stops."""
    servers = a_kafka.start().servers
    first = Session(settings_of(servers), tmp_path / "one")
    await first.start()
    second = Session(settings_of(servers), tmp_path / "two")
    await second.start()
    with pytest.raises(Fenced, match=r"another session is 'tapebook.claim.shard-0' now, so this one stops; run one of them"):
        await asyncio.wait_for(first.ended(), 30)
    with pytest.raises(Fenced):
        await first.stop()
    broker = KafkaBroker(servers)
    await broker.open()
    await broker.publish([command(1, "X", "BUY", 1, "100.00")])
    await until_taken(broker, 1)
    await broker.close()
    await second.stop()
    for folder, orders in (("one", 0), ("two", 1)):
        with EventLog(tmp_path / folder / "live" / NAME / "log.duckdb", read_only=True) as log:
            assert log.verify(1).ok
            assert (log.read(1)[0].records["kind"] == Kind.NEW).sum() == orders

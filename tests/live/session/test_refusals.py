"""What a session cannot work with is said in one line, with the mend, before it takes a command; and what it does about old commands."""

import asyncio
import json
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.log.schema import LogError
from engine.errors import TapebookError
from engine.messages.vocabulary import Kind, Reason
from live.broker.memory import MemoryBroker
from live.broker.port import Broker, BrokerError, Outgoing, Topic
from live.broker.topics import DEAD_LETTERS, ORDERS_COMMANDS, topics
from live.configuration.session import SessionSettings
from live.session.session import Session

OLD = 30 * 24 * 3600.0
"""Seconds after which retention has removed every command."""


def settings(**more: Any) -> SessionSettings:
    given: dict[str, Any] = {
        "name": "desk",
        "instruments": [{"symbol": "AAPL", "tick": "0.01"}],
        "portfolios": [{"name": "fund", "cash": "1000000"}],
        "traders": [{"name": "ann", "portfolios": ["fund"]}],
    }
    return SessionSettings.read(None, given | more)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 300))


async def started(out: Path, broker: Broker | None = None, **more: Any) -> None:
    """A session from its start to its end."""
    async with Session(settings(**more), out, broker=broker):
        pass


def refused(work: Coroutine[Any, Any, Any], kind: type[TapebookError] = TapebookError) -> str:
    """What is said of it, in one line."""
    with pytest.raises(kind) as found:
        run(work)
    said = str(found.value)
    assert "\n" not in said
    return said


def order(number: int, **more: Any) -> Outgoing:
    said = {"kind": "NEW", "order_id": number, "symbol": "AAPL", "side": "BUY", "quantity": "1", "price": "150.00"}
    said |= {"portfolio": "fund", "trader": "ann"}
    return Outgoing(ORDERS_COMMANDS, 0, b"fund", json.dumps(said | more).encode())


async def taken(session: Session, messages: int) -> None:
    """Until so many messages are carried out and told."""
    while session.meters.counts["messages"] < messages:
        await asyncio.sleep(0.01)
    while len(session.intake):
        await asyncio.sleep(0.01)
    await session.ask(lambda exchange: None)


def ids(session: Session) -> list[int]:
    return [int(number) for number in session.models.orders()["order_id"]]


def test_a_broker_that_nobody_answers_for(tmp_path: Path) -> None:
    kafka = {"kind": "kafka", "servers": "127.0.0.1:1", "patience": "1s"}
    said = refused(_unreachable(tmp_path, kafka), BrokerError)
    assert said.startswith("Kafka at 127.0.0.1:1 does not answer (connecting; tried for 1 s: ")
    assert said.endswith("; start it (tapebook kafka start), or mend `servers`")


async def _unreachable(out: Path, kafka: dict[str, Any]) -> None:
    async with Session(settings(broker=kafka), out):
        pass


async def _with_topic(out: Path, topic: Topic) -> None:
    broker = MemoryBroker()
    await broker.open()
    await broker.ensure([topic])
    await started(out, broker)


def test_a_topic_with_other_partitions(tmp_path: Path) -> None:
    said = refused(_with_topic(tmp_path, Topic(ORDERS_COMMANDS, 3)), BrokerError)
    assert said == "orders.commands: has 3 partitions, 1 are asked for; set `shards` to what the broker has, or delete the topic there"


def test_a_missing_topic_is_created(tmp_path: Path) -> None:
    async def work() -> None:
        broker = MemoryBroker()
        async with Session(settings(), tmp_path, broker=broker):
            for topic in topics():
                assert len(await broker.ends(topic.name)) == topic.partitions

    run(work())


def test_a_log_of_another_layout(tmp_path: Path) -> None:
    run(started(tmp_path))
    with duckdb.connect(str(tmp_path / "live" / "desk" / "log.duckdb")) as con:
        con.execute("UPDATE meta SET value = '0' WHERE key = 'layout'")
    said = refused(started(tmp_path), LogError)
    assert "log.duckdb: has layout 0, written by Tapebook" in said
    assert "open it with the Tapebook that wrote it, or run the session again" in said


def test_the_log_of_another_session(tmp_path: Path) -> None:
    run(started(tmp_path))
    shutil.copytree(tmp_path / "live" / "desk", tmp_path / "live" / "other")
    said = refused(started(tmp_path, name="other"))
    assert said.endswith("is the log of session 'desk', not of 'other'; name that session, or another --out")


def test_a_strategy_that_cannot_be_imported(tmp_path: Path) -> None:
    strategies = [{"name": "maker", "strategy": "nowhere_to_be_found:Maker", "portfolio": "fund"}]
    assert "nowhere_to_be_found" in refused(started(tmp_path, strategies=strategies))


def test_commands_that_retention_removed(tmp_path: Path) -> None:
    now = [0.0]
    broker = MemoryBroker(clock=lambda: now[0])

    async def begun() -> None:
        async with Session(settings(), tmp_path, broker=broker) as session:
            await broker.publish([order(1)])
            await taken(session, 1)

    async def removed() -> None:
        await broker.open()
        await broker.publish([order(k) for k in range(2, 5)])
        now[0] += OLD
        await started(tmp_path, broker)

    async def skipped() -> None:
        async with Session(settings(broker={"removed": "skip"}), tmp_path, broker=broker) as session:
            assert [one["kind"] for one in session.notices] == ["MessagesRemoved"]
            await broker.publish([order(5)])
            await taken(session, 1)
            assert ids(session) == [1, 5]

    run(begun())
    said = refused(removed(), BrokerError)
    assert said.startswith(
        "orders.commands[0]: session 'desk' goes on at offset 1, but retention removed all before 4: they are lost to it"
    )
    assert 'set broker = { removed = "skip" } to go on behind them' in said
    run(skipped())


@pytest.mark.parametrize(("start", "expected"), [("beginning", [1, 2, 3]), ("end", [3])])
def test_commands_from_before_a_new_session(start: str, expected: list[int], tmp_path: Path) -> None:
    broker = MemoryBroker()

    async def work(again: bool) -> None:
        if not again:
            await broker.open()
            await broker.ensure(topics())
            await broker.publish([order(1), order(2)])
        async with Session(settings(broker={"start": start}), tmp_path, broker=broker) as session:
            assert [(one["kind"], one["offsets"]) for one in session.notices] == ([] if again else [("EarlierMessages", "0 to 1")])
            if not again:
                await broker.publish([order(3)])
                await taken(session, len(expected))
            assert ids(session) == expected

    run(work(again=False))
    run(work(again=True))  # where it began is in its log: nothing comes twice, and nothing is left out


def test_a_new_session_that_was_killed_at_once_begins_where_it_began(tmp_path: Path) -> None:
    """What came after its start is not taken for old commands, though it had carried out nothing."""
    broker = MemoryBroker()

    async def first() -> None:
        session = Session(settings(broker={"start": "end"}), tmp_path, broker=broker)
        await session.start()
        await session._end(RuntimeError("killed"))  # what was not committed by now is lost

    async def again() -> None:
        await broker.open()
        await broker.publish([order(1)])
        async with Session(settings(broker={"start": "end"}), tmp_path, broker=broker) as session:
            await taken(session, 1)
            assert ids(session) == [1]

    run(first())
    run(again())


def test_an_order_that_names_nobody_we_know(tmp_path: Path) -> None:
    """An unknown symbol is the exchange's refusal; an unknown trader of an unknown portfolio is introduced, as everywhere."""

    async def work() -> None:
        broker = MemoryBroker()
        async with Session(settings(), tmp_path, broker=broker) as session:
            await broker.publish([order(1, symbol="NONE"), order(2, trader="zoe"), order(3, side="UP"), order(4)])
            await taken(session, 4)
            while len(ids(session)) < 2:
                await asyncio.sleep(0.01)
            _, facts = session.log.read(session.number)
            said = {(Kind(int(f["kind"])).name, Reason(int(f["reason"])).name) for f in facts if f["order_id"] == 1}
            assert said == {("OrderRejected", "UNKNOWN_INSTRUMENT")}
            assert sorted(ids(session)) == [2, 4]
            assert "zoe" in session.exchange.names.traders
            (letter,) = await (await broker.read(DEAD_LETTERS, 0, 0)).take(10, 1)
            assert json.loads(letter.value)["side"] == "UP"
            assert dict(letter.headers)["error"].startswith(b"side: ")

    run(work())

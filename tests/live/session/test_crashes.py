"""A session that is killed at random under load, and starts again: nothing acknowledged is lost, nothing is carried out twice."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data.log.event_log import EventLog
from engine.messages.records import FACT
from engine.messages.vocabulary import Kind
from live.broker.kafka import KafkaBroker
from live.broker.port import BEGINNING, Outgoing
from live.broker.server import KafkaServer
from live.broker.topics import ORDERS_COMMANDS, ORDERS_EVENTS
from live.models.read_models import ReadModels
from live.session import kept_models
from live.wire.facts import encode_facts
from tests.live.session.load import NAME, PORTFOLIO, SYMBOLS, TRADER
from tests.support.brokers import in_loop, within

KILLS = int(os.environ.get("TAPEBOOK_KILLS", "3"))
ROOT = Path(__file__).parents[3]
IN_FLIGHT = 64


class Child:
    """The session's process, started as often as it is killed."""

    def __init__(self, out: Path, servers: str | None = None) -> None:
        self.words = [sys.executable, "-m", "tests.live.session.load", str(out), *([servers] if servers else [])]
        self.port = 0

    async def start(self) -> None:
        """Until it takes commands."""
        self.process = await asyncio.create_subprocess_exec(
            *self.words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 120)
        assert line, (await self.process.communicate())[1].decode()
        self.port = int(line)

    async def kill(self) -> None:
        """At once, whatever it does."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.communicate()

    async def stop(self) -> int:
        """In order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        said, errors = await asyncio.wait_for(self.process.communicate(), 20)
        assert not self.process.returncode, errors.decode()
        self.said = json.loads(said)
        return 0


class Answer(NamedTuple):
    """What the session acknowledged."""

    seq: int
    kind: str
    reason: str


def orders(seed: int) -> Iterator[tuple[int, str, str, int, str]]:
    """Endless orders that often trade: id, symbol, side, quantity, price."""
    chance, number = random.Random(seed), 0
    while True:
        number += 1
        yield (
            number,
            chance.choice(SYMBOLS),
            chance.choice(("BUY", "SELL")),
            chance.randint(1, 9),
            f"{chance.randint(9995, 10005) / 100}",
        )


class RetryingClient:
    """Sends orders, several at a time, and each again until it is answered."""

    def __init__(self, child: Child, seed: int) -> None:
        self.child, self.orders = child, orders(seed)
        self.open: dict[int, str] = {}
        self.answers: dict[int, Answer] = {}
        self.again: dict[int, Answer] = {}

    async def run(self, seconds: float) -> None:
        """Against the process that runs now, until that time is over or the connection breaks."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.child.port)
        try:
            async with asyncio.timeout(seconds):
                for line in self.open.values():
                    writer.write(line.encode())
                retried = set(self.open)
                while True:
                    while len(self.open) < IN_FLIGHT:
                        number, *rest = next(self.orders)
                        self.open[number] = f"{number} {' '.join(map(str, rest))}\n"
                        writer.write(self.open[number].encode())
                    said = (await reader.readline()).decode().split()
                    if not said:
                        return
                    number, seq, kind, reason = int(said[0]), int(said[1]), said[2], said[3]
                    (self.again if number in retried else self.answers)[number] = Answer(seq, kind, reason)
                    del self.open[number]
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()


def check_log(out: Path, sent: set[int], digest: str | None) -> tuple[EventLog, np.ndarray]:
    """The log is whole, a replay from its first command gives the session's state, and the kept read models are those of a rebuild."""
    folder = out / "live" / NAME
    log = EventLog(folder / "log.duckdb", read_only=True)
    assert log.verify(1).ok, log.verify(1)
    commands, facts = log.read(1)
    seqs = np.sort(np.concatenate([commands.seqs, facts["seq"]]))
    assert np.array_equal(seqs, np.arange(1, len(seqs) + 1))
    created = facts[facts["kind"] == Kind.OrderCreated]["order_id"]
    assert len(np.unique(created)) == len(created)
    assert set(created.tolist()) <= sent
    replayed = log.replay(1)
    assert digest is None or replayed.digest() == digest
    kept = (folder / kept_models.FILE).read_bytes()
    assert kept == ReadModels.from_log(log, 1).store()
    return log, facts


def check_notifications(out: Path, facts: np.ndarray) -> None:
    """The service stands at a fact, and each trade up to there has one notification."""
    with sqlite3.connect(out / "live" / NAME / "services" / "notifications.sqlite") as con:
        ((position,),) = con.execute("SELECT value FROM positions WHERE name = 'seq'")
        keys = [key for (key,) in con.execute("SELECT key FROM deliveries WHERE target LIKE '%log%' ORDER BY n")]
    trades = facts["seq"][(facts["kind"] == Kind.TradeExecuted) & (facts["seq"] <= position)]
    assert len(trades)
    assert keys == [f"{NAME}-{seq}" for seq in trades.tolist()]


@in_loop
@within(60 + 20 * KILLS)
async def test_a_client_that_retries(tmp_path: Path) -> None:
    """Embedded: an answered order is in the log at the seq that was told; one that was sent again is there once."""
    child, chance = Child(tmp_path), random.Random(14)
    client = RetryingClient(child, 14)
    for _ in range(KILLS):
        await child.start()
        running = asyncio.create_task(client.run(30))
        await asyncio.sleep(chance.uniform(0.05, 1.0))
        await child.kill()
        await running
    await child.start()
    await client.run(1.0)
    await child.stop()
    log, facts = check_log(tmp_path, set(client.answers) | set(client.again) | set(client.open), child.said["digest"])
    by_seq = {int(fact["seq"]): fact for fact in facts}
    assert client.answers
    assert client.again  # kills hit orders that were on their way
    for number, said in client.answers.items():
        fact = by_seq[said.seq]
        assert (int(fact["order_id"]), Kind(int(fact["kind"])).name) == (number, said.kind)
        assert said.kind == "OrderCreated"
    for number, said in client.again.items():
        assert said.kind == "OrderCreated" or said.reason == "DUPLICATE_ORDER", (number, said)
    created = set(facts[facts["kind"] == Kind.OrderCreated]["order_id"].tolist())
    assert created >= set(client.answers) | set(client.again)
    check_notifications(tmp_path, facts)
    log.close()


def command(number: int, symbol: str, side: str, quantity: int, price: str) -> Outgoing:
    """An order as its message."""
    said = {"kind": "NEW", "order_id": number, "symbol": symbol, "side": side, "type": "LIMIT", "quantity": quantity, "price": price}
    said |= {"time_in_force": "GTC", "trader": TRADER, "portfolio": PORTFOLIO if number % 2 else "other"}
    return Outgoing(ORDERS_COMMANDS, 0, b"fund", json.dumps(said).encode())


async def published(broker: KafkaBroker, topic: str) -> AsyncIterator[bytes]:
    """Every value of a topic."""
    reader = await broker.read(topic, 0, BEGINNING)
    ((_, end),) = await broker.ends(topic)
    while reader.position < end:
        for message in await reader.take(4_096, 2.0):
            yield message.value


@in_loop
@within(60 + 20 * KILLS)
async def test_a_session_on_kafka(tmp_path: Path, a_kafka: KafkaServer) -> None:
    """Every message is carried out once and in order; `orders.events` has every fact, and a repeated one with the same bytes."""
    servers = a_kafka.start().servers
    child, chance = Child(tmp_path, servers), random.Random(41)
    await child.start()
    broker = KafkaBroker(servers)
    await broker.open()
    source, sent = orders(41), 0

    async def produce() -> None:
        nonlocal sent
        while True:
            ((_, events),) = await broker.ends(ORDERS_EVENTS)
            if sent < events // 2 + 10_000:  # an order makes up to two, mostly: no more waits than a loaded machine can carry out
                await broker.publish([command(*next(source)) for _ in range(200)])
                sent += 200
            await asyncio.sleep(0.02)

    producing = asyncio.create_task(produce())
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 1.5))
        await child.kill()
        await child.start()
    await asyncio.sleep(0.5)
    producing.cancel()
    await asyncio.gather(producing, return_exceptions=True)
    ((_, end),) = await broker.ends(ORDERS_COMMANDS)
    await until_taken(broker, end)
    await child.stop()
    log, facts = check_log(tmp_path, set(range(1, end + 1)), child.said["digest"])
    orders_taken = log.read(1)[0].records
    taken = orders_taken[orders_taken["kind"] == Kind.NEW]["order_id"]
    assert taken.tolist() == list(range(1, end + 1))
    exchange = log.replay(1)
    rows = encode_facts(NAME, facts.astype(FACT), exchange.names, exchange.decimals)
    expected = [value for topic, _, value in rows if topic == ORDERS_EVENTS]
    seen = [value async for value in published(broker, ORDERS_EVENTS)]
    assert set(seen) == set(expected)
    first = list(dict.fromkeys(seen))
    assert [msgspec.json.decode(value)["seq"] for value in first] == [msgspec.json.decode(value)["seq"] for value in expected]
    check_notifications(tmp_path, facts)
    await broker.close()
    log.close()


async def until_taken(broker: KafkaBroker, orders_sent: int) -> None:
    """Until the last order's answer is out."""
    async with asyncio.timeout(60):
        while True:
            _, end = (await broker.ends(ORDERS_EVENTS))[0]
            reader = await broker.read(ORDERS_EVENTS, 0, max(0, end - 2_000))
            ids = {msgspec.json.decode(message.value).get("order_id") for message in await reader.take(2_000, 0.5)}
            await reader.close()
            if orders_sent in ids:
                return
            await asyncio.sleep(0.2)

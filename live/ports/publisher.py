"""Tells the world what was committed: each fact on its topics, in the order of `seq`, from a cursor of its own that the log keeps."""

import asyncio
import time
from collections import deque

import numpy as np

from data.log.rows import joined
from engine.messages.records import FACT
from engine.messages.vocabulary import Kind
from live.broker.port import Broker, Outgoing
from live.broker.topics import ORDERS_EVENTS
from live.wire.facts import FactEncoder
from live.wire.portfolios import Account, encode_portfolios
from live.writer.committed import Committed
from live.writer.face import Running

CURSOR = "publisher"
ROOM = 1 << 16
"""Facts that wait in memory; beyond that the publisher reads on in the log."""
MOST = 1 << 13
"""Facts of one publication, about."""
LEARNED = [Kind.OrderCreated, Kind.OrderCancelled, Kind.OrderExpired, Kind.TradeExecuted, Kind.DayStarted]


class Publisher:
    """Follows the commits. A record is out at least once; a repeat, after a crash, has the same bytes."""

    def __init__(self, broker: Broker, shard: int) -> None:
        self.broker, self.shard = broker, shard
        self._waiting: deque[np.ndarray] = deque()
        self._rows = 0
        self._behind, self.cursor = False, 0
        self._moved = time.monotonic()
        self._accounts: dict[str, tuple[int, int, Account]] = {}
        self._some, self._caught_up = asyncio.Event(), asyncio.Event()

    def offer(self, batch: Committed) -> None:
        """A batch was committed."""
        if self._caught_up.is_set():
            self._moved = time.monotonic()
        self._caught_up.clear()
        if self._behind or self._rows > ROOM:
            self._behind = True
        else:
            self._waiting.append(batch.facts)
            self._rows += len(batch.facts)
        self._some.set()

    def changed(self, accounts: dict[str, Account], seq: int, ts: int) -> None:
        """Portfolios as a committed batch left them; of each the latest is told."""
        self._accounts |= {name: (seq, ts, account) for name, account in accounts.items()}

    async def run(self, session: Running) -> None:
        """Publish for ever. Raises BrokerError, Fenced."""
        self.cursor = session.cursors.get(CURSOR, 0)
        encoder = FactEncoder(session.name, session.exchange.names, session.exchange.decimals)
        await asyncio.to_thread(self._learn, session, encoder)
        self._behind = self.cursor < session.seq
        while True:
            if self._behind:
                await self._catch_up(session, encoder)
            facts = self._next()
            if len(facts):
                await self._publish(session, encoder, facts[facts["seq"] > self.cursor])
            elif not self._behind:
                self._caught_up.set()
                await self._some.wait()
                self._some.clear()

    def moved_within(self, seconds: float) -> bool:
        """Whether something was published, or nothing waited, within so many seconds."""
        return time.monotonic() - self._moved < seconds

    async def reached(self, seq: int) -> None:
        """Wait until everything up to `seq` is out."""
        while self.cursor < seq:
            await asyncio.sleep(0.005)

    async def drained(self) -> None:
        """Wait until everything that was committed is out."""
        await self._caught_up.wait()

    def _learn(self, session: Running, encoder: FactEncoder) -> None:
        for piece in session.log.read_facts(session.number, 1, self.cursor):
            encoder.learn(piece[np.isin(piece["kind"], LEARNED)])

    async def _catch_up(self, session: Running, encoder: FactEncoder) -> None:
        """Read on in the log, a piece at a time, until what comes next is in memory."""
        while self.cursor < session.seq:
            last = min(session.seq, self.cursor + 2 * MOST)
            facts = await asyncio.to_thread(_read, session, self.cursor + 1, last)
            await self._publish(session, encoder, facts, last)
        self._behind = False

    def _next(self) -> np.ndarray:
        taken: list[np.ndarray] = [np.zeros(0, FACT)]
        rows = 0
        while self._waiting and rows < MOST:
            taken.append(self._waiting.popleft())
            rows += len(taken[-1])
        self._rows -= rows
        return joined(taken)

    async def _publish(self, session: Running, encoder: FactEncoder, facts: np.ndarray, last: int = 0) -> None:
        began = time.perf_counter()
        rows = encoder.encode(facts)
        accounts, self._accounts = self._accounts, {}
        for name, (seq, ts, account) in accounts.items():
            rows += encode_portfolios(session.name, seq, ts, {name: account}, session.exchange.names, session.exchange.decimals)
        if rows:
            await self.broker.publish([Outgoing(topic, self.shard, key, value) for topic, key, value in rows])
        self.cursor = max(self.cursor, last, int(facts["seq"][-1]) if len(facts) else 0)
        self._moved = time.monotonic()
        session.note_cursor(CURSOR, self.cursor)
        session.meters.counts["published"] += len(rows)
        session.meters.stage("publish").observe(time.perf_counter() - began)


def _read(session: Running, first: int, last: int) -> np.ndarray:
    return joined([np.zeros(0, FACT), *session.log.read_facts(session.number, first, last)])


async def last_published(broker: Broker, shard: int, session: str) -> int:
    """The last seq of the session on `orders.events`: with transactions everything up to it is out. 0 where nothing is."""
    import msgspec

    first, end = (await broker.ends(ORDERS_EVENTS))[shard]
    found = 0
    for back in (1, 64, 4_096):  # of a transaction the last offset is a mark, and others may have written since
        reader = await broker.read(ORDERS_EVENTS, shard, max(first, end - back))
        try:
            while reader.position < end and (taken := await reader.take(back, 1.0)):
                said = [msgspec.json.decode(message.value) for message in taken]
                found = max([found, *(int(one["seq"]) for one in said if one.get("session") == session)])
        finally:
            await reader.close()
        if found or end - back <= first:
            break
    return found

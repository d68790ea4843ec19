"""What a session says of its own market on market-data-raw: each trade once it is committed, and the best prices as they move."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.messages.vocabulary import Kind
from live.broker.port import Broker, Outgoing
from live.broker.topics import MARKET_DATA_RAW
from live.models.market import TOP, tops
from live.streams.frames import TRADES, trade_ticks
from live.streams.kernels.records import TICK, Has
from live.streams.raw_json import TickWriter
from live.writer.committed import Committed

CURSOR = "market-data"
QUOTES_APART = 0.05
"""Seconds between two looks at the best prices."""
_CLOSE = int(Has.CLOSE)
Row = tuple[int, ...]


class MarketData:
    """Publishes a session's trades from its own cursor in the log, at least once, each with `session` and `seq`; quotes, latest wins.

    `since`: the seq behind which it begins, instead of the cursor (where the topic did not outlive the process).
    """

    def __init__(self, broker: Broker, shard: int, since: Callable[[], int] | None = None) -> None:
        self.broker, self.shard, self._since = broker, shard, since
        self._last: dict[int, int] = {}
        self._closes: dict[int, int] = {}

    async def run(self, session: Any) -> None:
        """Publish for ever. Raises BrokerError."""
        self._writer = TickWriter(list(session.exchange.instruments))
        self._keys = [one.symbol.encode() for one in session.exchange.instruments]
        self._moved = asyncio.Event()
        await asyncio.gather(self._trades(session), self._quotes(session))

    async def _trades(self, session: Any) -> None:
        cursor = self._since() if self._since is not None else session.cursors.get(CURSOR, 0)
        async for batch in session.follow(cursor + 1):
            self._moved.set()
            await self._publish(session, batch)
            session.note_cursor(CURSOR, batch.last_seq)

    async def _publish(self, session: Any, batch: Committed) -> None:
        facts = batch.facts
        turns = np.flatnonzero(facts["kind"] == Kind.DayStarted).tolist()
        made: list[Outgoing] = []
        for first, end in zip([0, *turns], [*turns, len(facts)]):
            if first in turns:
                self._closes |= self._last
            made += self._told(session, facts[first:end])
        if made:
            await self.broker.publish(made)

    def _told(self, session: Any, facts: np.ndarray) -> list[Outgoing]:
        """The trades of facts within one day, each with the close of the day before where that is known."""
        trades = facts[np.isin(facts["kind"], TRADES) & (facts["quantity"] > 0)]
        ticks, name, made = trade_ticks(trades), session.name.encode(), []
        for symbol, close in self._closes.items():
            chosen = ticks["symbol"] == symbol
            ticks["close"][chosen] = close
            ticks["has"][chosen] |= np.uint32(_CLOSE)
        for seq, row in zip(trades["seq"].tolist(), ticks.tolist()):
            self._last[row[-2]] = row[1]
            headers = (("session", name), ("seq", b"%d" % seq))
            made.append(Outgoing(MARKET_DATA_RAW, self.shard, self._keys[row[-2]], self._writer.value(row), headers))
        return made

    async def _quotes(self, session: Any) -> None:
        before = np.zeros(len(self._keys), TOP)
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                now, seq, ts = await session.ask(lambda exchange: (tops(exchange), *exchange.state.session[["seq", "ts"]][0].tolist()))
            except RuntimeError:  # the session takes no more questions
                return
            moved = ("bid", "ask", "has_bid", "has_ask")
            rows = np.flatnonzero(np.any([now[name] != before[name] for name in moved], axis=0) & (now["has_bid"] | now["has_ask"] != 0))
            before = now
            headers = (("session", session.name.encode()), ("seq", b"%d" % seq))
            made = [
                Outgoing(MARKET_DATA_RAW, self.shard, self._keys[at], self._writer.value(_quote(at, ts, now[at])), headers)
                for at in rows.tolist()
            ]
            if made:
                await self.broker.publish(made)
            await asyncio.sleep(QUOTES_APART)


def _quote(symbol: int, ts: int, top: np.void) -> Row:
    has = int(Has.BID) * int(top["has_bid"]) | int(Has.ASK) * int(top["has_ask"])
    made = dict.fromkeys(TICK.names or (), 0) | {"ts": ts, "bid": int(top["bid"]), "ask": int(top["ask"]), "symbol": symbol, "has": has}
    return tuple(made.values())

"""Fans out what is committed: each fact is written once and put before every client whom it concerns."""

import asyncio
import contextlib
import time
from typing import Any

import numpy as np

from engine.messages.vocabulary import HISTORY, Kind
from live.gateway.desk import PIECE, Desk
from live.gateway.facts import ABOUT_ORDERS, owned
from live.gateway.problems import Problem
from live.gateway.reading import quotes_of
from live.gateway.streams.clients import EXPIRED, GOING, Client, Event, event
from live.wire.routes import RISK_EVENTS
from live.writer.committed import Committed

QUOTES_APART = 0.05
"""Seconds between two questions for best prices."""
CHECKS_APART = 0.5
CLIENTS_MAX = 4_000
_WHOEVER = -1


class Hub:
    """The clients of a session, and what they are told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.clients: set[Client] = set()
        self.dropped = self.closed_slow = 0
        self._encoder = desk.told.encoder(1)
        self._touched: set[int] = set()
        self._moved = asyncio.Event()

    def open(self) -> None:
        """Listen to the session."""
        self.desk.listeners.append(self._committed)
        if (streams := self.desk.session.streams) is not None:
            for alert in streams.alerts:  # of before this start
                self.desk.alert(alert["type"], **alert)
            streams.listeners.append(self._noticed)

    def close(self) -> None:
        """Tell every client that the session goes."""
        for client in list(self.clients):
            client.close(GOING, "the session stops")

    def enter(self, client: Client) -> None:
        """A new client. Raises Problem (503) where there are too many."""
        if len(self.clients) >= CLIENTS_MAX:
            raise Problem(503, "TOO_MANY_CLIENTS", f"there are {CLIENTS_MAX:,} clients; come back later", headers={"retry-after": "10"})
        self.clients.add(client)

    def leave(self, client: Client) -> None:
        """A client that is gone."""
        self.clients.discard(client)
        self.dropped += client.dropped
        self.closed_slow += client.closed is not None and client.closed[0] not in (GOING, EXPIRED)

    async def run(self) -> None:
        """Quotes, and clients that are given up, for ever."""
        await asyncio.gather(self._quote(), self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECKS_APART)
            now, clock = time.monotonic(), time.time()
            for client in list(self.clients):
                client.check(now, clock)

    # facts

    def _committed(self, batch: Committed) -> None:
        facts = batch.facts
        if not self.clients or not len(facts):
            return
        self._touched.update(np.unique(facts["instrument"]).tolist())
        self._moved.set()
        listening = [client for client in self.clients if client.orders is not None]
        trades = facts[facts["kind"] == Kind.TradeExecuted]
        self._encoder.day = self.desk.models.day - int(np.count_nonzero(facts["kind"] == Kind.DayStarted))
        told: set[Client] = set()
        if listening:
            told.update(self._tell_owners(facts, listening))
        if len(trades):
            told.update(self._tell_trades(trades))
        if (facts["kind"] == Kind.RiskLimitBreached).any():
            told.update(self._tell_alarms(facts[facts["kind"] == Kind.RiskLimitBreached]))
        for client in told:
            client.settle()

    def _tell_owners(self, facts: np.ndarray, listening: list[Client]) -> list[Client]:
        by_trader: dict[int, list[Client]] = {}
        for client in listening:
            number = _WHOEVER if client.orders == "" else self.desk.names.traders.get(client.orders or "", HISTORY)
            by_trader.setdefault(number, []).append(client)
        for number, made in self.events(self._encoder, concerning(facts, set(by_trader))):
            for client in (*by_trader.get(number, ()), *by_trader.get(_WHOEVER, ())):
                client.tell(made)
        return listening

    def events(self, encoder: object, facts: np.ndarray) -> list[tuple[int, Event]]:
        """The order facts as events, each with its owner's number."""
        made = []
        for number, seq, text in owned(encoder, facts, self.desk.owner):  # type: ignore[arg-type]
            made.append((number, Event("ORDER_UPDATE", text, seq, _order_id(text))))
        return made

    def _tell_trades(self, trades: np.ndarray) -> list[Client]:
        wanting = [client for client in self.clients if client.trades is None or client.trades]
        symbols = [one.symbol for one in self.desk.names.instruments]
        for fact in trades:
            made = Event("TRADE", self.desk.told.trade(fact), int(fact["seq"]))
            symbol = symbols[int(fact["instrument"])]
            for client in wanting:
                client.trade(made, symbol)
        return wanting

    def _tell_alarms(self, alarms: np.ndarray) -> list[Client]:
        wanting = [client for client in self.clients if client.alerts]
        called = {number: name for name, number in self.desk.names.portfolios.items()}
        for k in range(len(alarms)):
            name, seq = called.get(int(alarms[k]["portfolio"]), ""), int(alarms[k]["seq"])
            text = next(value.decode() for topic, _, value in self._encoder.encode(alarms[k : k + 1]) if topic == RISK_EVENTS)
            self.desk.alert("RiskLimitBreached", portfolio=name)
            for client in wanting:
                if client.who.sees_portfolio(name):
                    client.tell(Event("ALERT", text, seq))
        return wanting

    def _noticed(self, alert: dict[str, Any]) -> None:
        """The streams beside the session noticed something in the market: everybody may know."""
        self.desk.alert(alert["type"], **alert)
        made = event("ALERT", alert)
        for client in self.clients:
            if client.alerts:
                client.tell(made)
                client.settle()

    # quotes

    async def _quote(self) -> None:
        instruments = self.desk.names.instruments
        while True:
            await self._moved.wait()
            self._moved.clear()
            touched, self._touched = self._touched, set()
            moved = {instruments[number].symbol for number in touched if number < len(instruments)}
            wanted = sorted(moved & {symbol for client in self.clients for symbol in client.symbols})
            if wanted:
                with contextlib.suppress(Problem):
                    for quote in await quotes_of(self.desk, wanted):
                        made = event("MARKET_DATA", quote)
                        for client in self.clients:
                            if quote["symbol"] in client.symbols:
                                client.quote(quote["symbol"], made)
            await asyncio.sleep(QUOTES_APART)

    # from where a client was

    async def resume(self, client: Client, from_seq: int, orders: str | None, trades: bool = False) -> None:
        """Tell what the log has from `from_seq` on, then go on with what is committed, without gap or repeat. Trades too: `trades`."""
        log, number, models = self.desk.session.log, self.desk.session.number, self.desk.models
        at, wanted = from_seq, client.trades
        if trades:
            client.trades = set()
        encoder = self.desk.told.encoder(models.day - await asyncio.to_thread(self._days, from_seq, models.seq))
        while at <= models.seq and client.closed is None:
            last = min(models.seq, at + PIECE - 1)
            _, facts = await asyncio.to_thread(log.read, number, at, last)
            whose = _WHOEVER if orders == "" else self.desk.names.traders.get(orders or "", HISTORY)
            made = (
                [one for who, one in self.events(encoder, concerning(facts, {whose})) if whose in (who, _WHOEVER)]
                if orders is not None
                else []
            )
            made += self._past_trades(facts, wanted) if trades else []
            for k, one in enumerate(sorted(made, key=lambda one: one.seq)):
                client.tell(one)
                if k % 256 == 255:
                    await client.room()
            client.settle()
            at = last + 1
        client.orders = orders  # nothing was committed between the last look and this
        client.trades = wanted

    def _past_trades(self, facts: np.ndarray, wanted: set[str] | None) -> list[Event]:
        found = facts[facts["kind"] == Kind.TradeExecuted]
        symbols = [one.symbol for one in self.desk.names.instruments]
        kept = [fact for fact in found if wanted is None or symbols[int(fact["instrument"])] in wanted]
        return [Event("TRADE", self.desk.told.trade(fact), int(fact["seq"])) for fact in kept]

    def _days(self, first: int, last: int) -> int:
        pieces = self.desk.session.log.read_facts(self.desk.session.number, max(1, first), last)
        return sum(int(np.count_nonzero(facts["kind"] == Kind.DayStarted)) for facts in pieces)


def concerning(facts: np.ndarray, numbers: set[int]) -> np.ndarray:
    """The facts about orders of some traders (_WHOEVER: of all), and the turns of the day."""
    kinds = facts["kind"]
    kept = ABOUT_ORDERS[kinds]
    if _WHOEVER not in numbers:
        whose = np.fromiter(numbers, np.uint32, len(numbers))
        maker = (kinds == Kind.TradeExecuted) & np.isin(facts["maker_trader"], whose)
        kept &= np.isin(facts["trader"], whose) | maker
    return facts[kept | (kinds == Kind.DayStarted)]


def _order_id(text: str) -> int:
    """The order's id in the JSON of a fact."""
    _, _, rest = text.partition('"order_id":')
    return int(rest[: rest.find(",")])

"""A session elsewhere, through its gateway: what it pushes over its WebSocket, and what is asked of its REST."""

import asyncio
import contextlib
import json
import time
from decimal import Decimal
from typing import Any

import numpy as np

from dashboards.source.candles import Candles
from dashboards.source.gateway_calls import GatewayCalls
from dashboards.source.ladder import ladder
from dashboards.source.models import Followed
from dashboards.source.port import LEVELS, About, Payload, SourceError, Topic
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Side
from live.gateway.security.principals import Principal, Role
from live.wire.times import nanoseconds

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
ANSWER_SECONDS = 2.0
HEALED_EVERY = 10.0
"""Seconds after which the newest trades are asked for again: those that did not come are filled in."""
PAGE, PAGES_MAX = 1_000, 10
FILLS_KEPT = 2_000
SAYS = {"market", "quotes"}


class RemoteSource:
    """A gateway's address and a token; everything is seen with the rights of that token, whose holder is `who` once it is open."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token
        self.calls = GatewayCalls(self.url, token)
        self.about, self.seq, self.gone = About("remote", self.url, True, True, ()), 0, ""
        self.who = Principal("nobody", frozenset())
        self._instruments: dict[str, Instrument] = {}
        self._followed: dict[str, Followed] = {}
        self._books: dict[str, dict[str, Any]] = {}
        self._quotes: dict[str, dict[str, Any]] = {}
        self._fills: list[list[Any]] = []
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._asked, self._socket, self._running = 0, None, None  # type: tuple[int, Any, asyncio.Task[None] | None]

    # its life

    async def open(self) -> None:
        """Connect. Raises SourceError where nobody answers, or the token is not good."""
        try:
            listed = await self.calls.get("/v1/instruments", fail=True)
            await self._connect()
        except (OSError, ValueError, TimeoutError) as odd:
            raise SourceError(f"{self.url}: {odd}; is the session running, and is the token one of its own?") from None
        keys = ("symbol", "tick", "lot", "price_unit", "currency", "multiplier", "maker_fee", "taker_fee", "negative_prices")
        self._instruments = {one["symbol"]: Instrument(**{key: one[key] for key in keys}) for one in listed}
        self.about = self.about._replace(instruments=tuple(listed))
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        if self._socket is not None:
            await self._socket.close()

    async def _connect(self) -> None:
        from websockets.asyncio.client import connect

        where = self.url.replace("http", "ws", 1) + "/v1/ws"
        self._socket = await connect(where, additional_headers={"authorization": f"Bearer {self.token}"}, max_size=None, open_timeout=10)
        welcome = json.loads(await asyncio.wait_for(self._socket.recv(), ANSWER_SECONDS))["data"]
        roles = frozenset(Role(one) for one in welcome["roles"] if one in set(Role))
        self.who = Principal(welcome["subject"], roles, welcome["trader"], frozenset(welcome["portfolios"]))
        self.about = self.about._replace(name=welcome["session"], trades=True)
        self.seq = max(self.seq, welcome["seq"])
        if roles - {Role.VIEWER} and (self.who.trader or self.who.oversees):
            await self._send("SUBSCRIBE_ORDER_UPDATES", {})
        for symbol in self._quotes:
            await self._send("SUBSCRIBE_MARKET_DATA", {"symbol": symbol})

    async def _run(self) -> None:
        """Take in what comes; after a break connect again, and fill in what was missed."""
        tries = 0
        while True:
            try:
                if self._socket is None:
                    await self._connect()
                    await self._heal()
                self.gone, tries = "", 0
                async for message in self._socket:
                    self._take(json.loads(message))
                self.gone = "the session has closed the connection; trying again"
            except (OSError, ValueError, TimeoutError) as odd:
                self.gone = f"{self.url} does not answer ({odd or type(odd).__name__}); trying again"
            except Exception as odd:  # of the WebSocket's own kinds
                self.gone = f"the connection to {self.url} broke ({odd}); trying again"
            self._socket = None
            for waiting in self._answers.values():
                waiting.cancel()
            self._answers.clear()
            await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    # what it pushes

    def _take(self, message: dict[str, Any]) -> None:
        kind, data = message.get("type"), message.get("data") or {}
        self.seq = max(self.seq, data.get("seq") or 0)
        waiting = self._answers.pop(message["id"], None) if isinstance(message.get("id"), int) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        if kind == "MARKET_DATA":
            self._quotes[data["symbol"]] = data
        elif kind == "TRADE" and data["symbol"] in self._followed:
            self._trades(data["symbol"], [data])
        elif kind == "ORDER_UPDATE":
            self.calls.spoil("orders")
            if data.get("kind") == "OrderFilled":
                told = [data.get(name) for name in ("seq", "ts", "symbol", "side", "price", "quantity", "order_id", "trader")]
                self._fills = [told, *self._fills][:FILLS_KEPT]

    def _trades(self, symbol: str, rows: list[dict[str, Any]]) -> None:
        """Trades in the order of `seq`."""
        one = self._instruments[symbol]
        columns = [
            (
                row["seq"],
                nanoseconds(row["ts"]),
                one.price_units(Decimal(row["price"])),
                one.lots(Decimal(row["quantity"])),
                Side[row["taker_side"]],
            )
            for row in rows
        ]
        made = np.array(columns, np.int64).reshape(-1, 5)
        self._followed[symbol].candles.add(*made.T)

    async def _heal(self) -> None:
        """Trades that were missed, of every symbol that is followed."""
        for symbol in list(self._followed):
            await self._missed(symbol)

    async def _missed(self, symbol: str) -> None:
        """Pages of trades, newest first, back to what is known."""
        known, rows, cursor = self._followed[symbol].candles.seq, [], ""
        for _ in range(PAGES_MAX):
            page = await self.calls.get(f"/v1/trades/{symbol}?limit={PAGE}{cursor}") or []
            rows += [row for row in page if row["seq"] > known]
            if len(page) < PAGE or page[-1]["seq"] <= known or not known:
                break
            cursor = f"&cursor={page[-1]['seq']}"
        if rows:
            self._trades(symbol, rows[::-1])

    async def _send(self, kind: str, data: dict[str, Any], identity: int | None = None) -> None:
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": kind, "data": data, **({} if identity is None else {"id": identity})}))

    async def _answer(self, kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request; None where none comes."""
        self._asked += 1
        number = self._asked
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(kind, data, number)
            return await asyncio.wait_for(waiting, ANSWER_SECONDS)
        except (TimeoutError, asyncio.CancelledError, OSError):
            self._answers.pop(number, None)
            return None

    # the view

    async def turn(self, topics: frozenset[Topic]) -> None:
        """Books of what is looked at, and what else is due."""
        symbols = {topic.symbol for topic in topics if topic.name == "market"}
        for symbol in symbols - set(self._followed):
            self._followed[symbol] = Followed(Candles(self._instruments[symbol]))
            await self._missed(symbol)
        quoted = set(self._instruments) if any(topic.name == "quotes" for topic in topics) else symbols
        for symbol in quoted - set(self._quotes):
            await self._answer("SUBSCRIBE_MARKET_DATA", {"symbol": symbol})
        if self._socket is not None and symbols:
            found = await asyncio.gather(*(self._answer("GET_ORDER_BOOK", {"symbol": one, "depth": LEVELS}) for one in symbols))
            self._books |= {one["data"]["symbol"]: one["data"] for one in found if one is not None and one["type"] == "ORDER_BOOK"}
        now = time.monotonic()
        for symbol in symbols:
            of = self._followed[symbol]
            bids, asks = self._sides(symbol)
            of.depth.add(now, nanoseconds(self._books.get(symbol, {}).get("ts", "")) or 0, bids, asks)
            if now - of.wanted > HEALED_EVERY:
                of.wanted = now
                await self._missed(symbol)
        await self.calls.due({topic.name for topic in topics} - SAYS, self.who)

    def _sides(self, symbol: str) -> tuple[list[Any], list[Any]]:
        book = self._books.get(symbol, {"bids": [], "asks": []})
        bids, asks = ([(Decimal(price), Decimal(quantity), orders) for price, quantity, orders in book[side]] for side in ("bids", "asks"))
        return bids, asks

    def read(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """A topic of the view."""
        if topic.name == "market":
            return self._read_market(topic, mark)
        if topic.name == "quotes":
            return {"quotes": [self._quoted(symbol) for symbol in self._instruments if symbol in self._quotes]}, None
        made = self.calls.topic(topic.name, self.seq)
        return ({**made, "fills": self._fills[:60]} if topic.name == "orders" else made), None

    def _quoted(self, symbol: str) -> Payload:
        names = ("bid", "bid_quantity", "ask", "ask_quantity", "last", "mark", "volume")
        return {"symbol": symbol, **dict.fromkeys(names), **self._quotes.get(symbol, {}), "halted": symbol in self.calls.halted}

    def _read_market(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        of, symbol = self._followed[topic.symbol], topic.symbol
        seq, columns, start = mark or (0, 0, 0)
        bars = of.candles.bars(topic.interval, start)
        depth, count = of.depth.newest(columns)
        made = {**self._quoted(symbol), **ladder(*self._sides(symbol)), "interval": topic.interval, "bars": bars, "depth": depth}
        made |= {"seq": self._books.get(symbol, {}).get("seq", self.seq), "trades": of.candles.newest(seq)}
        return made, (of.candles.seq, count, bars[-1][0] if bars else start)


def _numbers(one: Instrument, row: dict[str, Any]) -> tuple[int, ...]:
    """seq, ns UTC, price units, lots and side of a trade as the gateway tells it."""
    units, lots = one.price_units(Decimal(row["price"])), one.lots(Decimal(row["quantity"]))
    return int(row["seq"]), nanoseconds(row["ts"]) or 0, units, lots, int(Side[row["taker_side"]])

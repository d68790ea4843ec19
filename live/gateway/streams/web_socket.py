"""The WebSocket: its messages in and out, in the words of the original protocol."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import HTTPConnection

from live.gateway import orders, reading, shapes
from live.gateway.calls import Call, named, only
from live.gateway.desk import Desk, read_only
from live.gateway.problems import Problem, malformed
from live.gateway.routes import ANYONE, MESSAGES, WRITES
from live.gateway.security.guard import PROTOCOL, Guard, deny
from live.gateway.streams.clients import SLOW, Client, Event, event
from live.gateway.streams.hub import Hub
from live.gateway.streams.requests import Given, identity_of, kind_of, parsed, shown
from live.models.market import quote
from live.wire.numbers import Written

MESSAGE_MAX = 1 << 16
"""Longest message that is read, bytes."""
IN_FLIGHT_MAX = 256
"""Orders of one client that wait for their commit."""
DRAIN_SECONDS = 10.0
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?", re.ASCII)


class Sockets:
    """Serves WebSockets."""

    def __init__(self, desk: Desk, hub: Hub, guard: Guard, abort: Callable[[Any], None]) -> None:
        self.desk, self.hub, self.guard = desk, hub, guard
        self._abort = abort

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection, from its handshake to its end."""
        try:
            who = await self.guard.admit(HTTPConnection(scope), ANYONE)
            client = Client(who)
            self.hub.enter(client)
        except Problem as problem:
            await deny(scope, receive, send, problem)
            return
        try:
            await receive()
            offered = scope.get("subprotocols") or []
            await send({"type": "websocket.accept", "subprotocol": PROTOCOL if PROTOCOL in offered else None})
            await _Conversation(self, client, receive, send).run()
        finally:
            self.hub.leave(client)
            if client.closed is not None:
                asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._abort, scope)


class _Conversation:
    """One client's requests and answers."""

    def __init__(self, sockets: Sockets, client: Client, receive: Any, send: Any) -> None:
        self.desk, self.hub, self.guard = sockets.desk, sockets.hub, sockets.guard
        self.client, self.who = client, client.who
        self._receive, self._send = receive, send
        self._orders: set[asyncio.Task[None]] = set()
        self._carry_out: dict[str, Callable[[Given, str | None], Awaitable[None]]] = {
            "SUBSCRIBE_MARKET_DATA": self._subscribe_quotes,
            "UNSUBSCRIBE_MARKET_DATA": self._unsubscribe_quotes,
            "SUBSCRIBE_ORDER_UPDATES": self._subscribe_orders,
            "UNSUBSCRIBE_ORDER_UPDATES": self._unsubscribe_orders,
            "GET_ORDER_BOOK": self._book,
            "GET_POSITIONS": self._positions,
            "NEW_ORDER": self._new,
            "CANCEL_ORDER": self._cancel,
            "REPLACE_ORDER": self._replace,
            "HEARTBEAT": self._heartbeat,
        }

    async def run(self) -> None:
        """Until one of both sides ends it."""
        self._greet()
        reading_task, sending = asyncio.create_task(self._read()), asyncio.create_task(self._pump())
        closing = asyncio.create_task(self.client.ended.wait())
        try:
            await asyncio.wait({reading_task, sending, closing}, return_when=asyncio.FIRST_COMPLETED)
            if self.client.closed is not None and not reading_task.done():
                await self._hang_up(sending)
        finally:
            tasks = [reading_task, sending, closing, *self._orders]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _greet(self) -> None:
        who = self.who
        self._answer(
            "WELCOME",
            {
                "session": self.desk.session.name,
                "seq": self.desk.models.seq,
                "subject": who.subject,
                "trader": who.trader,
                "next_order_id": self.desk.models.next_order_id(who.trader) if who.trader else None,
                "roles": sorted(role.value for role in who.roles),
                "portfolios": sorted(who.portfolios),
                "symbols": [one.symbol for one in self.desk.names.instruments],
            },
            None,
        )
        self._answer("PORTFOLIO_SNAPSHOT", self._accounts(), None)

    def _accounts(self) -> Given:
        return {"seq": self.desk.models.seq, "portfolios": reading.accounts(self.desk, Call(self.who))}

    async def _pump(self) -> None:
        while (text := await self.client.take()) is not None:
            await self._send({"type": "websocket.send", "text": text})

    async def _hang_up(self, sending: "asyncio.Task[None]") -> None:
        """Close it; one that reads nothing is given some time to read why."""
        code, why = self.client.closed or (SLOW, "")
        if code != SLOW:
            await asyncio.wait({sending}, timeout=1)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._send({"type": "websocket.close", "code": code, "reason": why})
        except TimeoutError:
            return

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._take(message.get("text") or message.get("bytes") or "")

    async def _take(self, raw: str | bytes) -> None:
        """Carry out one message, or say why not."""
        request, identity = shown(raw), None
        try:
            self.guard.users.check(self.who.subject, "user")
            given = parsed(raw)
            identity = identity_of(given.pop("id", None))
            asked, data = given.pop("type", None), given.pop("data", {})
            request = asked[:40] if isinstance(asked, str) else request
            kind = kind_of(asked)
            only(given)
            if not isinstance(data, dict):
                raise malformed("data", "it is not an object; write it as {}")
            self.guard.allow(self.who, MESSAGES[kind], kind)
            if kind in WRITES and self.desk.session.writer is not None:
                raise read_only(self.desk.session.writer)
            await self._carry_out[kind](data, identity)
        except Problem as problem:
            self._refuse(problem, request, identity)

    def _refuse(self, problem: Problem, request: str, identity: str | None) -> None:
        self._answer("ERROR", {"error": problem.detail, "request": request, **problem.members()}, identity)

    def _answer(self, kind: str, value: Any, identity: str | None) -> None:
        made = event(kind, value)
        self.client.put(made.message() if identity is None else made.answer(identity))

    def _done(self, kind: str, data: Given, identity: str | None) -> None:
        """What has no answer of its own is told as done to who gave an `id`."""
        if identity is not None:
            self._answer(kind, data, identity)

    # market data

    def _symbol(self, data: Given) -> str:
        name = named(data, "symbol")
        if name is None:
            raise malformed("symbol", "it is missing; write one that is listed")
        return reading.symbol(self.desk, name)

    async def _subscribe_quotes(self, data: Given, identity: str | None) -> None:
        only(data, "symbol")
        symbol = self._symbol(data)
        found = await self.desk.ask(lambda exchange: quote(exchange, symbol))
        self.client.symbols.add(symbol)
        self._answer("MARKET_DATA", shapes.plain(found), identity)

    async def _unsubscribe_quotes(self, data: Given, identity: str | None) -> None:
        only(data, "symbol")
        self.client.symbols.discard(self._symbol(data))
        self._done("UNSUBSCRIBE_MARKET_DATA", data, identity)

    async def _book(self, data: Given, identity: str | None) -> None:
        only(data, "symbol", "depth")
        depth = data.get("depth", Written("10"))
        if not isinstance(depth, Written) or not depth.isdigit() or not 1 <= int(depth[:9]) <= 1_000:
            raise malformed("depth", "it is not a number from 1 to 1000")
        self._answer("ORDER_BOOK", await reading.book_of(self.desk, self._symbol(data), int(depth)), identity)

    # orders

    async def _subscribe_orders(self, data: Given, identity: str | None) -> None:
        only(data, "from_seq", "trader")
        trader = named(data, "trader")
        if trader is not None:
            self.who.check_trader(trader)
        elif not self.who.oversees or self.who.trader:
            trader = self.who.name()
        first = data.get("from_seq")
        if first is not None:
            if not isinstance(first, Written) or not first.isdigit() or not 1 <= int(first[:19]) < 1 << 62:
                raise malformed("from_seq", "it is not a seq; write a whole number from 1 on")
            self._done("SUBSCRIBE_ORDER_UPDATES", {"from_seq": int(first)}, identity)
            await self.hub.resume(self.client, int(first), trader or "")
            return
        active = shapes.orders(self.desk.models.order_rows(active=True, trader=trader))
        self._answer("ORDER_SNAPSHOT", {"seq": self.desk.models.seq, "orders": active}, identity)
        self.client.orders = trader or ""

    async def _unsubscribe_orders(self, data: Given, identity: str | None) -> None:
        only(data)
        self.client.orders = None
        self._done("UNSUBSCRIBE_ORDER_UPDATES", data, identity)

    async def _positions(self, data: Given, identity: str | None) -> None:
        only(data)
        self._answer("POSITIONS", self._accounts(), identity)

    async def _heartbeat(self, data: Given, identity: str | None) -> None:
        """The trader is there; with `silent_after` (s) it promises never to be silent for longer, 0 takes that back."""
        only(data, "silent_after")
        longest = data.get("silent_after")
        if longest is not None and (not isinstance(longest, Written) or not _SECONDS.fullmatch(longest)):
            raise malformed("silent_after", "it is not a number of seconds; write one as 5 or 2.5, and 0 for no promise")
        self.desk.session.heard(self.who.name(), None if longest is None else float(longest))
        self._done("HEARTBEAT", data, identity)

    async def _new(self, data: Given, identity: str | None) -> None:
        command = orders.new_order(self.desk, self.who, data)
        while len(self._orders) >= IN_FLIGHT_MAX:
            await asyncio.wait(self._orders, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._about("NEW_ORDER", command.order_id, identity, orders.sent(self.desk, command)))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)

    async def _cancel(self, data: Given, identity: str | None) -> None:
        order_id = await self._order_id(data)
        only(data)
        await self._about("CANCEL_ORDER", order_id, identity, orders.withdraw(self.desk, self.who, order_id))

    async def _replace(self, data: Given, identity: str | None) -> None:
        order_id = await self._order_id(data)
        await self._about("REPLACE_ORDER", order_id, identity, orders.replace(self.desk, self.who, order_id, data))

    async def _order_id(self, data: Given) -> int:
        """The id, which is taken out; orders that were sent before are waited for."""
        found = data.pop("order_id", None)
        if not isinstance(found, Written) or not found.isdigit() or not 1 <= int(found[:21]) < 1 << 64:
            raise malformed("order_id", "it is not an order id; write a whole number from 1 to 2^64 - 1")
        if self._orders:
            await asyncio.wait(self._orders)
        return int(found)

    async def _about(self, kind: str, order_id: int, identity: str | None, work: Awaitable[Given]) -> None:
        """Send what concerns an order; its facts come as ORDER_UPDATE, the first with the request's `id`, once only."""
        told = self.client.orders is not None and self.client.orders in ("", self.who.trader)
        if told and identity is not None:
            self.client.awaited[order_id] = identity
        try:
            made = await work
        except Problem as problem:
            self.client.awaited.pop(order_id, None)
            self._refuse(problem, kind, identity)
            return
        if not told:
            for k, fact in enumerate(made["facts"]):
                one = Event("ORDER_UPDATE", bytes(fact).decode())
                self.client.put(one.message() if k or identity is None else one.answer(identity))

"""Server-sent events: quotes, trades, order facts and alerts for those who only read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from live.gateway import reading, shapes
from live.gateway.calls import Call
from live.gateway.desk import Desk
from live.gateway.problems import Problem, malformed
from live.gateway.routes import OWN
from live.gateway.streams.clients import GOING, Client, event
from live.gateway.streams.hub import Hub

PING_SECONDS = 15.0


def stream_operation(hub: Hub, abort: Callable[[Any], None]) -> Callable[[Desk, Call], Awaitable[Any]]:
    """GET /v1/stream."""

    async def stream(desk: Desk, call: Call) -> Any:
        client = Client(call.who, server_sent=True)
        wanted = reading.symbols(desk, call)
        client.symbols = set(wanted)
        client.trades = set(wanted)
        client.alerts = True
        orders = _orders(call)
        last = call.headers.get("last-event-id")
        if last is not None and not (last.isascii() and last.isdigit() and len(last) < 19):
            raise malformed("Last-Event-ID", f"{last[:40]!r} is not a seq; it is the id of the last event")
        hub.enter(client)
        return EventStream(hub, desk, abort, client, orders, None if last is None else int(last) + 1)

    return stream


def _orders(call: Call) -> str | None:
    """The trader whose facts are asked for; "" is every trader. Raises Problem."""
    asked = call.query.get("orders", "false")
    if asked not in ("true", "false"):
        raise malformed("orders", f"{asked[:40]!r} is not true or false")
    if asked == "false":
        return None
    if not call.who.roles & OWN:
        raise Problem(403, "FORBIDDEN", "orders=true is for trader, risk, compliance, admin", path="orders")
    return "" if call.who.oversees and not call.who.trader else call.who.name()


class EventStream(Response):
    """Sends what waits for a client until one of both goes."""

    def __init__(
        self, hub: Hub, desk: Desk, abort: Callable[[Any], None], client: Client, orders: str | None, from_seq: int | None
    ) -> None:
        super().__init__(status_code=200, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._hub, self._desk, self._abort, self._client = hub, desk, abort, client
        self._orders, self._from_seq = orders, from_seq
        del self.headers["content-length"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        tasks = [
            asyncio.create_task(work)
            for work in (self._begin(), self._pump(send), self._gone(receive), self._pings(), self._client.ended.wait())
        ]
        try:
            await asyncio.wait(tasks[1:3] + tasks[4:], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hub.leave(self._client)
        try:
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            self._abort(scope)

    async def _begin(self) -> None:
        """What was missed, or how things stand; then what comes. Where that fails the client is to come back."""
        try:
            await self._catch_up(self._client)
        except Exception as odd:
            self._client.close(GOING, str(odd))

    async def _catch_up(self, client: Client) -> None:
        for quote in await reading.quotes_of(self._desk, sorted(client.symbols)):
            client.quote(quote["symbol"], event("MARKET_DATA", quote))
        if self._from_seq is not None:
            await self._hub.resume(client, self._from_seq, self._orders, trades=True)
            return
        if self._orders is not None:
            active = shapes.orders(self._desk.models.order_rows(active=True, trader=self._orders or None))
            seq = self._desk.models.seq
            client.put(event("ORDER_SNAPSHOT", {"seq": seq, "orders": active}, seq).server_sent(True))
            client.orders = self._orders

    async def _pump(self, send: Any) -> None:
        while (text := await self._client.take()) is not None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _pings(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            self._client.put(": ping\n\n")

"""One connected client: what waits for it, with bounds, and when it is given up."""

import asyncio
import time
from collections import deque
from typing import Any

import msgspec

from live.gateway.security.principals import Principal

QUEUE_BYTES_MAX = 4 << 20
"""What may wait for a client, text; one that is further behind is closed. Texts are shared between clients."""
TRADES_BYTES_MAX = QUEUE_BYTES_MAX // 4
"""Beyond it trades are left out, and counted."""
STALL_SECONDS = 5.0
"""A client that takes nothing for so long is closed."""
EXPIRED, SLOW, GOING = 4401, 4408, 1012
"""Why a client is closed: its token expired, it was too slow, the session stops."""
EVENTS = {"MARKET_DATA": "quote", "TRADE": "trade", "ORDER_UPDATE": "order", "ORDER_SNAPSHOT": "snapshot", "ALERT": "alert"}
"""Names of server-sent events."""


class Event:
    """Something that is told to clients: written once for all of them. `seq` is 0 where it is not a fact; `text`: JSON."""

    __slots__ = ("_message", "kind", "order_id", "seq", "text")

    def __init__(self, kind: str, text: str, seq: int = 0, order_id: int = 0) -> None:
        self.kind, self.text, self.seq, self.order_id = kind, text, seq, order_id
        self._message: str | None = None

    def message(self) -> str:
        """As a message of the WebSocket."""
        if self._message is None:
            self._message = f'{{"type":"{self.kind}","data":{self.text}}}'
        return self._message

    def answer(self, identity: str) -> str:
        """As the answer to a request of that `id` (JSON)."""
        return f'{{"type":"{self.kind}","data":{self.text},"id":{identity}}}'

    def server_sent(self, numbered: bool) -> str:
        """As a server-sent event; with its id where all of the same seq was sent with it."""
        number = f"id: {self.seq}\n" if numbered and self.seq else ""
        return f"event: {EVENTS.get(self.kind, self.kind.lower())}\n{number}data: {self.text}\n\n"


def event(kind: str, value: Any, seq: int = 0) -> Event:
    """An event of a value that is JSON."""
    return Event(kind, msgspec.json.encode(value).decode(), seq)


class Client:
    """What waits for one connection. `server_sent`: its form."""

    def __init__(self, who: Principal, server_sent: bool = False) -> None:
        self.who, self.is_server_sent = who, server_sent
        self.symbols: set[str] = set()
        """Whose quotes it wants."""
        self.trades: set[str] | None = None
        """Whose trades it wants; None is all."""
        self.orders: str | None = None
        """The trader whose order facts it gets; "" is every trader."""
        self.alerts = False
        self.awaited: dict[int, str] = {}
        """Ids of orders that it has sent, and the `id` (JSON) of the request that is not answered yet."""
        self.closed: tuple[int, str] | None = None
        self.ended = asyncio.Event()
        self.since: float | None = None
        """When what is being sent now was begun."""
        self.dropped = 0
        self.waiting = 0
        self._queue: deque[str] = deque()
        self._quotes: dict[str, Event] = {}
        self._held: Event | None = None
        self._some = asyncio.Event()

    def put(self, text: str) -> None:
        """Behind all else; closes a client that is too far behind."""
        if self.closed is not None:
            return
        self.waiting += len(text)
        if self.waiting > QUEUE_BYTES_MAX:
            self.close(SLOW, "too slow: resume from the last seq")
            return
        self._queue.append(text)
        self._some.set()

    def tell(self, one: Event) -> None:
        """An event that is never lost."""
        if not self.is_server_sent:
            identity = self.awaited.pop(one.order_id, None) if self.awaited and one.order_id else None
            self.put(one.message() if identity is None else one.answer(identity))
            return
        held, self._held = self._held, one
        if held is not None:
            self.put(held.server_sent(held.seq != one.seq))

    def settle(self) -> None:
        """Everything of the last seq has been told."""
        if self._held is not None:
            held, self._held = self._held, None
            self.put(held.server_sent(True))

    def trade(self, one: Event, symbol: str) -> None:
        """A trade, if it wants that and keeps up."""
        if self.trades is not None and symbol not in self.trades:
            return
        if self.waiting > TRADES_BYTES_MAX:
            self.dropped += 1
        else:
            self.tell(one)

    def quote(self, symbol: str, one: Event) -> None:
        """The newest quote takes the place of one that still waits."""
        self.dropped += symbol in self._quotes
        self._quotes[symbol] = one
        self._some.set()

    def close(self, code: int, why: str) -> None:
        """Give it up; what waits is let go."""
        if self.closed is None:
            self.closed = (code, why)
            self._queue.clear()
            self._quotes.clear()
            self.waiting = 0
            self._some.set()
            self.ended.set()

    async def take(self) -> str | None:
        """The next text to be sent; None once it is closed."""
        self.since = None
        while True:
            if self.closed is not None:
                return None
            if self._queue:
                text = self._queue.popleft()
                self.waiting -= len(text)
                break
            if self._quotes:
                made = self._quotes.pop(next(iter(self._quotes)))
                text = made.server_sent(False) if self.is_server_sent else made.message()
                break
            self._some.clear()
            await self._some.wait()
        self.since = time.monotonic()
        return text

    async def room(self) -> None:
        """Wait until it has taken most of what waits."""
        while self.waiting > TRADES_BYTES_MAX and self.closed is None:
            await asyncio.sleep(0.01)

    def check(self, now: float, clock: float) -> None:
        """Close it where its token has expired (`clock`: s since 1970) or it takes nothing (`now`: monotonic)."""
        if clock >= self.who.expires:
            self.close(EXPIRED, "the token has expired")
        elif self.since is not None and now - self.since > STALL_SECONDS:
            self.close(SLOW, "nothing was read: resume from the last seq")

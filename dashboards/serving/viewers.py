"""One page that looks on: what it wants, and the one frame that is on its way to it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dashboards.source.port import Source, Topic, topic_for
from live.gateway.security.principals import Principal

TOPICS_MAX = 24
NAMES = frozenset(
    {"market", "quotes", "orders", "accounts", "exposure", "limits", "refusals", "controls", "alerts", "status", "operations"}
)
EXPIRED, GOING, STALLED = 4401, 1012, 4408
STALL_SECONDS = 15.0
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Viewer:
    """A connected page. Nothing queues for it: `offer` takes a message only while none is being sent."""

    def __init__(self, who: Principal, source: Source) -> None:
        self.who, self.source = who, source
        self.topics: dict[str, Topic] = {}
        """By the name that the page gave."""
        self.has: dict[str, int] = {}
        """Which version of each topic was sent last."""
        self.heard, self.skipped = 0.0, 0
        self.closed: tuple[int, str] | None = None
        self._message: bytes | None = None
        self._some = asyncio.Event()
        self._since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether a message is still on its way."""
        return self._message is not None or self._since is not None

    def offer(self, message: bytes) -> None:
        """The next message; let go where one is still on its way."""
        if self._message is None:
            self._message = message
            self._some.set()

    def close(self, code: int, why: str) -> None:
        """End it."""
        if self.closed is None:
            self.closed = (code, why)
            self._some.set()

    def check(self) -> None:
        """End it where its token has expired, or where it reads nothing."""
        if self.who.expires and time.time() >= self.who.expires:
            self.close(EXPIRED, "the token has expired; sign in again")
        elif self._since is not None and time.monotonic() - self._since > STALL_SECONDS:
            self.close(STALLED, "nothing was read")

    async def pump(self, send: Send) -> None:
        """Send what is offered until it is closed."""
        while True:
            await self._some.wait()
            self._some.clear()
            if self.closed is not None:
                return
            message, self._message = self._message, None
            if message is not None:
                self._since = time.monotonic()
                await send({"type": "websocket.send", "text": message.decode()})
                self._since = None

    def asked(self, raw: str) -> str | None:
        """Take in a message of the page: {"topics": {name: {topic, symbol, interval}}}, or {"whole": [names]} for what it lost.
        Returns what is wrong with it."""
        try:
            given = msgspec.json.decode(raw)
            if "whole" in given:
                for name in given["whole"]:
                    self.has.pop(name, None)
                return None
            wanted = {str(name): self._topic(one) for name, one in given["topics"].items()}
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, ValueError) as odd:
            return f"the message is not understood: {odd}"
        if len(wanted) > TOPICS_MAX:
            return f"a page may want at most {TOPICS_MAX} topics"
        for name, topic in wanted.items():
            if self.topics.get(name) != topic:
                self.has.pop(name, None)
        self.topics = wanted
        return None

    def _topic(self, one: dict[str, Any]) -> Topic:
        """The topic as this viewer may see it. Raises ValueError."""
        name, symbol, interval = one["topic"], str(one.get("symbol", "")), int(one.get("interval", 0))
        if name not in NAMES:
            raise ValueError(f"there is no topic {str(name)[:40]!r}")
        if name == "market":
            listed = [str(of["symbol"]) for of in self.source.about.instruments]
            if symbol not in listed:
                raise ValueError(f"there is no instrument {symbol[:40]!r}; there are {', '.join(listed[:20])}")
            if not 1 <= interval <= 3600:
                raise ValueError("interval is from 1 to 3600 seconds")
        return topic_for(self.who, name, symbol, interval)

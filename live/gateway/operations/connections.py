"""Connections that bring no whole request: each is cut after a while, however slowly it goes on sending."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

HEAD_SECONDS = 10.0
"""Time from the connection, or from the last answer, to the end of the next request's head."""
EVERY = 0.25


class Connections:
    """Watches a server's connections (uvicorn's protocol objects)."""

    def __init__(self) -> None:
        self._idle: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self.cut = 0

    async def run(self, connections: Any) -> None:
        """Watch for ever. `connections`: returns those there are."""
        while True:
            await asyncio.sleep(min(EVERY, HEAD_SECONDS / 2))
            self.check(list(connections()), time.monotonic())

    def check(self, connections: Iterable[Any], now: float) -> None:
        """Cut those that have waited for too long (`now`: monotonic s)."""
        for one in connections:
            if not _without_request(one):
                self._idle.pop(one, None)
            elif now - self._idle.setdefault(one, now) > HEAD_SECONDS:
                self.cut += 1
                one.transport.abort()


def _without_request(connection: Any) -> bool:
    """Whether no request is being answered; of a WebSocket that is never so."""
    if not hasattr(connection, "cycle"):
        return False
    return connection.cycle is None or connection.cycle.response_complete

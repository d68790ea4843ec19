"""Connections that bring no whole request: each is cut after a while, however slowly it goes on sending."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""Time from the connection, or from the last answer, to the end of the next request's head."""
EVERY = 0.25
HEAD_BYTES_MAX = 1 << 16


class BoundedHead(HttpToolsProtocol):
    """A connection whose requests have heads of at most HEAD_BYTES_MAX, which the parser itself does not look at."""

    _head: int | None = None
    """Bytes of the head that is coming, behind the piece that it began in; None where none is."""
    _piece = 0

    def data_received(self, data: bytes) -> None:
        """Refuse a head that grows too long."""
        self._piece = len(data)
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.send_400_response(f"The head of the request is longer than {HEAD_BYTES_MAX} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = -self._piece
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It was short enough."""
        self._head = None
        super().on_headers_complete()


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

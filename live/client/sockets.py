"""Facts over the WebSocket, taken up again wherever a connection ended."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from live.client.endings import ENDINGS, ending
from live.client.errors import ClientError, Unreachable, error_of
from live.client.place import Backoff, Place
from live.client.resume import Resume

OPEN_SECONDS = 10.0
MESSAGE_MAX = 1 << 24
"""Longest message that is read, bytes: a snapshot of a whole day."""
_PING = {"ping_interval": 10.0, "ping_timeout": 20.0}
"""A gateway whose machine is gone is missed within half a minute."""


def options(place: Place) -> dict[str, Any]:
    """How a socket is opened."""
    headers = place.headers()
    return {"additional_headers": headers, "open_timeout": OPEN_SECONDS, "max_size": MESSAGE_MAX, "ssl": place.tls, "proxy": None, **_PING}


def request(kind: str, data: dict[str, Any], identity: str | int | None = None) -> str:
    """A message to the gateway."""
    return json.dumps({"type": kind, "data": data} | ({} if identity is None else {"id": identity}))


def _fact(message: dict[str, Any], resume: Resume) -> dict[str, Any] | None:
    """The fact of a message, where it is a new one. Raises ClientError where the subscription was refused."""
    if message["type"] == "ERROR":
        raise error_of(int(message["data"]["status"]), message["data"])
    if message["type"] == "ORDER_UPDATE" and resume.is_new(message["data"]):
        return dict(message["data"])
    return None


def _again(odd: BaseException, place: Place, backoff: Backoff) -> tuple[ClientError, float]:
    """Why it ended, and how long to wait. Raises ClientError where that is the end of it."""
    why = ending(odd, place.renews)
    wait = backoff.next()
    if wait is None:
        raise Unreachable(f"{place.url}: {why.detail}; given up after {backoff.patience:g} s") from odd
    return why, wait


def follow(place: Place, from_seq: int | None, trader: str | None, backoff: Backoff) -> Iterator[dict[str, Any]]:
    """See `Client.follow`."""
    resume = Resume(from_seq, trader)
    while True:
        try:
            with connect(place.socket, **options(place)) as socket:
                welcome = json.loads(socket.recv())
                socket.send(request("SUBSCRIBE_ORDER_UPDATES", resume.welcome(welcome["data"])))
                backoff.succeeded()
                for text in socket:
                    found = _fact(json.loads(text), resume)
                    if found is not None:
                        yield found
            raise Unreachable("the gateway closed the connection")
        except (*ENDINGS, Unreachable) as odd:
            time.sleep(_again(odd, place, backoff)[1])


async def follow_async(place: Place, from_seq: int | None, trader: str | None, backoff: Backoff) -> AsyncIterator[dict[str, Any]]:
    """See `AsyncClient.follow`."""
    resume = Resume(from_seq, trader)
    while True:
        try:
            async with connect_async(place.socket, **options(place)) as socket:
                welcome = json.loads(await socket.recv())
                await socket.send(request("SUBSCRIBE_ORDER_UPDATES", resume.welcome(welcome["data"])))
                backoff.succeeded()
                async for text in socket:
                    found = _fact(json.loads(text), resume)
                    if found is not None:
                        yield found
            raise Unreachable("the gateway closed the connection")
        except (*ENDINGS, Unreachable) as odd:
            await asyncio.sleep(_again(odd, place, backoff)[1])

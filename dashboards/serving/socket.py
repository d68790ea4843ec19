"""The WebSocket of our pages: they say what they want, and get a frame ten times a second."""

import asyncio
import contextlib
import logging
from typing import Any

import msgspec

from dashboards.serving.hub import Hub
from dashboards.serving.viewers import GOING, Viewer
from live.gateway.security.principals import Principal

CHECKS_APART = 0.5
CLOSING_SECONDS = 2.0
_log = logging.getLogger("tapebook.dashboards")


class PageSocket:
    """Serves the pages' connections."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def serve(self, who: Principal, receive: Any, send: Any) -> None:
        """One connection, from its handshake to its end."""
        viewer = Viewer(who, self.hub.source)
        if not self.hub.enter(viewer):
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "there are too many viewers"})
            return
        try:
            await receive()
            await send({"type": "websocket.accept"})
            viewer.offer(msgspec.json.encode(self._welcome(who)))
            await self._converse(viewer, receive, send)
        finally:
            self.hub.leave(viewer)

    def _welcome(self, who: Principal) -> dict[str, Any]:
        about = self.hub.source.about
        said = {"kind": about.kind, "name": about.name, "live": about.live, "trades": about.trades, "instruments": about.instruments}
        roles = sorted(role.value for role in who.roles)
        viewer = {"subject": who.subject, "roles": roles, "trader": who.trader, "portfolios": sorted(who.portfolios)}
        return {"type": "welcome", "about": said, "who": viewer, "oversees": who.oversees, "seq": self.hub.source.seq}

    async def _converse(self, viewer: Viewer, receive: Any, send: Any) -> None:
        tasks = [asyncio.create_task(work) for work in (self._read(viewer, receive), viewer.pump(send), self._watch(viewer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if viewer.closed is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSING_SECONDS):
                    await send({"type": "websocket.close", "code": viewer.closed[0], "reason": viewer.closed[1]})

    async def _read(self, viewer: Viewer, receive: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            wrong = viewer.asked(message.get("text") or "")
            if wrong is not None:
                viewer.close(1008, wrong[:120])
                return

    async def _watch(self, viewer: Viewer) -> None:
        while viewer.closed is None:
            await asyncio.sleep(CHECKS_APART)
            viewer.check()

    def close(self) -> None:
        """Tell every page that the session goes."""
        for viewer in list(self.hub.viewers):
            viewer.close(GOING, "the session stops")

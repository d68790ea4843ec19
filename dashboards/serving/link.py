"""A page in a notebook's cell, or in somebody's own application of Panel's, that is told what changes: what the pages' socket carries goes
as messages of a component instead. It begins when a page is first heard, and ends when none has been heard for a while."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from dashboards.serving.choice import READER
from dashboards.serving.hub import Hub
from dashboards.serving.viewers import Viewer
from dashboards.source.port import Source, SourceError

APART = 0.25
"""Seconds between two frames: a notebook's loop has other work."""
PATIENCE = 160
"""Frames after which a page that says nothing is gone; counted, as a cell that computes for long holds up both."""
_log = logging.getLogger("tapebook.dashboards")


class Link:
    """Leads from a source, which `make` makes anew for each beginning, to the pages behind `send`; one event loop calls and runs it."""

    def __init__(self, make: Callable[[], Source], send: Callable[[str], None]) -> None:
        self._make, self._send = make, send
        self._task: asyncio.Task[None] | None = None
        self._viewer: Viewer | None = None
        self._wanted, self._left, self._over = "", 0, False

    @property
    def running(self) -> bool:
        """Whether frames are given."""
        return self._task is not None and not self._task.done()

    def heard(self, text: str) -> None:
        """A page is there; `text`, where it is not empty, is what its socket would have said."""
        self._left = PATIENCE
        if '"topics"' in text:
            self._wanted = text
        if not self.running and not self._over and self._wanted:
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self._viewer is not None and text:
            self._viewer.asked(text)

    async def close(self) -> None:
        """End it for good."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        source = self._make()
        try:
            await source.open()
        except SourceError as odd:
            self._over = True
            self._send(msgspec.json.encode({"type": "gone", "reason": str(odd)}).decode())
            return
        viewer, hub = Viewer(READER, source), Hub(source)
        hub.enter(viewer)
        self._viewer = viewer
        viewer.asked(self._wanted)
        pump = asyncio.create_task(viewer.pump(self._out))
        try:
            while self._left > 0 and not self._over:
                self._left -= 1
                self._over = bool(source.gone)  # the last frame says so
                await self._tick(hub)
                await asyncio.sleep(APART)
        finally:
            self._viewer = None
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
            await source.close()

    async def _tick(self, hub: Hub) -> None:
        try:
            await hub.tick()
        except Exception as odd:
            hub.failed(odd)

    async def _out(self, message: dict[str, Any]) -> None:
        self._send(message["text"])

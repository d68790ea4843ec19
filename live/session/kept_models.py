"""The read models beside the log: a file that shortens a restart, made anew from the log where it is missing or no good."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from data.log.event_log import EventLog
from engine.messages.names import Names
from live.models.read_models import ReadModels

FILE = "models.bin"


def load(folder: Path, log: EventLog, session: int, names: Names) -> ReadModels:
    """The read models at the end of the session's log."""
    with suppress(OSError, ValueError):
        stored = (folder / FILE).read_bytes()
        found = ReadModels.from_log(log, session, names, stored=stored)
        if found.seq == log.last_seq(session):
            return found
    return ReadModels.from_log(log, session, names)


def save(folder: Path, stored: Callable[[], bytes]) -> None:
    """Keep what `ReadModels.store_later` said: a reader sees the old file or the new one."""
    part = folder / f"{FILE}.part"
    part.write_bytes(stored())
    os.replace(part, folder / FILE)


class Keeper:
    """Keeps a session's read models in `folder`, beside its work: packing a million orders takes a second, copying their rows 0.05."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._saving: asyncio.Task[None] | None = None

    async def keep(self, models: ReadModels) -> None:
        """Keep them as they are when this returns. Raises OSError where that, or what was kept before, cannot be written."""
        await self.done()
        self._saving = asyncio.create_task(asyncio.to_thread(save, self.folder, models.store_later()))

    async def done(self) -> None:
        """Wait until they are written. Raises OSError."""
        saving, self._saving = self._saving, None
        if saving is not None:
            await saving

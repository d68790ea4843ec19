"""The read models beside the log: a file that shortens a restart, made anew from the log where it is missing or no good."""

import os
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


def save(folder: Path, stored: bytes) -> None:
    """Keep what `ReadModels.store` said: a reader sees the old file or the new one."""
    part = folder / f"{FILE}.part"
    part.write_bytes(stored)
    os.replace(part, folder / FILE)

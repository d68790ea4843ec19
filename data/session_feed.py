"""A logged session as a feed: what it opened with, then its commands, without those of strategies that are to be run again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from data.feed import BATCH_ROWS, Commands, Feed
from data.log.batch import LIVE, LoggedCommands
from data.log.rows import joined
from data.log.schema import LogError
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND, read_name
from engine.messages.vocabulary import Kind

OPENING = [
    Kind.SESSION,
    Kind.SYMBOL,
    Kind.INSTRUMENT,
    Kind.PORTFOLIO,
    Kind.TRADER,
    Kind.DEPOSIT,
    Kind.SET_LIMITS,
    Kind.SET_RULES,
    Kind.RESTRICT,
    Kind.SET_QUEUE,
]
"""Commands with which a session opens: all before the first of another kind."""


class SessionLog(Protocol):
    """What of an event log a session is read through."""

    path: Path

    def meta(self, session: int) -> dict[str, Any]:
        """What the session was begun with."""

    def instruments(self, session: int) -> list[Instrument]:
        """Its instruments."""

    def last_seq(self, session: int) -> int:
        """The last seq that is stored."""

    def frame(self, view: str, session: int | None = None, **equal: Any) -> pl.DataFrame:
        """A table or view."""

    def read_commands(
        self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[LoggedCommands]:
        """Commands in pieces."""


class SessionFeed(Feed):
    """A session of a log. A strategy's own commands are known by their position, which others' do not have, and their trader."""

    def __init__(self, log: SessionLog, session: int, without: Sequence[str]) -> None:
        if "feed" in log.meta(session):
            raise LogError(f"{log.path}: session {session} keeps its feed by reference; open that feed instead")
        self.log, self.session, self.without = log, session, list(without)
        self.instruments, self.counts = log.instruments(session), {}
        meta = log.meta(session)
        self.name = str(meta.get("name", f"{log.path.name} session {session}"))
        self.time_zone = str(meta.get("time_zone", "UTC"))
        seats: Mapping[str, str] = meta.get("strategies", {})
        unknown = next((name for name in self.without if name not in seats), None)
        if unknown is not None:
            hint = did_you_mean(unknown, seats, f"its strategies are {', '.join(seats) or 'none'}")
            raise LogError(f"{log.path}: session {session} has no strategy {unknown!r}; {hint}")
        self.seats = {name: seats[name] for name in self.without}
        self._last = log.last_seq(session)
        self.session_opening = self._opening()
        options = {"session": session, "without": self.without}
        self.origin = {"format": "log", "path": str(log.path), "options": options}

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the session's hash chain, how far it is read, and who is left out."""
        sealed = self.log.frame("batches", self.session)["hash"].to_list()
        return hashlib.sha256(json.dumps([sealed, self._last, self.without]).encode()).hexdigest()

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands behind the opening, without those of the strategies that are left out."""
        assert self.session_opening is not None
        skip = len(self.session_opening)
        numbers = [number for number, name in _traders(self.log, self.session).items() if name in self.without]
        for piece in self.log.read_commands(self.session, 1, self._last, rows):
            begin, skip = min(skip, len(piece.records)), max(0, skip - len(piece.records))
            records, positions = piece.records[begin:], piece.positions[begin:]
            own = (positions != LIVE) & np.isin(records["trader"], numbers)
            if not own.all():
                yield records[~own]

    def _opening(self) -> Commands:
        found: list[Commands] = [np.zeros(0, COMMAND)]
        for piece in self.log.read_commands(self.session, 1, self._last):
            other = np.flatnonzero(~np.isin(piece.records["kind"], OPENING))
            found.append(piece.records[: other[0]] if len(other) else piece.records)
            if len(other):
                break
        return joined(found)


def _traders(log: SessionLog, session: int) -> dict[int, str]:
    return dict(log.frame("names", session, kind="trader").select("number", "name").iter_rows())


def named_in(commands: np.ndarray, kind: Kind) -> dict[str, int]:
    """Names (portfolios or traders) that commands introduce, with their numbers."""
    return {read_name(command): int(command["trader"]) for command in commands[commands["kind"] == kind]}

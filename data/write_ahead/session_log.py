"""The log as a running session writes it: small commits are durable at once in a file beside it, and enter its tables together."""

import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.log.batch import make_batch
from data.log.event_log import SNAPSHOT_EVERY, EventLog
from data.log.reader import LogReader
from data.log.schema import LogError
from data.log.sessions import head_of
from data.write_ahead.files import AheadFile, Entry
from data.write_ahead.taking import merged

if TYPE_CHECKING:
    from engine import Exchange

DIRECT = 4_096
"""Rows from which a transaction of DuckDB costs less than to write them twice."""
ROOM = 1 << 15
"""Rows that may lie ahead; who commits more puts them into the tables himself."""


class SessionLog(EventLog):
    """An event log whose session `commit`s. One transaction of DuckDB costs over 10 ms of CPU, however little it stores; an entry in a file
    costs 0.2 ms. What was committed is durable; whoever asks the log finds it there, for each question first puts into the tables what
    lies ahead of them (`settle`), and so does whoever opens the log next. A commit or a settlement that fails is the last: LogError.
    """

    def __init__(self, path: str | Path, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        super().__init__(path, snapshot_every=snapshot_every)
        self._files, self._now = AheadFile.pair(self.path), 0
        self._lock = threading.Lock()
        """Over the files and what they hold; never waits for DuckDB."""
        self._ahead: list[Entry] = []
        self._settling = False
        self._rows = self._number = 0
        self._ends: dict[int, tuple[int, str]] = {}  # by session: the last seq, and its genesis
        self._failed: LogError | None = None

    def commit(
        self, session: int, commands: np.ndarray, facts: np.ndarray, seqs: np.ndarray, positions: np.ndarray, cursors: Mapping[str, int]
    ) -> None:
        """Keep one batch, whose arrays are as for `append`; durable when this returns. Raises LogError."""
        if len(commands) + len(facts) >= DIRECT:
            self.append(session, commands, facts, seqs, cursors=cursors, positions=positions)
            return
        batch = make_batch(commands, facts, seqs, None, positions)
        if self._rows > ROOM:
            self.settle()
        with self._lock:
            self._check()
            end, genesis = self._end(session)
            span = batch.span() or (end + 1, end)
            if span[0] <= end:
                raise LogError(f"{self.path}: session {session} ends at seq {end}, so rows from seq {span[0]} cannot follow")
            self._number += 1
            entry = Entry(self._number, session, genesis, batch, dict(cursors))
            try:
                self._files[self._now].write(entry)
            except OSError as error:
                self._failed = LogError(f"{self.path}: nothing was stored: {error}")
                raise self._failed from error
            self._ahead.append(entry)
            self._rows += len(commands) + len(facts)
            self._ends[session] = span[1], genesis

    def settle(self) -> None:
        """Put what lies ahead into the tables, as one transaction a session. Raises LogError."""
        self._check()
        if not (self._ahead or self._settling):
            return
        with self._turns:  # another thread may have taken them out, and not have put them in yet
            with self._lock:
                self._check()
                self._settling = True
                entries, self._ahead, self._rows = self._ahead, [], 0
                full, self._now = self._files[self._now], 1 - self._now
            try:
                for session in sorted({entry.session for entry in entries}):
                    batch, cursors = merged([entry for entry in entries if entry.session == session])
                    seqs, records, positions = batch.commands
                    super().append(session, records, batch.facts, seqs, cursors=cursors, positions=positions)
                full.clear()
                self._settling = False
            except (LogError, OSError) as error:
                self._failed = error if isinstance(error, LogError) else LogError(f"{self.path}: {error}")
                raise self._failed from None

    def at_once(self, keeps: bool) -> AbstractContextManager[LogReader]:
        """See LogReader: what lies ahead is put in first."""
        self.settle()
        return super().at_once(keeps)

    def append(
        self,
        session: int,
        commands: np.ndarray,
        facts: np.ndarray,
        seqs: np.ndarray | None = None,
        cursors: Mapping[str, int] | None = None,
        blocks: Mapping[int, str] | Iterable[tuple[int, str]] | None = None,
        positions: np.ndarray | None = None,
        exchange: "Exchange | None" = None,
    ) -> int:
        """As an EventLog's, behind what lies ahead."""
        with self._turns:
            self.settle()
            end = super().append(session, commands, facts, seqs, cursors, blocks, positions, exchange)
            with self._lock:
                if session in self._ends:
                    before, genesis = self._ends[session]
                    self._ends[session] = max(before, end), genesis
            return end

    def close(self) -> None:
        """Settle, and close the files."""
        try:
            if self._failed is None:
                self.settle()
        finally:
            for file in self._files:
                file.close()
            super().close()

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _end(self, session: int) -> tuple[int, str]:
        """Where a session ends, with what lies ahead, and its genesis."""
        if session not in self._ends:
            ((genesis,),) = self.file.rows("SELECT genesis FROM sessions WHERE session = ?", [session])
            self._ends[session] = head_of(self.file, session).seq, str(genesis)
        return self._ends[session]

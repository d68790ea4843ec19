"""Seals what a session commits, beside the log, in files that others can read while it runs."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb
import numpy as np

from data.log.schema import LogError, one_line, transaction
from data.segments.compaction import FEW, GRACE, Compactor
from data.segments.files import session_folder
from data.segments.recovery import recover
from data.segments.sealing import write_fixed, write_rows

if TYPE_CHECKING:
    from data.log.event_log import EventLog

EVERY = 0.5
"""Seconds between two seals under load; what comes after a pause is sealed at once."""
ROWS = 50_000
"""Commands and facts that are sealed before their time."""
_LOOK = 5.0
"""Seconds between two looks for segments to merge."""


class Committed(Protocol):
    """One durable batch; of its arrays only the lengths are looked at."""

    @property
    def commands(self) -> np.ndarray: ...
    @property
    def facts(self) -> np.ndarray: ...


class SegmentWriter:
    """Seals the session `session` of `log` under `folder`/segments, where `folder` is the session's.

    `add` says that a batch was committed; a thread of the writer's seals what waits, another merges small segments. Rows are taken from
    the log: what is sealed is what is committed, and a writer that starts again seals what the one before it did not. A seal that fails
    is tried again, and told by `error`; the log and the session go on. `every`: seconds; `rows`: commands and facts; `grace`: seconds
    that merged segments stay for their readers; `few`: neighbours that are merged; 0 merges nothing.
    Raises LogError where the segments that are there cannot be brought into agreement with the log.
    """

    def __init__(
        self,
        folder: str | Path,
        log: "EventLog",
        session: int,
        *,
        every: float = EVERY,
        rows: int = ROWS,
        grace: float = GRACE,
        few: int = FEW,
    ) -> None:
        self.path, self.session, self.error = Path(folder) / "segments", session, ""
        self._every, self._rows, self._waiting, self._sealed_at = every, rows, 0, -every
        self._log, self._con = log, log.file.con.cursor()
        self._folder = session_folder(self.path, _id_of(self._con, log.path, session))
        self._sealing, self._news, self._closing = threading.Lock(), threading.Condition(), threading.Event()
        try:
            write_fixed(self._con, session, self._folder)
            self._sealed = recover(self._con, session, self._folder)
            self.seal()
        except (duckdb.Error, OSError) as error:
            raise LogError(f"{self.path}: cannot be written: {one_line(error)}") from error
        self._compactor = Compactor(self._folder, grace, few) if few else None
        self._threads = [threading.Thread(target=work, name=work.__name__, daemon=True) for work in (self._seal_on, self._merge_on)]
        for thread in self._threads:
            thread.start()

    def add(self, committed: Committed) -> None:
        """Note that a batch was committed; costs nothing."""
        with self._news:
            self._waiting += len(committed.commands) + len(committed.facts)
            self._news.notify()

    def seal(self) -> int:
        """Seal all that is committed, now, and return the last seq that is sealed. Raises LogError."""
        with self._sealing:
            with self._news:
                self._waiting, self._sealed_at = 0, time.monotonic()
            try:
                self._log.settle()
                with transaction(self._con):  # one state of all tables
                    for reached in write_rows(self._con, self.session, self._folder, self._sealed):
                        self._sealed = reached
            except (LogError, duckdb.Error, OSError) as error:
                self.error = f"{self.path}: nothing can be sealed: {one_line(error)}"
                with self._news:
                    self._waiting += 1
                raise LogError(self.error) from error
            self.error = ""
            return self._sealed.seq

    def close(self) -> None:
        """Seal the rest and end; before the log is closed. Raises LogError where it cannot be sealed; the log has it."""
        if self._closing.is_set():
            return
        self._closing.set()
        with self._news:
            self._news.notify()
        for thread in self._threads:
            thread.join()
        try:
            self.seal()
        finally:
            if self._compactor:
                self._compactor.close()
            self._con.close()

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _seal_on(self) -> None:
        while not self._closing.is_set():
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closing.is_set())
                due = self._sealed_at + self._every
                while self._waiting < self._rows and not self._closing.is_set() and (left := due - time.monotonic()) > 0:
                    self._news.wait(left)
            if not self._closing.is_set():
                with suppress(LogError):  # said by `error`, and tried again
                    self.seal()

    def _merge_on(self) -> None:
        while self._compactor and not self._closing.wait(_LOOK):
            try:
                self._compactor.run()
            except (duckdb.Error, OSError) as error:
                self.error = f"{self.path}: segments cannot be merged: {one_line(error)}"


def _id_of(con: "duckdb.DuckDBPyConnection", path: Path, session: int) -> str:
    found = con.execute("SELECT session_id FROM sessions WHERE session = ?", [session]).fetchone()
    if not found:
        raise LogError(f"{path}: no session {session} to seal; begin it first")
    return str(found[0])

"""The event log: sessions of commands and facts in one DuckDB file, each append one durable transaction."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import duckdb
import numpy as np
import polars as pl

from data.log.batch import Batch, Commands, genesis, make_batch, names_in, seal
from data.log.frames import frame_of
from data.log.history import Past
from data.log.insert import insert, insert_batch
from data.log.rows import READ_ROWS, joined, no_commands, read_commands, read_facts
from data.log.schema import (
    TABLES,
    LogError,
    connect,
    instrument_rows,
    one_line,
    product_version,
    quoted,
    read_instruments,
    transaction,
)
from data.log.verification import Verification
from data.views.columns import time_of
from data.views.definitions import VIEWS
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import FACT

if TYPE_CHECKING:
    from engine import Exchange

__all__ = ["Commands", "EventLog", "LogError", "Verification"]


SNAPSHOT_EVERY = 1 << 20
"""Commands between two snapshots: a second's replay."""


class _Head(NamedTuple):
    """Where a session's log ends."""

    batch: int
    seq: int
    block: int
    hash: str


class EventLog(Past):
    """An event log at `path`, created where there is none; `read_only` opens one that exists, beside other readers.

    Sessions are told apart by number (from 1); each has its own seq from 1. One process writes a log; within it, reads may run in other
    threads beside the writer. `snapshot_every`: commands between two kept states, where `append` is shown the exchange. Raises LogError
    where the file is missing, locked, of another layout, or no log.
    """

    def __init__(self, path: str | Path, read_only: bool = False, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        self.path = Path(path).absolute()
        self.read_only, self.snapshot_every, self.closed = read_only, snapshot_every, False
        self._con = connect(self.path, read_only)
        self._heads: dict[int, _Head] = {}

    def close(self) -> None:
        """Close the file; what was appended is durable already."""
        self._con.close()
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def begin(self, session_id: str, meta: Mapping[str, Any] | None = None, instruments: Iterable[Instrument] = ()) -> int:
        """Open a session and return its number.

        `session_id`: unique in this log. `meta`: what JSON can say; a session that keeps its feed by reference names it under "feed".
        `instruments`: in the order of their numbers. Raises LogError where the id is taken or meta is not JSON.
        """
        listed = list(instruments)
        try:
            text = json.dumps(dict(meta or {}), sort_keys=True)
            decimals = money_decimals(listed)
        except (TypeError, ValueError) as error:
            raise LogError(f"session {session_id!r}: {error}") from None
        if self._rows("SELECT 1 FROM sessions WHERE session_id = ?", [session_id]):
            raise LogError(
                f"{self.path}: session {session_id!r} is there already; take another id, or go on with log.session({session_id!r})"
            )
        session = self._rows("SELECT coalesce(max(session), 0) + 1 FROM sessions")[0][0]
        row = (session, session_id, product_version(), text, decimals, genesis(session_id, text, listed))
        with self._writing():
            self._con.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
            insert(self._con, "instruments", instrument_rows(session, listed))
        return int(session)

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
        """Store one batch in one durable transaction and return the session's last seq.

        `commands`: COMMAND array of length n; `seqs`: int64 of length n, from the facts where not given (all facts must be there then);
        `facts`: FACT array; `cursors`: source -> offset, to be found again in `cursors()`; `blocks`: seq -> digest; `positions`: int64 of
        length n, the feed position after which each command entered; `exchange`: the one that has carried out just these commands, whose
        state is kept every `snapshot_every` commands. A batch that was stored already, byte for byte, is a retry and changes
        nothing. Raises LogError on rows that do not stand behind the last stored seq, and when the commit fails: nothing is stored then.
        """
        batch = make_batch(commands, facts, seqs, blocks, positions)
        head = self._heads.get(session) or self._head(session)
        span = batch.span() or (head.seq + 1, head.seq)
        kept = bool(batch.span() or batch.blocks)
        late = kept and (span[0] <= head.seq or min(batch.blocks, default=head.block + 1) <= head.block)
        if late and not self._is_stored(session, span, batch):
            raise LogError(
                f"{self.path}: session {session} ends at seq {head.seq} (block {head.block}), so rows from seq {span[0]} cannot follow; "
                f"another writer was here, or the batch changed since it was stored: read on from seq {head.seq + 1}"
            )
        if late or not (kept or cursors):
            return head.seq
        names = names_in(batch)
        number, digest = (head.batch + 1, seal(head.hash, batch)) if kept else (head.batch, head.hash)
        with self._writing():
            if kept:
                insert_batch(self._con, session, number, span, batch, digest)
                insert(self._con, "names", [(session, *name) for name in names], "OR IGNORE")
            insert(self._con, "cursors", [(session, source, int(offset)) for source, offset in (cursors or {}).items()], "OR REPLACE")
            if kept and exchange is not None:
                self._keep_state(session, span[1], exchange, self.snapshot_every)
        self._heads[session] = _Head(number, span[1], max([head.block, *batch.blocks]), digest)
        return span[1]

    def sessions(self) -> pl.DataFrame:
        """One row per session: its size, last_seq, and the times of its first and last row."""
        return self._frame(
            "SELECT s.session, session_id, version, count(batch) AS batches, coalesce(sum(commands), 0)::BIGINT AS commands, "
            "coalesce(sum(facts), 0)::BIGINT AS facts, coalesce(max(last_seq), 0) AS last_seq, "
            f"{time_of('min(first_ts)')} AS started, {time_of('max(last_ts)')} AS ended FROM sessions s "
            "LEFT JOIN batches b ON b.session = s.session GROUP BY ALL ORDER BY 1"
        )

    def session(self, session_id: str) -> int:
        """The number of the session `session_id`. Raises LogError where there is none."""
        found = dict(self._rows("SELECT session_id, session FROM sessions ORDER BY session"))
        if session_id not in found:
            raise LogError(f"{self.path}: no session {session_id!r}; there are: {', '.join(found) or 'none'}")
        return int(found[session_id])

    def meta(self, session: int) -> dict[str, Any]:
        """What `begin` was given as meta."""
        self._head(session)
        return dict(json.loads(self._rows("SELECT meta FROM sessions WHERE session = ?", [session])[0][0]))

    def instruments(self, session: int) -> list[Instrument]:
        """The instruments that `begin` was given."""
        self._head(session)
        return read_instruments(self._con.cursor(), session)

    def last_seq(self, session: int) -> int:
        """The last seq that is stored; 0 for a session without rows."""
        return self._head(session).seq

    def cursors(self, session: int) -> dict[str, int]:
        """Source -> offset, as of the last append that named it."""
        self._head(session)
        return dict(self._rows('SELECT source, "offset" FROM cursors WHERE session = ?', [session]))

    def blocks(self, session: int) -> dict[int, str]:
        """Seq -> digest of the exchange after it, in order."""
        self._head(session)
        return dict(self._rows("SELECT seq, digest FROM blocks WHERE session = ? ORDER BY seq", [session]))

    def read(self, session: int, first_seq: int = 1, last_seq: int | None = None) -> tuple[Commands, np.ndarray]:
        """The commands and the facts (FACT array) from `first_seq` to `last_seq` inclusive, byte for byte as they were appended."""
        last = self._last(session, last_seq)
        parts = list(self.read_commands(session, first_seq, last))
        seqs, records, positions = (joined(arrays) for arrays in zip(no_commands(), *parts))
        facts = joined([np.empty(0, FACT), *self.read_facts(session, first_seq, last)])
        return Commands(seqs, records, positions), facts

    def read_commands(self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = READ_ROWS) -> Iterator[Commands]:
        """As `read`, the commands alone, at most `rows` of them at a time."""
        return read_commands(self._con.cursor(), session, first_seq, self._last(session, last_seq), rows)

    def read_facts(self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = READ_ROWS) -> Iterator[np.ndarray]:
        """As `read`, the facts alone (FACT arrays), at most `rows` of them at a time."""
        return read_facts(self._con.cursor(), session, first_seq, self._last(session, last_seq), rows)

    def frame(self, view: str, session: int | None = None, **equal: Any) -> pl.DataFrame:
        """A view of `data.views` or a table as a frame, of one session or of all; times are UTC. `equal`: values of columns, like
        trader="ann". Raises LogError for an unknown view or column."""
        known = [*VIEWS, *TABLES]
        if view not in known:
            raise LogError(f"{self.path}: no view {view!r}; there are: {', '.join(known)}")
        if session is not None and view != "meta":
            self._head(session)
            equal["session"] = session
        chosen = " AND ".join(f"{quoted([column])} = ?" for column in equal) or "true"
        try:
            return self._frame(f"SELECT * FROM {view} WHERE {chosen}", list(equal.values()))
        except duckdb.Error as error:
            raise LogError(f"{self.path}: {one_line(error)}") from None

    def _rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._con.cursor().execute(query, list(values)).fetchall()
        except duckdb.Error as error:
            raise LogError(f"{self.path}: {one_line(error)}") from None

    def _frame(self, query: str, values: Iterable[Any] = ()) -> pl.DataFrame:
        return frame_of(self._con.cursor().sql(query, params=list(values)))

    def _last(self, session: int, last_seq: int | None) -> int:
        """The last seq to read: never past what is committed now, so that a read beside the writer is one consistent piece."""
        end = self._head(session).seq
        return end if last_seq is None else min(end, last_seq)

    def _head(self, session: int) -> _Head:
        found = self._rows(
            "SELECT coalesce(max(b.batch), 0), coalesce(max(b.last_seq), 0), "
            "(SELECT coalesce(max(seq), 0) FROM blocks WHERE session = $1), coalesce(arg_max(b.hash, b.batch), s.genesis) "
            "FROM sessions s LEFT JOIN batches b ON b.session = s.session "
            "WHERE s.session = $1 GROUP BY s.genesis",
            [session],
        )
        if not found:
            known = ", ".join(str(row[0]) for row in self._rows("SELECT session FROM sessions ORDER BY 1"))
            raise LogError(f"{self.path}: no session {session}; there are: {known or 'none'}")
        return _Head(*found[0])

    def _is_stored(self, session: int, span: tuple[int, int], batch: Batch) -> bool:
        same_span = self._rows(
            "SELECT b.hash, coalesce(p.hash, s.genesis) FROM batches b JOIN sessions s ON s.session = b.session "
            "LEFT JOIN batches p ON p.session = b.session AND p.batch = b.batch - 1 "
            "WHERE b.session = ? AND b.first_seq = ? AND b.last_seq = ?",
            [session, *span],
        )
        return any(seal(previous, batch) == digest for digest, previous in same_span)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction on this log; a failure leaves nothing stored and is told as LogError."""
        try:
            with transaction(self._con):
                yield
        except duckdb.Error as error:
            self._heads.clear()
            raise LogError(f"{self.path}: nothing was stored: {one_line(error)}") from error

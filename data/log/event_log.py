"""The event log: sessions of commands and facts in one DuckDB file, each append one durable transaction."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb
import numpy as np
import polars as pl

from data.feed import Feed
from data.log.batch import LoggedCommands, genesis, make_batch, names_in, seal
from data.log.insert import insert, insert_batch
from data.log.log_file import LogFile
from data.log.rows import READ_ROWS, joined, no_commands, read_commands, read_facts
from data.log.schema import (
    TABLES,
    LogError,
    instrument_rows,
    one_line,
    product_version,
    quoted,
    read_instruments,
    transaction,
)
from data.log.sessions import Head, head_of, is_stored, meta_of
from data.log.verification import Verification, verify_chain
from data.times import Moment
from data.views.columns import time_of
from data.views.definitions import VIEWS
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import FACT

if TYPE_CHECKING:
    from engine import Exchange

__all__ = ["EventLog", "LogError", "LoggedCommands", "Verification"]


SNAPSHOT_EVERY = 1 << 20
"""Commands between two snapshots: a second's replay."""


class EventLog:
    """An event log at `path`, created where there is none; `read_only` opens one that exists, beside other readers.

    Sessions are told apart by number (from 1); each has its own seq from 1. One process writes a log; within it, reads may run in other
    threads beside the writer. `snapshot_every`: commands between two kept states, where `append` is shown the exchange. Raises LogError
    where the file is missing, locked, of another layout, or no log.
    """

    def __init__(self, path: str | Path, read_only: bool = False, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        self.path = Path(path).absolute()
        self.read_only, self.snapshot_every = read_only, snapshot_every
        self._file = LogFile(self.path, read_only)
        self._con = self._file.con
        self._heads: dict[int, Head] = {}

    def close(self) -> None:
        """Close the file; what was appended is durable already."""
        self._file.close()

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
        if self._file.rows("SELECT 1 FROM sessions WHERE session_id = ?", [session_id]):
            raise LogError(
                f"{self.path}: session {session_id!r} is there already; take another id, or go on with log.session({session_id!r})"
            )
        session = self._file.rows("SELECT coalesce(max(session), 0) + 1 FROM sessions")[0][0]
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
        head = self._heads.get(session) or head_of(self._file, session)
        span = batch.span() or (head.seq + 1, head.seq)
        kept = bool(batch.span() or batch.blocks)
        late = kept and (span[0] <= head.seq or min(batch.blocks, default=head.block + 1) <= head.block)
        if late and not is_stored(self._file, session, span, batch):
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
                from data.log.snapshots import keep

                keep(self._con, session, span[1], exchange, self.snapshot_every)
        self._heads[session] = Head(number, span[1], max([head.block, *batch.blocks]), digest)
        return span[1]

    def sessions(self) -> pl.DataFrame:
        """One row per session: its size, last_seq, and the times of its first and last row."""
        return self._file.frame(
            "SELECT s.session, session_id, version, count(batch) AS batches, coalesce(sum(commands), 0)::BIGINT AS commands, "
            "coalesce(sum(facts), 0)::BIGINT AS facts, coalesce(max(last_seq), 0) AS last_seq, "
            f"{time_of('min(first_ts)')} AS started, {time_of('max(last_ts)')} AS ended FROM sessions s "
            "LEFT JOIN batches b ON b.session = s.session GROUP BY ALL ORDER BY 1"
        )

    def session(self, session_id: str) -> int:
        """The number of the session `session_id`. Raises LogError where there is none."""
        found = dict(self._file.rows("SELECT session_id, session FROM sessions ORDER BY session"))
        if session_id not in found:
            raise LogError(f"{self.path}: no session {session_id!r}; there are: {', '.join(found) or 'none'}")
        return int(found[session_id])

    def meta(self, session: int) -> dict[str, Any]:
        """What `begin` was given as meta."""
        return meta_of(self._file, session)

    def instruments(self, session: int) -> list[Instrument]:
        """The instruments that `begin` was given."""
        head_of(self._file, session)
        return read_instruments(self._con.cursor(), session)

    def last_seq(self, session: int) -> int:
        """The last seq that is stored; 0 for a session without rows."""
        return head_of(self._file, session).seq

    def cursors(self, session: int) -> dict[str, int]:
        """Source -> offset, as of the last append that named it."""
        head_of(self._file, session)
        return dict(self._file.rows('SELECT source, "offset" FROM cursors WHERE session = ?', [session]))

    def blocks(self, session: int) -> dict[int, str]:
        """Seq -> digest of the exchange after it, in order."""
        head_of(self._file, session)
        return dict(self._file.rows("SELECT seq, digest FROM blocks WHERE session = ? ORDER BY seq", [session]))

    def read(self, session: int, first_seq: int = 1, last_seq: int | None = None) -> tuple[LoggedCommands, np.ndarray]:
        """The commands and the facts (FACT array) from `first_seq` to `last_seq` inclusive, byte for byte as they were appended."""
        last = self._last(session, last_seq)
        parts = list(self.read_commands(session, first_seq, last))
        seqs, records, positions = (joined(arrays) for arrays in zip(no_commands(), *parts))
        facts = joined([np.empty(0, FACT), *self.read_facts(session, first_seq, last)])
        return LoggedCommands(seqs, records, positions), facts

    def read_commands(
        self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = READ_ROWS
    ) -> Iterator[LoggedCommands]:
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
            head_of(self._file, session)
            equal["session"] = session
        chosen = " AND ".join(f"{quoted([column])} = ?" for column in equal) or "true"
        try:
            return self._file.frame(f"SELECT * FROM {view} WHERE {chosen}", list(equal.values()))
        except duckdb.Error as error:
            raise LogError(f"{self.path}: {one_line(error)}") from None

    def verify_chain(self, session: int) -> Verification:
        """Check that every stored byte of the session is what was written; names the first batch that differs."""
        head_of(self._file, session)
        return verify_chain(self._con.cursor(), session)

    def replay(self, session: int) -> "Exchange":
        """A new exchange that has taken every command of a session whose commands are all in the log. Raises LogError for one that keeps
        its feed by reference: its commands are not all here."""
        from data.log.history import replay

        return replay(self._file, session)

    def state(self, session: int, at: Moment | None = None) -> "Exchange":
        """The exchange as it was at a moment of a session: a seq, or a time (datetime, or ISO text; UTC where it names no zone); its end
        without one. A command whose seq or time is at the moment has been carried out, with all its facts.

        Starts at the nearest snapshot; the exchange is the same as by replay, and may go on. Raises LogError as `replay`.
        """
        from data.log.history import state

        return state(self._file, session, at)

    def snapshot(self, session: int, exchange: "Exchange | None" = None) -> None:
        """Keep the state at the session's end; `exchange`: the one that has carried out its commands, made by replay where not given."""
        from data.log.snapshots import keep

        shown = exchange or self.state(session)
        with self._writing():
            keep(self._con, session, self.last_seq(session), shown, 0)

    def feed(self, session: int | str, without: str | Sequence[str] = ()) -> Feed:
        """A session as a feed. `without`: strategies of a live session (their trader names) whose own commands are left out: on it a
        backtest of them with latencies of 0 sends the same commands and gets the same facts. Raises LogError for a name that none has."""
        from data.log.session_feed import SessionFeed

        number = self.session(session) if isinstance(session, str) else session
        return SessionFeed(self, number, [without] if isinstance(without, str) else list(without))

    def order_history(self, session: int, order_id: int, trader: str = "") -> pl.DataFrame:
        """Every fact that names an order of a trader, in the order of `seq`; columns as `Exchange.order_history`."""
        from data.log.order_history import order_history

        head_of(self._file, session)
        return order_history(self._file, session, order_id, trader)

    def verify(self, session: int) -> Verification:
        """Check the hash chain, then replay and compare byte for byte, snapshots too; a session with its feed by reference gets the chain
        alone."""
        checked = self.verify_chain(session)
        if not checked.ok or "feed" in self.meta(session):
            return checked
        from data.log.history import verify

        return verify(self._file, session, self.read_facts(session), checked)

    def _last(self, session: int, last_seq: int | None) -> int:
        """The last seq to read: never past what is committed now, so that a read beside the writer is one consistent piece."""
        end = head_of(self._file, session).seq
        return end if last_seq is None else min(end, last_seq)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction on this log; a failure leaves nothing stored and is raised as LogError."""
        try:
            with transaction(self._con):
                yield
        except duckdb.Error as error:
            self._heads.clear()
            raise LogError(f"{self.path}: nothing was stored: {one_line(error)}") from error

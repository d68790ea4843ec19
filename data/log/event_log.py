"""The event log: sessions of commands and facts in one DuckDB file, each append one durable transaction."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import duckdb
import numpy as np

from data.feed import Feed
from data.log.batch import LoggedCommands, genesis, make_batch, names_in, seal
from data.log.insert import insert, insert_batch, keep_cursors
from data.log.log_file import LogFile
from data.log.reader import LogReader
from data.log.schema import LogBusy, LogError, instrument_rows, one_line, product_version, transaction
from data.log.sessions import Head, head_of, is_stored
from data.log.verification import Verification
from engine.messages.instrument import Instrument, money_decimals
from engine.state.card import card, note, table

if TYPE_CHECKING:
    from data.segments.follow import Tail
    from data.segments.source import SegmentSource
    from engine import Exchange

__all__ = ["EventLog", "LogError", "LoggedCommands", "Verification"]


_Given = ParamSpec("_Given")
_Done = TypeVar("_Done")
SHOWN = 20
"""Sessions that a notebook shows, the newest."""
SNAPSHOT_EVERY = 1 << 20
"""Commands between two snapshots: a second's replay."""


def _span(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """Times of a session's first and last row; None where it has none."""
    return row["started"], row["ended"]


def _time(moment: Any) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def in_turn(write: Callable[Concatenate["EventLog", _Given], _Done]) -> Callable[Concatenate["EventLog", _Given], _Done]:
    """A write that waits until another thread's has ended."""

    @wraps(write)
    def alone(log: "EventLog", *given: _Given.args, **named: _Given.kwargs) -> _Done:
        log._check_writable()
        with log._turns:
            return write(log, *given, **named)

    return alone


class EventLog(LogReader):
    """An event log at `path`, created where there is none; `read_only` opens one that exists, beside other readers.

    Sessions are told apart by number (from 1); each has its own seq from 1. One process writes a log; within it, reads may run in other
    threads beside the writer, and writes take turns. `snapshot_every`: commands between two kept states, where `append` is shown the
    exchange. Raises LogError where the file is missing, locked, of another layout, or no log. `EventLog.open` also reads what another
    process is writing.
    """

    def __init__(self, path: str | Path, read_only: bool = False, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        from data.write_ahead.files import is_written
        from data.write_ahead.taking import lies_ahead, take_in

        place = Path(path).absolute()
        if is_written(place):
            raise LogBusy(f"{place}: is open in this process already, by its session; use session.log, or stop it first")
        if lies_ahead(place):
            with EventLog.__new__(EventLog)._opened(place, False, snapshot_every) as plain:
                take_in(plain)
        self._opened(place, read_only, snapshot_every)

    def _opened(self, path: Path, read_only: bool, snapshot_every: int) -> Self:
        super().__init__(LogFile(path, read_only))
        self.read_only, self.snapshot_every = read_only, snapshot_every
        self._con, self._turns = self.file.con, threading.RLock()
        self._heads: dict[int, Head] = {}
        self._source: SegmentSource | None = None
        return self

    @classmethod
    def open(cls, path: str | Path, read_only: bool = True) -> "EventLog":
        """A log by its file or by its session's folder, to be read while a session writes it, too.

        Where the file can be opened, it is; where another process writes it or it is not there, the segments that the session seals
        beside it are read: each question is answered from one state of them, as they are then. An open file is one that no session can
        go on writing: close the log when it was read, or `follow` it, which reads segments. Raises LogError.
        """
        from data.segments.place import log_of

        file, segments = log_of(path)
        if not read_only or not segments.is_dir():
            return cls(file, read_only)
        try:
            if file.exists():
                return cls(file, read_only)
        except LogBusy:
            pass
        return cls._of_segments(file, segments)

    @classmethod
    def _of_segments(cls, file: Path, segments: Path) -> Self:
        from data.segments.source import SegmentSource

        log = cls.__new__(cls)
        log._source, log.path, log.read_only = SegmentSource(segments), file, True
        return log

    def at_once(self, keeps: bool) -> AbstractContextManager[LogReader]:
        """See LogReader."""
        return self._source.lend(keeps) if self._source else nullcontext(self)

    def close(self) -> None:
        """Close the file; what was appended is durable already."""
        self._source.close() if self._source else self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<EventLog {self.path}>"

    def _repr_html_(self) -> str:
        rows = self.sessions().tail(SHOWN).rows(named=True)
        said = [
            (row["session_id"], *(f"{row[name]:,}" for name in ("session", "commands", "facts", "last_seq")), *map(_time, _span(row)))
            for row in rows
        ]
        heads = ("session", "number", "commands", "facts", "last seq", "first row", "last row")
        read = "read from its sealed segments" if self._source else "read only" if self.read_only else "open for writing"
        return card("Event log", f"{self.path}, {read}", table(heads, said) if said else note("It has no session yet."))

    @in_turn
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
        if self.file.rows("SELECT 1 FROM sessions WHERE session_id = ?", [session_id]):
            raise LogError(
                f"{self.path}: session {session_id!r} is there already; take another id, or go on with log.session({session_id!r})"
            )
        session = self.file.rows("SELECT coalesce(max(session), 0) + 1 FROM sessions")[0][0]
        about = (product_version(), decimals)
        row = (session, session_id, about[0], text, decimals, genesis(session_id, text, listed, *about))
        with self._writing():
            self._con.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
            insert(self._con, "instruments", instrument_rows(session, listed))
        return int(session)

    @in_turn
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
        head = self._heads.get(session) or head_of(self.file, session)
        span = batch.span() or (head.seq + 1, head.seq)
        kept = bool(batch.span() or batch.blocks)
        late = kept and (span[0] <= head.seq or min(batch.blocks, default=head.block + 1) <= head.block)
        if late and not is_stored(self.file, session, span, batch):
            raise LogError(
                f"{self.path}: session {session} ends at seq {head.seq} (block {head.block}), so rows from seq {span[0]} cannot follow; "
                f"another writer was here, or the batch changed since it was stored: read on from seq {head.seq + 1}"
            )
        if late or not (kept or cursors):
            return head.seq
        names = names_in(batch)
        number, digest = (head.batch + 1, seal(head.hash, batch)) if kept else (head.batch, head.hash)
        end = Head(number, span[1], max([head.block, *batch.blocks]), digest)
        with self._writing():
            if kept:
                insert_batch(self._con, session, number, span, batch, digest)
                insert(self._con, "names", [(session, *name) for name in names], "OR IGNORE")
            keep_cursors(self._con, session, cursors or {})
            if kept and exchange is not None:
                from data.log.snapshots import keep

                end = keep(self._con, session, end, exchange, self.snapshot_every)
        self._heads[session] = end
        return span[1]

    def settle(self) -> None:
        """See to it that the tables have all that was committed; `append` leaves nothing to do."""

    @in_turn
    def snapshot(self, session: int, exchange: "Exchange | None" = None) -> None:
        """Keep the state at the session's end; `exchange`: the one that has carried out its commands, made by replay where not given."""
        from data.log.snapshots import keep

        shown = exchange or self.state(session)
        self.settle()
        with self._writing():
            end = keep(self._con, session, head_of(self.file, session), shown, 0)
        self._heads[session] = end

    def feed(self, session: int | str, without: str | Sequence[str] = ()) -> Feed:
        """A session as a feed. `without`: strategies of a live session (their trader names) whose own commands are left out: on it a
        backtest of them with latencies of 0 sends the same commands and gets the same facts. Raises LogError for a name that none has."""
        from data.session_feed import SessionFeed

        number = self.session(session) if isinstance(session, str) else session
        return SessionFeed(self, number, [without] if isinstance(without, str) else list(without))

    def follow(
        self, session: int, from_seq: int = 1, *, wait: float = 0.02, stop: threading.Event | None = None, until_ended: bool = False
    ) -> Iterator[tuple[LoggedCommands, np.ndarray]]:
        """Commands and facts (FACT array) from `from_seq` on, in order, each once, some batches at a time, as they are committed or sealed.

        `wait`: seconds between two looks; `stop`: ends it when set; `until_ended`: ends behind the last row of a session whose session.json
        says "ended", and of a file that nobody writes. A session that was killed is waited for. Raises LogError.
        """
        from data.segments.follow import follow

        return follow(self._tail(session, from_seq, until_ended), wait, stop, until_ended)

    def follow_async(
        self, session: int, from_seq: int = 1, *, wait: float = 0.02, until_ended: bool = False
    ) -> AsyncIterator[tuple[LoggedCommands, np.ndarray]]:
        """`follow` for `async for`; reads in a thread."""
        from data.segments.follow import follow_async

        return follow_async(self._tail(session, from_seq, until_ended), wait, until_ended)

    def _tail(self, session: int, from_seq: int, until_ended: bool) -> "Tail":
        from data.segments.files import session_folder
        from data.segments.follow import Tail, file_reading, segment_reading
        from data.segments.place import has_ended, log_of
        from data.segments.source import SegmentSource

        session_id = self.session_id(session)
        file, segments = log_of(self.path)
        ended = has_ended(file.parent)
        if self.read_only and not self._source and session_folder(segments, session_id).is_dir() and not (ended and until_ended):
            self.close()  # so that the session can start again
            self._source = SegmentSource(segments)
        if self._source:
            return Tail(segment_reading(segments, session_id), session, from_seq, lambda: has_ended(file.parent))
        return Tail(file_reading(self, session), session, from_seq, lambda: self.read_only or has_ended(file.parent))

    def _check_writable(self) -> None:
        if self._source:
            raise LogError(f"{self.path}: is read-only here; its session writes it")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction on this log; a failure leaves nothing stored and is raised as LogError."""
        try:
            with transaction(self._con):
                yield
        except duckdb.Error as error:
            self._heads.clear()
            raise LogError(f"{self.path}: nothing was stored: {one_line(error)}") from error

"""All that can be asked of a log, whether it is its open file or the segments that a running session seals beside it."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import duckdb
import numpy as np
import polars as pl

from data.log.batch import SEAL, LoggedCommands
from data.log.log_file import LogFile
from data.log.rows import READ_ROWS, joined, no_commands, read_commands, read_facts
from data.log.schema import SOURCE_OFFSET, TABLES, LogError, one_line, quoted, read_instruments
from data.log.sessions import head_of, meta_of
from data.log.verification import Verification, verify_chain
from data.times import Moment
from data.views.columns import time_of
from data.views.definitions import IN_FRAMES, VIEWS
from engine.messages.instrument import Instrument
from engine.messages.records import FACT

if TYPE_CHECKING:
    from engine import Exchange

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
_Question = Callable[Concatenate["LogReader", _Given], _Answer]


def asks(keeps: bool = False) -> Callable[[_Question[_Given, _Answer]], _Question[_Given, _Answer]]:
    """A question to a log: all that it looks at is one state of the log. `keeps`: its answer goes on reading after it was given."""

    def of(question: _Question[_Given, _Answer]) -> _Question[_Given, _Answer]:
        @wraps(question)
        def ask(log: "LogReader", *given: _Given.args, **named: _Given.kwargs) -> _Answer:
            with log.at_once(keeps) as reader:
                return question(reader, *given, **named)

        return ask

    return of


class LogReader:
    """The questions to a log of which `file` is the one state; an `EventLog` asks them of its file, or of the segments as they are now."""

    def __init__(self, file: LogFile) -> None:
        self.file, self.path = file, file.path

    def at_once(self, keeps: bool) -> AbstractContextManager["LogReader"]:
        """A reader of one state of the log. `keeps`: it is read from after the block, too."""
        return nullcontext(self)

    @asks()
    def sessions(self) -> pl.DataFrame:
        """One row per session: its size, last_seq, and the times of its first and last row."""
        return self.file.frame(
            "SELECT s.session, session_id, version, count(batch) AS batches, coalesce(sum(commands), 0)::BIGINT AS commands, "
            "coalesce(sum(facts), 0)::BIGINT AS facts, coalesce(max(last_seq), 0) AS last_seq, "
            f"{time_of('min(first_ts)')} AS started, {time_of('max(last_ts)')} AS ended FROM sessions s "
            "LEFT JOIN batches b ON b.session = s.session GROUP BY ALL ORDER BY 1"
        )

    @asks()
    def session(self, session_id: str) -> int:
        """The number of the session `session_id`. Raises LogError where there is none."""
        found = dict(self.file.rows("SELECT session_id, session FROM sessions ORDER BY session"))
        if session_id not in found:
            raise LogError(f"{self.path}: no session {session_id!r}; there are: {', '.join(found) or 'none'}")
        return int(found[session_id])

    @asks()
    def session_id(self, session: int) -> str:
        """The id of a session's number."""
        head_of(self.file, session)
        return str(self.file.rows("SELECT session_id FROM sessions WHERE session = ?", [session])[0][0])

    @asks()
    def meta(self, session: int) -> dict[str, Any]:
        """What `begin` was given as meta."""
        return meta_of(self.file, session)

    @asks()
    def instruments(self, session: int) -> list[Instrument]:
        """The instruments that `begin` was given."""
        head_of(self.file, session)
        return read_instruments(self.file.con.cursor(), session)

    @asks()
    def last_seq(self, session: int) -> int:
        """The last seq that is stored; 0 for a session without rows."""
        return head_of(self.file, session).seq

    @asks()
    def cursors(self, session: int) -> dict[str, int]:
        """Source -> offset, as of the last append that named it."""
        head_of(self.file, session)
        return dict(self.file.rows(f"SELECT source, {SOURCE_OFFSET} FROM cursors WHERE session = ?", [session]))

    @asks()
    def blocks(self, session: int) -> dict[int, str]:
        """Seq -> digest of the exchange after it, in order."""
        head_of(self.file, session)
        digests = "SELECT seq, digest FROM blocks WHERE session = ? AND NOT starts_with(digest, ?) ORDER BY seq"
        return dict(self.file.rows(digests, [session, SEAL]))

    @asks()
    def read(self, session: int, first_seq: int = 1, last_seq: int | None = None) -> tuple[LoggedCommands, np.ndarray]:
        """The commands and the facts (FACT array) from `first_seq` to `last_seq` inclusive, byte for byte as they were appended."""
        last = self._last(session, last_seq)
        parts = list(self.read_commands(session, first_seq, last))
        seqs, records, positions = (joined(arrays) for arrays in zip(no_commands(), *parts))
        facts = joined([np.empty(0, FACT), *self.read_facts(session, first_seq, last)])
        return LoggedCommands(seqs, records, positions), facts

    @asks(keeps=True)
    def read_commands(
        self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = READ_ROWS
    ) -> Iterator[LoggedCommands]:
        """As `read`, the commands alone, at most `rows` of them at a time."""
        return read_commands(self.file.con.cursor(), session, first_seq, self._last(session, last_seq), rows)

    @asks(keeps=True)
    def read_facts(self, session: int, first_seq: int = 1, last_seq: int | None = None, rows: int = READ_ROWS) -> Iterator[np.ndarray]:
        """As `read`, the facts alone (FACT arrays), at most `rows` of them at a time."""
        return read_facts(self.file.con.cursor(), session, first_seq, self._last(session, last_seq), rows)

    @asks()
    def frame(self, view: str, session: int | None = None, **equal: Any) -> pl.DataFrame:
        """A view of `data.views` or a table as a frame, of one session or of all; times are UTC. `equal`: values of the view's columns,
        like trader="ann". Columns of the frame are named as those of `Exchange`. Raises LogError for an unknown view or column."""
        known = [*VIEWS, *TABLES]
        if view not in known:
            raise LogError(f"{self.path}: no view {view!r}; there are: {', '.join(known)}")
        if session is not None and view != "meta":
            head_of(self.file, session)
            equal["session"] = session
        chosen = " AND ".join(f"{quoted([column])} = ?" for column in equal) or "true"
        try:
            self.file.make_views()
            found = self.file.frame(f"SELECT * FROM {view} WHERE {chosen}", list(equal.values()))
            return found.rename(IN_FRAMES, strict=False)
        except duckdb.Error as error:
            raise LogError(f"{self.path}: {one_line(error)}") from None

    @asks()
    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query over the tables. Raises LogError."""
        return self.file.rows(query, values)

    @asks()
    def verify_chain(self, session: int) -> Verification:
        """Check that every stored byte of the session is what was written; names the first batch that differs, or a view that does.

        A writer may go on beside it. What no chain can show: that batches were cut off the end (keep `head`, and compare), and changed
        cursors, which every commit replaces.
        """
        head_of(self.file, session)
        checked = verify_chain(self.file.con.cursor(), session)
        view = self.file.strange_view() if checked.ok else None
        if view is not None:
            return checked._replace(ok=False, message=f"the view {view} is not the one that Tapebook writes; open the log to write, once")
        return checked

    @asks()
    def head(self, session: int) -> str:
        """One line that tells where a session's log ends, for an auditor to keep: `holds` says later whether that is still there."""
        end = head_of(self.file, session)
        return f"{self.session_id(session)} batch {end.batch} seq {end.seq} sha256 {end.hash}"

    @asks()
    def holds(self, head: str) -> bool:
        """Whether the log still holds what it held when `head` printed that line. The chain up to it is for `verify` to check.
        Raises LogError for what is no such line, or of another session."""
        match = re.fullmatch(r"(.+) batch (\d+) seq (\d+) sha256 ([0-9a-f]{64})", head.strip())
        if match is None:
            raise LogError(f"{head!r} is not the head of a log; give the line that `tapebook log head` printed")
        session, batch, seq, digest = self.session(match[1]), int(match[2]), int(match[3]), match[4]
        chain = "SELECT last_seq, hash FROM batches WHERE session = ? AND batch = ?"
        if batch == 0:
            chain = "SELECT 0, genesis FROM sessions WHERE session = ? AND ? = 0"
        return self.file.rows(chain, [session, batch]) == [(seq, digest)]

    @asks()
    def replay(self, session: int) -> "Exchange":
        """A new exchange that has taken every command of a session whose commands are all in the log. Raises LogError for one that keeps
        its feed by reference: its commands are not all here."""
        from data.log.history import replay

        return replay(self.file, session)

    @asks(keeps=True)
    def state(self, session: int, at: Moment | None = None) -> "Exchange":
        """The exchange as it was at a moment of a session: a seq, or a time (datetime, or ISO text; UTC where it names no zone); its end
        without one. A command whose seq or time is at the moment has been carried out, with all its facts.

        Starts at the nearest snapshot; the exchange is the same as by replay, and may go on. Raises LogError as `replay`.
        """
        from data.log.history import state

        return state(self.file, session, at)

    @asks()
    def order_history(self, session: int, order_id: int, trader: str = "") -> pl.DataFrame:
        """Every fact that names an order of a trader, in the order of `seq`; columns as `Exchange.order_history`."""
        from data.log.history import order_history

        head_of(self.file, session)
        return order_history(self.file, session, order_id, trader)

    @asks()
    def verify(self, session: int) -> Verification:
        """Check the hash chain, then replay and compare byte for byte, snapshots too; a session with its feed by reference gets the chain
        alone."""
        checked = self.verify_chain(session)
        if not checked.ok or "feed" in self.meta(session):
            return checked
        from data.log.history import verify

        return verify(self.file, session, self.read_facts(session), checked)

    def _last(self, session: int, last_seq: int | None) -> int:
        """The last seq to read: never past what is committed now, so that a read beside the writer is one consistent piece."""
        end = head_of(self.file, session).seq
        return end if last_seq is None else min(end, last_seq)

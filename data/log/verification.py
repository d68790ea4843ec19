"""Is the log what was written, and does it replay? The hash chain answers the first, the exchange the second."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import numpy as np

from data.log.batch import Batch, LoggedCommands, genesis, names_in, seal
from data.log.rows import joined, no_commands, read_commands, read_facts
from data.log.schema import LogError, instrument_rows, one_line, read_instruments
from data.log.strays import lost_session, stray_row
from engine.messages.records import FACT

_LAST = 2**63 - 1


class Verification(NamedTuple):
    """What `EventLog.verify` found."""

    ok: bool
    commands: int  # commands checked
    facts: int  # facts checked
    first_difference_seq: int | None
    message: str


class _Stream:
    """Parallel arrays in pieces, the first of them seqs, handed out up to a seq at a time."""

    def __init__(self, pieces: Iterator[tuple[np.ndarray, ...]], empty: tuple[np.ndarray, ...]) -> None:
        self._pieces, self._empty, self._held = pieces, empty, empty

    def until(self, seq: int) -> tuple[np.ndarray, ...]:
        """All rows up to `seq` inclusive that were not handed out yet."""
        taken = []
        while True:
            cut = int(np.searchsorted(self._held[0], seq, side="right"))
            taken.append(tuple(array[:cut] for array in self._held))
            self._held = tuple(array[cut:] for array in self._held)
            if len(self._held[0]):
                break
            self._held = next(self._pieces, self._empty)
            if not len(self._held[0]):
                break
        return taken[0] if len(taken) == 1 else tuple(joined(arrays) for arrays in zip(*taken))


def verify_chain(con: duckdb.DuckDBPyConnection, session: int) -> Verification:
    """Compute every hash of a session again, in bounded memory, and name the first batch that differs.

    All that is committed when it begins is checked; a writer may go on beside it.
    """
    about = "session_id, meta, genesis, version, decimals"
    found = con.execute(f"SELECT {about} FROM sessions WHERE session = ?", [session]).fetchall()
    try:
        return _check_session(con, session, *found[0])
    except (LogError, ValueError, duckdb.Error) as error:
        return _wrong(session, one_line(error))


def _wrong(session: int, text: str, counted: tuple[int, int] = (0, 0), seq: int | None = None) -> Verification:
    return Verification(False, *counted, seq, f"session {session}: {text}")


def _check_session(con: duckdb.DuckDBPyConnection, session: int, session_id: str, meta: str, first_hash: str, *more: Any) -> Verification:
    instruments = read_instruments(con, session)
    stored = con.execute("SELECT * FROM instruments WHERE session = ? ORDER BY number", [session]).fetchall()
    known = (genesis(session_id, meta, instruments, *more), genesis(session_id, meta, instruments))
    if first_hash not in known or stored != instrument_rows(session, instruments):
        return _wrong(session, "its id, meta or instruments differ from what was written")
    batches = con.execute("SELECT * EXCLUDE session FROM batches WHERE session = ? ORDER BY batch", [session]).fetchall()
    if any(None in (*row[:3], row[-1]) for row in batches):  # a batch of blocks alone has no times
        return _wrong(session, "the table of batches has an empty cell")
    names: dict[tuple[str, int], str] = {}
    checked = _check_batches(con, session, first_hash, batches, names)
    if not checked.ok:
        return checked
    stray = stray_row(con, session) or lost_session(con)
    if stray is not None:
        return _wrong(session, stray)
    named = con.execute("SELECT kind, number, name FROM names WHERE session = ?", [session]).fetchall()
    now = con.execute("SELECT count(*) FROM batches WHERE session = ?", [session]).fetchall()[0][0]
    grown = len(named) > len(names) and now == len(batches)  # a batch that came meanwhile brings its own
    if grown or not names.items() <= {(kind, number): name for kind, number, name in named}.items():
        return _wrong(session, "the table of names differs from the commands", (checked.commands, checked.facts))
    return checked


def _check_batches(
    con: duckdb.DuckDBPyConnection, session: int, first_hash: str, batches: list[tuple[Any, ...]], names: dict[tuple[str, int], str]
) -> Verification:
    """Each batch's rows against its own row and hash; `names` gathers what they name."""
    end = max((row[2] for row in batches), default=0)  # what is committed from here on stands in batches that are not read
    commands = _Stream(read_commands(con.cursor(), session, 1, end), no_commands())
    facts = _Stream(((rows["seq"], rows) for rows in read_facts(con.cursor(), session, 1, end)), (np.empty(0, np.int64), np.empty(0, FACT)))
    blocks = _blocks(con, session)
    counted, previous = (0, 0), first_hash
    for wanted, (number, first, last, *said, digest) in enumerate(batches, 1):
        batch = Batch(LoggedCommands(*commands.until(last)), facts.until(last)[1], blocks.get(number, {}))
        previous, sizes = seal(previous, batch), [len(batch.commands.seqs), len(batch.facts)]
        as_written = said == [*(batch.times() or (None, None)), *sizes] and batch.span() in (None, (first, last))
        if number != wanted or previous != digest or not as_written:
            return _wrong(session, f"batch {number} (seq {first} to {last}) differs from what was written", counted, first)
        for kind, named, name in names_in(batch):
            names.setdefault((kind, named), name)
        counted = (counted[0] + sizes[0], counted[1] + sizes[1])
    return Verification(True, *counted, None, f"session {session}: {counted[0]} commands and {counted[1]} facts are what was written")


def _blocks(con: duckdb.DuckDBPyConnection, session: int) -> dict[int, dict[int, str]]:
    """Number of a batch -> the blocks that came with it."""
    found: dict[int, dict[int, str]] = {}
    for batch, seq, digest in con.execute("SELECT batch, seq, digest FROM blocks WHERE session = ? ORDER BY seq", [session]).fetchall():
        found.setdefault(batch, {})[seq] = digest
    return found


def verify_replay(replayed: np.ndarray, pieces: Iterator[np.ndarray], checked: Verification) -> Verification:
    """Compare the facts of a replay (FACT array) with the log's, byte for byte; `checked` is what the chain said."""
    replayed, at = replayed.astype(FACT, copy=False), 0
    for piece in pieces:
        again = replayed[at : at + len(piece)]
        differ = np.flatnonzero((_raw(piece[: len(again)]) != _raw(again)).any(axis=1))
        if len(differ) or len(again) < len(piece):
            return _differs(checked, piece, again, int(differ[0]) if len(differ) else len(again))
        at += len(piece)
    if at < len(replayed):
        return _differs(checked, np.empty(0, FACT), replayed[at:], 0)
    return checked._replace(message=f"{checked.message}, and replay gives the same facts")


def _differs(checked: Verification, logged: np.ndarray, again: np.ndarray, i: int) -> Verification:
    seq = min(int(rows["seq"][i]) for rows in (logged, again) if i < len(rows))
    return checked._replace(ok=False, first_difference_seq=seq, message=f"replay gives other facts than the log from seq {seq}")


def _raw(facts: np.ndarray) -> Any:
    return np.ascontiguousarray(facts).view(np.uint8).reshape(len(facts), FACT.itemsize)

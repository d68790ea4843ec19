"""Snapshots: states of an exchange kept in the log, so that a moment of a session is the nearest one and a short replay.

The commands stay the one truth: a snapshot that is not, byte for byte, the one whose hash stands in the log's chain is passed over before
anything of it is read, and a log without any replays from the start.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import duckdb
import numpy as np

from data.log.batch import SEAL, make_batch, seal
from data.log.insert import insert, insert_batch
from data.log.log_file import LogFile
from data.log.rows import READ_ROWS, joined, read_commands, read_facts, read_kinds
from data.log.schema import LogError, has_table
from data.log.sessions import Head
from data.times import Moment, utc_nanoseconds
from engine.exchange import Exchange
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Kind
from engine.state.arrays import State
from engine.state.digest import digest
from engine.state.snapshot import SNAPSHOT_LAYOUT, pack, unpack
from engine.state.tape import Tape


class Snapshot(NamedTuple):
    """A stored state."""

    seq: int  # of the exchange: all commands up to it are in
    digest: str
    state: bytes  # packed
    sealed: bool  # it is what was written: its hash stands in the chain


def row(session: int, last_seq: int, commands: int, exchange: Exchange) -> tuple[Any, ...]:
    """The row of `snapshots` for an exchange that has carried out the session's `commands` commands, whose rows end at `last_seq`.

    Raises LogError where it has not.
    """
    seq = int(exchange.state.session["seq"][0])
    if not last_seq <= seq <= last_seq + 1:  # a fact about history takes a seq, built or not
        raise LogError(
            f"session {session} ends at seq {last_seq}, but the exchange is at {seq}: give the one that carried out its commands"
        )
    return session, seq, SNAPSHOT_LAYOUT, commands, exchange.digest(), pack(exchange.state)


def keep(con: duckdb.DuckDBPyConnection, session: int, head: Head, exchange: Exchange, every: int) -> Head:
    """Within a transaction: store a snapshot, unless fewer than `every` commands came since the last one, and its hash as a batch of its
    own; returns where the log ends then."""
    counted = "SELECT (SELECT sum(commands) FROM batches WHERE session = $1), (SELECT max(commands) FROM snapshots WHERE session = $1)"
    done, before = con.execute(counted, [session]).fetchall()[0]
    if (done or 0) - (before or 0) < every:
        return head
    kept = row(session, head.seq, done or 0, exchange)
    insert(con, "snapshots", [kept], "OR REPLACE")
    sealed = make_batch(np.empty(0, COMMAND), np.empty(0, FACT), blocks={kept[1]: seal_of(*kept[1:])})
    if sealed.blocks[kept[1]] in _seals(con, session, kept[1]):
        return head
    digest = seal(head.hash, sealed)
    insert_batch(con, session, head.batch + 1, (head.seq + 1, head.seq), sealed, digest)
    return Head(head.batch + 1, head.seq, head.block, digest)


def seal_of(seq: int, layout: int, commands: int, digest: str, state: bytes) -> str:
    """What stands of a snapshot among the blocks, which the chain holds."""
    return SEAL + hashlib.sha256(json.dumps([seq, layout, commands, digest]).encode() + state).hexdigest()


def _seals(con: duckdb.DuckDBPyConnection, session: int, seq: int) -> set[str]:
    """The seals of snapshots at a seq."""
    return {text for (text,) in con.execute("SELECT digest FROM blocks WHERE session = ? AND seq = ?", [session, seq]).fetchall()}


def stored(con: duckdb.DuckDBPyConnection, session: int, newest_first: bool, until: int) -> Iterator[Snapshot]:
    """The session's snapshots of our layout that hold no command after a seq."""
    if not has_table(con, "snapshots"):  # an older Tapebook wrote the log, and it is open to read only
        return
    order = "DESC" if newest_first else "ASC"
    # A command is followed by a fact, so a state at `until` + 1 has carried out none beyond `until`.
    chosen = con.execute(
        f"SELECT seq FROM snapshots WHERE session = ? AND layout = ? AND seq <= ? ORDER BY seq {order}",
        [session, SNAPSHOT_LAYOUT, until + 1],
    ).fetchall()
    for (seq,) in chosen:
        found = con.execute("SELECT commands, digest, state FROM snapshots WHERE session = ? AND seq = ?", [session, seq]).fetchone()
        if found:
            sealed = seal_of(seq, SNAPSHOT_LAYOUT, *found) in _seals(con, session, seq)
            yield Snapshot(seq, found[1], found[2], sealed)


def state_of(snapshot: Snapshot) -> State | None:
    """The state of a snapshot; None where it is not the one that was written."""
    if not snapshot.sealed:
        return None
    try:
        state = unpack(snapshot.state)
    except ValueError:
        return None
    return state if digest(state) == snapshot.digest else None


class LoggedTape(Tape):
    """The tape of an exchange that begins at a snapshot: the facts before it stay in the log until somebody asks for them."""

    def __init__(self, read: Callable[[], np.ndarray]) -> None:
        super().__init__(0)
        self._read: Callable[[], np.ndarray] | None = read

    def all(self) -> np.ndarray:
        """Every fact so far."""
        if self._read is not None:
            self._full.insert(0, self._read())
            self._read = None
        return super().all()


def state_at(file: LogFile, session: int, seq: int, history_facts: bool) -> Exchange:
    """The exchange that has carried out every command of a session up to `seq`: the nearest good snapshot, and the commands after it."""
    con = file.con.cursor()
    for snapshot in stored(con, session, True, seq):
        state = state_of(snapshot)
        if state is not None:
            exchange = Exchange.restored(state, LoggedTape(partial(facts_until, file, session, snapshot.seq)))
            return advance(exchange, con, session, snapshot.seq + 1, seq)
    return advance(unopened(con, session, history_facts), con, session, 1, seq)


def unopened(con: duckdb.DuckDBPyConnection, session: int, history_facts: bool) -> Exchange:
    """An exchange of the session's money that no command has reached."""
    exchange = Exchange.from_commands(np.empty(0, COMMAND), history_facts=history_facts)
    opening = read_kinds(con, session, [Kind.SESSION], 1)
    if len(opening):
        exchange.decimals = int(opening["type"][0])
    return exchange


def advance(exchange: Exchange, con: duckdb.DuckDBPyConnection, session: int, first_seq: int, last_seq: int) -> Exchange:
    """The exchange, after the logged commands from `first_seq` to `last_seq`."""
    for piece in read_commands(con, session, first_seq, last_seq, READ_ROWS):
        exchange.run(piece.records)
    return exchange


def facts_until(file: LogFile, session: int, seq: int) -> np.ndarray:
    """The session's facts (FACT) up to `seq`, also where the log was closed since."""
    if not file.closed:
        return joined([np.empty(0, FACT), *read_facts(file.con.cursor(), session, 1, seq)])
    again = file.again()
    try:
        return facts_until(again, session, seq)
    finally:
        again.close()


def replay_beside(con: duckdb.DuckDBPyConnection, session: int, last_seq: int, history_facts: bool) -> tuple[Exchange, Snapshot | None]:
    """A replay from the first command on, and the first snapshot that it contradicts."""
    exchange, at, wrong = unopened(con, session, history_facts), 1, None
    for snapshot in stored(con, session, False, last_seq):
        advance(exchange, con, session, at, snapshot.seq)
        at = snapshot.seq + 1
        if wrong is None and (exchange.digest() != snapshot.digest or state_of(snapshot) is None):
            wrong = snapshot
    return advance(exchange, con, session, at, last_seq), wrong


def seq_at(con: duckdb.DuckDBPyConnection, session: int, at: Moment | None, last_seq: int) -> int:
    """The seq up to which a session had come at a moment; None is its end. Raises LogError for what is not a moment."""
    if at is None:
        return last_seq
    if isinstance(at, int | np.integer):
        if at < 0:
            raise LogError(f"session {session}: seq {at} is before its first; seqs begin at 1, and 0 is before anything happened")
        return min(int(at), last_seq)
    # A command that names an earlier time than one before it is lifted to that one's, so the first later command ends the moment.
    try:
        ts = utc_nanoseconds(at)
    except ValueError:
        raise LogError(f"{at!r} is not a moment; give a seq, a datetime, or text like 2026-01-05T14:30:00 (UTC)") from None
    later = con.execute("SELECT min(seq) FROM commands WHERE session = ? AND ts > ?", [session, ts]).fetchone()
    return last_seq if later is None or later[0] is None else int(later[0]) - 1

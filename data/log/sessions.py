"""What a log says of one session: where it ends, what it was given, whether a batch is there already."""

import json
from typing import Any, NamedTuple

from data.log.batch import SEAL, Batch, seal
from data.log.log_file import LogFile
from data.log.schema import LogError, read_instruments
from engine.messages.names import Names
from engine.messages.vocabulary import Kind


class Head(NamedTuple):
    """Where a session's log ends."""

    batch: int
    seq: int
    block: int
    hash: str


def head_of(file: LogFile, session: int) -> Head:
    """Where a session ends, as far as it is committed. Raises LogError where there is no such session."""
    found = file.rows(
        "SELECT coalesce(max(b.batch), 0), coalesce(max(b.last_seq), 0), "
        f"(SELECT coalesce(max(seq), 0) FROM blocks WHERE session = $1 AND NOT starts_with(digest, '{SEAL}')), "
        "coalesce(arg_max(b.hash, b.batch), s.genesis) "
        "FROM sessions s LEFT JOIN batches b ON b.session = s.session "
        "WHERE s.session = $1 GROUP BY s.genesis",
        [session],
    )
    if not found:
        known = ", ".join(str(row[0]) for row in file.rows("SELECT session FROM sessions ORDER BY 1"))
        raise LogError(f"{file.path}: no session {session}; there are: {known or 'none'}")
    return Head(*found[0])


def meta_of(file: LogFile, session: int) -> dict[str, Any]:
    """What the session was begun with as meta. Raises LogError where there is no such session."""
    head_of(file, session)
    return dict(json.loads(file.rows("SELECT meta FROM sessions WHERE session = ?", [session])[0][0]))


def names_of(file: LogFile, session: int) -> Names:
    """The instruments, portfolios and traders of a session, with their numbers."""
    names = Names(read_instruments(file.con.cursor(), session))
    tables = {"portfolio": names.portfolios, "trader": names.traders}
    for kind, number, name in file.rows("SELECT kind, number, name FROM names WHERE session = ? ORDER BY number", [session]):
        if kind in tables:
            tables[kind][name] = number
    return names


def built_history(file: LogFile, session: int) -> bool:
    """Whether facts about history were built. Raises LogError where the session cannot be replayed."""
    if "feed" in meta_of(file, session):
        raise LogError(f"{file.path}: session {session} keeps its feed by reference; replay it with the backtest that made it")
    return bool(file.rows("SELECT 1 FROM facts WHERE session = ? AND kind >= ? LIMIT 1", [session, int(Kind.HistoryAdded)]))


def is_stored(file: LogFile, session: int, span: tuple[int, int], batch: Batch) -> bool:
    """Whether a batch with these seqs was stored, byte for byte."""
    same_span = file.rows(
        "SELECT b.hash, coalesce(p.hash, s.genesis) FROM batches b JOIN sessions s ON s.session = b.session "
        "LEFT JOIN batches p ON p.session = b.session AND p.batch = b.batch - 1 "
        "WHERE b.session = ? AND b.first_seq = ? AND b.last_seq = ?",
        [session, *span],
    )
    return any(seal(previous, batch) == digest for digest, previous in same_span)

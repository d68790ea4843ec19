"""Rows of the log into segments: one file a table, all of them durable before the last one says that they are there."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data.log.batch import NAME_KINDS
from data.log.schema import literal
from data.segments.files import FIXED, ROWS, Segment
from data.segments.parquet import store, sync
from engine.messages.vocabulary import Kind

if TYPE_CHECKING:
    import duckdb

MOST_ROWS = 1 << 20
"""Rows that a segment holds unless one batch has more."""
_EPOCH, _NANOSECONDS = datetime.date(1970, 1, 1), 86_400 * 10**9


class Sealed(NamedTuple):
    """How far a session's segments reach."""

    seq: int
    batch: int
    day: int  # of the newest folder, since 1970
    names: int  # that the log had then; 0 where that is not known


NOTHING = Sealed(0, 0, -(10**9), 0)


class Piece(NamedTuple):
    """Batches that become one segment."""

    first_batch: int
    last_batch: int
    last_seq: int
    day: int


def write_fixed(con: "duckdb.DuckDBPyConnection", session: int, folder: Path) -> None:
    """What a session begins with: its own row, its instruments, and how the log is laid out."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in FIXED:
        chosen = "key <> 'views'" if table == "meta" else f"session = {session:d}"
        store(con, f"SELECT * FROM {table} WHERE {chosen}", folder / f"{table}.parquet")
    sync(folder)


def write_rows(con: "duckdb.DuckDBPyConnection", session: int, folder: Path, sealed: Sealed, until: int | None = None) -> Iterator[Sealed]:
    """Seal what the log holds behind `sealed`, up to seq `until`, and tell how far it has come after each segment.

    `con` is in a transaction: all tables are seen as of one commit. Raises duckdb.Error, OSError.
    """
    pieces = list(_pieces(con, session, sealed, until))
    named = _count(con, "names", f"session = {session:d}")
    for piece in pieces:
        segment = Segment(sealed.seq + 1, piece.last_seq, folder / f"date={_date(piece.day)}")
        _write(con, session, segment, piece, names=named != sealed.names, cursors=piece is pieces[-1])
        sealed = Sealed(piece.last_seq, piece.last_batch, piece.day, sealed.names)
        yield sealed._replace(names=named) if piece is pieces[-1] else sealed


def _pieces(con: "duckdb.DuckDBPyConnection", session: int, sealed: Sealed, until: int | None) -> Iterator[Piece]:
    """The batches to be sealed, cut by day and by rows; those without rows wait for the next that has some."""
    bound = "" if until is None else f" AND last_seq <= {until:d} AND first_seq <= {until:d}"
    batches = con.execute(
        f"SELECT batch, last_seq, last_ts, commands + facts FROM batches WHERE session = ? AND batch > ?{bound} ORDER BY batch",
        [session, sealed.batch],
    ).fetchall()
    piece, rows, first, day = None, 0, sealed.batch + 1, sealed.day
    for batch, seq, ts, count in batches:
        if not count:
            continue
        today = max(day, ts // _NANOSECONDS)
        if piece and (today != day or rows + count > MOST_ROWS):
            yield piece
            first, rows = piece.last_batch + 1, 0
        piece, rows, day = Piece(first, batch, seq, today), rows + count, today
    if piece:
        yield piece


def _write(con: "duckdb.DuckDBPyConnection", session: int, segment: Segment, piece: Piece, names: bool, cursors: bool) -> None:
    if not segment.folder.is_dir():
        segment.folder.mkdir(parents=True)
        sync(segment.folder.parent)
    mine = f"session = {session:d}"
    batches = f"{mine} AND batch BETWEEN {piece.first_batch:d} AND {piece.last_batch:d}"
    for table in ROWS:
        store(con, f"SELECT * FROM {table} WHERE {mine} AND seq BETWEEN {segment.first:d} AND {segment.last:d}", segment.path(table))
    if names and _count(con, f"({_named(session, segment)})", "true"):
        store(con, _named(session, segment), segment.path("names"))
    if _count(con, "blocks", batches):
        store(con, f"SELECT * FROM blocks WHERE {batches}", segment.path("blocks"))
    if cursors and _count(con, "cursors", mine):
        store(con, f"SELECT * FROM cursors WHERE {mine}", segment.path("cursors"))
    store(con, f"SELECT * FROM batches WHERE {batches} ORDER BY batch", segment.path("batches"))
    sync(segment.folder)


def _named(session: int, segment: Segment) -> str:
    """The names that a segment's commands were the first to give."""
    kinds = " ".join(f"WHEN {int(kind)} THEN {literal(name)}" for kind, name in NAME_KINDS.items())
    naming = ", ".join(str(int(kind)) for kind in NAME_KINDS)
    refused = f"SELECT 1 FROM facts f WHERE f.session = c.session AND f.seq = c.seq + 1 AND f.kind = {Kind.CommandRejected:d}"
    given = (
        f"SELECT CASE kind {kinds} END AS kind, trader AS number, min(seq) AS seq FROM commands c WHERE session = {session:d} "
        f"AND seq <= {segment.last:d} AND kind IN ({naming}) AND NOT EXISTS ({refused}) GROUP BY ALL"
    )
    return (
        f"SELECT n.* FROM names n JOIN ({given}) g ON g.kind = n.kind AND g.number = n.number "
        f"WHERE n.session = {session:d} AND g.seq BETWEEN {segment.first:d} AND {segment.last:d} ORDER BY g.seq"
    )


def _count(con: "duckdb.DuckDBPyConnection", table: str, chosen: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table} WHERE {chosen}").fetchone()
    return int(found[0]) if found else 0


def day_of(folder: Path) -> int:
    """The day of a date's folder, since 1970."""
    return (datetime.date.fromisoformat(folder.name.removeprefix("date=")) - _EPOCH).days


def _date(day: int) -> str:
    return (_EPOCH + datetime.timedelta(days=day)).isoformat()

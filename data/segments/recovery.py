"""What a writer finds when it starts: segments that agree with the log stay, all others go, and what is missing is sealed again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from data.log.schema import transaction
from data.segments.files import ALWAYS, ROWS, Segment, found_in, largest
from data.segments.parquet import SCRATCH, reading
from data.segments.sealing import NOTHING, Sealed, day_of, write_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SUMS = "count(*), min(batch), max(batch), max(last_seq), sum(commands), sum(facts), bit_xor(hash(batch, first_seq, last_seq, hash))"


def recover(con: "DuckDBPyConnection", session: int, folder: Path) -> Sealed:
    """Make a session's segments agree with its log, and tell how far they reach. Raises duckdb.Error, OSError."""
    for scratch in folder.rglob(f".*{SCRATCH}"):
        scratch.unlink()
    found = found_in(folder)
    good = list(_agreeing(con, session, found))
    for segment in found:
        if segment not in good:
            segment.remove()
    sealed = NOTHING
    with transaction(con):
        for segment in good:
            list(write_rows(con, session, folder, sealed, until=segment.first - 1))
            sealed = Sealed(segment.last, _last_batch(con, session, segment), day_of(segment.folder), 0)
    return sealed


def _agreeing(con: "DuckDBPyConnection", session: int, found: Sequence[Segment]) -> Iterator[Segment]:
    """The largest segments whose batches are those of the log, and whose rows are all there."""
    end = 0
    for segment in largest(found):
        if segment.first > end and _agrees(con, session, segment):
            yield segment
            end = segment.last


def _agrees(con: "DuckDBPyConnection", session: int, segment: Segment) -> bool:
    batches = [segment.path("batches")]
    try:
        held = con.execute(f"SELECT {_SUMS} FROM {reading(batches)}").fetchone()
        rows = [con.execute(f"SELECT count(*) FROM {reading([segment.path(table)])}").fetchone() for table in ROWS]
        for table in segment.tables - ALWAYS:
            con.execute(f"SELECT count(*) FROM {reading([segment.path(table)])}").fetchone()
    except duckdb.Error:  # cut, or something else than Parquet
        return False
    if not held or held[3] != segment.last or (*held[4:6],) != tuple(row[0] for row in rows if row):
        return False
    logged = con.execute(f"SELECT {_SUMS} FROM batches WHERE session = ? AND batch BETWEEN ? AND ?", [session, *held[1:3]]).fetchone()
    return logged == held and _first_covered(con, session, held[1]) == segment.first


def _first_covered(con: "DuckDBPyConnection", session: int, batch: int) -> int:
    before = con.execute("SELECT coalesce(max(last_seq), 0) + 1 FROM batches WHERE session = ? AND batch < ?", [session, batch]).fetchone()
    return int(before[0]) if before else 1


def _last_batch(con: "DuckDBPyConnection", session: int, segment: Segment) -> int:
    row = con.execute(
        "SELECT max(batch) FROM batches WHERE session = ? AND last_seq <= ? AND first_seq <= last_seq", [session, segment.last]
    )
    found = row.fetchone()
    return int(found[0] or 0) if found else 0

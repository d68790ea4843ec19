"""Segments on disk: what the name of each file says, and which of them together are the whole session.

A segment holds the rows of some batches, all of each, one Parquet file a table. Its name says which seqs it covers, from one behind the
segment before it, so that a reader knows a gap or an overlap by the names alone:

    segments/session=desk/date=2026-01-05/facts-000000000000001-000000000000480.parquet

The date is that of the last row of its last batch, in UTC. Files whose names begin with a dot are not there yet.
"""

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from data.log.schema import LogError

ROWS = ("commands", "facts")
SEALED = (*ROWS, "names", "blocks", "cursors", "batches")
"""The tables that are sealed, in the order in which their files appear: the batches' file says that the rest of the segment is there."""
ALWAYS = frozenset({*ROWS, "batches"})
FIXED = ("meta", "instruments", "sessions")
"""The tables that stand beside the dates, one file each, in the order in which they appear: a session begins with them."""

_NAME = re.compile(rf"({'|'.join(SEALED)})-(\d{{15,}})-(\d{{15,}})\.parquet")
_LOOKS = 6
_PATIENCE = 0.01
"""Seconds before a folder that does not add up is looked at again, doubled each time: files appear and go while it is listed."""

_MEND = "start the session again, which writes them anew from its log, or take them from a backup"


class Segment(NamedTuple):
    """The rows of some batches in one folder."""

    first: int  # seq that it covers from
    last: int  # and to, inclusive
    folder: Path  # of its date
    tables: frozenset[str] = frozenset()

    def path(self, table: str) -> Path:
        """Where the rows of a table are, or would be."""
        return self.folder / f"{table}-{self.first:015d}-{self.last:015d}.parquet"

    def remove(self) -> None:
        """Delete its files; it counts as gone with the first."""
        for table in reversed(SEALED):
            self.path(table).unlink(missing_ok=True)


def session_folder(segments: Path, session_id: str) -> Path:
    """The folder of a session's segments."""
    return segments / f"session={quote(session_id, safe=' ')}"


def session_id_of(folder: Path) -> str:
    """Whose segments a folder holds."""
    return unquote(folder.name.removeprefix("session="))


def session_folders(segments: Path) -> list[Path]:
    """The folder of each session that has begun."""
    return sorted(path.parent for path in segments.glob(f"session=*/{FIXED[-1]}.parquet"))


def date_folders(folder: Path) -> list[Path]:
    """The folders of a session's dates, in order."""
    return sorted(path for path in folder.glob("date=*") if path.is_dir())


def found_in(folder: Path, foreign: list[Path] | None = None) -> list[Segment]:
    """What there is of segments in a session's folder, whole or not; files that are none of ours are added to `foreign`."""
    tables: dict[tuple[int, int, Path], set[str]] = {}
    for date in date_folders(folder):
        for path in date.iterdir():
            named = _NAME.fullmatch(path.name)
            if named:
                tables.setdefault((int(named[2]), int(named[3]), date), set()).add(named[1])
            elif foreign is not None and not path.name.startswith("."):
                foreign.append(path)
    return [_complete(Segment(*place, frozenset(held))) for place, held in tables.items()]


def _complete(segment: Segment) -> Segment:
    """With the files that came while the folder was listed, before that of the batches."""
    if "batches" not in segment.tables:
        return segment
    return segment._replace(tables=frozenset(table for table in SEALED if table in segment.tables or segment.path(table).exists()))


def largest(found: Iterable[Segment]) -> Iterator[Segment]:
    """The whole segments in order, without those whose rows are in a larger one."""
    end = -1
    for segment in sorted((one for one in found if one.tables >= ALWAYS), key=lambda one: (one.first, -one.last)):
        if segment.last > end:
            yield segment
            end = segment.last


def current(segments: Path) -> list[Segment]:
    """The segments of every session under a folder. Raises LogError where there is none, or as `segments_of`."""
    folders = session_folders(segments)
    if not folders:
        raise LogError(f"{segments}: holds no session yet; start one, or look again once it has begun")
    return [segment for folder in folders for segment in segments_of(folder)]


def segments_of(folder: Path) -> list[Segment]:
    """The segments that are a session, each row once. Raises LogError that names what is foreign, missing or twice there."""
    for look in range(_LOOKS):
        try:
            return _whole(folder)
        except LogError:
            if look == _LOOKS - 1:
                raise
            time.sleep(_PATIENCE * 2**look)
    raise AssertionError("never reached")


def _whole(folder: Path) -> list[Segment]:
    foreign: list[Path] = []
    found = found_in(folder, foreign)
    if foreign:
        raise LogError(f"{foreign[0]}: is not one of our segments; move it out of the folder of the session's segments")
    chosen, at = list(largest(found)), 0
    for segment in chosen:
        if segment.first <= at:
            raise LogError(f"{segment.path('facts')}: holds rows up to seq {at} again; {_MEND}")
        if segment.first > at + 1:
            _check_parts(found, at)
            raise LogError(f"{folder}: the segments from seq {at + 1} to {segment.first - 1} are missing; {_MEND}")
        at = segment.last
    _check_parts(found, at)
    return chosen


def _check_parts(found: list[Segment], at: int) -> None:
    """Raises LogError that names what a segment behind a seq lacks."""
    for segment in sorted(found):
        if "batches" in segment.tables and segment.last > at and not segment.tables >= ALWAYS:
            raise LogError(f"{segment.path(min(ALWAYS - segment.tables))}: is missing; {_MEND}")

"""Many small segments become a larger one while others read them: the merged one is whole before those that it holds go."""

import time
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import duckdb

from data.segments.files import ROWS, SEALED, Segment, found_in, largest
from data.segments.parquet import reading, store, sync

FEW = 24
"""Neighbours of one size that are merged; of a day that is over, two."""
SIZES = (64 << 10, 1 << 20, 8 << 20)
"""Bytes below which a segment is of a size; from the last on it stays as it is: a row is merged three times at most."""
MOST_BYTES = 32 << 20
GRACE = 60.0
"""Seconds that merged segments stay for those who read them just then."""


class Compactor:
    """Merges the segments of a session's folder; `grace`: seconds that what was merged stays."""

    def __init__(self, folder: Path, grace: float = GRACE, few: int = FEW) -> None:
        self.folder, self.grace, self.few = folder, grace, few
        self._con = duckdb.connect(config={"threads": 1})
        self._merged: deque[tuple[float, Segment]] = deque()

    def run(self) -> int:
        """Merge what can be merged, delete what was merged long enough ago; returns the merged segments that were written.

        Raises duckdb.Error, OSError.
        """
        written = 0
        while run := self._next():
            self._merge(run)
            self._merged.extend((time.monotonic() + self.grace, segment) for segment in run)
            written += 1
        while self._merged and self._merged[0][0] <= time.monotonic():
            self._merged.popleft()[1].remove()
        return written

    def close(self) -> None:
        """Delete all that was merged."""
        while self._merged:
            self._merged.popleft()[1].remove()
        self._con.close()

    def _next(self) -> list[Segment] | None:
        """Neighbours to be merged, the smallest first."""
        found = list(largest(found_in(self.folder)))
        today = found[-1].folder if found else None
        sized = [(segment, sum(segment.path(table).stat().st_size for table in ROWS)) for segment in found]
        for most in SIZES:
            for folder, run, full in _runs(sized, most):
                if len(run) >= (2 if full or folder != today else self.few):
                    return run
        return None

    def _merge(self, run: list[Segment]) -> None:
        merged = Segment(run[0].first, run[-1].last, run[0].folder)
        for table in SEALED:
            parts = [segment.path(table) for segment in run if table in segment.tables]
            if parts:
                store(self._con, f"SELECT * FROM {reading(parts[-1:] if table == 'cursors' else parts)}", merged.path(table))
        sync(merged.folder)


def _runs(sized: list[tuple[Segment, int]], most: int) -> Iterator[tuple[Path, list[Segment], bool]]:
    """Neighbours in one folder that are all smaller than `most`, and whether one more would come to over MOST_BYTES."""
    for (folder, small), neighbours in groupby(sized, key=lambda one: (one[0].folder, one[1] < most)):
        run: list[Segment] = []
        size = 0
        for segment, held in neighbours if small else ():
            if size + held > MOST_BYTES:
                yield folder, run, True
                run, size = [], 0
            run.append(segment)
            size += held
        yield folder, run, False

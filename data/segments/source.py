"""The segments that a running session seals, as they are whenever somebody asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from data.log.reader import LogReader
from data.log.schema import LogError, one_line
from data.segments.connection import RETRIES, is_gone
from data.segments.files import Segment, current
from data.segments.segment_file import SegmentFile


class SegmentSource:
    """Readers of the segments under `path`: each holds one state of them; several threads may ask at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[SegmentFile] = []
        with self.lend(False):  # what is wrong with them is said at once
            pass

    @contextmanager
    def lend(self, keeps: bool) -> Iterator[LogReader]:
        """A reader of the segments as they are now. `keeps`: it is read from after the block, too. Raises LogError."""
        file = self._idle.pop() if self._idle and not keeps else SegmentFile(self.path)
        show(file, lambda: current(self.path))
        try:
            yield LogReader(file)
        finally:
            if not keeps:
                self._idle.append(file)

    def close(self) -> None:
        """Close the readers that nobody holds."""
        while self._idle:
            self._idle.pop().close()


def show(file: SegmentFile, choose: Callable[[], list[Segment]]) -> None:
    """Let a file hold the segments that `choose` finds, chosen again where one is merged before it is read. Raises LogError."""
    for left in reversed(range(RETRIES)):
        try:
            file.show(choose())
            return
        except duckdb.Error as error:
            if not left or not is_gone(error):
                raise LogError(f"{file.path}: {one_line(error)}") from None

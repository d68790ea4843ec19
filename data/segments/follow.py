"""A session as it goes on: its commands and facts in order, without a gap or a repeat."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from data.log.batch import LoggedCommands
from data.log.reader import LogReader
from data.log.rows import READ_ROWS
from data.segments.files import ALWAYS, Segment, date_folders, segments_of, session_folder
from data.segments.segment_file import SegmentFile
from data.segments.source import show

Rows = tuple[LoggedCommands, np.ndarray]
Reading = Callable[[int], AbstractContextManager[LogReader | None]]
"""A reader of what there is from a seq on; None where there is nothing new."""
_TICK = 50_000_000
"""Nanoseconds; the coarsest clocks that stamp files tick every 10 ms."""


class Tail:
    """What is new of a session since `seq` was taken. `reading`: see Reading; `has_ended`: whether nothing more will come."""

    def __init__(self, reading: Reading, session: int, from_seq: int, has_ended: Callable[[], bool]) -> None:
        self._reading, self._session, self.next_seq, self._has_ended = reading, session, from_seq, has_ended
        self.at_end = False

    def take(self) -> Iterator[Rows]:
        """What is new, some batches at a time; afterwards `at_end` says whether that was all there will ever be."""
        ended = self._has_ended()  # asked first: what came before the end is read below
        with self._reading(self.next_seq) as reader:
            for first, last in _spans(reader, self._session, self.next_seq) if reader else ():
                rows = reader.read(self._session, first, last) if reader else None
                self.next_seq = last + 1
                if rows:
                    yield rows
        self.at_end = ended


def follow(tail: Tail, wait: float, stop: threading.Event | None, until_ended: bool) -> Iterator[Rows]:
    """See `EventLog.follow`."""
    stopped = stop or threading.Event()
    while not stopped.is_set():
        for rows in tail.take():
            yield rows
            if stopped.is_set():
                return
        if tail.at_end and until_ended:
            return
        stopped.wait(wait)


async def follow_async(tail: Tail, wait: float, until_ended: bool) -> AsyncIterator[Rows]:
    """See `EventLog.follow_async`."""
    import asyncio

    while True:
        new = tail.take()
        while rows := await asyncio.to_thread(next, new, None):
            yield rows
        if tail.at_end and until_ended:
            return
        await asyncio.sleep(wait)


def _spans(reader: LogReader, session: int, from_seq: int) -> Iterator[tuple[int, int]]:
    """First and last seq of whole batches that fit in memory together."""
    query = "SELECT last_seq, commands + facts FROM batches WHERE session = ? AND last_seq >= ? ORDER BY batch"
    first, last, rows = from_seq, from_seq - 1, 0
    for end, count in reader.file.rows(query, [session, from_seq]):
        if rows and rows + count > READ_ROWS:
            yield first, last
            first, rows = last + 1, 0
        last, rows = end, rows + count
    if rows:
        yield first, last


def file_reading(log: LogReader, session: int) -> Reading:
    """Reading of a log's own file."""

    @contextmanager
    def reading(from_seq: int) -> Iterator[LogReader | None]:
        yield log if log.last_seq(session) >= from_seq else None

    return reading


def segment_reading(segments: Path, session_id: str) -> Reading:
    """Reading of the newest segments of a session: each is read once."""
    folder, file, seen = session_folder(segments, session_id), SegmentFile(segments), Changes(session_folder(segments, session_id))

    def choose(from_seq: int) -> list[Segment]:
        return [one._replace(tables=ALWAYS) for one in segments_of(folder) if one.last >= from_seq]

    @contextmanager
    def reading(from_seq: int) -> Iterator[LogReader | None]:
        new = choose(from_seq) if seen.any() else []
        if new:
            show(file, lambda: choose(from_seq))
        yield LogReader(file) if new else None

    return reading


class Changes:
    """Whether files came or went in a session's folder since it was asked; some were there perhaps that were not seen."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._seen = folder, -1

    def any(self) -> bool:
        """Ask; costs less than a look at the files."""
        newest = max((path.stat().st_mtime_ns for path in (self._folder, *date_folders(self._folder)) if path.exists()), default=0)
        if newest == self._seen:
            return False
        # A file that comes within one tick of the file system's clock changes nothing that could be seen: look again after it.
        self._seen = newest if time.time_ns() - newest > _TICK else -1
        return True

"""A session that commits and seals, and what must be the same of a log and of its segments."""

from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog
from data.log.schema import TABLES
from data.segments.files import Segment, found_in, session_folder
from data.segments.writer import SegmentWriter
from data.views.definitions import VIEWS

NOON = 1_767_614_400_000_000_000  # 2026-01-05T12:00:00Z
DAY = 86_400 * 10**9


class Committed(NamedTuple):
    commands: np.ndarray
    facts: np.ndarray


class Sealed:
    """A session's folder with its log and its writer; `commit` appends a batch and tells the writer."""

    def __init__(self, folder: Path, session_id: str = "desk", instruments: Any = (), **options: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log = EventLog(folder / "log.duckdb")
        known = self.log.sessions()["session_id"].to_list()
        self.session = self.log.session(session_id) if session_id in known else self.log.begin(session_id, {"of": session_id}, instruments)
        self.segments = session_folder(folder / "segments", session_id)
        self.writer = SegmentWriter(folder, self.log, self.session, **options)

    def commit(self, commands: np.ndarray, facts: np.ndarray, **more: Any) -> int:
        last = self.log.append(self.session, commands, facts, **more)
        self.writer.add(Committed(commands, facts))
        return last

    def close(self) -> None:
        self.writer.close()
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def numbered(first_seq: int, count: int, ts: int = NOON) -> tuple[np.ndarray, np.ndarray]:
    """`count` commands with one fact each, whose every value follows from its seq; the first is one nanosecond behind `ts`."""
    from tests.data.test_log_crash import batch

    commands, facts = batch(first_seq, count)
    commands["ts"] = facts["ts"] = ts + first_seq + np.arange(count)
    return commands, facts


def whole(folder: Path) -> list[Segment]:
    """The segments in a session's folder, in order."""
    return sorted(found_in(folder))


def assert_same(one: EventLog, other: EventLog, session: int) -> None:
    """Every question has the same answer from both."""
    assert_same_rows(one.read(session), other.read(session))
    for question in ("last_seq", "cursors", "blocks", "meta", "instruments", "session_id", "verify_chain"):
        assert getattr(one, question)(session) == getattr(other, question)(session), question
    assert_frame_equal(one.sessions(), other.sessions())
    for view in [*VIEWS, *(set(TABLES) - {"meta", "snapshots"})]:
        asked = [log.frame(view, session) for log in (one, other)]
        if view in ("names", "cursors", "instruments", "blocks"):
            asked = [frame.sort(frame.columns) for frame in asked]
        assert_frame_equal(*asked)


def assert_same_rows(one: Any, other: Any) -> None:
    """The same commands, seqs, positions and facts, byte for byte."""
    assert [array.tobytes() for array in (*one[0], one[1])] == [array.tobytes() for array in (*other[0], other[1])]

"""Folders in which somebody was: one clear error that names the file or the gap."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.log.event_log import EventLog, LogError
from data.segments.files import Segment
from tests.data.segments.sealed import Sealed, assert_same_rows, numbered, whole


@pytest.fixture(scope="module")
def sealed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session's folder without its log: three segments, seqs 1 to 20, 21 to 40 and 41 to 60."""
    folder = tmp_path_factory.mktemp("sealed")
    with Sealed(folder, few=0) as sealed:
        for first in (1, 21, 41):
            sealed.commit(*numbered(first, 10), cursors={"source": first})
            sealed.writer.seal()
    (folder / "log.duckdb").unlink()
    return folder


@pytest.fixture
def folder(sealed_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(sealed_once, tmp_path / "desk")
    return tmp_path / "desk"


def cut(segment: Segment) -> Path:
    path = segment.path("facts")
    path.write_bytes(path.read_bytes()[:-100])
    return path


def empty(segment: Segment) -> Path:
    segment.path("commands").write_bytes(b"")
    return segment.path("commands")


def other_columns(segment: Segment) -> Path:
    pl.DataFrame({"a": [1]}).write_parquet(segment.path("batches"))
    return segment.path("batches")


def lose_one_table(segment: Segment) -> Path:
    segment.path("commands").unlink()
    return segment.path("commands")


def lose_all(segment: Segment) -> Path:
    segment.remove()
    return Path(f"the segments from seq {segment.first} to {segment.last} are missing")


def foreign(segment: Segment) -> Path:
    (segment.folder / "notes.txt").write_text("mine")
    return segment.folder / "notes.txt"


def overlap(segment: Segment) -> Path:
    longer = segment._replace(last=segment.last + 5)
    for table in segment.tables:
        shutil.copy(segment.path(table), longer.path(table))
    return Path(f"holds rows up to seq {longer.last} again")


def read_all(folder: Path) -> None:
    with EventLog.open(folder) as log:
        log.read(1)
        log.frame("batches")


@pytest.mark.parametrize("harm", [cut, empty, other_columns, lose_one_table, lose_all, foreign, overlap])
@pytest.mark.parametrize("which", [0, 1])
def test_harm_is_named(folder: Path, harm: Callable[[Segment], Path], which: int) -> None:
    named = harm(whole(folder / "segments" / "session=desk")[which])
    with pytest.raises(LogError) as refused:
        read_all(folder)
    assert str(named) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("table", ["meta", "instruments"])
def test_what_a_session_began_with_is_lost(folder: Path, table: str) -> None:
    path = folder / "segments" / "session=desk" / f"{table}.parquet"
    path.unlink()
    with pytest.raises(LogError, match=str(path)):
        EventLog.open(folder)


def test_a_folder_without_sessions(folder: Path) -> None:
    shutil.rmtree(folder / "segments" / "session=desk")
    with pytest.raises(LogError, match="holds no session yet"):
        EventLog.open(folder)


def test_a_changed_row_is_found(folder: Path) -> None:
    path = whole(folder / "segments" / "session=desk")[1].path("facts")
    rows = pl.read_parquet(path, hive_partitioning=False)
    rows.with_columns(quantity=pl.col("quantity") + 1).write_parquet(path)
    with EventLog.open(folder) as log:
        assert log.verify(1).message == "session 1: batch 2 (seq 21 to 40) differs from what was written"


def test_files_that_are_not_there_yet_are_passed_over(folder: Path) -> None:
    first, *_, last = whole(folder / "segments" / "session=desk")
    (first.folder / ".facts-1.parquet.tmp").write_text("half")
    last.path("batches").unlink()
    with EventLog.open(folder) as log:
        assert_same_rows(log.read(1), log.read(1, 1, 40))
        assert np.array_equal(log.read(1)[1]["seq"], np.arange(2, 41, 2))

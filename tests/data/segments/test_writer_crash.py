"""A writer is killed with SIGKILL at random moments, within seals and merges too: the next one brings its segments up to the log."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from data.log.event_log import EventLog
from data.segments.files import Segment, segments_of, session_folder
from data.segments.parquet import SCRATCH
from tests.data.segments.sealed import DAY, NOON, Sealed, assert_same, assert_same_rows, numbered, whole

ROUNDS = int(os.environ.get("TAPEBOOK_KILLS", "4"))
ROOT = Path(__file__).parents[3]


def write_until_killed(folder: Path, seed: int) -> None:
    """Commit batches of random size for ever, seal every few milliseconds, merge at once; print each last seq."""
    chance = random.Random(seed)
    with Sealed(folder, every=0.005, grace=0.05, few=3) as sealed:
        assert_same_as_sealed(sealed)
        last = sealed.log.last_seq(1)
        while True:
            count = chance.choice([1, 10, 3_000])
            last = sealed.commit(*numbered(last + 1, count, NOON + last * DAY // 20_000), cursors={"source": last})
            print(last, flush=True)
            if chance.random() < 0.2 and sealed.writer._compactor:
                sealed.writer._compactor.run()


def assert_same_as_sealed(sealed: Sealed) -> None:
    """After its start a writer has sealed what the log has, and nothing lies about."""
    assert sealed.writer.seal() == sealed.log.last_seq(1)
    segments = segments_of(sealed.segments)
    assert [one for one in whole(sealed.segments) if one not in segments] == []
    assert list(sealed.segments.rglob(f".*{SCRATCH}")) == []


def kill_a_writer(folder: Path, seed: int) -> int:
    """Run a writer, kill it within its first half second of work, and return the last seq that it committed."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.data.segments.test_writer_crash", str(folder), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(random.Random(-seed).uniform(0, 0.5))
    writer.kill()
    rest, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    return int([line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")][-1])


def test_what_a_killed_writer_left_is_made_whole(tmp_path: Path) -> None:
    for seed in range(1, ROUNDS + 1):
        committed = kill_a_writer(tmp_path, seed)
        segments = segments_of(session_folder(tmp_path / "segments", "desk"))
        assert segments or seed == 1, "what was sealed can be read without the log, and without a gap"
        with Sealed(tmp_path, few=0) as sealed:
            assert_same_as_sealed(sealed)
            assert sealed.log.last_seq(1) >= committed
            with EventLog.open(tmp_path) as log:
                assert_same(log, sealed.log, 1)


def spoil_half(segment: Segment) -> None:
    path = segment.path("facts")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_rows(segment: Segment) -> None:
    pl.read_parquet(segment.path("facts"), hive_partitioning=False)[:-1].write_parquet(segment.path("facts"))


def lose_the_mark(segment: Segment) -> None:
    segment.path("batches").unlink()


def lose_facts(segment: Segment) -> None:
    segment.path("facts").unlink()


def overlap(segment: Segment) -> None:
    for table in segment.tables:
        shutil.copy(segment.path(table), segment._replace(first=segment.first - 1, last=segment.last + 1).path(table))


def go_beyond_the_log(segment: Segment) -> None:
    for table in segment.tables:
        shutil.copy(segment.path(table), segment._replace(first=1_001, last=1_020).path(table))


def leave_scratch(segment: Segment) -> None:
    (segment.folder / f".facts-1.parquet{SCRATCH}").write_text("half")


@pytest.mark.parametrize("harm", [spoil_half, spoil_rows, lose_the_mark, lose_facts, overlap, go_beyond_the_log, leave_scratch])
@pytest.mark.parametrize("which", [1, 4])
def test_the_log_is_the_truth(tmp_path: Path, harm, which: int) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        for first in (1, 21, 61, 101, 141):
            sealed.commit(*numbered(first, 10 if first == 1 else 20), cursors={"source": first})
            sealed.writer.seal()
    harm(whole(sealed.segments)[which])
    with Sealed(tmp_path, few=0) as sealed:
        assert_same_as_sealed(sealed)
        sealed.commit(*numbered(181, 5))
        sealed.writer.seal()
        with EventLog.open(tmp_path) as log:
            assert log.verify_chain(1) == (True, 95, 95, None, "session 1: 95 commands and 95 facts are what was written")
            assert_same_rows(log.read(1), sealed.log.read(1))


def test_segments_of_another_log_go(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        sealed.commit(*numbered(1, 10, NOON))
    (tmp_path / "log.duckdb").unlink()
    with Sealed(tmp_path, few=0) as sealed:
        sealed.commit(*numbered(1, 5, NOON + 7))
        sealed.writer.seal()
        with EventLog.open(tmp_path) as log:
            assert_same_rows(log.read(1), sealed.log.read(1))


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))

"""What a session commits in small pieces: durable at once, there for every question, and taken in by whoever opens the log next."""

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from data.log.batch import LIVE
from data.log.event_log import EventLog, LogError
from data.write_ahead import session_log
from data.write_ahead.files import entries_in, paths_of
from data.write_ahead.session_log import SessionLog
from tests.data.test_log_crash import batch

ROOT = Path(__file__).parents[2]


def commit(log: SessionLog, session: int, last: int, count: int, **cursors: int) -> int:
    """`count` commands with a fact each behind seq `last`; returns the last seq."""
    asked, told = batch(last + 1, count)
    log.commit(session, asked, told, told["seq"] - 1, np.full(count, LIVE, np.int64), cursors)
    return last + 2 * count


def abandoned(folder: Path, copy: Path) -> Path:
    """The files of a log that is open, as they are: what a kill leaves."""
    shutil.copytree(folder, copy)
    return copy / "log.duckdb"


def wanted(last: int) -> tuple[bytes, bytes]:
    asked, told = batch(1, last // 2)
    return asked.tobytes(), told.tobytes()


def held(log: EventLog, session: int = 1) -> tuple[bytes, bytes]:
    asked, told = log.read(session)
    return asked.records.tobytes(), told.tobytes()


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


def test_each_question_sees_what_was_committed(place):
    with SessionLog(place / "log.duckdb") as log:
        session, last = log.begin("desk"), 0
        for k, count in enumerate((1, 5, 1, 6_000, 2, 0, 1)):  # one goes into the tables by itself
            last = commit(log, session, last, count, a=k)
            assert log.last_seq(session) == last
        last = commit(log, session, last, 1, b=7)
        assert log.cursors(session) == {"a": 6, "b": 7}
        last = commit(log, session, last, 3)
        log.snapshot(session)
        last = commit(log, session, last, 3)
        assert len(log.frame("facts", session)) == last // 2
        assert held(log) == wanted(last)
        assert log.verify_chain(session).ok
        with pytest.raises(LogError, match=f"ends at seq {last}, so rows from seq {last - 1} cannot follow"):
            commit(log, session, last - 2, 1)
    assert sorted(path.name for path in place.iterdir()) == ["log.duckdb"]


@pytest.mark.parametrize("read_only", [True, False])
def test_a_killed_sessions_rows_are_taken_in(place, tmp_path, read_only):
    with SessionLog(place / "log.duckdb") as log:
        session = log.begin("desk")
        last = commit(log, session, 0, 2, a=1)
        log.settle()
        last = commit(log, session, last, 3)
        last = commit(log, session, last, 1, a=9)
        left = abandoned(place, tmp_path / "left")
    with EventLog(left, read_only) as again:
        assert held(again) == wanted(last)
        assert again.cursors(1) == {"a": 9}
        assert again.verify_chain(1).ok
    assert not any(path.exists() for path in paths_of(left))


def test_a_kill_between_the_tables_and_the_file_changes_nothing(place, tmp_path, monkeypatch):
    with SessionLog(place / "log.duckdb") as log:
        session = log.begin("desk")
        last = commit(log, session, 0, 2, a=1)
        monkeypatch.setattr("data.write_ahead.files.AheadFile.clear", lambda file: None)
        log.settle()
        last = commit(log, session, last, 2, a=2)
        left = abandoned(place, tmp_path / "left")
        monkeypatch.undo()
    with EventLog(left) as again:
        assert held(again) == wanted(last)
        assert again.cursors(1) == {"a": 2}


def test_a_torn_end_was_promised_to_nobody_and_damage_before_it_is_named(place):
    with SessionLog(place / "log.duckdb") as log:
        session, last, ends = log.begin("desk"), 0, [0]
        for _ in range(3):
            last = commit(log, session, last, 1)
            ends.append(paths_of(log.path)[0].stat().st_size)
        whole = paths_of(log.path)[0].read_bytes()
    torn = place / "torn"
    for size in range(0, len(whole) + 1, 7):
        torn.write_bytes(whole[:size] + b"\1" * (size % 3))
        assert len(list(entries_in(torn))) == sum(end <= size for end in ends[1:])
    for at in (30, ends[1] - 1, ends[1] + 40):
        torn.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LogError, match="torn: is damaged at byte"):
            list(entries_in(torn))


def test_a_file_beside_another_log_is_not_taken_for_its_own(place, tmp_path):
    with SessionLog(place / "log.duckdb") as log:
        commit(log, log.begin("desk"), 0, 2)
        left = abandoned(place, tmp_path / "left")
    for path in left.parent.glob("log.duckdb*"):
        if path not in paths_of(left):
            path.unlink()
    with EventLog(left.with_name("other.duckdb")) as other:
        other.begin("other")
    left.with_name("other.duckdb").rename(left)
    with pytest.raises(LogError, match=r"belongs to another log than log\.duckdb; put that log back"):
        EventLog(left)


def test_a_settlement_that_fails_is_the_last_and_loses_nothing(place, tmp_path, monkeypatch):
    log = SessionLog(place / "log.duckdb")
    session = log.begin("desk")
    last = commit(log, session, 0, 2)

    def full(*given, **named):
        raise LogError("the disk is full")

    monkeypatch.setattr(session_log.EventLog, "append", full)
    for _ in range(2):
        with pytest.raises(LogError, match="the disk is full"):
            log.settle()
    with pytest.raises(LogError, match="the disk is full"):
        commit(log, session, last, 1)
    log.close()
    monkeypatch.undo()
    with EventLog(place / "log.duckdb") as again:
        assert held(again) == wanted(last)


@pytest.mark.parametrize("read_only", [True, False])
def test_nobody_else_takes_in_what_its_session_writes(place, read_only):
    with SessionLog(place / "log.duckdb") as log:
        last = commit(log, log.begin("desk"), 0, 2)
        with pytest.raises(LogError, match="is open in this process already"):
            EventLog(place / "log.duckdb", read_only)
        assert held(log) == wanted(last)
    with EventLog(place / "log.duckdb", read_only) as again:
        assert held(again) == wanted(last)


def test_questions_from_other_threads_see_whole_batches(place):
    with SessionLog(place / "log.duckdb") as log:
        session, last, ended, seen = log.begin("desk"), 0, threading.Event(), []

        def ask() -> None:
            while not ended.is_set():
                end = log.last_seq(session)
                asked, told = log.read(session, max(1, end - 9), end)
                seen.append(len(asked.seqs) == len(told) == min(5, end // 2))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(300):
            last = commit(log, session, last, 1, a=last)
        ended.set()
        for thread in threads:
            thread.join()
        assert seen
        assert all(seen)
        assert held(log) == wanted(last)


def write_until_killed(path: str, seed: int) -> None:
    """Commit batches of random size for ever, now and then ask; print each last seq once it is durable."""
    drawn = random.Random(seed)
    with SessionLog(path) as log:
        session = log.session("crash") if len(log.sessions()) else log.begin("crash")
        last = log.last_seq(session)
        while True:
            count = drawn.choice([1, 1, 1, 10, 3_000])
            last = commit(log, session, last, count, source=last + 2 * count)
            print(last, flush=True)
            if drawn.random() < 0.05:
                log.settle()


def test_no_acknowledged_row_is_lost(tmp_path):
    path, last = tmp_path / "log.duckdb", 0
    for seed in range(5):
        words = [sys.executable, "-m", "tests.data.test_write_ahead", str(path), str(seed)]
        writer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        first = writer.stdout.readline()
        time.sleep(random.Random(-seed).uniform(0, 0.25))
        writer.kill()
        rest, _ = writer.communicate()
        assert writer.returncode == -signal.SIGKILL
        told = [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
        with EventLog(path, read_only=True) as log:
            assert log.last_seq(1) >= told[-1] > last
            last = log.last_seq(1)
            assert log.cursors(1) == {"source": last}
            assert held(log) == wanted(last)
            assert log.verify_chain(1).ok


if __name__ == "__main__":
    write_until_killed(sys.argv[1], int(sys.argv[2]))

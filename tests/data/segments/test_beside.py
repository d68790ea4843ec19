"""Readers and followers beside a session that commits, seals and merges: no gap, no repeat, and the log's rows at the end."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data.log.event_log import EventLog
from data.segments import compaction, follow
from data.segments.compaction import Compactor
from tests.data.segments.sealed import DAY, NOON, Sealed, assert_same, assert_same_rows, numbered, whole

ROOT = Path(__file__).parents[3]


def read_beside(folder: Path, until: int) -> None:
    """In a process of its own: ask and follow until a seq is there; each answer is whole."""
    with EventLog.open(folder) as log:
        last = 0
        while last < until:
            (seqs, *_), told = log.read(1)
            both = np.sort(np.concatenate([seqs, told["seq"]]))
            assert both.tolist() == list(range(1, len(both) + 1)), "a gap or a repeat"
            assert len(both) >= last, "rows went away"
            checked = log.verify_chain(1)
            assert checked.ok, checked.message
            rows = log.frame("facts", 1)["seq"]
            assert rows.is_sorted()
            assert len(rows) == rows.n_unique()
            last = len(both)


def follow_beside(folder: Path, until: int) -> None:
    """In a process of its own: follow from the first seq to another; it is what can be read."""
    with EventLog.open(folder) as log:
        rows = []
        for commands, told in log.follow(1):
            rows.append((commands, told))
            if int(told["seq"][-1]) >= until:
                break
        assert_same_rows(joined(rows), log.read(1, 1, int(told["seq"][-1])))


def joined(rows: list) -> tuple:
    """What was followed as one piece."""
    commands = tuple(np.concatenate([one[0][i] for one in rows]) for i in range(3))
    return commands, np.concatenate([one[1] for one in rows], dtype=rows[0][1].dtype)


@pytest.fixture
def merging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sealed]:
    """A session that seals all the time, merges what it can, and soon deletes what it merged."""
    monkeypatch.setattr("data.segments.writer._LOOK", 0.02)
    with Sealed(tmp_path, every=0.005, few=3, grace=0.1) as sealed:
        sealed.commit(*numbered(1, 1))
        sealed.writer.seal()
        yield sealed


def test_readers_beside_a_writer_that_merges(merging: Sealed) -> None:
    until = 15_000
    words = [sys.executable, "-m", "tests.data.segments.test_beside"]
    readers = [
        subprocess.Popen([*words, name, str(merging.folder), str(until)], stderr=subprocess.PIPE, text=True, cwd=ROOT)
        for name in ("read_beside", "follow_beside")
    ]
    last, chance = 2, np.random.default_rng(1)
    while last < until or any(reader.poll() is None for reader in readers):
        last = merging.commit(*numbered(last + 1, int(chance.integers(1, 40)), NOON + last * DAY // 6_000))
        time.sleep(0.005 if last < until else 0.05)
    for reader in readers:
        said = reader.communicate()[1]
        assert reader.returncode == 0, said
    assert merging.writer.error == ""
    merging.writer.close()
    with EventLog.open(merging.folder) as log:
        assert_same(log, merging.log, 1)
    assert len(whole(merging.segments)) < 40, "they were merged"


def test_merging_keeps_every_row(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        last = 0
        for i in range(30):
            last = sealed.commit(*numbered(last + 1, 7, NOON + i * DAY // 10), blocks={last + 14: str(i)}, cursors={"source": i})
            sealed.writer.seal()
        before = whole(sealed.segments)
        compactor = Compactor(sealed.segments, grace=0, few=3)
        assert compactor.run() == 4, "one a day, and one of the three newest"
        after = whole(sealed.segments)
        assert (len(before), [one.folder for one in after]) == (30, sorted({one.folder for one in before}))
        with EventLog.open(tmp_path) as log:
            assert_same(log, sealed.log, 1)
        compactor.close()


def test_what_was_merged_stays_for_its_readers(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        for first in range(1, 60, 10):
            sealed.commit(*numbered(first, 5))
            sealed.writer.seal()
        with EventLog.open(tmp_path) as log:
            pieces = log.read_facts(1, rows=10)
            taken = [next(pieces)]
            compactor = Compactor(sealed.segments, grace=60, few=2)
            compactor.run()
            assert len(whole(sealed.segments)) == 7
            taken.append(next(pieces))
            compactor.close()
            assert len(whole(sealed.segments)) == 1
            taken += pieces
            assert np.concatenate([one["seq"] for one in taken]).tolist() == list(range(2, 61, 2))


@pytest.mark.parametrize("size", range(len(compaction.SIZES)))
def test_only_small_neighbours_are_merged(size: int) -> None:
    from data.segments.files import Segment

    most = compaction.SIZES[size]
    folder = Path("date=2026-01-05")
    sized = [(Segment(i, i, folder), most - 1 if i != 5 else most) for i in range(9)]
    runs = [(len(run), full) for _, run, full in compaction._runs(sized, most) if run]
    assert sum(length for length, _ in runs) == 8
    assert max(length * most for length, _ in runs) <= compaction.MOST_BYTES or runs[0] == (5, False)


class TestFollow:
    def test_from_any_seq_in_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(follow, "READ_ROWS", 100)
        with Sealed(tmp_path, few=0) as sealed:
            last = 0
            for _ in range(20):
                last = sealed.commit(*numbered(last + 1, 15))
            sealed.writer.seal()
            (tmp_path / "session.json").write_text(json.dumps({"state": "ended"}))
            for log in (sealed.log, EventLog.open(tmp_path)):
                for first in (1, 2, 333):
                    rows = list(log.follow(1, first, until_ended=True))
                    assert_same_rows(joined(rows), sealed.log.read(1, first))
                    assert max(len(one[0].seqs) + len(one[1]) for one in rows) <= 100
                assert list(log.follow(1, last + 1, until_ended=True)) == []

    def test_it_goes_on_after_a_restart_and_ends_with_the_session(self, tmp_path: Path) -> None:
        said = tmp_path / "session.json"
        came: list = []
        with Sealed(tmp_path, few=0) as sealed:
            said.write_text(json.dumps({"state": "running"}))
            last = sealed.commit(*numbered(1, 10))
            log = EventLog.open(tmp_path)
            follower = threading.Thread(target=lambda: came.extend(log.follow(1, until_ended=True)))
            follower.start()
        with Sealed(tmp_path, few=0) as sealed:
            last = sealed.commit(*numbered(last + 1, 10))
            sealed.writer.seal()
            time.sleep(0.2)
            assert follower.is_alive()
            sealed.commit(*numbered(last + 1, 10))
        said.write_text(json.dumps({"state": "ended"}))
        follower.join(30)
        with EventLog(tmp_path / "log.duckdb", read_only=True) as written:
            assert_same_rows(joined(came), written.read(1))

    def test_a_follower_lets_its_session_start_again(self, tmp_path: Path) -> None:
        with Sealed(tmp_path, few=0) as sealed:
            sealed.commit(*numbered(1, 10))
        with EventLog.open(tmp_path) as log:
            following = log.follow(1)
            assert len(next(following)[1]) == 10
            with Sealed(tmp_path, few=0) as sealed:
                sealed.commit(*numbered(21, 5))
                sealed.writer.seal()
                assert next(following)[1]["seq"].tolist() == [22, 24, 26, 28, 30]

    def test_it_stops_when_it_is_told(self, tmp_path: Path) -> None:
        with Sealed(tmp_path, few=0) as sealed:
            sealed.commit(*numbered(1, 10))
            sealed.writer.seal()
            stop = threading.Event()
            with EventLog.open(tmp_path) as log:
                following = log.follow(1, stop=stop, wait=60)
                next(following)
                threading.Timer(0.1, stop.set).start()
                assert list(following) == []

    def test_async(self, tmp_path: Path) -> None:
        async def first_two(log: EventLog) -> list:
            came = []
            async for rows in log.follow_async(1):
                came.append(rows)
                if len(came) == 1:
                    sealed.commit(*numbered(21, 5))
                    sealed.writer.seal()
                else:
                    break
            return came

        with Sealed(tmp_path, few=0) as sealed, EventLog.open(tmp_path) as log:
            sealed.commit(*numbered(1, 10))
            sealed.writer.seal()
            assert_same_rows(joined(asyncio.run(first_two(log))), sealed.log.read(1))


if __name__ == "__main__":
    {"read_beside": read_beside, "follow_beside": follow_beside}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))

"""The DuckDB log: the contract, what it refuses to open, tampering, and its views."""

import shutil
import subprocess
import sys
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pytest

from data.log.event_log import EventLog, LogError
from engine.messages.records import LAYOUT
from engine.messages.vocabulary import Kind
from tests.support.log_contract import AAPL, COIN, LogContract, commands, exchange_of


class TestDuckLog(LogContract):
    def make_log(self, path: Path) -> AbstractContextManager[EventLog]:
        return EventLog(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log: session 1 with three batches of two commands and facts, a name and a block."""
    path = tmp_path_factory.mktemp("written") / "log.duckdb"
    with EventLog(path) as log:
        session = log.begin("written", {"feed": {"fingerprint": "abc"}}, [AAPL, COIN])
        asked, told = exchange_of(1, 2)
        asked[0] = commands({"kind": Kind.PORTFOLIO, "trader": 1, "name": "p1"})[0]
        log.append(session, asked, told)
        log.append(session, *exchange_of(5, 2), blocks={8: "digest"}, positions=np.array([3, 4]))
        log.append(session, *exchange_of(9, 2))
    return path


def changed(path: Path, tmp_path: Path, statement: str) -> Path:
    """A copy of the log at `path` on which somebody ran a statement."""
    copy = tmp_path / "changed.duckdb"
    shutil.copy(path, copy)
    with duckdb.connect(str(copy)) as con:
        con.execute(statement)
    return copy


# What is done to the file                                                     what verify says
TAMPERED = {
    "UPDATE facts SET quantity = quantity + 1 WHERE seq = 6":                   "batch 2 (seq 5 to 8) differs",
    "UPDATE commands SET flags = 1 WHERE seq = 9":                              "batch 3 (seq 9 to 12) differs",
    "UPDATE commands SET position = 4 WHERE seq = 5":                           "batch 2 (seq 5 to 8) differs",
    "UPDATE commands SET position = 0 WHERE seq = 1":                           "batch 1 (seq 1 to 4) differs",
    "DELETE FROM facts WHERE seq = 4":                                          "batch 1 (seq 1 to 4) differs",
    "DELETE FROM facts WHERE seq = 2; INSERT INTO facts (session, seq) VALUES (1, 2)": "out of order",
    "INSERT INTO facts (session, seq) VALUES (1, 20)":                          "rows from seq 20 belong to no batch",
    "DELETE FROM batches WHERE batch = 2":                                      "batch 3 (seq 9 to 12) differs",
    "DELETE FROM batches WHERE batch = 3":                                      "rows from seq 9 belong to no batch",
    "UPDATE batches SET hash = repeat('0', 64) WHERE batch = 1":                "batch 1 (seq 1 to 4) differs",
    "UPDATE blocks SET digest = 'other'":                                       "batch 2 (seq 5 to 8) differs",
    "UPDATE names SET name = 'p2'":                                             "names differs",
    "UPDATE instruments SET taker_fee = '0.1'":                                 "id, meta or instruments differ",
    "UPDATE instruments SET value = 7 WHERE number = 1":                        "id, meta or instruments differ",
    "UPDATE instruments SET tick = 'x'":                                        "'x' is not a number",
    "UPDATE batches SET facts = facts + 1 WHERE batch = 2":                     "batch 2 (seq 5 to 8) differs",
    "UPDATE batches SET last_ts = 0 WHERE batch = 3":                           "batch 3 (seq 9 to 12) differs",
    "INSERT INTO facts (session, seq, ts) VALUES (1, 0, 0)":                    "rows from seq 0 belong to no batch",
    "INSERT INTO facts (session, seq, ts) VALUES (1, -5, 0)":                   "rows from seq -5 belong to no batch",
    "UPDATE facts SET reason = NULL WHERE seq = 6":                             "rows of facts have an empty cell, the first at seq 6",
    "INSERT INTO names VALUES (1, 'trader', 9, 'eve')":                         "names differs",
    "CREATE OR REPLACE VIEW orders AS SELECT 1 AS session":                     "the view orders is not the one",
    "DROP VIEW trades":                                                         "the view trades is not the one",
    "CREATE VIEW losses AS SELECT 1":                                           "the view losses is not the one",
    "UPDATE sessions SET meta = '{}'":                                          "id, meta or instruments differ",
    "UPDATE batches SET last_seq = NULL WHERE batch = 2":                       "the table of batches has an empty cell",
    "UPDATE sessions SET version = '9.9'":                                      "id, meta or instruments differ",
    "UPDATE sessions SET decimals = decimals + 1":                              "id, meta or instruments differ",
    "INSERT INTO batches SELECT * REPLACE (7 AS session) FROM batches":         "batches of a session 7 that is not listed",
}  # fmt: skip


@pytest.mark.parametrize("statement", TAMPERED)
def test_tampering_is_found_and_named(written: Path, tmp_path: Path, statement: str) -> None:
    with EventLog(changed(written, tmp_path, statement), read_only=True) as log:
        found = log.verify(1)
        assert not found.ok
        assert TAMPERED[statement] in found.message


def test_a_kept_head_shows_that_the_end_was_cut_off(written: Path, tmp_path: Path) -> None:
    with EventLog(written, read_only=True) as log:
        head = log.head(1)
        assert log.holds(head)
        assert not log.holds(head.replace("seq 12", "seq 11"))
        with pytest.raises(LogError, match="is not the head of a log"):
            log.holds(head[:-1])
        with pytest.raises(LogError, match="no session 'other'"):
            log.holds(head.replace("written", "other"))
    cut = "DELETE FROM batches WHERE batch = 3; DELETE FROM facts WHERE seq > 8; DELETE FROM commands WHERE seq > 8"
    with EventLog(changed(written, tmp_path, cut), read_only=True) as log:
        assert log.verify(1).ok  # the chain cannot know
        assert not log.holds(head)
    with EventLog(changed(written, tmp_path, "SELECT 1")) as log:
        log.append(1, *exchange_of(13, 2))
        assert log.holds(head)


def test_two_threads_that_append_take_turns(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log.duckdb") as log:
        session = log.begin("written", {"feed": {}}, [AAPL])
        stored: list[int] = []

        def write(who: int) -> None:
            for _ in range(20):
                asked, told = exchange_of(log.last_seq(session) + 1, 2)
                asked["order_id"] = who
                with suppress(LogError):  # another thread's rows came first
                    stored.append(log.append(session, asked, told))

        threads = [threading.Thread(target=write, args=(who,)) for who in range(1, 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.last_seq(session) == 4 * len(stored) > 0
        assert log.verify_chain(session).ok


def test_verifying_beside_the_writer_raises_no_false_alarm(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log.duckdb") as log:
        session = log.begin("written", {"feed": {}}, [AAPL])
        done = threading.Event()

        def write() -> None:
            for k in range(150):
                log.append(session, *exchange_of(1 + 4 * k, 2))
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        checked = []
        while not done.is_set():
            checked.append(log.verify_chain(session))
        writer.join()
        assert [one.message for one in checked if not one.ok] == []
        assert len({one.commands for one in checked}) > 1


def test_an_untouched_log_verifies_read_only(written: Path) -> None:
    with EventLog(written, read_only=True) as log, EventLog(written, read_only=True) as beside:
        assert log.verify(1) == (True, 6, 6, None, "session 1: 6 commands and 6 facts are what was written")
        assert beside.last_seq(1) == 12
        with pytest.raises(LogError, match="read-only"):
            log.append(1, *exchange_of(13, 1))
        with pytest.raises(LogError, match="feed by reference"):
            log.replay(1)


def test_another_layout_is_refused_with_the_mend(written: Path, tmp_path: Path) -> None:
    other = changed(written, tmp_path, "UPDATE meta SET value = CASE key WHEN 'layout' THEN '99' WHEN 'version' THEN '9.9' END")
    with pytest.raises(LogError, match=rf"has layout 99, written by Tapebook 9\.9.*reads layout {LAYOUT}: open it with"):
        EventLog(other)


def test_views_of_an_older_tapebook_are_renewed(written: Path, tmp_path: Path) -> None:
    old = changed(written, tmp_path, "UPDATE meta SET value = '' WHERE key = 'views'; CREATE OR REPLACE VIEW orders AS SELECT 1 AS session")
    with EventLog(old) as log:
        assert "status" in log.frame("orders").columns


def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "foreign.duckdb"
    text.write_text("no database at all, only some lines of text\n" * 200)
    with duckdb.connect(str(foreign)) as con:
        con.execute("CREATE TABLE meta (a INTEGER)")
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    for path, read_only, why in [
        (tmp_path / "none.duckdb", True, "no such event log"),
        (tmp_path / "none" / "log.duckdb", False, "does not exist; create it first"),
        (tmp_path, False, "is a folder"),
        (text, False, "no DuckDB database"),
        (foreign, False, "not an event log of Tapebook"),
        (empty, True, "not an event log of Tapebook"),
    ]:
        with pytest.raises(LogError, match=why) as refused:
            EventLog(path, read_only)
        assert str(refused.value).startswith(f"{path}: ")
        assert "\n" not in str(refused.value)


def test_a_log_that_is_open_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.duckdb"
    hold = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LogError, match=rf"open in another process \(PID {holder.pid}\)"):
            EventLog(path)
    with EventLog(path), pytest.raises(LogError, match="open in this process already"):
        EventLog(path, read_only=True)


def test_two_writers_in_one_process_cannot_both_win(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log.duckdb") as one, EventLog(tmp_path / "log.duckdb") as two:
        session = one.begin("shared")
        one.append(session, *exchange_of(1, 1))
        two.append(session, *exchange_of(3, 1))
        with pytest.raises(LogError, match="nothing was stored"):
            one.append(session, *exchange_of(3, 2))
        with pytest.raises(LogError, match="ends at seq 4"):
            one.append(session, *exchange_of(3, 2))
        assert one.append(session, *exchange_of(5, 1)) == 6
        assert two.verify_chain(session)[:3] == (True, 3, 3)

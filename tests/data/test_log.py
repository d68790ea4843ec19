"""The DuckDB log: the contract, what it refuses to open, tampering, and its views."""

import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
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
    "UPDATE sessions SET meta = '{}'":                                          "id, meta or instruments differ",
}  # fmt: skip


@pytest.mark.parametrize("statement", TAMPERED)
def test_tampering_is_found_and_named(written: Path, tmp_path: Path, statement: str) -> None:
    with EventLog(changed(written, tmp_path, statement), read_only=True) as log:
        found = log.verify(1)
        assert not found.ok
        assert TAMPERED[statement] in found.message


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

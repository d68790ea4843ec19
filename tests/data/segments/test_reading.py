"""A log's segments answer as the log does, in the session's process, beside it, and after its end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from data.log.event_log import EventLog, LogError
from engine import Exchange
from engine.messages.records import LAYOUT
from engine.messages.vocabulary import Kind
from tests.data.segments.sealed import DAY, NOON, Sealed, assert_same, assert_same_rows, numbered, whole
from tests.support.log_contract import AAPL, COIN, commands, exchange_of, facts
from tests.support.streams import SETTINGS


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """A running session of a real exchange, sealed and merged in many pieces; and a second session in the same log."""
    folder = tmp_path_factory.mktemp("traded")
    setting = SETTINGS["all"]
    exchange = Exchange(setting.world.instruments, setting.world.cash, history_facts=True)
    with Sealed(folder, "desk", exchange.instruments, few=0) as sealed:
        sealed.commit(exchange.opening, exchange.facts)
        stream = np.concatenate([setting.world.opening(), setting.stream(seed=3).take(3_000)])
        for at in range(0, len(stream), 250):
            piece = stream[at : at + 250]
            sealed.commit(piece, exchange.run(piece), cursors={"orders": at, "market": 2 * at})
            sealed.writer.seal()
        with Sealed(folder, "öther/desk 2", [AAPL, COIN]) as other:
            other.commit(*exchange_of(1, 5), blocks={10: "digest"})
        yield sealed


def test_every_question_has_the_same_answer(traded: Sealed) -> None:
    with EventLog.open(traded.folder) as log:
        for session in (1, 2):
            assert_same(log, traded.log, session)
        assert log.verify(1) == traded.log.verify(1)
        assert log.verify(1).ok
        assert log.replay(1).digest() == log.state(1).digest() == traded.log.replay(1).digest()
        assert log.session("öther/desk 2") == 2
        seq = traded.log.last_seq(1) // 2
        assert log.state(1, seq).digest() == traded.log.state(1, seq).digest()
        trader, order = traded.log.frame("orders", 1).filter(pl.col("executed_lots") > 0).select("trader", "order_id").row(0)
        assert log.order_history(1, order, trader).equals(traded.log.order_history(1, order, trader))
        assert len(log.frame("trades", 1)) > 100, "a session without trades compares nothing"


def test_reading_in_pieces_and_from_within(traded: Sealed) -> None:
    with EventLog.open(traded.folder) as log:
        assert_same_rows(log.read(1, 300, 1_234), traded.log.read(1, 300, 1_234))
        pieces = list(log.read_facts(1, 7, rows=100))
        assert {len(piece) for piece in pieces[:-1]} == {100}
        assert (
            np.concatenate([piece["seq"] for piece in pieces]).tolist() == log.frame("facts", 1).filter(pl.col("seq") >= 7)["seq"].to_list()
        )


def test_a_state_reads_its_facts_when_it_is_asked_for_them(traded: Sealed) -> None:
    with EventLog.open(traded.folder) as log:
        state = log.state(1, 2_000)
    assert state.facts.tobytes() == traded.log.state(1, 2_000).facts.tobytes()


def test_another_process_reads_what_is_sealed(traded: Sealed) -> None:
    code = """
import sys
from data import EventLog
with EventLog.open(sys.argv[1]) as log:
    print(log.verify_chain(1).message, log.last_seq(1))
"""
    said = subprocess.run([sys.executable, "-c", code, traded.folder], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == str(traded.log.last_seq(1))
    assert "are what was written" in said


def test_segments_are_for_reading(traded: Sealed) -> None:
    with EventLog.open(traded.folder) as log:
        for write in (
            lambda: log.begin("new"),
            lambda: log.append(1, *exchange_of(1, 1)),
            lambda: log.snapshot(1),
        ):
            with pytest.raises(LogError, match="is read-only here; its session writes it"):
                write()


def test_duckdb_alone_reads_them(traded: Sealed) -> None:
    query = f"SELECT count(*), min(seq), max(seq) FROM '{traded.folder}/segments/session=desk/*/facts-*.parquet'"
    told = traded.log.read(1)[1]["seq"]
    assert duckdb.sql(query).fetchall() == [(len(told), told[0], told[-1])]


def test_a_file_that_can_be_opened_is(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        sealed.commit(*numbered(1, 10))
    with EventLog.open(tmp_path) as log, EventLog.open(tmp_path / "log.duckdb") as same:
        assert (log.last_seq(1), same.last_seq(1)) == (20, 20)
        assert log.frame("snapshots").is_empty()
    with EventLog.open(tmp_path, read_only=False) as log:
        assert log.append(1, *numbered(21, 1)) == 22
    (tmp_path / "log.duckdb").rename(tmp_path / "away")
    with EventLog.open(tmp_path) as log:
        assert log.last_seq(1) == 20, "what was sealed"
    with pytest.raises(LogError, match="no such event log"):
        EventLog.open(tmp_path / "none")


def test_a_session_that_has_only_begun(tmp_path: Path) -> None:
    with Sealed(tmp_path, "desk", [AAPL]) as sealed, EventLog.open(tmp_path) as log:
        assert_same(log, sealed.log, 1)
        assert log.last_seq(1) == 0
        assert log.verify_chain(1).ok


def test_dates_names_blocks_cursors_and_positions(tmp_path: Path) -> None:
    naming = commands(
        {"kind": Kind.PORTFOLIO, "trader": 1, "name": "p'1", "ts": NOON},
        {"kind": Kind.PORTFOLIO, "trader": 2, "name": "refused", "ts": NOON},
    )
    told = facts({"seq": 2, "kind": Kind.PortfolioOpened, "ts": NOON}, {"seq": 4, "kind": Kind.CommandRejected, "ts": NOON})
    with Sealed(tmp_path, "desk", [AAPL], few=0) as sealed:
        sealed.commit(naming, told, cursors={"a": 1})
        sealed.commit(*numbered(5, 2, NOON + DAY), positions=np.array([3, 4]), blocks={8: "eight"})
        sealed.log.append(1, *(array[:0] for array in exchange_of(1, 1)), blocks={9: "without rows"})
        sealed.writer.seal()
        sealed.commit(*numbered(12, 2, NOON), cursors={"a": 2, "b": 3})  # seqs 9 to 11 are facts that nobody built; time went back
        sealed.writer.seal()
        assert [folder.name for folder in sorted(sealed.segments.glob("date=*"))] == ["date=2026-01-05", "date=2026-01-06"]
        assert [(one.first, one.last) for one in whole(sealed.segments)] == [(1, 4), (5, 8), (9, 15)]
        with EventLog.open(tmp_path) as log:
            assert_same(log, sealed.log, 1)
            assert log.frame("names")["name"].to_list() == ["p'1"]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    with Sealed(tmp_path / "[a]*'x", "d'esk*[1]") as sealed:
        sealed.commit(*numbered(1, 3))
        sealed.writer.seal()
        with EventLog.open(sealed.folder) as log:
            assert log.verify_chain(log.session("d'esk*[1]")).ok


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with Sealed(tmp_path) as sealed:
        (sealed.segments / "meta.parquet").unlink()
        pl.DataFrame({"key": ["layout", "version"], "value": ["99", "9.9"]}).write_parquet(sealed.segments / "meta.parquet")
        with pytest.raises(LogError, match=rf"has layout 99, written by Tapebook 9\.9.*reads layout {LAYOUT}"):
            EventLog.open(tmp_path)


def test_sealing_needs_a_session(tmp_path: Path) -> None:
    from data.segments.writer import SegmentWriter

    with EventLog(tmp_path / "log.duckdb") as log, pytest.raises(LogError, match="no session 3 to seal; begin it first"):
        SegmentWriter(tmp_path, log, 3)


def test_a_seal_that_fails_is_told_and_made_up_for(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0, every=0.02) as sealed:
        (tmp_path / "segments").rename(tmp_path / "away")
        (tmp_path / "segments").write_text("in the way")
        sealed.commit(*numbered(1, 3))
        with pytest.raises(LogError, match="nothing can be sealed"):
            sealed.writer.seal()
        assert "nothing can be sealed" in sealed.writer.error
        (tmp_path / "segments").unlink()
        (tmp_path / "away").rename(tmp_path / "segments")
        assert sealed.writer.seal() == 6
        assert sealed.writer.error == ""


def test_each_question_sees_one_state(tmp_path: Path) -> None:
    with Sealed(tmp_path, few=0) as sealed:
        sealed.commit(*numbered(1, 5))
        sealed.writer.seal()
        with EventLog.open(tmp_path) as log:
            rows = log.read_facts(1, rows=2)
            first = next(rows)
            sealed.commit(*numbered(11, 5))
            sealed.writer.seal()
            assert sum(map(len, rows)) + len(first) == 5, "as it was when it was asked"
            assert log.last_seq(1) == 20

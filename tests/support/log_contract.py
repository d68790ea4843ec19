"""What every event log must do, whatever it is made of: a class of tests for each implementation to inherit."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.log.event_log import EventLog, LogError
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND, FACT, write_name
from engine.messages.vocabulary import HISTORY, Kind

AAPL = Instrument("AAPL", "0.01")
COIN = Instrument("COIN", "0.5", "0.001", price_unit="0.25", taker_fee="0.001", multiplier=2)

Reopen = Callable[[], AbstractContextManager[EventLog]]


def commands(*rows: dict[str, Any]) -> np.ndarray:
    """COMMAND records with the fields of each mapping; `name` is written as names are."""
    made = np.zeros(len(rows), COMMAND)
    for record, fields in zip(made, rows):
        if "name" in fields:
            write_name(record, fields["name"])
        for field, value in fields.items():
            if field != "name":
                record[field] = value
    return made


def facts(*rows: dict[str, Any]) -> np.ndarray:
    """FACT records with the fields of each mapping."""
    made = np.zeros(len(rows), FACT)
    for record, fields in zip(made, rows):
        for field, value in fields.items():
            record[field] = value
    return made


def exchange_of(first_seq: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` commands with one fact each, from `first_seq` on: commands at odd places, facts at even ones."""
    asked = commands(*({"kind": Kind.NEW, "order_id": first_seq + 2 * i, "quantity": 5, "ts": first_seq + 2 * i} for i in range(count)))
    told = facts(*({"seq": first_seq + 2 * i + 1, "kind": Kind.OrderCreated, "quantity": 5, "ts": first_seq + 2 * i} for i in range(count)))
    return asked, told


_PATTERNS = [b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0\0\0\0\x80", b"\xff\xff\xff\xff\xff\xff\xff\x7f"]
_BYTES = st.one_of(st.binary(min_size=96, max_size=96), st.sampled_from([(pattern * 96)[:96] for pattern in _PATTERNS]))
_ROWS = st.lists(st.tuples(st.booleans(), st.integers(1, 2**40), _BYTES), min_size=1, max_size=12)


def _records(rows: list[tuple[bool, int, bytes]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Commands, their seqs, and facts of drawn bytes; kinds that carry names are kept out, their bytes must be UTF-8."""
    placed = list(zip(np.cumsum([step for _, step, _ in rows]), rows))
    asked = np.array([np.frombuffer(raw[:64], COMMAND)[0] for _, (is_command, _, raw) in placed if is_command], COMMAND)
    told = np.array([np.frombuffer(raw, FACT)[0] for _, (is_command, _, raw) in placed if not is_command], FACT)
    asked["spare"] = 0
    asked["kind"] += np.where(np.isin(asked["kind"], [Kind.SYMBOL, Kind.PORTFOLIO, Kind.TRADER]), 100, 0).astype(np.uint8)
    told["seq"] = [seq for seq, (is_command, _, _) in placed if not is_command]
    return asked, np.array([seq for seq, (is_command, _, _) in placed if is_command], np.int64), told


class LogContract(ABC):
    """Inherit and say how a log is made; `make_log(path)` opens it, again if it exists."""

    @abstractmethod
    def make_log(self, path: Path) -> AbstractContextManager[EventLog]: ...

    @pytest.fixture
    def log(self, tmp_path: Path) -> Any:
        with self.make_log(tmp_path / "log.duckdb") as log:
            yield log

    @pytest.fixture
    def reopened(self, log: EventLog) -> Reopen:
        def reopen() -> AbstractContextManager[EventLog]:
            log.close()
            return self.make_log(log.path)

        return reopen

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # a session each, one log
    @given(_ROWS, st.integers(1, 12), st.booleans())
    def test_bytes_come_back_as_they_went_in(self, log: EventLog, rows: list[Any], piece: int, own_positions: bool) -> None:
        asked, seqs, told = _records(rows)
        session = log.begin(f"session {len(log.sessions())}")
        positions = np.arange(len(asked)) * 2**50 if own_positions else None
        last = max(seqs.max(initial=0), told["seq"].max(initial=0))
        assert log.append(session, asked, told, seqs, positions=positions) == last
        read, read_told = log.read(session)
        assert read.records.dtype == COMMAND
        assert read_told.dtype == FACT
        assert (read.records.tobytes(), read.seqs.tobytes(), read_told.tobytes()) == (asked.tobytes(), seqs.tobytes(), told.tobytes())
        assert read.positions.tolist() == (positions.tolist() if positions is not None else [-1] * len(asked))
        assert b"".join(part.tobytes() for part in log.read_facts(session, rows=piece)) == told.tobytes()
        assert b"".join(part.records.tobytes() for part in log.read_commands(session, rows=piece)) == asked.tobytes()
        assert log.verify_chain(session).ok

    def test_pieces_are_no_larger_than_asked(self, log: EventLog) -> None:
        session = log.begin("pieces")
        log.append(session, *exchange_of(1, 10))
        log.append(session, *exchange_of(21, 7))
        assert [len(part) for part in log.read_facts(session, rows=5)] == [5, 5, 5, 2]
        assert [len(part.seqs) for part in log.read_commands(session, first_seq=4, last_seq=20, rows=5)] == [5, 3]
        read, told = log.read(session, 4, 7)
        assert (read.seqs.tolist(), told["seq"].tolist()) == ([5, 7], [4, 6])
        assert len(log.read(session, 35)[1]) == len(log.read(session, 8, 7)[0].seqs) == 0

    def test_a_reader_sees_what_was_there_when_it_began(self, log: EventLog) -> None:
        session = log.begin("reader")
        log.append(session, *exchange_of(1, 4))
        reading = log.read_facts(session, rows=2)
        assert next(reading)["seq"].tolist() == [2, 4]
        log.append(session, *exchange_of(9, 4))
        assert [part["seq"].tolist() for part in reading] == [[6, 8]]

    def test_seqs_follow_from_the_facts(self, log: EventLog) -> None:
        session = log.begin("derived")
        told = facts(*({"seq": seq} for seq in (2, 3, 5)))
        log.append(session, np.zeros(2, COMMAND), told)
        log.append(session, np.zeros(1, COMMAND), facts({"seq": 7}))
        assert log.read(session)[0].seqs.tolist() == [1, 4, 6]

    @pytest.mark.parametrize(("count", "fact_seqs"), [(2, [2]), (1, []), (1, [1]), (1, [2, 4]), (3, [2, 4])])
    def test_facts_that_do_not_tell_the_places_are_refused(self, log: EventLog, count: int, fact_seqs: list[int]) -> None:
        session = log.begin("gaps")
        with pytest.raises(LogError, match="give seqs"):
            log.append(session, np.zeros(count, COMMAND), facts(*({"seq": seq} for seq in fact_seqs)))

    def test_rows_must_stand_behind_the_last(self, log: EventLog) -> None:
        session = log.begin("expected position")
        assert log.append(session, *exchange_of(1, 3)) == 6
        with pytest.raises(LogError, match="ends at seq 6"):
            log.append(session, *exchange_of(5, 3))
        with pytest.raises(LogError, match="ends at seq 6"):
            log.append(session, *exchange_of(3, 1))
        assert log.append(session, *exchange_of(7, 3)) == 12
        assert log.last_seq(session) == 12

    def test_a_retried_batch_changes_nothing(self, log: EventLog, reopened: Reopen) -> None:
        session = log.begin("retry")
        first, second = exchange_of(1, 3), exchange_of(7, 2)
        log.append(session, *first, cursors={"orders": 3}, blocks={6: "aa"})
        log.append(session, *second, cursors={"orders": 5})
        assert log.append(session, *first, cursors={"orders": 3}, blocks={6: "aa"}) == 10
        with reopened() as again:
            assert again.append(session, *second) == 10
            assert again.sessions().row(0, named=True)["batches"] == 2
            assert again.cursors(session) == {"orders": 5}
            changed = second[0].copy()
            changed["quantity"] += 1
            with pytest.raises(LogError, match="the batch changed"):
                again.append(session, changed, second[1])
            assert again.verify_chain(session)[:3] == (True, 5, 5)

    def test_cursors_and_blocks_come_with_their_batch(self, log: EventLog, reopened: Reopen) -> None:
        session = log.begin("cursors")
        none = np.empty(0, COMMAND), np.empty(0, FACT)
        log.append(session, *exchange_of(1, 1), cursors={"a": 1, "b": -5}, blocks=[(2, "d2")])
        log.append(session, *none, cursors={"a": 2**62})
        log.append(session, *none, blocks={65_536: "d65536"})
        log.append(session, *none, blocks={65_536: "d65536"})
        with pytest.raises(LogError, match="block 65536"):
            log.append(session, *none, blocks={65_536: "other"})
        log.append(session, *exchange_of(65_537, 1))
        with reopened() as again:
            assert again.cursors(session) == {"a": 2**62, "b": -5}
            assert again.blocks(session) == {2: "d2", 65_536: "d65536"}
            assert again.verify_chain(session).ok

    def test_sessions_are_apart(self, log: EventLog, reopened: Reopen) -> None:
        one, two = log.begin("one", {"note": "first"}, [AAPL]), log.begin("two", {"seed": 7}, [COIN, AAPL])
        log.append(two, *exchange_of(1, 2), cursors={"x": 1})
        log.append(one, *exchange_of(1, 5))
        log.append(two, *exchange_of(5, 2))
        with reopened() as again:
            assert again.sessions().select("session", "session_id", "commands", "facts", "last_seq").rows() == [
                (one, "one", 5, 5, 10),
                (two, "two", 4, 4, 8),
            ]
            assert (again.session("one"), again.session("two"), again.meta(two)) == (one, two, {"seed": 7})
            assert again.instruments(two) == [COIN, AAPL]
            assert again.read(two)[1].tobytes() == np.concatenate([exchange_of(1, 2)[1], exchange_of(5, 2)[1]], dtype=FACT).tobytes()
            assert (again.cursors(one), again.cursors(two)) == ({}, {"x": 1})
            assert again.verify_chain(one).ok
            assert again.verify_chain(two).ok
            assert again.append(one, *exchange_of(11, 1)) == 12

    def test_names_are_kept_unless_refused(self, log: EventLog) -> None:
        session = log.begin("names")
        asked = commands(
            {"kind": Kind.SYMBOL, "trader": 0, "name": "AAPL"},
            {"kind": Kind.PORTFOLIO, "trader": 1, "name": "a portfolio whose name has forty bytes.."},
            {"kind": Kind.TRADER, "trader": 1, "name": "Zoë"},
            {"kind": Kind.PORTFOLIO, "trader": 2, "name": "one too many"},
        )
        kinds = [Kind.SymbolNamed, Kind.PortfolioOpened, Kind.TraderAdmitted, Kind.CommandRejected]
        log.append(session, asked, facts(*({"seq": 2 * i + 2, "kind": kind} for i, kind in enumerate(kinds))))
        assert sorted(log.frame("names", session).rows()) == [
            (session, "portfolio", 1, "a portfolio whose name has forty bytes.."),
            (session, "symbol", 0, "AAPL"),
            (session, "trader", 1, "Zoë"),
        ]
        assert log.verify_chain(session).ok

    def test_what_cannot_be_logged_is_refused_and_leaves_nothing(self, log: EventLog) -> None:
        session = log.begin("malformed")
        asked, told = exchange_of(1, 2)
        spare, unnamed = asked.copy(), asked.copy()
        spare["spare"] = 1
        unnamed["kind"], unnamed["order_id"] = Kind.PORTFOLIO, 0xFF
        for error, args in {
            "spare must be 0": (spare, told),
            "not UTF-8": (unnamed, told),
            "grow from row to row": (asked, told[::-1], np.array([1, 3])),
            "same seq": (asked, told, np.array([1, 2])),
            "1 numbers for 2 commands": (asked, told, np.array([1])),
            "engine.messages.records.FACT": (asked, asked),
            "engine.messages.records.COMMAND": (told, told),
        }.items():
            with pytest.raises(LogError, match=error):
                log.append(session, *args)
        with pytest.raises(LogError, match="no session 9"):
            log.append(9, asked, told)
        assert log.sessions()["batches"].to_list() == [0]

    def test_a_session_id_is_taken_once(self, log: EventLog) -> None:
        log.begin("mine")
        with pytest.raises(LogError, match="'mine' is there already"):
            log.begin("mine")
        with pytest.raises(LogError, match="there are: mine"):
            log.session("yours")
        with pytest.raises(LogError, match="not JSON serializable"):
            log.begin("odd", {"x": object()})

    def test_facts_packed_by_numpy_are_the_same_facts(self, log: EventLog) -> None:
        session = log.begin("packed")
        asked, told = exchange_of(1, 2)
        told["value"], told["limit"], told["trader"] = -5, 2**62, HISTORY
        packed = np.concatenate([told[:1], told[1:]])
        assert packed.dtype != FACT
        log.append(session, asked, packed)
        assert log.read(session)[1].tobytes() == told.tobytes()

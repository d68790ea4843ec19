"""Time travel: any moment of a recorded session, by a snapshot and a short replay, is what a whole replay gives."""

import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pytest
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog, LogError
from engine import Exchange, Instrument, Side, limit
from engine.messages.records import COMMAND, FACT
from engine.state.digest import digest
from engine.state.snapshot import pack, unpack
from tests.data.test_log_replay import pieces
from tests.support.streams import SETTINGS

COMMANDS, EVERY = 3_000, 700
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Recorded(NamedTuple):
    """A session in a log, its exchange, and what was true after each batch: seq -> digest."""

    session: int
    exchange: Exchange
    digests: dict[int, str]


def record(log: EventLog, name: str, history_facts: bool = True) -> Recorded:
    """A session of a random stream whose states are kept every `log.snapshot_every` commands."""
    setting = SETTINGS[name]
    exchange, twin = (Exchange(setting.world.instruments, setting.world.cash, history_facts=told) for told in (history_facts, True))
    session = log.begin(f"{name} {history_facts}", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    digests = {}
    for piece in (setting.world.opening(), *pieces(setting.stream(seed=12).take(COMMANDS), 230)):
        before = int(twin.state.session["seq"][0])
        every = twin.run(piece)["seq"]
        seqs = np.setdiff1d(np.arange(before + 1, every[-1] + 1), every)
        log.append(session, piece, exchange.run(piece), seqs, exchange=exchange)
        digests[int(every[-1])] = exchange.digest()
    return Recorded(session, exchange, digests)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb", snapshot_every=EVERY) as log:
        yield log


def kept(log: EventLog, session: int) -> list[int]:
    return log.frame("snapshots", session)["seq"].to_list()


def raw(facts: np.ndarray) -> bytes:
    return facts.astype(FACT, copy=False).tobytes()


# ------------------------------------------------------------------ a moment of a session


@pytest.mark.parametrize(("name", "history_facts"), [("all", True), ("all", False), ("broken", True), ("edge", False)])
def test_a_state_from_a_snapshot_is_that_of_a_replay(log: EventLog, name: str, history_facts: bool) -> None:
    session, exchange, digests = record(log, name, history_facts)
    assert len(kept(log, session)) == 3
    assert set(kept(log, session)) <= set(digests)
    for seq, told in digests.items():
        found = log.state(session, seq)
        assert found.digest() == told
        assert raw(found.facts) == raw(exchange.facts[exchange.facts["seq"] <= seq])
    assert log.state(session).digest() == log.replay(session).digest() == exchange.digest()
    verified = log.verify(session)
    assert verified.ok, verified.message


def test_a_log_without_snapshots_tells_the_same(log: EventLog) -> None:
    session, _, digests = record(log, "all")
    log._con.execute("DELETE FROM snapshots")
    for seq in (0, *list(digests)[::5]):
        assert log.state(session, seq).digest() == digests.get(seq, Exchange.from_commands(np.empty(0, COMMAND)).digest())


def test_a_state_answers_what_the_exchange_would_have_answered(log: EventLog) -> None:
    session, _, digests = record(log, "clients")
    for seq in list(digests)[3::4]:
        told = log.state(session, seq)
        again = Exchange.from_commands(log.read(session, 1, seq)[0].records, history_facts=True)
        for question in ("orders", "active_orders", "executions", "positions", "limits"):
            assert_frame_equal(getattr(told, question)(), getattr(again, question)())
        assert told.portfolio("rich") == again.portfolio("rich")
        assert told.names.traders == again.names.traders
        assert told.book("PLAIN").levels() == again.book("PLAIN").levels()


def test_a_seq_within_a_command_has_carried_it_out(log: EventLog) -> None:
    session, exchange, _ = record(log, "clients")
    commands, facts = log.read(session)
    places = commands.seqs[1000:1100].tolist()
    for seq, end in zip(places, [*places[1:]]):
        states = {log.state(session, at).digest() for at in range(seq, end)}
        assert states == {log.state(session, seq).digest()}
        assert log.state(session, seq).state.session["seq"][0] == end - 1
    assert facts["seq"][-1] == exchange.state.session["seq"][0]


def test_a_state_goes_on_from_where_it_stands(log: EventLog) -> None:
    session, exchange, _ = record(log, "all")
    more = SETTINGS["all"].stream(seed=99).take(500)
    found = log.state(session)
    assert raw(found.run(more)) == raw(exchange.run(more))
    assert found.digest() == exchange.digest()
    assert raw(found.facts) == raw(exchange.facts)
    log.append(session, more, exchange.facts[exchange.facts["seq"] > log.last_seq(session)])
    assert log.state(session).digest() == exchange.digest()


# ------------------------------------------------------------------ a time


@pytest.fixture
def minutes(log: EventLog) -> EventLog:
    """Session 1: order n at n minutes past noon, but order 4 names an earlier time and so comes with order 3."""
    exchange = Exchange([Instrument("X", "0.01")])
    session = log.begin("minutes", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    for number, minute in ((1, 1), (2, 2), (3, 3), (4, 2), (5, 5)):
        ts = int((NOON + timedelta(minutes=minute)).timestamp()) * 10**9
        asked = exchange.commands({"order_id": [number], "symbol": "X", "side": 0, "quantity": 1, "price": "1.00", "ts": [ts]})
        log.append(session, asked, exchange.run(asked), exchange=exchange)
    return log


def at(minute: int, second: int = 0) -> datetime:
    return NOON + timedelta(minutes=minute, seconds=second)


@pytest.mark.parametrize(
    ("moment", "orders"),
    [
        (at(0), 0),
        (at(1), 1),
        (at(1, 59), 1),
        (at(2), 2),
        (at(2, 59), 2),
        (at(3), 4),
        (at(4), 4),
        (at(5), 5),
        (at(999), 5),
        (at(3).astimezone(timezone(timedelta(hours=-5))), 4),
        (at(3).replace(tzinfo=None), 4),
        ("2026-01-05T12:02:59.999999999", 2),
        ("2026-01-05 12:03", 4),
        ("2026-01-05T12:03:00Z", 4),
        ("2026-01-05T07:03:00-05:00", 4),
        ("2026-01-05", 0),
        ("2026-01-06", 5),
        (np.datetime64("2026-01-05T12:02:00", "ns"), 2),
        (None, 5),
        (10**9, 5),
    ],
)
def test_a_time_is_a_moment(minutes: EventLog, moment: Any, orders: int) -> None:
    assert len(minutes.state(1, moment).orders()) == orders


@pytest.mark.parametrize("moment", ["noon", "2026-13-01", -1, 3.5, [1]])
def test_what_is_no_moment_is_refused(minutes: EventLog, moment: Any) -> None:
    with pytest.raises(LogError, match="seq"):
        minutes.state(1, moment)


# ------------------------------------------------------------------ keeping states


def test_a_state_is_kept_on_demand(log: EventLog) -> None:
    log.snapshot_every = 10**9
    session, exchange, digests = record(log, "clients")
    assert kept(log, session) == []
    log.snapshot(session, exchange)
    assert kept(log, session) == [list(digests)[-1]]
    log._con.execute("DELETE FROM snapshots")
    log.snapshot(session)
    assert log.frame("snapshots", session)["digest"].to_list() == [exchange.digest()]
    assert log.verify(session).ok


def test_the_exchange_of_another_moment_is_refused(log: EventLog) -> None:
    exchange = Exchange([Instrument("X", "0.01")])
    session = log.begin("other", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    exchange.send(limit(1, "X", Side.BUY, 1, "1.00"))
    with pytest.raises(LogError, match=r"session 1 ends at seq 6, but the exchange is at 8"):
        log.snapshot(session, exchange)
    log.snapshot_every = 1
    sent = exchange.commands({"order_id": [2], "symbol": "X", "side": 0, "quantity": 1, "price": "1.00"})
    facts = exchange.run(sent).copy()
    facts["seq"] -= 2
    with pytest.raises(LogError, match="ends at seq 8, but the exchange is at 10"):
        log.append(session, sent, facts, exchange=exchange)
    assert log.last_seq(session) == 6
    assert kept(log, session) == []


def test_a_session_that_keeps_its_feed_by_reference_has_no_states(log: EventLog) -> None:
    session = log.begin("backtest", {"feed": {"fingerprint": "abc"}})
    for ask in (log.state, log.snapshot):
        with pytest.raises(LogError, match="keeps its feed by reference"):
            ask(session)


# ------------------------------------------------------------------ no second truth


def spoilt(log: EventLog, session: int, statement: str) -> None:
    (last,) = kept(log, session)[-1:]
    log._con.execute(f"UPDATE snapshots SET {statement} WHERE session = {session} AND seq = {last}")


@pytest.mark.parametrize(
    "statement",
    [
        "state = 'not compressed'::BLOB",
        "state = (SELECT state FROM snapshots ORDER BY seq LIMIT 1)",
        "digest = repeat('0', 32)",
        "commands = commands + 1",
    ],
)
def test_a_snapshot_that_was_changed_is_passed_over_and_named(log: EventLog, statement: str) -> None:
    session, exchange, _ = record(log, "clients")
    spoilt(log, session, statement)
    assert log.state(session).digest() == exchange.digest()
    verified = log.verify(session)
    assert not verified.ok
    assert verified.message == f"session 1: the snapshot at seq {kept(log, session)[-1]} is not the state there"
    assert log.verify_chain(session).ok


def test_a_state_that_never_was_is_found_by_verify(log: EventLog) -> None:
    """Its digest is its own: only a replay can tell."""
    session, _, digests = record(log, "clients")
    early = log.state(session, list(digests)[2])
    log._con.execute(
        "UPDATE snapshots SET state = ?, digest = ? WHERE seq = ?", [pack(early.state), early.digest(), kept(log, session)[-1]]
    )
    assert not log.verify(session).ok


def test_snapshots_of_another_layout_are_passed_over(log: EventLog) -> None:
    session, exchange, _ = record(log, "clients")
    log._con.execute("UPDATE snapshots SET layout = layout + 1, state = 'x'::BLOB")
    assert log.state(session).digest() == exchange.digest()
    assert log.verify(session).ok


def test_a_log_from_before_snapshots(log: EventLog) -> None:
    session, exchange, _ = record(log, "clients")
    log.close()
    with duckdb.connect(str(log.path)) as con:
        con.execute("DROP TABLE snapshots; UPDATE meta SET value = '' WHERE key = 'views'")
    with EventLog(log.path, read_only=True) as old:
        assert old.state(session).digest() == exchange.digest()
        assert old.verify(session).ok
    with EventLog(log.path) as renewed:
        renewed.snapshot(session)
        assert kept(renewed, session) == [exchange.state.session["seq"][0]]


# ------------------------------------------------------------------ states as bytes


def test_bytes_that_are_no_state_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(Exchange([Instrument("X", "0.01")]).state)
    with pytest.raises(ValueError, match=r"^no snapshot: "):
        unpack(packed[:-9])
    monkeypatch.setattr("engine.state.snapshot.SNAPSHOT_LAYOUT", 0)
    with pytest.raises(ValueError, match=r"^a snapshot of another layout$"):
        unpack(packed)


@pytest.mark.parametrize("name", ["all", "book", "drifting"])
def test_a_state_comes_back_as_it_was(name: str) -> None:
    setting = SETTINGS[name]
    exchange = Exchange(setting.world.instruments, setting.world.cash)
    exchange.run(setting.world.opening())
    for piece in pieces(setting.stream(seed=13).take(4_000), 1_000):
        exchange.run(piece)
        again = unpack(pack(exchange.state))
        assert {name: array.tobytes() for name, array in again.arrays().items()} == {
            name: array.tobytes() for name, array in exchange.state.arrays().items()
        }
        assert digest(again) == exchange.digest()


def test_a_state_that_grew_takes_little_room() -> None:
    """Room for 2^18 orders and 2^20 ids, hardly used."""
    large = Exchange([Instrument("X", "0.01")], reserve=1 << 20)
    large.send(limit(1, "X", Side.BUY, 1, "1.00"))
    packed = pack(large.state)
    assert sum(array.nbytes for array in large.state.arrays().values()) > 10_000_000
    assert len(packed) < 50_000
    assert digest(unpack(packed)) == large.digest()


def test_addresses_of_this_process_are_not_kept() -> None:
    exchange = Exchange([Instrument("X", "0.01")])
    assert b"lazy" not in zlib.decompress(pack(exchange.state))[:10_000]
    with pytest.raises(ValueError, match="no snapshot"):
        unpack(b"nothing")
    with pytest.raises(ValueError, match="no snapshot"):
        unpack(pack(exchange.state)[:-9])


GO_ON = """
import sys
from data.log.event_log import EventLog
from tests.support.streams import SETTINGS
with EventLog(sys.argv[1], read_only=True) as log:
    exchange = log.state(1)
exchange.run(SETTINGS["all"].stream(seed=99).take(500))
print(exchange.digest(), len(exchange.facts), len(exchange.orders()))
"""


def test_another_process_goes_on(log: EventLog) -> None:
    _, exchange, _ = record(log, "all")
    log.close()
    exchange.run(SETTINGS["all"].stream(seed=99).take(500))
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", GO_ON, str(log.path)], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [exchange.digest(), str(len(exchange.facts)), str(len(exchange.orders()))]

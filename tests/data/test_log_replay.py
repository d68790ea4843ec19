"""The log alone replays: the same facts byte for byte, the same state, and a session that goes on after a restart."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog, LogError
from engine import Exchange, Kind
from engine.messages.records import FACT
from tests.support.streams import SETTINGS, Setting

COMMANDS = 6_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb") as log:
        yield log


def pieces(commands: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for at in range(0, len(commands), size):
        yield commands[at : at + size]


def opened(log: EventLog, session_id: str, setting: Setting) -> tuple[int, Exchange]:
    """A session of a new exchange whose opening commands are logged."""
    exchange = Exchange(setting.world.instruments, setting.world.cash, history_facts=True)
    session = log.begin(session_id, {"setting": session_id}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    run(log, session, exchange, setting.world.opening())
    return session, exchange


def run(log: EventLog, session: int, exchange: Exchange, commands: np.ndarray, size: int = 1_000) -> None:
    """Live style: run a batch, then store it."""
    for piece in pieces(commands, size):
        log.append(session, piece, exchange.run(piece))


@pytest.mark.parametrize("name", ["all", "clients", "edge"])
def test_a_live_session_replays_to_the_same_facts_and_state(log: EventLog, name: str) -> None:
    setting = SETTINGS[name]
    session, exchange = opened(log, name, setting)
    run(log, session, exchange, setting.stream(seed=3).take(COMMANDS), size=777)
    assert log.replay(session).digest() == exchange.digest()
    verified = log.verify(session)
    assert verified.ok, verified.message
    assert verified.facts == len(exchange.facts) > COMMANDS
    assert verified.commands == log.sessions()["commands"].to_list()[0]


def test_a_session_goes_on_after_a_restart(log: EventLog) -> None:
    setting = SETTINGS["all"]
    commands = setting.stream(seed=4).take(COMMANDS)
    session, exchange = opened(log, "restarted", setting)
    run(log, session, exchange, commands[: COMMANDS // 2])
    log.close()
    with EventLog(log.path) as again:
        recovered = again.replay(session)
        assert recovered.digest() == exchange.digest()
        run(again, session, recovered, commands[COMMANDS // 2 :], size=500)
        exchange.run(commands[COMMANDS // 2 :])
        assert recovered.digest() == exchange.digest()
        assert again.verify(session).ok
        assert again.read(session)[1].tobytes() == exchange.facts.astype(FACT, copy=False).tobytes()


@pytest.mark.parametrize("change", ["a value", "one fact more", "one fact less"])
def test_verify_names_the_first_fact_that_replay_denies(log: EventLog, change: str) -> None:
    """The chain is whole, because the facts were wrong before they were stored; only the exchange can tell."""
    setting = SETTINGS["clients"]
    session, exchange = opened(log, "wrong", setting)
    commands = setting.stream(seed=5).take(500)
    told = exchange.run(commands).copy()
    seqs = np.setdiff1d(np.arange(log.last_seq(session) + 1, told["seq"][-1] + 1), told["seq"])
    seq = int(told["seq"][300])
    if change == "a value":
        told["remaining"][300] += 1
    elif change == "one fact less":
        told = np.delete(told, 300)
    else:
        seq = int(told["seq"][-1]) + 1
        told = np.concatenate([told, told[-1:]], dtype=FACT)
        told["seq"][-1] = seq
    log.append(session, commands, told, seqs)
    verified = log.verify(session)
    assert not verified.ok
    assert verified.first_difference_seq == seq
    assert log.verify_chain(session).ok


def test_a_session_without_its_feed_is_not_replayed(log: EventLog) -> None:
    session = log.begin("backtest", {"feed": {"fingerprint": "abc", "reader": "lobster 1", "options": {}}})
    with pytest.raises(LogError, match="keeps its feed by reference"):
        log.replay(session)
    assert log.verify(session).ok


def test_views_and_the_exchange_tell_the_same(log: EventLog) -> None:
    """Two ways to the same frames: SQL over the log, polars over the exchange's facts."""
    setting = SETTINGS["all"]
    session, exchange = opened(log, "frames", setting)
    commands = setting.stream(seed=6).take(COMMANDS)
    run(log, session, exchange, commands[commands["kind"] != Kind.START_OF_DAY])
    for view, frame in (("orders", exchange.orders()), ("trades", exchange.trades())):
        assert len(frame) > 500
        assert_frame_equal(log.frame(view, session).select(frame.columns), frame, rel_tol=1e-12, abs_tol=0)


def test_cash_flows_are_the_cash_of_the_exchange(log: EventLog) -> None:
    setting = SETTINGS["all"]
    session, exchange = opened(log, "cash", setting)
    commands = setting.stream(seed=7).take(COMMANDS)
    run(log, session, exchange, commands[commands["kind"] != Kind.DEPOSIT])
    flows = log.frame("positions", session).group_by("portfolio").agg(pl.col("cash_flow_raw").sum(), pl.col("fees_raw").sum())
    accounts = exchange.state.portfolios
    deposits = {name: int(float(amount) * 10**exchange.decimals) for name, amount in setting.world.cash.items()}
    for name, flow, fees in flows.filter(pl.col("portfolio") != "").rows():
        account = accounts[exchange.names.portfolios[name]]
        assert (flow + deposits.get(name, 0), fees) == (int(account["cash"]), int(account["fees"]))
    assert set(flows["portfolio"]) >= {"rich", "poor", "third", "fourth"}

"""A session in this process: answers, order, followers, restarts, days, strategies; and the same facts live, replayed and in a backtest."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backtest.run import Backtest
from data.log.event_log import EventLog
from engine import Kind, OrderStatus, Reason, Side, Strategy, cancel, limit
from engine.strategy.examples import MarketMaker
from engine.strategy.values import Event
from live.cli.runner import Options, session_of
from live.configuration.session import SessionSettings
from live.session.recovery import SessionError
from live.session.session import Session
from live.writer.clock import ReplayClock

BEGAN = 1_767_625_200_000_000_000  # 2026-01-05 15:00 UTC, 10:00 in New York
SECOND = 10**9


class Hand(ReplayClock):
    """A clock that the test sets."""

    def __init__(self, now: int) -> None:
        super().__init__(now, 0)

    def wait(self, until: int) -> float:
        return 0.01 if until > self.reached else 0.0


def settings(**more: Any) -> SessionSettings:
    given: dict[str, Any] = {
        "name": "desk",
        "instruments": [{"symbol": "AAPL", "tick": "0.01"}, {"symbol": "MSFT", "tick": "0.01"}],
        "portfolios": [{"name": "fund", "cash": "1000000", "limits": {"max_position": 500}}, {"name": "other", "cash": "1000000"}],
        "traders": [{"name": "ann", "portfolios": ["fund"]}, {"name": "bob", "portfolios": ["other"]}],
    }
    return SessionSettings.read(None, given | more)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 120))


def kinds(facts: np.ndarray) -> list[str]:
    return [Kind(kind).name for kind in facts["kind"].tolist()]


def bid(order_id: int, price: str = "150.00", quantity: int = 100, side: Side = Side.BUY) -> Any:
    trader, portfolio = ("ann", "fund") if side == Side.BUY else ("bob", "other")
    return limit(order_id, "AAPL", side, quantity, price, portfolio=portfolio, trader=trader)


def test_everybody_gets_the_facts_of_what_they_sent(tmp_path: Path) -> None:
    async def work() -> None:
        async with Session(settings(), tmp_path) as session:
            assert kinds(await session.send(bid(1))) == ["OrderCreated"]
            again = await session.send(bid(1))
            assert (kinds(again), int(again["reason"][0])) == (["OrderRejected"], Reason.DUPLICATE_ORDER)
            beyond = await session.send(bid(2, quantity=600))
            assert int(beyond["reason"][0]) == Reason.POSITION_LIMIT
            many = await session.send([bid(1, side=Side.SELL, quantity=40), bid(2, side=Side.SELL, quantity=1, price="151.00")])
            assert kinds(many) == ["OrderCreated", "TradeExecuted", "OrderCreated"]
            assert await session.ask(lambda exchange: exchange.book("AAPL").levels(1)) == ([(150.0, 60.0, 1)], [(151.0, 1.0, 1)])
            assert session.models.order_row(1, "ann")["status"] == "PARTIALLY_FILLED"
            assert session.models.portfolio("fund")["cash"] == 994_000
            assert kinds(await session.send(cancel(1, "AAPL", trader="ann"))) == ["OrderCancelled"]

    run(work())
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        assert log.verify(1).ok


def test_who_waits_at_the_same_time_is_answered_each_with_his_own(tmp_path: Path) -> None:
    async def work() -> None:
        async with Session(settings(), tmp_path) as session:
            answers = await asyncio.gather(*(session.send(bid(k, price=f"{100 + k % 7}.00", quantity=1)) for k in range(1, 301)))
            assert [int(facts["order_id"][0]) for facts in answers] == list(range(1, 301))
            columns = {"order_id": np.arange(1_000, 1_500), "symbol": ["MSFT"], "quantity_lots": [1], "price_ticks": [100], "side": ["BUY"]}
            facts = await session.run(columns)
            assert facts["order_id"].tolist() == list(range(1_000, 1_500))

    run(work())


def test_a_follower_sees_everything_once_in_order_from_any_seq(tmp_path: Path) -> None:
    async def follow(session: Session, first: int, last: int) -> list[int]:
        seqs: list[int] = []
        async for batch in session.follow(first):
            seqs += sorted([*batch.seqs.tolist(), *batch.facts["seq"].tolist()])
            if seqs[-1] >= last:
                break
        return seqs

    async def work() -> None:
        async with Session(settings(), tmp_path) as session:
            await session.send([bid(k, quantity=1) for k in range(1, 50)])
            last = session.seq + 400
            followers = [asyncio.create_task(follow(session, first, last)) for first in (1, 17, session.seq + 1)]
            for k in range(100, 300):
                await session.send(bid(k, quantity=1))
            for first, seen in zip((1, 17, last - 399), await asyncio.gather(*followers)):
                assert seen[: last - first + 1] == list(range(first, last + 1))

    run(work())


def test_a_restart_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    async def first() -> str:
        async with Session(settings(), tmp_path) as session:
            await session.send([bid(1), bid(1, side=Side.SELL, quantity=30)])
        return session.exchange.digest()

    async def second(digest: str) -> None:
        async with Session(settings(), tmp_path) as session:
            assert session.exchange.digest() == digest
            assert int((await session.send(bid(1)))["reason"][0]) == Reason.DUPLICATE_ORDER
            assert session.models.order_row(1, "ann")["executed_quantity"] == 30
            assert kinds(await session.send(bid(2, side=Side.SELL, quantity=70))) == ["OrderCreated", "TradeExecuted"]

    run(second(run(first())))


def test_a_session_runs_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with Session(settings(), tmp_path):
            with pytest.raises(SessionError, match=r"session 'desk' runs already \(process \d+\); stop it with `tapebook live stop desk`"):
                await Session(settings(), tmp_path).start()

    run(work())


def test_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    async def begun(**more: Any) -> None:
        async with Session(settings(**more), tmp_path):
            pass

    run(begun())
    with pytest.raises(SessionError, match=r"instrument 2 of session 'desk' was .*MSFT"):
        run(begun(instruments=[{"symbol": "AAPL", "tick": "0.01"}]))
    with pytest.raises(SessionError, match=r"began with shards = 1, not 2"):
        run(begun(broker={"kind": "memory", "shards": 2}))


def test_days_turn_by_the_sessions_clock(tmp_path: Path) -> None:
    day = {"start": "09:30", "end": "16:00", "time_zone": "America/New_York"}
    clock = Hand(BEGAN)

    async def work() -> None:
        async with Session(settings(day=day), tmp_path, clock=clock) as session:
            await session.send(bid(1))
            clock.reached = BEGAN + 6 * 3600 * SECOND - 1
            await asyncio.sleep(0.1)
            assert session.models.order_row(1, "ann")["status"] == "NEW"
            clock.reached += 1  # 16:00 in New York
            while session.models.order_row(1, "ann")["status"] == "NEW":
                await asyncio.sleep(0.01)
            assert session.models.order_row(1, "ann")["status"] == "EXPIRED"
            clock.reached = BEGAN + int(23.5 * 3600) * SECOND
            while session.models.day == 1 or len(session.models.orders()):
                await asyncio.sleep(0.01)
            assert kinds(await session.send(bid(1))) == ["OrderCreated"], "the ids of the day before are forgotten"

    run(work())
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        commands = log.read(1)[0].records
        turned = commands[np.isin(commands["kind"], [Kind.START_OF_DAY, Kind.END_OF_DAY])]
        assert ((turned["ts"] - BEGAN) / 3600 / SECOND).round(3).tolist() == [0.0, 6.0, 6.0, 23.5]


# ---------------------------------------------------------------------- strategies

STRATEGY = {"strategies": [{"name": "maker-1", "strategy": "MarketMaker", "portfolio": "fund", "set": {"size": 10}}]}


async def crowd(session: Session, clock: Hand, seed: int, orders: int) -> None:
    """Orders around 150.00, with time passing between them."""
    chance = np.random.default_rng(seed)
    for k in range(orders):
        clock.reached += int(chance.integers(1, 400_000_000))
        price = f"{149.9 + chance.integers(0, 20) / 100:.2f}"
        side = Side(int(chance.integers(2)))
        await session.send(limit(seed * 1_000 + k, "AAPL", side, int(chance.integers(1, 40)), price, trader="bob"))


def test_live_replayed_and_in_a_backtest_the_facts_are_the_same(tmp_path: Path) -> None:
    async def live(seed: int) -> None:
        clock = Hand(BEGAN if seed == 1 else BEGAN + 100 * SECOND)
        async with Session(settings(**STRATEGY), tmp_path, clock=clock) as session:
            await crowd(session, clock, seed, 150)

    run(live(1))
    run(live(2))  # a restart: the strategy is as it was
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        commands, facts = log.read(1)
        assert log.verify(1).ok
        feed = log.feed("desk", without="maker-1")
        driver = Backtest(feed, MarketMaker(size=10), feed_latency=0, order_latency=0, response_latency=0).record()[1]
    own = commands.positions != -1
    assert own.sum() > 50
    assert (facts["kind"] == Kind.TradeExecuted).sum() > 20
    assert driver.sent()[0].tobytes() == commands.records[own].tobytes()
    assert driver.facts.all().tobytes() == facts[facts["kind"] < Kind.HistoryAdded].tobytes()

    out = tmp_path / "again"
    replay = {"market": {"file": str(tmp_path / "live" / "desk"), "speed": 0}, "name": "desk"}

    async def again() -> None:
        nothing = Options(None, False, False, None, 0, None, None, out, True, False)
        session = session_of(nothing, settings(**STRATEGY, **replay))
        async with session:
            assert session.equipment.played is not None
            await session.equipment.played.over.wait()

    run(again())
    with EventLog(out / "live" / "desk" / "log.duckdb", read_only=True) as log:
        replayed, refacts = log.read(1)
    assert replayed.records[: len(commands.records)].tobytes() == commands.records.tobytes()
    assert refacts[: len(facts)].tobytes() == facts.tobytes()


def test_changed_parameters_are_told_at_a_restart(tmp_path: Path) -> None:
    async def live(size: int) -> None:
        clock = Hand(BEGAN)
        strategies = [STRATEGY["strategies"][0] | {"set": {"size": size}}]
        async with Session(settings(strategies=strategies), tmp_path, clock=clock) as session:
            await crowd(session, clock, 1, 30)

    run(live(10))
    with pytest.raises(SessionError, match=r"do other things from seq \d+ on: their code or parameters changed since; put them back"):
        run(live(11))


def test_frames_views_and_read_models_agree(tmp_path: Path) -> None:
    async def live() -> Session:
        clock = Hand(BEGAN)
        async with Session(settings(**STRATEGY), tmp_path, clock=clock) as session:
            await crowd(session, clock, 3, 120)
        return session

    session = run(live())
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        replayed = log.replay(1)
    assert replayed.digest() == session.exchange.digest()
    assert_frame_equal(session.models.orders(), replayed.orders())
    assert_frame_equal(session.models.execution_summary(), replayed.execution_summary())
    assert session.models.portfolio("fund") == replayed.portfolio("fund")
    assert replayed.orders().filter(pl.col("status") == OrderStatus.FILLED.name).height > 10


def test_who_is_silent_for_longer_than_promised_has_his_orders_cancelled(tmp_path: Path) -> None:
    promising = {"traders": [{"name": "ann", "portfolios": ["fund"], "silent_after": "400ms"}, {"name": "bob", "portfolios": ["other"]}]}

    async def work() -> None:
        async with Session(settings(**promising), tmp_path) as session:
            await session.send([bid(1), bid(1, side=Side.SELL, price="151.00")])
            for _ in range(4):
                await asyncio.sleep(0.2)
                session.equipment.dead_man.alive("ann")
            assert session.models.order_row(1, "ann")["status"] == "NEW"
            while session.models.order_row(1, "ann")["status"] == "NEW":
                await asyncio.sleep(0.05)
            assert session.models.order_row(1, "ann")["status"] == "CANCELLED"
            assert session.models.order_row(1, "bob")["status"] == "NEW"
            assert [(one["kind"], one["trader"], one["cancelled"]) for one in session.notices] == [("TraderSilent", "ann", 1)]

    run(work())
    said = [json.loads(line) for line in (tmp_path / "live" / "desk" / "session.log").read_text().splitlines()]
    assert [line["message"] for line in said] == ["running", "TraderSilent", "ended"]


class Talking(Strategy):
    """Says what it sees, and fails at the third trade."""

    def on_trade(self, trade: Event) -> None:
        self.log(f"{trade.quantity} at {trade.price:g}")
        if trade.quantity == 3:
            raise LookupError("three")


def test_what_a_strategy_logs_and_where_it_fails_is_in_the_sessions_log(tmp_path: Path) -> None:
    strategy = {"strategies": [{"name": "talker", "strategy": f"{__name__}:Talking", "portfolio": "fund"}]}

    async def work() -> None:
        async with Session(settings(**strategy), tmp_path) as session:
            for quantity in (1, 2, 3, 4):
                await session.send([bid(quantity, quantity=quantity), bid(quantity, quantity=quantity, side=Side.SELL)])
            assert session.notices[0]["kind"] == "StrategyStopped"

    run(work())
    said = [json.loads(line) for line in (tmp_path / "live" / "desk" / "session.log").read_text().splitlines()]
    assert [line["message"] for line in said if line.get("strategy") and "ts" in line] == ["1 at 15000", "2 at 15000", "3 at 15000"]
    stopped = next(line for line in said if line["message"] == "StrategyStopped")
    assert stopped["failure"] == "LookupError: three"
    assert "test_session.py line" in stopped["at"]
    assert "in on_trade" in stopped["at"]

"""A session's log, without a strategy's own commands, is a feed on which that strategy sends the same commands and gets the same facts."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest.run import Backtest
from data.log.event_log import EventLog, LogError
from engine import Exchange, Instrument, Side, Strategy, limit, start_of_day
from engine.messages.vocabulary import Kind, OrderStatus
from engine.strategy.live_driver import LiveDriver, Turn
from engine.strategy.participant import NONE, Participant
from engine.strategy.values import Event
from live.writer.clock import ReplayClock

BEGAN = 1_700_000_000_000_000_000
SYMBOLS = ("X", "Y")


class Busy(Strategy):
    """Looks at everything, and answers most of it."""

    every = "1ms"
    touch_only = False

    def on_start(self) -> None:
        self.buy(5, self.ticks("99.90"))

    def on_book(self, instrument: int) -> None:
        book = self.book(instrument)
        if book.bid and book.ask and len(self.orders) < 6 and book.bid_lots % 3 == 0:
            self.buy(2, book.bid, instrument)
            self.sell(2, book.ask + 1, instrument)

    def on_fill(self, fill: Event) -> None:
        if fill.quantity % 2:
            self.sell(1, int(fill.price) + 2, fill.instrument)

    def on_timer(self) -> None:
        if len(self.orders) > 4:
            self.cancel(self.orders[0])


class Chaser(Busy):
    """Answers prints, too, and cancels what is long finished."""

    every = "700us"

    def on_trade(self, trade: Event) -> None:
        self.buy(1, int(trade.price), trade.instrument)

    def on_fill(self, fill: Event) -> None:
        self.cancel(max(1, fill.order_id - 3))


class Failing(Busy):
    """Has a mistake that shows after a while."""

    def on_fill(self, fill: Event) -> None:
        if fill.ts > BEGAN + 20_000_000:
            self.buy(1, 1, fill.instrument)
            raise ZeroDivisionError("a mistake")


class Resigning(Busy):
    """Stops of its own accord."""

    def on_timer(self) -> None:
        if self.now > BEGAN + 30_000_000:
            self.stop_trading("enough")


class Recorded:
    """A session of strategies and a crowd, recorded in a log as a live session records it."""

    def __init__(self, folder: Path, kinds: Sequence[type[Strategy]], seed: int) -> None:
        instruments = [Instrument(symbol, tick="0.01") for symbol in SYMBOLS]
        self.seats = {f"s{k}": f"p{k}" for k in range(len(kinds))}
        exchange = Exchange(instruments, cash=dict.fromkeys(self.seats.values(), 1_000_000), open_now=False, history_facts=True)
        named = [exchange.names.number(Kind.TRADER, name)[1] for name in (*self.seats, "crowd")]
        exchange.opening = np.concatenate([exchange.opening, *[one for one in named if one is not None]])
        parts = [Participant(self.seats[name], kind, {}, Decimal(0), NONE, None, None, name) for name, kind in zip(self.seats, kinds)]
        self.exchange, self.driver = exchange, LiveDriver(exchange, parts)
        self.failures: list[tuple[int, Exception]] = []
        self.driver.failed = lambda k, error: self.failures.append((k, error))
        self.log = EventLog(folder / "log.duckdb")
        self.session = self.log.begin("desk", {"live": True, "strategies": self.seats}, instruments)
        self._append(self.driver.enter(exchange.opening))
        self.driver.begin(BEGAN)
        self._append(self.driver.turn(exchange.encode(start_of_day(ts=BEGAN)), BEGAN))
        self._trade(np.random.default_rng(seed))

    def _trade(self, chance: Any) -> None:
        now, order_id = BEGAN, 1
        while order_id < 800:
            rows = []
            for _ in range(int(chance.integers(1, 40))):
                now = max(now + int(chance.choice([1, 2, 40_000, 150_000])), int(self.driver.clock["now"]) + 1)
                price = Decimal(int(9_990 + chance.integers(20))) / 100
                order = limit(order_id, SYMBOLS[chance.integers(2)], Side(int(chance.integers(2))), int(chance.integers(1, 10)), price)
                rows.append(self.exchange.encode(order._replace(trader="crowd", ts=now)))
                order_id += 1
            self._append(self.driver.turn(np.concatenate(rows), now + int(chance.integers(2_000))))
            now = max(now, int(self.driver.clock["now"]))
        # as a session does at its end: a last row, after which nothing of a strategy arrives any more
        closing = np.zeros(1, self.exchange.opening.dtype)
        closing["kind"], closing["ts"] = Kind.NOTICE, now + 1_000
        self._append(self.driver.turn(closing, now + 1_000, settle=False))

    def _append(self, turn: Turn) -> None:
        self.log.append(self.session, turn.commands, turn.facts, turn.seqs, positions=np.where(turn.given < 0, turn.seqs - 1, -1))


def played(recorded: Recorded, without: Sequence[str], kinds: Sequence[type[Strategy]]) -> Any:
    """The driver of a backtest of these strategies on the recorded session."""
    still = {"feed_latency": 0, "order_latency": 0, "response_latency": 0}
    return Backtest(recorded.log.feed("desk", without=without), kinds, **still).record()[1]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_strategy_alone_and_all_do_what_they_did(seed: int, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, [Busy, Chaser], seed)
    logged, facts = recorded.log.read(recorded.session)
    assert recorded.log.verify(recorded.session).ok
    for names, kinds in ((["s0"], [Busy]), (["s1"], [Chaser]), (["s0", "s1"], [Busy, Chaser])):
        driver = played(recorded, names, kinds)
        commands, seqs, _ = driver.sent()
        numbers = [recorded.exchange.names.traders[name] for name in names]
        own = (logged.positions != -1) & np.isin(logged.records["trader"], numbers)
        assert own.sum() > 100
        assert commands.tobytes() == logged.records[own].tobytes()
        assert seqs.tolist() == logged.seqs[own].tolist()
        ours = facts[facts["kind"] < Kind.HistoryAdded]
        assert driver.facts.all().tobytes() == ours.tobytes()


def test_a_strategy_that_raises_is_stopped_and_its_orders_cancelled(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, [Failing, Busy], 4)
    assert [(k, str(error)) for k, error in recorded.failures] == [(0, "a mistake")]
    replayed = recorded.log.replay(recorded.session)
    mine = replayed.orders(trader="s0")
    assert not mine["status"].is_in([OrderStatus.NEW.name, OrderStatus.PARTIALLY_FILLED.name]).any()
    assert (mine["status"] == "CANCELLED").sum() > 0
    assert not (mine["price"] == 0.01).any(), "what it sent in the call that failed is void"
    last = recorded.log.read(recorded.session)[0].records["ts"][-1]
    others = replayed.orders(trader="s1")
    assert others["created"].max().timestamp() * 1e9 > last - 20_000_000, "the other one goes on"


def test_a_strategy_may_stop_trading(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, [Resigning, Busy], 5)
    mine = recorded.log.replay(recorded.session).orders(trader="s0")
    assert not mine["status"].is_in([OrderStatus.NEW.name, OrderStatus.PARTIALLY_FILLED.name]).any()
    strategy = recorded.driver.strategies[0]
    assert [text for _, text in strategy.logged] == ["stopped trading: enough"]
    driver = played(recorded, ["s0"], [Resigning])
    logged, _ = recorded.log.read(recorded.session)
    own = (logged.positions != -1) & (logged.records["trader"] == recorded.exchange.names.traders["s0"])
    assert driver.sent()[0].tobytes() == logged.records[own].tobytes()


def test_a_name_that_is_no_strategy_is_refused(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, [Busy], 6)
    with pytest.raises(LogError, match=r"has no strategy 'crowd'; its strategies are s0"):
        recorded.log.feed("desk", without="crowd")


def test_a_replay_clock_without_speed_is_where_the_market_has_come_to() -> None:
    clock = ReplayClock(5, 0)
    assert (clock.now(), clock.wait(9)) == (5, 0.0)
    clock.reached = 8
    assert clock.now() == 8

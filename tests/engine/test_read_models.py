"""The read models twice: SQL over the log, polars over an exchange's facts. Both must say the same, and what was counted by hand."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog, LogError
from data.synthetic.flow import synthetic_flow
from data.views.definitions import VIEWS
from engine import Command, Exchange, Instrument, Limits, deposit, limit, mark, set_limits, start_of_day, stop, stop_limit
from engine.frames.events import EVENTS, RISK
from engine.frames.orders import lives, orders
from engine.frames.queries import Reading
from engine.messages.encoding import encode
from engine.messages.names import Names
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderType, Reason, Side, TimeInForce
from tests.data.test_log_replay import opened, run
from tests.support.log_contract import AAPL, COIN, commands, facts
from tests.support.streams import SETTINGS

COMMANDS = 6_000
WHOLE_BOOK = 10**6

FRAMES: Mapping[str, Callable[[Any], pl.DataFrame]] = {
    "orders": lambda exchange: orders(lives(exchange.facts), exchange.names),  # of all days
    **{name: lambda exchange, name=name: getattr(exchange, name)() for name in VIEWS if name not in ("orders", "depth", *EVENTS)},
    **{name: lambda exchange, name=name: exchange.events(name) for name in EVENTS},
    "depth": lambda exchange: pl.concat([exchange.depth(one.symbol, WHOLE_BOOK) for one in exchange.instruments]),
}
"""What an exchange says where the log has a view of that name."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb") as log:
        yield log


def agree(log: EventLog, session: int, exchange: Any, *names: str) -> None:
    """The views and the frames of these names have equal rows; floats up to their last digits."""
    for name in names:
        view, frame = log.frame(name, session).drop("session"), FRAMES[name](exchange)
        assert set(view.columns) <= set(frame.columns), name
        assert_frame_equal(view, frame.select(view.columns), rel_tol=1e-12, abs_tol=0)


def test_every_view_has_its_frame() -> None:
    assert set(FRAMES) == set(VIEWS)
    assert all(callable(getattr(Exchange, name)) for name in VIEWS if name not in EVENTS)


# ------------------------------------------------------------------ recorded sessions


LIMITED = Limits(max_position="50.5", max_exposure=10**6, max_daily_loss="0.01", max_leverage="0.000001", cash_account=True)


def send(log: EventLog, session: int, exchange: Exchange, *asked: Command) -> None:
    """Carry out and log commands that a stream does not send."""
    for command in asked:
        run(log, session, exchange, encode(command, exchange.names, exchange.decimals))


@pytest.mark.parametrize("name", ["all", "clients", "broken", "edge"])
def test_views_and_frames_of_random_sessions(log: EventLog, name: str) -> None:
    setting = SETTINGS[name]
    session, exchange = opened(log, name, setting)
    run(log, session, exchange, setting.stream(seed=8).take(10_000))
    agree(log, session, exchange, "limits")
    send(log, session, exchange, *(set_limits(portfolio, LIMITED) for portfolio in exchange.names.portfolios if portfolio))
    agree(log, session, exchange, *(view for view in VIEWS if view != "depth"))
    assert len(exchange.executions()) > 100
    assert len(exchange.breaches()) > 50
    assert len(exchange.compliance_failures()) > 50
    assert len(exchange.events("OrderTriggered")) > 10
    used = {(portfolio, limit): amount for portfolio, limit, amount in exchange.limits().select("portfolio", "limit", "used").rows()}
    assert {limit for _, limit in used} == {reason.name for reason in RISK}
    for portfolio in set(exchange.names.portfolios) - {""}:
        account = exchange.portfolio(portfolio)
        assert used[portfolio, "EXPOSURE_LIMIT"] == account["exposure"]
        assert used[portfolio, "LEVERAGE_LIMIT"] == pytest.approx(account["leverage"], abs=1e-9)


def test_depth_of_a_random_session(log: EventLog) -> None:
    """Of clients' orders; history that names orders it never told has a book that only the exchange knows."""
    session, exchange = opened(log, "clients", SETTINGS["clients"])
    run(log, session, exchange, SETTINGS["clients"].stream(seed=9).take(COMMANDS))
    agree(log, session, exchange, "depth")
    assert sum(len(exchange.depth(one.symbol, WHOLE_BOOK)) for one in exchange.instruments) > 5


def own_orders(exchange: Exchange, feed: np.ndarray, count: int) -> np.ndarray:
    """COMMAND records of clients that trade beside a synthetic day around 100.00, all types and flags."""
    random = np.random.default_rng(11)
    side, kind = random.integers(0, 2, count), random.choice(4, count, p=[0.1, 0.5, 0.2, 0.2])
    away = random.integers(-6, 7, count)
    columns = {
        "ts": np.sort(random.choice(feed["ts"], count)),
        "order_id": np.arange(1, count + 1),
        "symbol": "TAPE",
        "side": side,
        "type": kind,
        "quantity_lots": random.integers(1, 300, count),
        "price_ticks": 10_000 + away,
        "stop_price_ticks": 10_000 + away + np.where(side == Side.BUY, 3, -3),
        "time_in_force": random.choice([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC], count),
        "reduce_only": random.random(count) < 0.1,
        "portfolio": random.choice(["ann", "bob", "cal"], count),
        "trader": random.choice(["one", "two"], count),
    }
    return exchange.commands(columns)


def test_views_and_frames_of_a_synthetic_day(log: EventLog) -> None:
    feed = synthetic_flow(messages=20_000)
    exchange = Exchange(
        feed.instruments,
        cash={"ann": 10**6, "bob": 10**5},
        limits={"ann": Limits(5_000, 10**6, 100, 2), "bob": Limits(cash_account=True)},
        history_facts=True,
    )
    history = feed.commands()
    mixed = np.concatenate([history, own_orders(exchange, history, 1_000)])
    mixed = mixed[np.argsort(mixed["ts"], kind="stable")]
    session = log.begin("day", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    run(log, session, exchange, mixed, size=3_000)
    agree(log, session, exchange, *VIEWS)
    assert len(exchange.depth("TAPE", WHOLE_BOOK)) > 100
    assert {"ann", "bob", "cal"} <= set(exchange.positions()["portfolio"])
    for name in ("ann", "bob", "cal"):
        one = exchange.portfolio(name)
        told = exchange.positions(portfolio=name)
        assert told["fees"].sum() == pytest.approx(one["fees"], rel=1e-12)
        assert told["realized_pnl"].to_list() == pytest.approx([one["positions"][symbol]["realized_pnl"] for symbol in told["symbol"]])
        assert told["average_price"].to_list() == pytest.approx([one["positions"][symbol]["average_price"] for symbol in told["symbol"]])


# ------------------------------------------------------------------ limits, counted by hand


def test_limits_with_their_use_and_headroom(log: EventLog) -> None:
    """X in lots of 1, Y in lots of 0.1 at a fee of 0.1 %. Held: 110 X, marked at 9.00."""
    listed = [Instrument("X", "0.01"), Instrument("Y", "0.5", "0.1", taker_fee="0.001")]
    exchange = Exchange(
        listed,
        cash={"a": 100_000, "b": 500, "idle": 1},
        limits={
            "a": Limits(max_position="500.05", max_exposure=9_000, max_daily_loss=100, max_leverage="0.05"),
            "b": Limits(cash_account=True, max_leverage=1),
            "idle": Limits(max_position="10.9", max_daily_loss=5),
        },
    )
    session = log.begin("limits", {}, exchange.instruments)
    log.append(session, exchange.opening, exchange.facts)
    send(
        log,
        session,
        exchange,
        limit(1, "X", Side.SELL, 110, "10.00", portfolio="c"),
        limit(2, "X", Side.BUY, 150, "10.00", portfolio="a"),  # 110 trade, 40 rest
        stop(3, "X", Side.SELL, 50, "8.00", portfolio="a"),
        stop_limit(4, "X", Side.SELL, 5, "7.00", "8.00", portfolio="a"),
        limit(5, "X", Side.SELL, 60, "10.50", portfolio="a", reduce_only=True),
        limit(6, "Y", Side.SELL, "2.5", "20.0", portfolio="a"),
        limit(7, "Y", Side.BUY, "1.5", "10.5", portfolio="b"),
        mark("X", "9.00"),
    )
    columns = ("portfolio", "limit", "symbol", "maximum", "used", "headroom")
    exposure = 110 * 9 + 40 * 10 + 50 * 8 + 5 * 7 + 2.5 * 20
    equity = 100_000 - 110
    assert rows(exchange.limits(), *columns) == [
        ("a", "POSITION_LIMIT", "X", 500.0, 150.0, 350.0),
        ("a", "POSITION_LIMIT", "Y", 500.0, 2.5, 497.5),
        ("a", "EXPOSURE_LIMIT", None, 9_000.0, exposure, 9_000 - exposure),
        ("a", "DAILY_LOSS_LIMIT", None, 100.0, 110.0, -10.0),
        ("a", "LEVERAGE_LIMIT", None, 0.05, int(exposure / equity * 10**9) / 10**9, pytest.approx(0.05 - exposure / equity, abs=1e-9)),
        ("b", "BUYING_POWER", None, 500.0, 15.75 + 0.01575, 500 - 15.75 - 0.01575),
        ("b", "LEVERAGE_LIMIT", None, 1.0, 0.0315, 0.9685),
        ("idle", "POSITION_LIMIT", None, 10.0, 0.0, 10.0),
        ("idle", "DAILY_LOSS_LIMIT", None, 5.0, 0.0, 5.0),
    ]  # fmt: skip
    assert exchange.portfolio("a")["exposure"] == exposure
    assert exchange.breaches()["value"].to_list() == [-110.0]
    agree(log, session, exchange, *VIEWS)
    send(log, session, exchange, start_of_day(), deposit("a", -1_000), mark("X", "9.50"), set_limits("b", Limits()))
    assert rows(exchange.limits(portfolio="a").filter(limit="DAILY_LOSS_LIMIT"), "used", "headroom") == [(-55.0, 155.0)]
    assert len(exchange.limits(portfolio="b")) == 0
    agree(log, session, exchange, *(view for view in VIEWS if view != "orders"))


# ------------------------------------------------------------------ a day written fact by fact


class Told(Reading):
    """What given facts say, without an exchange."""

    def __init__(self, told: np.ndarray) -> None:
        self._facts, self.decimals, self.names = told, 6, Names([AAPL, COIN])
        self.names.portfolios |= {"p1": 1, "p2": 2}
        self.names.traders |= {"ann": 1}

    @property
    def facts(self) -> np.ndarray:
        return self._facts


NOON = 1_700_000_000_000_000_000
BUY, SELL = Side.BUY, Side.SELL
OPENING = commands(
    {"kind": Kind.PORTFOLIO, "trader": 1, "name": "p1"},
    {"kind": Kind.PORTFOLIO, "trader": 2, "name": "p2"},
    {"kind": Kind.TRADER, "trader": 1, "name": "ann"},
)
ANN = {"trader": 1, "portfolio": 1}
LIMIT = {**ANN, "type": OrderType.LIMIT, "side": BUY, "price": 15_000, "quantity": 100}
STOP = {**ANN, "type": OrderType.STOP, "side": SELL, "stop_price": 14_000, "quantity": 40, "remaining": 40, "flags": Flag.REDUCE_ONLY}
CAPPED = {**ANN, "type": OrderType.STOP_LIMIT, "side": BUY, "stop_price": 15_500, "price": 15_600, "quantity": 10, "remaining": 10}
REFUSED = {**LIMIT, "kind": Kind.OrderRejected}
TOLD = [
    {"seq": 2, "kind": Kind.PortfolioOpened, "portfolio": 1},
    {"seq": 4, "kind": Kind.PortfolioOpened, "portfolio": 2},
    {"seq": 6, "kind": Kind.TraderAdmitted, "trader": 1},
    {"seq": 8, "kind": Kind.OrderCreated, **LIMIT, "order_id": 1, "remaining": 100},
    {"seq": 10, "kind": Kind.OrderCreated, "order_id": 1, "portfolio": 2, "type": OrderType.LIMIT, "side": SELL, "price": 15_000,
     "quantity": 60, "remaining": 60},
    {"seq": 11, "kind": Kind.TradeExecuted, "price": 15_000, "quantity": 60, "order_id": 1, "portfolio": 2, "side": SELL, "fee": 9,
     "maker_order_id": 1, "maker_trader": 1, "maker_portfolio": 1, "maker_remaining": 40, "maker_fee": -4},
    # two stops: 2 waits, 3 is triggered and trades at two prices with history
    {"seq": 13, "kind": Kind.OrderCreated, **STOP, "order_id": 2},
    {"seq": 15, "kind": Kind.OrderCreated, **CAPPED, "order_id": 3},
    {"seq": 17, "kind": Kind.OrderTriggered, **CAPPED, "order_id": 3},
    {"seq": 18, "kind": Kind.TradeExecuted, "price": 15_500, "quantity": 3, "order_id": 3, **ANN, "side": BUY, "remaining": 7,
     "maker_order_id": 70, "maker_trader": HISTORY, "flags": Flag.MAKER_HISTORY},
    {"seq": 19, "kind": Kind.RiskLimitBreached, "portfolio": 2, "reason": Reason.DAILY_LOSS_LIMIT, "value": -2_000_000,
     "limit": -1_500_000},
    {"seq": 20, "kind": Kind.TradeExecuted, "price": 15_600, "quantity": 4, "order_id": 3, **ANN, "side": BUY, "remaining": 3,
     "maker_order_id": 71, "maker_trader": HISTORY, "flags": Flag.MAKER_HISTORY},
    # refusals, each with what was found and what is allowed
    {"seq": 22, **REFUSED, "order_id": 4, "reason": Reason.MAX_ORDER_QUANTITY, "value": 100, "limit": 50},
    {"seq": 24, **REFUSED, "order_id": 5, "reason": Reason.PRICE_COLLAR, "value": 15_000, "limit": 14_900},
    {"seq": 26, **REFUSED, "order_id": 6, "reason": Reason.ORDER_RATE, "limit": 2_500},
    {"seq": 28, **REFUSED, "order_id": 7, "reason": Reason.RESTRICTED_SYMBOL, "instrument": 1},
    {"seq": 30, **REFUSED, "order_id": 8, "reason": Reason.BUYING_POWER, "value": 15_000_000_000, "limit": 5_000_000},
    {"seq": 32, **REFUSED, "order_id": 9, "reason": Reason.LEVERAGE_LIMIT, "value": 2**63 - 1, "limit": 2_500_000_000},
    {"seq": 34, "kind": Kind.ReplaceRejected, "order_id": 3, "trader": 1, "reason": Reason.POSITION_LIMIT, "value": 700, "limit": 500},
    {"seq": 36, "kind": Kind.ReplaceRejected, "order_id": 1, "reason": Reason.BUYING_POWER, "value": 61, "limit": 60},
    {"seq": 38, **REFUSED, "order_id": 10, "reason": Reason.UNKNOWN_INSTRUMENT, "value": 7},
    {"seq": 40, "kind": Kind.CancelRejected, "order_id": 1, "reason": Reason.ORDER_FILLED},
    # the next day: what rests stays; id 1 of trader "" is free again
    {"seq": 42, "kind": Kind.DayStarted},
    {"seq": 44, "kind": Kind.OrderCreated, "order_id": 1, "portfolio": 2, "type": OrderType.MARKET, "side": SELL, "quantity": 40,
     "remaining": 40},
    {"seq": 45, "kind": Kind.TradeExecuted, "price": 15_000, "quantity": 40, "order_id": 1, "portfolio": 2, "side": SELL, "fee": 6,
     "maker_order_id": 1, "maker_trader": 1, "maker_portfolio": 1, "maker_fee": -3},
]  # fmt: skip


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EventLog, Told]]:
    told = facts(*TOLD)
    told["ts"] = NOON + told["seq"]
    with EventLog(Path(tmp_path_factory.mktemp("models")) / "log.duckdb") as log:
        session = log.begin("day", instruments=[AAPL, COIN])
        log.append(session, OPENING, told[:3])
        log.append(session, OPENING[:0], told[3:])
        yield log, Told(told)


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return frame.select(columns).rows()


def test_both_tell_of_the_written_day(day: tuple[EventLog, Told]) -> None:
    agree(day[0], 1, day[1], *(view for view in VIEWS if view not in ("positions", "limits", "depth")))


def test_orders_with_their_stops(day: tuple[EventLog, Told]) -> None:
    _, told = day
    columns = ("seq", "order_id", "trader", "type", "status", "stop_price", "price", "executed_quantity", "average_price", "reduce_only")
    assert rows(told.orders(), *columns) == [
        (8, 1, "ann", "LIMIT", "FILLED", None, 150.0, 100.0, 150.0, False),
        (13, 2, "ann", "STOP", "PENDING", 140.0, None, 0.0, None, True),
        (15, 3, "ann", "STOP_LIMIT", "PARTIALLY_FILLED", 155.0, 156.0, 7.0, (3 * 155 + 4 * 156) / 7, False),
        (44, 1, "", "MARKET", "FILLED", None, None, 40.0, 150.0, False),
    ]  # fmt: skip
    assert told.orders(trader="ann", newest_first=True)["seq"].to_list() == [15, 13, 8]
    assert told.orders(portfolio="p2")["seq"].to_list() == [44]
    assert told.active_orders()["seq"].to_list() == [13, 15]
    assert told.active_orders(trader="")["seq"].to_list() == []


def test_one_order_and_its_history(day: tuple[EventLog, Told]) -> None:
    log, told = day
    assert told.order(1)["seq"] == 44
    assert told.order(3, "ann")["status"] == "PARTIALLY_FILLED"
    assert told.order(4, "ann")["reason"] == "MAX_ORDER_QUANTITY"
    columns = ("seq", "event", "status", "side", "quantity", "price", "remaining", "liquidity", "reason", "value_raw")
    assert rows(told.order_history(3, "ann"), *columns) == [
        (15, "OrderCreated", "PENDING", "BUY", 10.0, 156.0, 10.0, None, None, None),
        (17, "OrderTriggered", "NEW", "BUY", 10.0, 156.0, 10.0, None, None, None),
        (18, "TradeExecuted", "PARTIALLY_FILLED", "BUY", 3.0, 155.0, 7.0, "TAKER", None, None),
        (20, "TradeExecuted", "PARTIALLY_FILLED", "BUY", 4.0, 156.0, 3.0, "TAKER", None, None),
        (34, "ReplaceRejected", "PARTIALLY_FILLED", None, None, None, None, None, "POSITION_LIMIT", 700),
    ]  # fmt: skip
    assert rows(told.order_history(1), "seq", "event", "status", "liquidity", "reason") == [
        (10, "OrderCreated", "NEW", None, None),
        (11, "TradeExecuted", "FILLED", "TAKER", None),
        (36, "ReplaceRejected", "FILLED", None, "BUYING_POWER"),
        (40, "CancelRejected", "FILLED", None, "ORDER_FILLED"),
        (44, "OrderCreated", "NEW", None, None),
        (45, "TradeExecuted", "FILLED", "TAKER", None),
    ]  # fmt: skip
    assert rows(told.order_history(1, "ann"), "seq", "side", "liquidity", "fee_raw") == [
        (8, "BUY", None, None),
        (11, "BUY", "MAKER", -4),
        (45, "BUY", "MAKER", -3),
    ]
    for order_id, trader in ((1, ""), (1, "ann"), (3, "ann"), (10, "ann"), (99, "ann")):
        assert_frame_equal(log.order_history(1, order_id, trader), told.order_history(order_id, trader))
    assert len(told.order_history(99)) == 0


def test_who_is_not_there_is_named(day: tuple[EventLog, Told]) -> None:
    log, told = day
    with pytest.raises(KeyError, match="trader 'ann' has no order 99"):
        told.order(99, "ann")
    with pytest.raises(KeyError, match="no trader 'eve'; there are '', 'ann'"):
        told.order_history(1, "eve")
    with pytest.raises(LogError, match="no trader 'eve' in session 1; there are: '', 'ann'"):
        log.order_history(1, 1, "eve")
    with pytest.raises(KeyError, match="no event 'OrderLost'; there are OrderCreated"):
        told.events("OrderLost")
    with pytest.raises(LogError, match=r"no view 'order'; there are: orders, active_orders"):
        log.frame("order")
    with pytest.raises(LogError, match="tradr"):
        log.frame("orders", 1, tradr="ann")
    assert log.frame("orders", 1, trader="ann", status="PENDING")["seq"].to_list() == [13]


def test_the_first_filter_needs_no_name(day: tuple[EventLog, Told]) -> None:
    """As the README tells it: executions by trader and day."""
    _, told = day
    assert told.executions("ann", 1).equals(told.executions(trader="ann", day=1))
    assert len(told.executions("ann", 1)) == 3
    assert len(told.executions("nobody")) == 0
    assert told.execution_summary("ann", 2)["volume"].to_list() == [40.0]
    for ask in (told.orders, told.active_orders, told.compliance_failures):
        assert ask("ann").equals(ask(trader="ann"))
    exchange = Exchange([Instrument("A", "1")], cash={"p": 1000, "q": 1000}, limits={name: Limits(max_position=5) for name in "pq"})
    for portfolio in "pq":
        exchange.send(limit(1, "A", Side.BUY, 9, 10, portfolio=portfolio, trader=portfolio))
        exchange.send(limit(2, "A", Side.BUY if portfolio == "p" else Side.SELL, 3, 10, portfolio=portfolio, trader=portfolio))
    for question in (exchange.positions, exchange.limits, exchange.breaches):
        assert set(question("p")["portfolio"]) == {"p"} < set(question()["portfolio"])


def test_executions_of_a_trader_and_a_day(day: tuple[EventLog, Told]) -> None:
    _, told = day
    of_ann = told.executions(trader="ann", day=1)
    assert rows(of_ann, "seq", "liquidity", "remaining_lots") == [(11, "MAKER", 40), (18, "TAKER", 7), (20, "TAKER", 3)]
    assert told.executions(day=2)["seq"].to_list() == [45, 45]
    assert told.executions(day="2023-11-14")["seq"].to_list() == [11, 11, 18, 20, 45, 45]
    assert len(told.executions(day="2023-11-15")) == len(told.executions(day=3)) == 0
    columns = ("day", "trader", "symbol", "orders", "executions", "volume", "vwap", "notional", "fees_raw")
    assert rows(told.execution_summary(trader="ann"), *columns) == [
        (1, "ann", "AAPL", 2, 3, 67.0, (60 * 15_000 + 3 * 15_500 + 4 * 15_600) / 6_700, 10_089.0, -4),
        (2, "ann", "AAPL", 1, 1, 40.0, 150.0, 6_000.0, -3),
    ]
    assert rows(told.execution_summary(day=1), "trader", "bought", "sold") == [("", 0.0, 60.0), ("ann", 67.0, 0.0)]


def test_refusals_tell_what_was_found(day: tuple[EventLog, Told]) -> None:
    _, told = day
    columns = ("seq", "event", "reason", "portfolio", "trader", "order_id", "symbol", "value", "limit")
    assert rows(told.compliance_failures(), *columns) == [
        (22, "OrderRejected", "MAX_ORDER_QUANTITY", "p1", "ann", 4, "AAPL", 100.0, 50.0),
        (24, "OrderRejected", "PRICE_COLLAR", "p1", "ann", 5, "AAPL", 150.0, 149.0),
        (26, "OrderRejected", "ORDER_RATE", "p1", "ann", 6, "AAPL", None, 2.5),
        (28, "OrderRejected", "RESTRICTED_SYMBOL", "p1", "ann", 7, "COIN", None, None),
    ]  # fmt: skip
    assert rows(told.breaches(), *columns) == [
        (19, "RiskLimitBreached", "DAILY_LOSS_LIMIT", "p2", None, None, "AAPL", -2.0, -1.5),
        (30, "OrderRejected", "BUYING_POWER", "p1", "ann", 8, "AAPL", 15_000.0, 5.0),
        (32, "OrderRejected", "LEVERAGE_LIMIT", "p1", "ann", 9, "AAPL", None, 2.5),
        (34, "ReplaceRejected", "POSITION_LIMIT", "p1", "ann", 3, "AAPL", 700.0, 500.0),
        (36, "ReplaceRejected", "BUYING_POWER", "p2", "", 1, "AAPL", 61.0, 60.0),
    ]  # fmt: skip
    assert told.breaches(portfolio="p2")["seq"].to_list() == [19, 36]
    assert len(told.compliance_failures(trader="")) == 0


def test_an_event_is_told_as_its_fact_says(day: tuple[EventLog, Told]) -> None:
    _, told = day
    assert rows(told.events("OrderTriggered"), "seq", "type", "stop_price_ticks", "remaining_lots") == [(17, "STOP_LIMIT", 15_500, 10)]
    assert rows(told.events("OrderRejected").filter(seq=38), "symbol", "quantity", "price", "reason", "value_raw") == [
        (None, None, None, "UNKNOWN_INSTRUMENT", 7)
    ]
    assert rows(told.events("OrderFilled"), "seq", "status") == [
        (11, "PARTIALLY_FILLED"),
        (11, "FILLED"),
        (18, "PARTIALLY_FILLED"),
        (20, "PARTIALLY_FILLED"),
        (45, "FILLED"),
        (45, "FILLED"),
    ]
    assert rows(told.events("TradeExecuted"), "maker_trader", "taker_trader", "maker_fee_raw", "taker_remaining_lots")[:2] == [
        ("ann", "", -4, 0),
        (None, "ann", 0, 7),
    ]

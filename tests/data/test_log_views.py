"""The SQL views on a small day, written fact by fact, with answers counted by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from data.log.event_log import EventLog
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderType, Reason, Side, TimeInForce
from tests.support.log_contract import AAPL, COIN, commands, facts

P1, P2, T1 = 1, 2, 1
BUY, SELL = Side.BUY, Side.SELL
NOON = 1_700_000_000_000_000_000

OPENING = commands(
    {"kind": Kind.PORTFOLIO, "trader": P1, "name": "p1"},
    {"kind": Kind.PORTFOLIO, "trader": P2, "name": "p2"},
    {"kind": Kind.TRADER, "trader": T1, "name": "ann"},
)

ONE = {"order_id": 1, "trader": T1, "portfolio": P1, "type": OrderType.LIMIT, "side": BUY}
STOP = {"trader": T1, "portfolio": P1, "side": BUY, "time_in_force": TimeInForce.GTC, "quantity": 10, "remaining": 10}
TOLD = [
    {"seq": 2, "kind": Kind.PortfolioOpened, "portfolio": P1},
    {"seq": 4, "kind": Kind.PortfolioOpened, "portfolio": P2},
    {"seq": 6, "kind": Kind.TraderAdmitted, "trader": T1},
    # order 1 of ann buys: 30 from order 2 of trader "", 20 from history; replaced; cancelled
    {"seq": 8, "kind": Kind.OrderCreated, **ONE, "price": 15_000, "quantity": 100, "remaining": 100},
    {"seq": 10, "kind": Kind.OrderCreated, "order_id": 2, "portfolio": P2, "type": OrderType.MARKET, "side": SELL,
     "quantity": 30, "remaining": 30, "time_in_force": TimeInForce.IOC},
    {"seq": 11, "kind": Kind.TradeExecuted, "price": 15_000, "quantity": 30, "order_id": 2, "portfolio": P2, "side": SELL, "fee": 9,
     "maker_order_id": 1, "maker_trader": T1, "maker_portfolio": P1, "maker_remaining": 70, "maker_fee": -4},
    {"seq": 13, "kind": Kind.TradeExecuted, "price": 15_000, "quantity": 20, "trader": HISTORY, "side": SELL, "flags": Flag.TAKER_HISTORY,
     "maker_order_id": 1, "maker_trader": T1, "maker_portfolio": P1, "maker_remaining": 50},
    {"seq": 15, "kind": Kind.OrderReplaced, **ONE, "price": 15_010, "quantity": 90, "remaining": 40},
    {"seq": 17, "kind": Kind.OrderCancelled, **ONE, "price": 15_010, "quantity": 90, "remaining": 40, "reason": Reason.REQUESTED},
    # stops: one waits, one was triggered
    {"seq": 19, "kind": Kind.OrderCreated, **STOP, "order_id": 3, "type": OrderType.STOP, "stop_price": 16_000},
    {"seq": 21, "kind": Kind.OrderCreated, **STOP, "order_id": 4, "type": OrderType.STOP_LIMIT, "stop_price": 14_000, "price": 13_999},
    {"seq": 22, "kind": Kind.OrderTriggered, **STOP, "order_id": 4, "type": OrderType.STOP_LIMIT, "stop_price": 14_000, "price": 13_999},
    # refusals: 5 is an order that was rejected; 6 never used its id; 3 is a repeated id; the cancel changes nothing
    {"seq": 24, "kind": Kind.OrderRejected, **ONE, "order_id": 5, "price": 15_001, "quantity": 7, "reason": Reason.POST_ONLY},
    {"seq": 26, "kind": Kind.OrderRejected, **ONE, "order_id": 6, "quantity": 7, "reason": Reason.INVALID_PRICE},
    {"seq": 28, "kind": Kind.OrderRejected, **ONE, "order_id": 3, "price": 1, "quantity": 7, "reason": Reason.DUPLICATE_ORDER},
    {"seq": 30, "kind": Kind.CancelRejected, "order_id": 1, "trader": T1, "reason": Reason.ORDER_CANCELLED},
    # COIN, in lots of 0.001 and units of 0.25: 7 of p2 rests and sells 1.5 to 8 of p1; the rest expires
    {"seq": 32, "kind": Kind.OrderCreated, "order_id": 7, "portfolio": P2, "instrument": 1, "type": OrderType.LIMIT, "side": SELL,
     "price": 402, "quantity": 2_000, "remaining": 2_000},
    {"seq": 34, "kind": Kind.OrderCreated, **ONE, "order_id": 8, "instrument": 1, "price": 404, "quantity": 1_500, "remaining": 1_500},
    {"seq": 35, "kind": Kind.TradeExecuted, "price": 402, "quantity": 1_500, "instrument": 1, "order_id": 8, "trader": T1, "portfolio": P1,
     "side": BUY, "fee": 301_500, "maker_order_id": 7, "maker_portfolio": P2, "maker_remaining": 500},
    {"seq": 37, "kind": Kind.DayEnded, "instrument": 1},
    {"seq": 38, "kind": Kind.OrderExpired, "order_id": 7, "portfolio": P2, "instrument": 1, "type": OrderType.LIMIT, "side": SELL,
     "price": 402, "quantity": 2_000, "remaining": 500, "reason": Reason.END_OF_DAY},
    # the next day id 1 is free again: a market order that takes from history at two prices
    {"seq": 40, "kind": Kind.DayStarted},
    {"seq": 42, "kind": Kind.OrderCreated, **ONE, "type": OrderType.MARKET, "side": SELL, "quantity": 3, "remaining": 3},
    {"seq": 43, "kind": Kind.TradeExecuted, "price": 15_020, "quantity": 1, "order_id": 1, "trader": T1, "portfolio": P1, "side": SELL,
     "remaining": 2, "maker_order_id": 777, "maker_trader": HISTORY, "flags": Flag.MAKER_HISTORY},
    {"seq": 44, "kind": Kind.TradeExecuted, "price": 15_017, "quantity": 2, "order_id": 1, "trader": T1, "portfolio": P1, "side": SELL,
     "maker_order_id": 778, "maker_trader": HISTORY, "flags": Flag.MAKER_HISTORY},
]  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventLog]:
    with EventLog(Path(tmp_path_factory.mktemp("views")) / "log.duckdb") as log:
        told = facts(*TOLD)
        told["ts"] = NOON + told["seq"]
        other = log.begin("other", instruments=[COIN])
        log.append(
            other, OPENING[:0], facts({"seq": 2, "kind": Kind.OrderCreated, "order_id": 1, "type": OrderType.LIMIT, "quantity": 1_000})
        )
        session = log.begin("day", instruments=[AAPL, COIN])
        opening = told["seq"] <= 6
        log.append(session, OPENING, told[opening])
        log.append(session, OPENING[:0], told[~opening])
        yield log


def rows(log: EventLog, view: str, *columns: str, session: int | None = 2) -> list[tuple[Any, ...]]:
    return log.frame(view, session).select(columns).rows()


def test_orders_have_their_terms(log: EventLog) -> None:
    columns = ["order_id", "symbol", "portfolio", "trader", "type", "side", "quantity", "price", "stop_price", "time_in_force"]
    assert rows(log, "orders", *columns) == [
        (1, "AAPL", "p1", "ann", "LIMIT", "BUY", 90.0, 150.1, None, "DAY"),
        (2, "AAPL", "p2", "", "MARKET", "SELL", 30.0, None, None, "IOC"),
        (3, "AAPL", "p1", "ann", "STOP", "BUY", 10.0, None, 160.0, "GTC"),
        (4, "AAPL", "p1", "ann", "STOP_LIMIT", "BUY", 10.0, 139.99, 140.0, "GTC"),
        (5, "AAPL", "p1", "ann", "LIMIT", "BUY", 7.0, 150.01, None, "DAY"),
        (7, "COIN", "p2", "", "LIMIT", "SELL", 2.0, 100.5, None, "DAY"),
        (8, "COIN", "p1", "ann", "LIMIT", "BUY", 1.5, 101.0, None, "DAY"),
        (1, "AAPL", "p1", "ann", "MARKET", "SELL", 3.0, None, None, "DAY"),
    ]  # fmt: skip


def test_orders_have_their_fate(log: EventLog) -> None:
    assert rows(log, "orders", "seq", "status", "executed_quantity", "average_price", "reason", "executed_lots") == [
        (8, "CANCELLED", 50.0, 150.0, "REQUESTED", 50),
        (10, "FILLED", 30.0, 150.0, None, 30),
        (19, "PENDING", 0.0, None, None, 0),
        (21, "NEW", 0.0, None, None, 0),
        (24, "REJECTED", 0.0, None, "POST_ONLY", 0),
        (32, "EXPIRED", 1.5, 100.5, "END_OF_DAY", 1_500),
        (34, "FILLED", 1.5, 100.5, None, 1_500),
        (42, "FILLED", 3.0, 150.18, None, 3),
    ]  # fmt: skip
    times = log.frame("orders", 2).select(pl.col("created", "updated").dt.timestamp("ns") - NOON)
    assert times.rows() == [(8, 17), (10, 11), (19, 19), (21, 22), (24, 24), (32, 38), (34, 35), (42, 44)]
    assert log.frame("orders", 2).schema["created"] == pl.Datetime("ns", "UTC")


def test_an_order_is_partially_filled_until_more_happens(log: EventLog, tmp_path: Path) -> None:
    told = facts(*TOLD)
    with EventLog(tmp_path / "log.duckdb") as early:
        session = early.begin("early", instruments=[AAPL])
        early.append(session, OPENING[:0], told[told["seq"] <= 15])
        assert rows(early, "orders", "status", "quantity", "executed_quantity", "portfolio", session=1) == [
            ("PARTIALLY_FILLED", 90.0, 50.0, None),
            ("FILLED", 30.0, 30.0, None),
        ]


def test_executions_are_one_row_per_side_of_ours(log: EventLog) -> None:
    columns = ["seq", "order_id", "symbol", "portfolio", "trader", "side", "price", "quantity", "fee", "liquidity", "fee_raw"]
    assert rows(log, "executions", *columns) == [
        (11, 1, "AAPL", "p1", "ann", "BUY", 150.0, 30.0, -0.000004, "MAKER", -4),
        (11, 2, "AAPL", "p2", "", "SELL", 150.0, 30.0, 0.000009, "TAKER", 9),
        (13, 1, "AAPL", "p1", "ann", "BUY", 150.0, 20.0, 0.0, "MAKER", 0),
        (35, 7, "COIN", "p2", "", "SELL", 100.5, 1.5, 0.0, "MAKER", 0),
        (35, 8, "COIN", "p1", "ann", "BUY", 100.5, 1.5, 0.3015, "TAKER", 301_500),
        (43, 1, "AAPL", "p1", "ann", "SELL", 150.2, 1.0, 0.0, "TAKER", 0),
        (44, 1, "AAPL", "p1", "ann", "SELL", 150.17, 2.0, 0.0, "TAKER", 0),
    ]  # fmt: skip


def test_trades_are_one_row_each(log: EventLog) -> None:
    columns = ["seq", "symbol", "price", "quantity", "maker_order_id", "taker_order_id", "maker_portfolio", "taker_portfolio", "taker_side"]
    assert rows(log, "trades", *columns, "price_ticks", "quantity_lots") == [
        (11, "AAPL", 150.0, 30.0, 1, 2, "p1", "p2", "SELL", 15_000, 30),
        (13, "AAPL", 150.0, 20.0, 1, 0, "p1", "", "SELL", 15_000, 20),
        (35, "COIN", 100.5, 1.5, 7, 8, "p2", "p1", "BUY", 201, 1_500),
        (43, "AAPL", 150.2, 1.0, 777, 1, "", "p1", "SELL", 15_020, 1),
        (44, "AAPL", 150.17, 2.0, 778, 1, "", "p1", "SELL", 15_017, 2),
    ]  # fmt: skip


def test_positions_add_up_to_zero(log: EventLog) -> None:
    assert rows(log, "positions", "portfolio", "symbol", "quantity", "bought", "sold", "notional", "fees", "cash_flow") == [
        ("", "AAPL", -17.0, 3.0, 20.0, 3_450.54, 0.0, 2_549.46),
        ("p1", "AAPL", 47.0, 50.0, 3.0, 7_950.54, -0.000004, -7_049.459996),
        ("p1", "COIN", 1.5, 1.5, 0.0, 301.5, 0.3015, -301.8015),
        ("p2", "AAPL", -30.0, 0.0, 30.0, 4_500.0, 0.000009, 4_499.999991),
        ("p2", "COIN", -1.5, 0.0, 1.5, 301.5, 0.0, 301.5),
    ]  # fmt: skip
    sums = log.frame("positions", 2).group_by("symbol").agg(pl.col("quantity_lots", "cash_flow_raw", "fees_raw").sum())
    assert (sums["quantity_lots"] == 0).all()
    assert (sums["cash_flow_raw"] + sums["fees_raw"] == 0).all()


def test_a_session_is_read_with_its_own_instruments(log: EventLog) -> None:
    assert rows(log, "orders", "session", "symbol", "quantity", "portfolio", session=1) == [(1, "COIN", 1.0, "")]
    assert log.frame("orders")["session"].to_list() == [1] + [2] * 8


def test_no_column_is_a_word_of_sql(tmp_path: Path) -> None:
    EventLog(tmp_path / "log.duckdb").close()
    with duckdb.connect(str(tmp_path / "log.duckdb"), read_only=True) as con:
        columns = {name for (name,) in con.execute("SELECT column_name FROM duckdb_columns() WHERE NOT internal").fetchall()}
        reserved = {
            word for (word,) in con.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()
        }
    assert {"seq", "limit_value", "limit_name", "source_offset"} <= columns
    assert columns & reserved == set()


def test_a_log_whose_columns_were_words_of_sql(tmp_path: Path) -> None:
    path = tmp_path / "log.duckdb"
    with EventLog(path) as log:
        session = log.begin("one", {}, [AAPL])
        log.append(session, OPENING[:1], facts(TOLD[0]), cursors={"orders": 7})
    with duckdb.connect(str(path)) as con:
        con.execute('ALTER TABLE cursors RENAME COLUMN source_offset TO "offset"')
        con.execute("UPDATE meta SET value = 'older' WHERE key = 'views'")
    with EventLog.open(path, read_only=True) as log:
        assert log.cursors(session) == {"orders": 7}
    with EventLog(path) as log:
        assert log.cursors(session) == {"orders": 7}
        assert log.frame("cursors", session)["source_offset"].to_list() == [7]

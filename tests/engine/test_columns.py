"""Commands from columns: however people write them, the same records; what they do not name, and what does not fit."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from engine import Exchange, Instrument, Kind, OrderType, SelfTrade, Side, limit
from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, Flag

X = Instrument("X", "0.01")
Y = Instrument("Y", "0.5", "0.001", price_unit="0.25")


@pytest.fixture
def exchange() -> Exchange:
    return Exchange([X, Y], cash={"ann": "1000.00"})


def test_columns_in_every_way_that_people_write_them(exchange: Exchange) -> None:
    """The same two orders: words or numbers, prices or ticks, units or lots, one value for all rows or one each."""
    common: dict[str, Any] = {"order_id": [1, 2], "trader": ["", "tom"], "portfolio": "ann"}
    mixed = np.array([Side.BUY, "SELL"], object)
    spelled: list[Any] = [
        {"symbol": "X", "side": ["BUY", "SELL"], "type": "LIMIT", "price": ["9.99", "10.01"], "quantity": [3, 4], "ts": 0},
        {"symbol": ["X", "X"], "side": [0, 1], "type": [OrderType.LIMIT] * 2, "price": [9.99, 10.01], "quantity": ["3", 4]},
        {"symbol": 0, "side": [False, True], "price_ticks": [999, 1001], "quantity_lots": [3.0, 4.0]},
        {"symbol": [0, 0], "side": mixed, "price": [Decimal("9.99"), Decimal("10.01")], "quantity_lots": [3, 4]},
    ]
    made = [Exchange([X, Y], cash={"ann": 1}).commands(columns | common) for columns in spelled]
    made.append(Exchange([X, Y], cash={"ann": 1}).commands(pl.DataFrame({"kind": "NEW", "symbol": "X"} | common | spelled[2])))
    assert [record["kind"] for record in made[0]] == [Kind.NEW, Kind.TRADER, Kind.NEW]
    assert {commands.tobytes() for commands in made} == {made[0].tobytes()}
    assert exchange.run(made[0])["kind"].tolist() == [Kind.OrderCreated, Kind.TraderAdmitted, Kind.OrderCreated]
    bids, asks = exchange.book("X").levels()
    assert (bids, asks) == ([(9.99, 3.0, 1)], [(10.01, 4.0, 1)])


def test_what_a_column_does_not_name(exchange: Exchange) -> None:
    """NaN and null name nothing; what is off the unit, or beyond all prices, is not whole; unknown symbols have no units."""
    asked: list[tuple[dict[str, Any], str, list[int]]] = [
        ({"symbol": "X", "price": [1.5, np.nan, 0.001, np.inf]}, "price", [150, NOT_NAMED, NOT_WHOLE, NOT_WHOLE]),
        ({"symbol": "X", "price": ["1.5", None, "0.001", "1.5"]}, "price", [150, NOT_NAMED, NOT_WHOLE, 150]),
        ({"symbol": "Y", "price": [1, 2]}, "price", [4, 8]),
        ({"symbol": "Y", "price": [2**61, 1]}, "price", [NOT_WHOLE, 4]),
        ({"symbol": "Y", "price_ticks": [3.0, np.nan, 2.0**40]}, "price", [6, NOT_NAMED, NOT_WHOLE]),
        ({"symbol": "X", "stop_price_ticks": [3, 2**40]}, "stop_price", [3, 2**40]),
        ({"symbol": ["X", "Y", "Z"], "price": [1, 1, 1]}, "price", [100, 4, 0]),
        ({"symbol": "Z", "quantity": [1, 2]}, "quantity", [0, 0]),
        ({"quantity_lots": [5, None]}, "quantity", [5, NOT_NAMED]),
        ({"quantity_lots": np.array([5, None], object), "symbol": "X"}, "price", [NOT_NAMED, NOT_NAMED]),
        ({"price": np.empty(0, np.int64), "symbol": "X"}, "price", []),
        ({"ts": np.array(["1970-01-01T00:00:01", "1970-01-02"], "datetime64[s]")}, "ts", [10**9, 86400 * 10**9]),
        ({"post_only": [True, False], "reduce_only": [True, True]}, "flags", [Flag.POST_ONLY | Flag.REDUCE_ONLY, Flag.REDUCE_ONLY]),
        ({"self_trade": ["NONE"]}, "self_trade", [SelfTrade.NONE]),
    ]
    for columns, field, expected in asked:
        assert exchange.commands(columns)[field].tolist() == expected, columns


def test_numbers_that_no_field_holds_are_refused_and_never_wrap(exchange: Exchange) -> None:
    """By the exchange, with a fact: a column of a million rows is not lost for one of them."""
    none = 255
    asked: list[tuple[dict[str, Any], str, list[int]]] = [
        ({"order_id": [-1, 2**64, 2**64 - 1]}, "order_id", [0, 0, 2**64 - 1]),
        ({"order_id": np.array([-1, 7])}, "order_id", [0, 7]),
        ({"order_id": [-1.0, 2.0**64, 3.0]}, "order_id", [0, 0, 3]),
        ({"side": np.array([-1, 1], np.int8)}, "side", [none, 1]),
        ({"side": [256, 2**40]}, "side", [none, none]),
        ({"type": [512.0]}, "type", [none]),
        ({"time_in_force": np.array([2**63 + 1], np.uint64)}, "time_in_force", [none]),
        ({"symbol": [-1, 2**32, 1]}, "instrument", [2**32 - 1, 2**32 - 1, 1]),
        ({"quantity_lots": [10**30]}, "quantity", [NOT_WHOLE]),
        ({"quantity_lots": np.array([2**63], np.uint64)}, "quantity", [NOT_WHOLE]),
        ({"price_ticks": [1e30]}, "price", [NOT_WHOLE]),
    ]
    for columns, field, expected in asked:
        assert exchange.commands(columns)[field].tolist() == expected, columns


def test_an_empty_frame_introduces_nobody(exchange: Exchange) -> None:
    assert len(exchange.commands({"symbol": np.empty(0, object), "portfolio": np.empty(0, object)})) == 0
    assert len(exchange.commands({})) == 1


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"size": [1]}, "unknown column 'size'; known are kind, "),
        ({"side": ["BUY"] * 1_000, "price": [1, 2]}, "columns differ in length: side 1,000, price 2"),
        ({"side": ["BUY", "BYE"]}, "row 1: side: 'BYE' is none of BUY, SELL"),
        ({"side": [0.0, 0.5]}, "row 1: side: 0.5 is not a whole number"),
        ({"quantity_lots": [1.0, 1.5]}, "row 1: quantity_lots: 1.5 is not a whole number"),
        ({"order_id": [1.0, float("nan")]}, "row 1: order_id: nan is not a finite number"),
        ({"order_id": ["one"]}, "row 0: order_id: 'one' is not a number"),
        ({"ts": np.array([0, 2**63], np.uint64)}, "row 1: ts: 9223372036854775808 is not a time; nanoseconds since 1970 lie between"),
        ({"symbol": ["Y", "X", "X"], "price": ["1", "1", "cheap"]}, "row 2: price: 'cheap' is not a number"),
    ],
)
def test_columns_that_do_not_fit(exchange: Exchange, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        exchange.commands(columns)
    assert str(error.value).startswith(said)


FRAMES: list[Any] = [dict, pl.DataFrame, pd.DataFrame, lambda columns: pd.DataFrame(columns).convert_dtypes()]
ROWS: dict[str, Any] = {"order_id": [1, 2], "symbol": ["X", "X"], "price": [1, 1], "quantity": [1, 1]}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("trader", ["ann", None], "row 1: trader: the name is missing"),
        ("portfolio", [None, "ann"], "row 0: portfolio: the name is missing"),
        ("symbol", ["X", None], "row 1: symbol: the name is missing"),
        ("trader", ["ann", "nan"], "row 1: trader: the name is missing"),
        ("ts", [5, None], "row 1: ts: the time is missing"),
        ("post_only", ["True", "False"], "row 0: post_only: 'True' is not a flag; give True or False"),
        ("reduce_only", [True, None], "row 1: reduce_only: .* is not a flag"),
        ("post_only", [0, 2], "row 1: post_only: 2.* is not a flag"),
    ],
)
def test_what_is_missing_or_no_flag_is_refused_with_row_and_column(frame: Any, column: str, values: list[Any], said: str) -> None:
    exchange = Exchange([X, Y], cash={"ann": 1})
    with pytest.raises(ValueError, match=said):
        exchange.commands(frame(ROWS | {column: values}))
    assert (list(exchange.names.portfolios), list(exchange.names.traders)) == (["", "ann"], [""]), "nothing was named on the way"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("trader", ["ann", float("nan")]),
        ("trader", np.array(["ann", "nan"])),
        ("trader", pd.Series(["ann", pd.NA])),
        ("ts", np.array(["2026-01-05", "NaT"], "datetime64[s]")),
        ("ts", pd.Series([pd.Timestamp(5), pd.NaT])),
        ("post_only", np.array(["False", "False"])),
        ("post_only", [True, float("nan")]),
    ],
)
def test_what_is_missing_has_many_forms(exchange: Exchange, column: str, values: Any) -> None:
    with pytest.raises(ValueError, match=rf"row \d: {column}: "):
        exchange.commands(ROWS | {column: values})


def test_flags_are_true_false_one_and_zero(exchange: Exchange) -> None:
    for values in ([True, False], [1, 0], np.array([True, False], object), pd.Series([True, False], dtype="boolean")):
        assert exchange.commands(ROWS | {"post_only": values})["flags"].tolist() == [Flag.POST_ONLY, 0]


def test_a_single_command_is_as_strict() -> None:
    exchange = Exchange([X, Y], cash={"ann": 1})
    with pytest.raises(ValueError, match="trader: the name is missing"):
        exchange.send(limit(1, "X", Side.BUY, 1, 1, portfolio="new", trader=float("nan")))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="post_only: 'False' is not a flag"):
        exchange.send(limit(1, "X", Side.BUY, 1, 1, post_only="False"))  # type: ignore[arg-type]
    assert list(exchange.names.portfolios) == ["", "ann"]
    with pytest.raises(ValueError, match="symbol: the name is missing"):
        Instrument(float("nan"), "0.01")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="X: negative_prices: 'False' is not a flag"):
        Instrument("X", "0.01", negative_prices="False")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (1_000_000 / 3, "cash of 'fund': 333333.3333333333 is finer than the unit of money, 0.000001; round it, as to 333333.333333"),
        (1e13, "cash of 'fund': 10000000000000.0 is too much; with these instruments it is below 4611686018427.387904"),
        ("nan", "cash of 'fund': 'nan' is not a finite number"),
    ],
)
def test_cash_that_does_not_fit_names_its_portfolio(amount: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Exchange([X], cash={"other": 1, "fund": amount})
    with pytest.raises(ValueError, match=re.escape("cash: 2 portfolios together have too much")):
        Exchange([X], cash={"a": 4 * 10**12, "b": 10**12})


def test_no_cash_is_an_empty_account() -> None:
    exchange = Exchange([X], cash={"empty": 0, "ann": 10})
    assert exchange.portfolio("empty")["cash"] == 0.0
    assert exchange.send(limit(1, "X", Side.BUY, 1, 1, portfolio="empty"))["kind"].tolist() == [Kind.OrderCreated]

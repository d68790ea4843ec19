"""Answers as frames: prices, quantities and money Float64 beside the exact integers, times Datetime("ns", "UTC"), null for nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from live.wire.times import nanoseconds

Rows = Sequence[Mapping[str, Any]]
_TIME, _TEXT, _NUMBER, _WHOLE, _FLAG = pl.Datetime("ns", "UTC"), pl.String(), pl.Float64(), pl.Int64(), pl.Boolean()


def _schema(**names: str) -> dict[str, pl.DataType]:
    kinds: dict[str, pl.DataType] = {"time": _TIME, "text": _TEXT, "number": _NUMBER, "whole": _WHOLE, "flag": _FLAG, "id": pl.UInt64()}
    return {name: kinds[kind] for kind, named in names.items() for name in named.split()}


ORDERS = _schema(
    id="order_id",
    text="symbol portfolio trader type side time_in_force status reason",
    number="quantity price stop_price executed_quantity average_price",
    time="created updated",
    whole="price_ticks quantity_lots stop_price_ticks executed_lots seq last_seq",
    flag="post_only reduce_only",
)
ORDER_COLUMNS = (
    *("order_id", "symbol", "portfolio", "trader", "type", "side", "quantity", "price", "stop_price", "time_in_force"),
    *("status", "executed_quantity", "average_price", "created", "updated", "reason"),
)
"""The columns of `Exchange.orders()`, which come first."""
TRADES = _schema(whole="seq price_ticks quantity_lots", time="ts", text="symbol taker_side", number="price quantity")
QUOTES = _schema(text="symbol", whole="seq", time="ts", number="bid bid_quantity ask ask_quantity last mark volume")
BARS = _schema(text="symbol", time="start end", number="open high low close vwap volume", whole="trades seq")
LIMITS = _schema(text="portfolio limit symbol", number="maximum used headroom")
POSITIONS = _schema(text="portfolio symbol", number="quantity average_price mark realized_pnl unrealized_pnl")
PORTFOLIOS = _schema(text="name", whole="seq", number="cash equity realized_pnl unrealized_pnl fees exposure leverage")
INSTRUMENTS = _schema(text="symbol currency", number="tick lot price_unit multiplier maker_fee taker_fee", flag="negative_prices")
SUMMARY = _schema(
    text="symbol trader", whole="day orders executions volume_lots bought_lots sold_lots notional_raw fees_raw",
    number="volume vwap bought sold notional fees",
)  # fmt: skip
REFUSALS = _schema(
    whole="seq value_raw limit_raw", id="order_id", time="ts", text="event reason portfolio trader symbol side",
    number="quantity price value limit",
)  # fmt: skip
HISTORY = _schema(
    whole="seq price_ticks quantity_lots remaining_lots fee_raw value_raw limit_raw", id="order_id", time="ts",
    text="kind event status reason symbol portfolio trader side type liquidity", number="quantity price stop_price remaining fee",
)  # fmt: skip
BOOK = _schema(text="side", number="price quantity", whole="orders")


def frame(rows: Rows, schema: Mapping[str, pl.DataType], first: Sequence[str] = ()) -> pl.DataFrame:
    """Rows as a frame with at least the columns of `schema`, those of `first` in front; a column that is not known stays as it came."""
    more = dict.fromkeys(name for row in rows for name in row if name not in schema)
    names = [*first, *(name for name in schema if name not in first)]
    made: dict[str, pl.Series] = {name: _series(name, [row.get(name) for row in rows], schema[name]) for name in names}
    made |= {name: pl.Series(name, [_plain(row.get(name)) for row in rows], strict=False) for name in more}
    return pl.DataFrame(made)


def _series(name: str, values: list[Any], kind: pl.DataType) -> pl.Series:
    if kind == _TIME:
        return pl.Series(name, [None if one is None else nanoseconds(one) for one in values], pl.Int64).cast(_TIME)
    if kind == _NUMBER:
        return pl.Series(name, [None if one is None else float(one) for one in values], pl.Float64)
    return pl.Series(name, values, kind)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (dict, list)) else value


def positions(portfolios: Rows) -> pl.DataFrame:
    """A row a portfolio and symbol, flat ones too."""
    rows = [{"portfolio": one["name"], "symbol": symbol, **held} for one in portfolios for symbol, held in one["positions"].items()]
    return frame(rows, POSITIONS, ("portfolio", "symbol"))


def portfolios(rows: Rows) -> pl.DataFrame:
    """A row a portfolio, without its positions."""
    return frame([{name: one for name, one in row.items() if name != "positions"} for row in rows], PORTFOLIOS, ("name",))


class BookView(dict[str, Any]):
    """A book as it was answered: symbol, seq, ts, bids and asks, each [price, quantity, orders], decimal texts, best first."""

    def frame(self) -> pl.DataFrame:
        """side, price, quantity, orders: bids from the best down, then asks from the best up."""
        rows = [
            {"side": side, "price": price, "quantity": quantity, "orders": orders}
            for side, name in (("BUY", "bids"), ("SELL", "asks"))
            for price, quantity, orders in self[name]
        ]
        return frame(rows, BOOK, ("side", "price", "quantity", "orders"))

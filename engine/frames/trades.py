"""Trades, each side's executions, and what they come to."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from engine.frames import columns
from engine.messages.names import Names
from engine.messages.vocabulary import HISTORY, Kind, Side

WIDE = pl.Int128
"""Sums of price × lots, which pass 64 bits."""


def traded(facts: np.ndarray) -> np.ndarray:
    """The TradeExecuted facts."""
    return facts[facts["kind"] == Kind.TradeExecuted]


def trades(facts: np.ndarray, names: Names) -> pl.DataFrame:
    """Every TradeExecuted: seq, ts, symbol, price, quantity, both ids and portfolios, taker_side, and exact units."""
    t = traded(facts)
    number = t["instrument"]
    return pl.DataFrame(
        {
            "seq": t["seq"].copy(),
            "ts": columns.times(t["ts"]),
            "symbol": columns.symbols(number, names),
            "price": columns.price(t["price"], number, names),
            "quantity": columns.quantity(t["quantity"], number, names),
            "maker_order_id": t["maker_order_id"].copy(),
            "taker_order_id": t["order_id"].copy(),
            "maker_portfolio": columns.portfolios(t["maker_portfolio"], names),
            "taker_portfolio": columns.portfolios(t["portfolio"], names),
            "taker_side": columns.words(t["side"], Side),
            "price_ticks": columns.ticks(t["price"], number, names),
            "quantity_lots": t["quantity"].astype(np.int64),
        }
    )


def executions(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """One row a fill and client's order in it, in the order of `seq`, the maker's first.

    `day` counts from 1, and a START_OF_DAY begins the next; `remaining` is what stays open of the order.
    """
    t = traded(facts)
    return execution_frame(t, np.searchsorted(facts["seq"][facts["kind"] == Kind.DayStarted], t["seq"]) + 1, names, decimals)


def execution_frame(t: np.ndarray, days: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """`executions` of TradeExecuted facts, of each its `day` (int64)."""
    ours = [(prefix, t[f"{prefix}trader"] != HISTORY) for prefix in ("maker_", "")]
    parts = [_side(t[where], prefix, names, decimals, days[where]) for prefix, where in ours]
    return pl.concat(parts).sort("seq", "liquidity", maintain_order=True)


def _side(t: np.ndarray, prefix: str, names: Names, decimals: int, days: np.ndarray) -> pl.DataFrame:
    number = t["instrument"]
    remaining, fee = t["maker_remaining" if prefix else "remaining"].astype(np.int64), t[f"{prefix}fee"].copy()
    return pl.DataFrame(
        {
            "seq": t["seq"].copy(),
            "ts": columns.times(t["ts"]),
            "order_id": t[f"{prefix}order_id"].copy(),
            "symbol": columns.symbols(number, names),
            "portfolio": columns.portfolios(t[f"{prefix}portfolio"], names),
            "trader": columns.traders(t[f"{prefix}trader"], names),
            "side": columns.words(1 - t["side"].astype(np.int64) if prefix else t["side"], Side),
            "price": columns.price(t["price"], number, names),
            "quantity": columns.quantity(t["quantity"], number, names),
            "fee": columns.money(fee, decimals),
            "liquidity": pl.repeat("MAKER" if prefix else "TAKER", len(t), eager=True),
            "price_ticks": columns.ticks(t["price"], number, names),
            "quantity_lots": t["quantity"].astype(np.int64),
            "fee_raw": fee,
            "day": days,
            "remaining": columns.quantity(remaining, number, names),
            "remaining_lots": remaining,
        }
    )


def on_day(rows: pl.DataFrame, day: Any) -> pl.DataFrame:
    """Executions of a day: a number from 1, or a date (UTC) as text or date. Raises ValueError for what is not a date."""
    if isinstance(day, int):
        return rows.filter(pl.col("day") == day)
    first = np.datetime64(day, "D")
    start, end = (int(at.astype("datetime64[ns]").astype(np.int64)) for at in (first, first + 1))
    return rows.filter(pl.col("ts").to_physical().is_between(start, end, closed="left"))


def summary(rows: pl.DataFrame, names: Names, decimals: int) -> pl.DataFrame:
    """Executions summed by day, trader and symbol: orders that traded, fills, volume, volume-weighted price, notional, fees.

    Every sum is of integers; each Float64 is then the one nearest to the exact number.
    """
    buys = pl.col("side") == "BUY"
    lots, ticks = pl.col("quantity_lots"), pl.col("price_ticks").cast(WIDE)
    sums = (
        rows.group_by("day", "trader", "symbol", maintain_order=True)
        .agg(
            pl.col("order_id").n_unique().cast(pl.Int64).alias("orders"),
            pl.len().cast(pl.Int64).alias("executions"),
            lots.filter(buys).sum().alias("bought_lots"),
            lots.filter(~buys).sum().alias("sold_lots"),
            (ticks * lots).sum().alias("paid"),
            (ticks.abs() * lots).sum().alias("turned"),
            pl.col("fee_raw").cast(WIDE).sum().alias("fees_raw"),
        )
        .sort("day", "trader", "symbol")
    )
    return summary_frame(sums.iter_rows(named=True), names, decimals)


def summary_frame(sums: Iterable[dict[str, Any]], names: Names, decimals: int) -> pl.DataFrame:
    """`summary` from its sums: day, trader, symbol, orders, executions, bought_lots, sold_lots, `paid` (Σ ticks × lots), `turned`
    (Σ |ticks| × lots) and fees_raw."""
    instruments = {i.symbol: i for i in names.instruments}
    return pl.DataFrame([_summed(row, instruments[row["symbol"]], decimals) for row in sums], schema=_SUMMARY)


_SUMMARY = {
    "day": pl.Int64,
    **dict.fromkeys(("trader", "symbol"), pl.String),
    **dict.fromkeys(("orders", "executions"), pl.Int64),
    **dict.fromkeys(("volume", "vwap", "bought", "sold", "notional", "fees"), pl.Float64),
    **dict.fromkeys(("volume_lots", "bought_lots", "sold_lots", "notional_raw", "fees_raw"), pl.Int64),
}


def _summed(row: dict[str, Any], instrument: Any, decimals: int) -> dict[str, Any]:
    """One row of the summary, exact until its last division."""
    bought, sold, fees = row["bought_lots"], row["sold_lots"], row["fees_raw"]
    notional = row["turned"] * instrument.tick_units * int(instrument.value(decimals))
    made = {
        "volume": float(instrument.quantity(bought + sold)),
        "vwap": float(Fraction(row["paid"], bought + sold) * Fraction(instrument.tick)),
        "bought": float(instrument.quantity(bought)),
        "sold": float(instrument.quantity(sold)),
        "notional": notional / 10**decimals,
        "fees": fees / 10**decimals,
        "volume_lots": bought + sold,
        "notional_raw": notional if notional < 2**63 else None,
        "fees_raw": fees if abs(fees) < 2**63 else None,
    }
    return {**row, **made}

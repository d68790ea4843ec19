"""The polars frames of a result, built from the exact arrays; units of the instrument and floats begin here."""

from typing import Any

import numpy as np
import polars as pl

from backtest.analysis import Analysis
from backtest.fills import signs
from engine.state import UNCOUNTED
from engine.vocabulary import OrderStatus, OrderType, Reason, Side, TimeInForce

TIME = pl.Datetime("ns", "UTC")


def _names(enum: Any, numbers: np.ndarray) -> pl.Series:
    table = np.array([""] * (max(enum) + 1), object)
    for member in enum:
        table[member] = member.name
    return pl.Series(table[numbers], dtype=pl.String)


def _symbols(a: Analysis, rows: np.ndarray) -> pl.Series:
    return pl.Series(np.array([one.symbol for one in a.recording.instruments], object)[rows["instrument"]], dtype=pl.String)


def _listed(names: list[str], numbers: np.ndarray) -> pl.Series:
    return pl.Series([names[number] if number < len(names) else "" for number in numbers.tolist()], dtype=pl.String)


def _scale(a: Analysis, rows: np.ndarray, what: str) -> np.ndarray:
    """float64 per row: the instrument's price_unit or lot."""
    return np.array([float(getattr(one, what)) for one in a.recording.instruments])[rows["instrument"]]


def scaled(units: Any, scale: Any) -> np.ndarray:
    """units × scale without the noise of binary floats: 12345 × 0.01 is 123.45 exactly as written."""
    return np.round(np.asarray(units, np.float64) * scale, 10)


def _null(values: Any, where: np.ndarray) -> pl.Series:
    """A column with nulls where `where`."""
    return pl.Series(values).scatter(np.flatnonzero(where), None) if where.any() else pl.Series(values)


def _ticks(a: Analysis, rows: np.ndarray) -> np.ndarray:
    """Price in ticks, as int64; a price off the tick (a midpoint print) counts down to the tick below."""
    return rows["price"] // np.array([one.tick_units for one in a.recording.instruments])[rows["instrument"]]


def fills_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.fills`."""
    rows = a.fills
    unit, lot = _scale(a, rows, "price_unit"), _scale(a, rows, "lot")
    entry = a.orders.entry_of_fill
    return pl.DataFrame(
        {
            "seq": rows["seq"],
            "ts": pl.Series(rows["ts"]).cast(TIME),
            "symbol": _symbols(a, rows),
            "order_id": rows["order_id"],
            "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
            "side": _names(Side, rows["side"]),
            "price": scaled(rows["price"], unit),
            "price_ticks": _ticks(a, rows),
            "quantity": scaled(rows["lots"], lot),
            "quantity_lots": rows["lots"],
            "fee": a.money(rows["fee"]),
            "liquidity": pl.Series(np.where(rows["maker"], "MAKER", "TAKER"), dtype=pl.String),
            "queue_ahead_at_entry": _null(scaled(entry, lot), ~rows["queued"] | (entry == UNCOUNTED)),
            "queue_ahead": _null(scaled(rows["ahead"], lot), ~rows["queued"]),
            "queue": _null(np.where(rows["estimated"], "ESTIMATED", "EXACT"), ~rows["maker"]),
            "mid": _null(scaled(rows["doubled"], unit / 2), ~rows["known"]),
            "position": scaled(rows["position"], lot),
        }
    )


def orders_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.orders`."""
    rows = a.orders.rows
    unit, lot = _scale(a, rows, "price_unit"), _scale(a, rows, "lot")
    priced = np.isin(rows["type"], [OrderType.LIMIT, OrderType.STOP_LIMIT])
    stopped = np.isin(rows["type"], [OrderType.STOP, OrderType.STOP_LIMIT])
    average = rows["cost"] / np.maximum(rows["executed"], 1)
    return pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "symbol": _symbols(a, rows),
            "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
            "trader": _listed(a.recording.traders, rows["trader"]),
            "type": _names(OrderType, rows["type"]),
            "side": _names(Side, rows["side"]),
            "quantity": scaled(rows["lots"], lot),
            "price": _null(scaled(rows["price"], unit), ~priced),
            "stop_price": _null(scaled(rows["stop_price"], unit), ~stopped),
            "time_in_force": _names(TimeInForce, rows["time_in_force"]),
            "status": _names(OrderStatus, rows["status"]),
            "executed_quantity": scaled(rows["executed"], lot),
            "average_price": _null(scaled(average, unit), rows["executed"] == 0),
            "created": pl.Series(rows["created"]).cast(TIME),
            "updated": pl.Series(rows["updated"]).cast(TIME),
            "reason": _null(_names(Reason, rows["reason"]), rows["reason"] == Reason.NONE),
            "queue_ahead_at_entry": _null(scaled(rows["ahead"], lot), ~rows["queued"] | (rows["ahead"] == UNCOUNTED)),
        }
    )


def trips_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.round_trips`."""
    rows = a.trips
    unit, lot = _scale(a, rows, "price_unit"), _scale(a, rows, "lot")
    left = rows["exit_cost"] / np.maximum(rows["exit_lots"], 1)
    return pl.DataFrame(
        {
            "symbol": _symbols(a, rows),
            "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
            "side": _names(Side, rows["side"]),
            "entry": pl.Series(rows["entry"]).cast(TIME),
            "exit": _null(pl.Series(rows["exit"]).cast(TIME), rows["open"]),
            "entry_price": scaled(rows["entry_cost"] / rows["lots"], unit),
            "exit_price": _null(scaled(left, unit), rows["exit_lots"] == 0),
            "quantity": scaled(rows["lots"], lot),
            "quantity_lots": rows["lots"],
            "pnl": a.money(rows["pnl"]),
            "fees": a.money(rows["fees"]),
            "duration": pl.Series(rows["exit"] - rows["entry"]).cast(pl.Duration("ns")),
            "best": a.money(rows["best"]) / 2,
            "worst": a.money(rows["worst"]) / 2,
            "fills": rows["fills"],
            "status": pl.Series(np.where(rows["open"], "OPEN", "CLOSED"), dtype=pl.String),
        }
    )


def equity_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.equity`."""
    curve = a.curve
    return pl.DataFrame(
        {
            "ts": pl.Series(curve.ts).cast(TIME),
            "cash": a.money(curve.cash),
            "position_value": a.money(curve.value),
            "equity": a.money(curve.equity),
            "drawdown": a.money(curve.drawdown),
            "equity_mid": _null(a.money(2 * curve.cash + curve.doubled_value) / 2, ~curve.middled),
        }
    )


def positions_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.positions`."""
    fills = a.fills
    held = np.zeros(len(fills), np.int64)
    for number in range(len(a.recording.instruments)):
        mine = np.flatnonzero(fills["instrument"] == number)
        held[mine] = np.cumsum((signs(fills) * fills["lots"])[mine])
    frame = pl.DataFrame(
        {"ts": pl.Series(fills["ts"]).cast(TIME), "symbol": _symbols(a, fills), "quantity": scaled(held, _scale(a, fills, "lot"))}
    )
    return frame.unique(["ts", "symbol"], keep="last", maintain_order=True)

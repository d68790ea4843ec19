"""The polars frames of a result, built from the exact arrays; units of the instrument and floats begin here."""

from typing import Any

import numpy as np
import polars as pl

from backtest.analysis.analysis import Analysis
from backtest.analysis.fills import signs
from backtest.recording import Recording
from data.times import local_time
from engine.frames.columns import scaled, times, words
from engine.messages.vocabulary import Grain, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.state.arrays import UNCOUNTED

NOT_ARRIVED = "NOT_ARRIVED"
"""Status of an order that was on its way to the exchange when the run ended."""


def _symbols(a: Analysis, rows: np.ndarray) -> pl.Series:
    return pl.Series(np.array([one.symbol for one in a.recording.instruments], object)[rows["instrument"]], dtype=pl.String)


def _listed(names: list[str], numbers: np.ndarray) -> pl.Series:
    return pl.Series([names[number] if number < len(names) else "" for number in numbers.tolist()], dtype=pl.String)


def _units(a: Analysis, rows: np.ndarray, units: np.ndarray, what: str) -> np.ndarray:
    """Price units or lots as Float64; `what`: price_unit or lot."""
    return scaled(units, rows["instrument"], a.recording.instruments, what)


def _null(values: Any, where: np.ndarray) -> pl.Series:
    """A column with nulls where `where`."""
    return pl.Series(values).scatter(np.flatnonzero(where), None) if where.any() else pl.Series(values)


def _ticks(a: Analysis, rows: np.ndarray) -> np.ndarray:
    """Price in ticks, as int64; a price off the tick (a midpoint print) counts down to the tick below."""
    return rows["price"] // np.array([one.tick_units for one in a.recording.instruments])[rows["instrument"]]


def fills_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.fills`."""
    rows = a.fills
    entry = a.orders.entry_of_fill
    market, known = a.market_middles
    return pl.DataFrame(
        {
            "seq": rows["seq"],
            "ts": times(rows["ts"]),
            "symbol": _symbols(a, rows),
            "order_id": rows["order_id"],
            "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
            "side": words(rows["side"], Side),
            "price": _units(a, rows, rows["price"], "price_unit"),
            "price_ticks": _ticks(a, rows),
            "quantity": _units(a, rows, rows["lots"], "lot"),
            "quantity_lots": rows["lots"],
            "fee": a.money(rows["fee"]),
            "liquidity": pl.Series(np.where(rows["maker"], "MAKER", "TAKER"), dtype=pl.String),
            "queue_ahead_at_entry": _null(_units(a, rows, entry, "lot"), ~rows["queued"] | (entry == UNCOUNTED)),
            "queue_ahead": _null(_units(a, rows, rows["ahead"], "lot"), ~rows["queued"]),
            "queue": _queue(a, rows),
            "mid": _null(_units(a, rows, rows["doubled"], "price_unit") / 2, ~rows["known"]),
            "position": _units(a, rows, rows["position"], "lot"),
            "market_mid": _null(_units(a, rows, market, "price_unit") / 2, ~known),
        }
    )


def _queue(a: Analysis, rows: np.ndarray) -> pl.Series:
    """How the place in the queue is known; null of a taker, BAR of every fill on bars, which have no queue."""
    on_bars = np.isin(rows["instrument"], a.recording.of_grain(Grain.BARS))
    places = np.where(on_bars, "BAR", np.where(rows["estimated"], "ESTIMATED", "EXACT"))
    return _null(places, ~rows["maker"] & ~on_bars)


def orders_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.orders`."""
    made, late = _order_rows(a), a.recording.unarrived
    late = late[late["kind"] == Kind.NEW]
    return pl.concat([made, _unarrived_rows(a, late, made.schema)]) if len(late) else made


def _unarrived_rows(a: Analysis, late: np.ndarray, schema: pl.Schema) -> pl.DataFrame:
    """Orders that had not reached the exchange when the run ended: NOT_ARRIVED, at no time. As among those that did, an order for what is
    not listed has no row; the caution counts it."""
    known = late[late["instrument"] < len(a.recording.instruments)]
    columns = {
        **_terms(a, known, known["quantity"]),
        "status": pl.Series([NOT_ARRIVED] * len(known), dtype=pl.String),
        "executed_quantity": np.zeros(len(known)),
        "reason": pl.Series(["RUN_ENDED"] * len(known), dtype=pl.String),
    }
    frame = pl.DataFrame(columns)
    return frame.select(pl.col(name).cast(kind) if name in columns else pl.lit(None, kind).alias(name) for name, kind in schema.items())


def _terms(a: Analysis, rows: np.ndarray, lots: np.ndarray) -> dict[str, Any]:
    """The columns of an order's terms."""
    priced = np.isin(rows["type"], [OrderType.LIMIT, OrderType.STOP_LIMIT])
    stopped = np.isin(rows["type"], [OrderType.STOP, OrderType.STOP_LIMIT])
    return {
        "order_id": rows["order_id"],
        "symbol": _symbols(a, rows),
        "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
        "trader": _listed(a.recording.traders, rows["trader"]),
        "type": words(rows["type"], OrderType),
        "side": words(rows["side"], Side),
        "quantity": _units(a, rows, lots, "lot"),
        "price": _null(_units(a, rows, rows["price"], "price_unit"), ~priced),
        "stop_price": _null(_units(a, rows, rows["stop_price"], "price_unit"), ~stopped),
        "time_in_force": words(rows["time_in_force"], TimeInForce),
        "price_ticks": _null(_ticks(a, rows), ~priced),
        "quantity_lots": lots,
    }


def _order_rows(a: Analysis) -> pl.DataFrame:
    rows = a.orders.rows
    average = rows["cost"] / np.maximum(rows["executed"], 1)
    terms = _terms(a, rows, rows["lots"])
    exact = {name: terms.pop(name) for name in ("price_ticks", "quantity_lots")}  # they stand behind what people read
    return pl.DataFrame(
        {
            **terms,
            "status": words(rows["status"], OrderStatus),
            "executed_quantity": _units(a, rows, rows["executed"], "lot"),
            "average_price": _null(_units(a, rows, average, "price_unit"), rows["executed"] == 0),
            "created": times(rows["created"]),
            "updated": times(rows["updated"]),
            "reason": _null(words(rows["reason"], Reason), rows["reason"] == Reason.NONE),
            **exact,
            "queue_ahead_at_entry": _null(_units(a, rows, rows["ahead"], "lot"), ~rows["queued"] | (rows["ahead"] == UNCOUNTED)),
        }
    )


def trips_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.round_trips`."""
    rows = a.trips
    entered = (rows["entry_cost"] / rows["lots"]).astype(np.float64)
    left = (rows["exit_cost"] / np.maximum(rows["exit_lots"], 1)).astype(np.float64)
    return pl.DataFrame(
        {
            "symbol": _symbols(a, rows),
            "portfolio": _listed(a.recording.portfolios, rows["portfolio"]),
            "side": words(rows["side"], Side),
            "entry": times(rows["entry"]),
            "exit": _null(times(rows["exit"]), rows["open"]),
            "entry_price": _units(a, rows, entered, "price_unit"),
            "exit_price": _null(_units(a, rows, left, "price_unit"), rows["exit_lots"] == 0),
            "quantity": _units(a, rows, rows["lots"], "lot"),
            "quantity_lots": rows["lots"],
            "pnl": a.money(rows["pnl"]),
            "fees": a.money(rows["fees"]),
            "duration": pl.Series(rows["exit"] - rows["entry"]).cast(pl.Duration("ns")),
            "best": a.money(rows["best"]),
            "worst": a.money(rows["worst"]),
            "fills": rows["fills"],
            "status": pl.Series(np.where(rows["open"], "OPEN", "CLOSED"), dtype=pl.String),
        }
    )


def log_frame(recording: Recording) -> pl.DataFrame:
    """See `Result.log`."""
    rows = sorted(recording.logged, key=lambda row: row[1])
    return pl.DataFrame(
        {
            "ts": times(np.array([ts for _, ts, _ in rows], np.int64)),
            "strategy": pl.Series([name for name, _, _ in rows], dtype=pl.String),
            "text": pl.Series([text for *_, text in rows], dtype=pl.String),
        }
    )


def equity_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.equity`."""
    curve = a.curve
    return pl.DataFrame(
        {
            "ts": times(curve.ts),
            "cash": a.money(curve.cash),
            "position_value": a.money(curve.value),
            "equity": a.money(curve.equity),
            "drawdown": a.money(curve.drawdown),
            "equity_mid": _null(a.money(curve.cash) + a.money(curve.doubled_value) / 2, ~curve.middled),
        }
    )


def days_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.days`."""
    rows, zone = a.days, a.recording.zone
    return pl.DataFrame(
        {
            "date": pl.Series([local_time(ts, zone).date() for ts in rows["end"].tolist()], dtype=pl.Date),
            "start": times(rows["start"]),
            "end": times(rows["end"]),
            "net_pnl": a.money(rows["pnl"]),
            "fees": a.money(rows["fees"]),
            "turnover": a.money(rows["turnover"]),
            "fills": rows["fills"],
            "orders": rows["orders"],
            "equity": a.money(rows["equity"]),
            "position_value": a.money(rows["value"]),
        }
    )


def positions_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.positions`."""
    fills = a.fills
    held = np.zeros(len(fills), np.int64)
    for number in range(len(a.recording.instruments)):
        mine = np.flatnonzero(fills["instrument"] == number)
        held[mine] = np.cumsum((signs(fills) * fills["lots"])[mine])
    frame = pl.DataFrame({"ts": times(fills["ts"]), "symbol": _symbols(a, fills), "quantity": _units(a, fills, held, "lot")})
    return frame.unique(["ts", "symbol"], keep="last", maintain_order=True)

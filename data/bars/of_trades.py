"""Bars out of trades: by time, by number of trades, volume, notional or imbalance. Exact: prices and lots are whole numbers throughout."""

import math
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from data.bars.building import IMBALANCE, NOTIONAL, TICKS, TIME, VOLUME, build
from data.bars.reader import PRICES, Bars
from data.bars.sessions import SESSION, inside_sessions, span_of, wider
from data.feed import Commands, DataError, Feed
from engine.messages.instrument import Instrument, Number, decimal
from engine.messages.vocabulary import Flag, Kind

_TRADES = (Kind.EXECUTE, Kind.PRINT, Kind.TRADE)


def bars_of(
    source: Any,
    every: str | int | timedelta | None = None,
    *,
    ticks: int | None = None,
    volume: Number | None = None,
    notional: Number | None = None,
    imbalance: Number | None = None,
    calendar: str | None = None,
    **hints: Any,
) -> Bars:
    """Bars of the trades of a feed, a frame or a file of one symbol.

    Parameters
    ----------
    source : Feed, frame or path
        A frame or a path is read as trades (`tb.read_table`), with `hints` such as symbol, columns, tick, lot.
    every : duration, optional
        Bars in time, such as "5min": from whole multiples since 1970 (UTC), with a calendar from each open; "session": one a session, by
        a calendar. Stamped with their beginning; without trades there is no bar.
    ticks, volume, notional, imbalance : optional
        Instead: the trades, the quantity, the money (price × quantity) or the quantity bought less sold, either way, that ends a bar, with
        the trade that reaches it (which is not split). Stamped with that trade's time, before which the bar is not known: at equal
        times, 1 ns later each. The unfinished last one is left out. See López de Prado, Advances in Financial Machine Learning (2018),
        section 2.3; the threshold of the imbalance is fixed.
    calendar : str, optional
        The exchange's MIC, such as XNYS: no bar spans a close or a break (the last one before it may be shorter), and trades outside of
        the sessions are left out and counted (`repairs`). What trades at the moment of the close belongs to the session.

    Returns
    -------
    Bars
        With `trades` (Int64) in `frame`. Of bars (`Bars`) wider ones, without `trades`.

    Raises
    ------
    ValueError
        For none or several of the rules, or a size that is not above 0.
    DataError
        Where there are no trades, or of several symbols, or none within a session.
    CalendarError
        For an unknown calendar.
    """
    from data.tabular.reader import read_table

    if isinstance(source, Bars):
        return wider(source, every, calendar, {"ticks": ticks, "volume": volume, "notional": notional, "imbalance": imbalance})
    feed = source if isinstance(source, Feed) else read_table(source, "trades", **hints)
    if len(feed.instruments) != 1:
        raise DataError(feed.source, f"has {len(feed.instruments)} symbols; bars are made of one: choose it with symbol=", 0, "symbol")
    rule, size = _rule(feed.instrument, every, ticks, volume, notional, imbalance, calendar)
    rows = [batch[np.isin(batch["kind"], _TRADES)] for batch in feed.batches()]
    trades = np.concatenate(rows) if rows else None
    if trades is None or not len(trades):
        raise DataError(feed.source, "holds no trades")
    inside = inside_sessions(feed.source, trades["ts"].astype(np.int64), calendar, whole=every == SESSION)
    trades = trades[inside.rows]
    price, quantity = (trades[name].astype(np.int64) for name in ("price", "quantity"))
    made, times = np.zeros((len(trades), 6), np.int64), np.zeros(len(trades), np.int64)
    found = build(inside.ts, price, quantity, _aggressors(trades), inside.anchors, rule, size, made, times)
    if not found:
        raise DataError(feed.source, f"its {len(trades)} trades do not fill one bar; give a smaller size")
    bars = _bars(feed, made[:found], times[:found], size if rule == TIME else 0)
    if calendar is not None:
        bars.repairs = {"outside_sessions": inside.outside} if inside.outside else {}
        if rule == TIME:
            bars.set_lengths(inside.lengths(bars.times, size))
    return bars


def _rule(
    one: Instrument,
    every: Any,
    ticks: int | None,
    volume: Number | None,
    notional: Number | None,
    imbalance: Number | None,
    calendar: str | None,
) -> tuple[int, int]:
    """What ends a bar, and its size in ns, trades, lots, or price units × lots."""
    given = {"every": every, "ticks": ticks, "volume": volume, "notional": notional, "imbalance": imbalance}
    told = [name for name, value in given.items() if value is not None]
    if len(told) != 1:
        raise ValueError(f"bars_of takes one of {', '.join(given)}; it was given {' and '.join(told) or 'none'}")
    (name,) = told
    if name == "every":
        rule, size = TIME, Fraction(span_of(every, calendar))
    else:
        wanted = Fraction(decimal(given[name], name))
        lot, unit = Fraction(one.lot), Fraction(one.price_unit)
        rule, size = {
            "ticks": (TICKS, wanted),
            "volume": (VOLUME, wanted / lot),
            "notional": (NOTIONAL, wanted / (lot * unit * Fraction(one.multiplier))),
            "imbalance": (IMBALANCE, wanted / lot),
        }[name]
    if size <= 0:
        raise ValueError(f"{name} is {given[name]}; it must be above 0")
    return rule, math.ceil(size)


def _aggressors(trades: Commands) -> np.ndarray:
    """0 buy, 1 sell, 2 not known. An EXECUTE has the side of the order that rested."""
    side = np.where(trades["kind"] == Kind.EXECUTE, 1 - trades["side"].astype(np.int64), trades["side"].astype(np.int64))
    return np.where((trades["kind"] == Kind.TRADE) & (trades["flags"] & Flag.ESTIMATED != 0), 2, side).astype(np.int64)


def _bars(feed: Feed, made: np.ndarray, times: np.ndarray, period: int) -> Bars:
    one, count = feed.instrument, np.arange(len(times))
    if not period:
        times = np.maximum.accumulate(times - count) + count  # 1 ns apart at least
        period = max(1, int(np.diff(times).min(initial=2**62))) if len(times) > 1 else 1
    columns = {"ts": pl.Series(times).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")}
    scale = float(1 / one.price_unit)
    columns |= {name: pl.Series(made[:, place] / scale) for place, name in enumerate(PRICES)}
    columns |= {"volume": pl.Series(made[:, 4] / float(1 / one.lot)), "trades": pl.Series(made[:, 5])}
    bars = Bars(one, pl.DataFrame(columns), np.ascontiguousarray(made[:, :4]), period)
    bars.time_zone = feed.time_zone
    return bars

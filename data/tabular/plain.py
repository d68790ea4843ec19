"""Trades in order, the usual case: checked in one compiled pass over their columns, and written in another.

Whatever is not plainly in order (a missing value, a price off its unit, a jump, a time that goes back) is left to the column-by-column way
of `data.tabular.rows`, which says what is wrong, or mends it. Both write the same commands.
"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data.levels.trades import Trades
from data.orders.aggressor import PRICE_MAX
from data.orders.writing import LOTS_MAX
from data.tabular.blocks import Block
from data.tabular.values import UNITS, Reading, is_epoch, unit_of_epoch
from engine.compiler.kernel import entry_kernel

Ints = np.ndarray[Any, np.dtype[np.int64]]
JUMP = 0.9
"""A step between two prices of one symbol, as a part of the first, that is told as an error of units or an unadjusted split."""
YEAR = 31_556_952e9


class Before(NamedTuple):
    """What came before a block: `last` (float64, price units of each instrument; NaN: none), `ts` (ns) of the last row."""

    last: np.ndarray
    ts: int


def in_order(reading: Reading, block: Block, instrument: Ints, side: Ints, scales: np.ndarray, before: Before) -> Trades | None:
    """The trades of a block as they can be written; None where any row is not in order. `before.last` is brought up to date, or lost.

    `scales`: float64 (instruments, 2), price units and lots of 1.
    """
    frame, found = block.frame, reading.found
    if "date" in found or not {"time", "price", "quantity"} <= found.keys():
        return None
    ts, unit = _times(reading, frame[found["time"]])
    price, lots = (_floats(frame[found[name]]) for name in ("price", "quantity"))
    if unit == 0 or price is None or lots is None or not check_trades(ts, unit, price, lots, instrument, scales, before.last, before.ts):
        return None
    return Trades(ts, unit, price, lots, instrument, side, scales)


def _times(reading: Reading, series: pl.Series) -> tuple[Ints, int]:
    """Times since 1970 as int64 and the ns that each counts; 0 where they are no whole numbers and not in UTC."""
    unit = 0
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        if kind.time_zone or reading.zone in (None, "UTC"):
            series, unit = series.to_physical(), UNITS[kind.time_unit]
    elif is_epoch(series) and not series.dtype.is_float():
        series = series.cast(pl.Int64, strict=False)
        unit = UNITS[reading.time_unit] if reading.time_unit else 0 if series[0] is None else unit_of_epoch(float(series[0]))
    if unit == 0 or series.null_count():
        return np.empty(0, np.int64), 0
    return series.to_numpy(), unit


def _floats(series: pl.Series) -> np.ndarray | None:
    """A column of numbers as float64; None where one is missing."""
    values = series.cast(pl.Float64, strict=False)
    return None if values.null_count() else values.to_numpy()


@entry_kernel
def check_trades(ts, unit, price, lots, instrument, scales, last, after):  # type: ignore[no-untyped-def]
    """Whether all rows are in order. `ts`: int64 of `unit` ns; `price`, `lots`: float64; `scales`: float64 (instruments, 2); `last`:
    float64, NaN where there is none; `after`: ns of the row before."""
    first = ts[0] * (unit / YEAR) + 1970
    early = -(-after // unit) if after > 0 else np.int64(1)
    for k in range(len(ts)):
        year = ts[k] * (unit / YEAR) + 1970
        if ts[k] < early or year > 2200 or abs(year - first) > 25:
            return False
        early = ts[k]
        one = instrument[k]
        exact, size = price[k] * scales[one, 0], lots[k] * scales[one, 1]
        units, whole = np.rint(exact), np.rint(size)
        if not (abs(exact - units) <= 1e-6 * max(1.0, abs(exact) * 1e-6) and abs(size - whole) <= 1e-6 * max(1.0, abs(size) * 1e-6)):
            return False
        if not (0 < units < PRICE_MAX and 0 < whole < LOTS_MAX):
            return False
        before = last[one]
        if before > 0 and abs(units - before) >= JUMP * before:
            return False
        last[one] = units
    return True

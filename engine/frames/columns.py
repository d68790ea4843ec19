"""How numbers become columns: names for numbers, Float64 beside exact units, UTC times, null where there is nothing."""

from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
import polars as pl

from engine.messages.instrument import Instrument
from engine.messages.names import Names
from engine.messages.vocabulary import OrderType


def words(codes: np.ndarray, enum: type[IntEnum]) -> pl.Series:
    """Enum numbers as names; null where the enum has no such number."""
    return named(codes, {word.name: int(word) for word in enum})


def named(numbers: np.ndarray, table: Mapping[str, int]) -> pl.Series:
    """Numbers as the names they stand for; null where there is none."""
    listed: list[str | None] = [None] * (max(table.values(), default=-1) + 2)
    for name, number in table.items():
        listed[number] = name
    return pl.Series(listed, dtype=pl.String).gather(np.minimum(numbers, len(listed) - 1).astype(np.uint32))


def times(ts: np.ndarray) -> pl.Series:
    """Nanoseconds as Datetime("ns", "UTC")."""
    return pl.Series(np.ascontiguousarray(ts)).cast(pl.Datetime("ns", "UTC"))


def scaled(
    units: np.ndarray, numbers: np.ndarray, instruments: list[Instrument], field: str, among: np.ndarray | None = None
) -> np.ndarray:
    """Units as Float64: one division of whole numbers, so that 2234500 units of 0.0001 are the float of 223.45.

    `numbers`: of the instrument of each row; `field`: price_unit or lot; `among`: how many the units are shared by. Rows of an unlisted
    instrument, and those shared by none, are 0.
    """
    made = np.zeros(len(units), np.float64)
    each = np.ones(len(units)) if among is None else np.where(among == 0, np.inf, among)
    for number in np.unique(numbers):
        if number >= len(instruments):
            continue
        step = Decimal(getattr(instruments[int(number)], field)).normalize()
        _, digits, exponent = step.as_tuple()
        mantissa, power = int("".join(map(str, digits))), int(exponent)
        rows = numbers == number if len(instruments) > 1 else slice(None)
        whole = units[rows].astype(np.float64) * mantissa
        made[rows] = whole / (10.0**-power * each[rows]) if power < 0 else whole * 10.0**power / each[rows]
    return made


def price(units: np.ndarray, numbers: np.ndarray, names: Names, among: np.ndarray | None = None) -> np.ndarray:
    """Price units as Float64; an average where they are shared among lots."""
    return scaled(units, numbers, names.instruments, "price_unit", among)


def quantity(lots: np.ndarray, numbers: np.ndarray, names: Names) -> np.ndarray:
    """Lots as Float64."""
    return scaled(lots, numbers, names.instruments, "lot")


def ticks(units: np.ndarray, numbers: np.ndarray, names: Names) -> pl.Series:
    """Price units in ticks; null where a print is off the tick."""
    each = np.array([i.tick_units for i in names.instruments] + [1])[np.minimum(numbers, len(names.instruments))]
    return nulled(units.astype(np.int64) // each, units % each != 0)


def has_price(types: np.ndarray) -> np.ndarray:
    """Where an order's type has a limit price."""
    return np.isin(types, (OrderType.LIMIT, OrderType.STOP_LIMIT))


def has_stop(types: np.ndarray) -> np.ndarray:
    """Where an order's type has a stop price."""
    return np.isin(types, (OrderType.STOP, OrderType.STOP_LIMIT))


def money(raw: Any, decimals: int) -> pl.Series:
    """Whole units of 10^-decimals as Float64."""
    return pl.Series(raw).cast(pl.Float64) / 10.0**decimals


def whole(values: Any) -> pl.Series:
    """Exact integers as Int64; null where one does not fit."""
    return pl.Series(values).cast(pl.Int64, strict=False)


def nulled(values: Any, where: np.ndarray) -> pl.Series:
    """A column with nulls where `where`."""
    made = pl.Series(values)
    return made.scatter(np.flatnonzero(where), None) if where.any() else made


def symbols(numbers: np.ndarray, names: Names) -> pl.Series:
    """Numbers of instruments as symbols."""
    return named(numbers, names.symbols)


def portfolios(numbers: np.ndarray, names: Names) -> pl.Series:
    """Numbers of portfolios as names."""
    return named(numbers, names.portfolios)


def traders(numbers: np.ndarray, names: Names) -> pl.Series:
    """Numbers of traders as names."""
    return named(numbers, names.traders)

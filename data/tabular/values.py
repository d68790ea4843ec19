"""Columns as they stand into exact numbers: times in ns UTC, prices as floats, sides, actions; each bad value by its line."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data.bars.files import Bad, Table
from data.bars.times import read_times
from data.feed import DataError
from data.tabular.blocks import Block
from data.tabular.orders import ADD, CLEAR, DELETE, EXECUTE, HIDDEN, MODIFY, NOTHING, REDUCE, REPLACE

BUYS = {"buy", "b", "bid", "bids", "1", "1.0", "+1", "buyer", "long"}
SELLS = {"sell", "s", "ask", "asks", "a", "offer", "-1", "-1.0", "2", "seller", "short", "ss", "sell_short"}
NEITHER = {"n", "none", "unknown", "0", "0.0", "", "x", "u", "undefined"}
SIDES = {**dict.fromkeys(NEITHER, 2), **dict.fromkeys(BUYS, 0), **dict.fromkeys(SELLS, 1)}
TRUE, FALSE = {"true", "t", "1", "yes"}, {"false", "f", "0", "no"}
ACTIONS = {
    **dict.fromkeys(("add", "a", "new", "n", "insert", "submit", "submission", "open", "limit", "1"), ADD),
    **dict.fromkeys(("reduce", "cancel", "c", "x", "partial", "partial_cancel", "2"), REDUCE),
    **dict.fromkeys(("delete", "d", "remove", "done", "deletion", "3"), DELETE),
    **dict.fromkeys(("modify", "m", "change", "update", "u", "amend"), MODIFY),
    **dict.fromkeys(("execute", "e", "fill", "f", "match", "execution", "trade", "t", "4"), EXECUTE),
    **dict.fromkeys(("hidden", "p", "execute_hidden", "5"), HIDDEN),
    **dict.fromkeys(("clear", "r", "reset"), CLEAR),
    **dict.fromkeys(("replace",), REPLACE),
}
"""What an action may be called; the numbers are LOBSTER's. In a table that also has "fill", a "trade" is the aggressor's: NOTHING."""
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "µs": 10**3, "ns": 1}
SHOWN = 80
"""Characters of a bad value that an error shows."""
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Reading(NamedTuple):
    """How the columns are read."""

    name: str
    found: Mapping[str, str]  # our names of columns to those of the table
    zone: str | None  # of times that name none
    time_format: str | None
    time_unit: str | None  # of times that are numbers; None: by their size
    repair: bool


def refuse(reading: Reading, block: Block, column: str, bad: pl.Series, what: str, kind: str) -> None:
    """Where any row is bad: DataError for the first one; where the reading repairs, Bad for all."""
    bad = bad.fill_null(True)
    if not bad.any():
        return
    if reading.repair:
        raise Bad(bad, kind)
    row = int(bad.arg_max() or 0)
    value = block.frame[column][row]
    shown = f"{value!r}" if isinstance(value, str) else f"{value}"
    said = what if value is None else f"{shown[:SHOWN]}{'…' * (len(shown) > SHOWN)} {what}"
    line = int(block.frame["line"][row]) if "line" in block.frame.columns else block.first + row
    raise DataError(reading.name, f"{said}; repair=True (--repair) leaves such rows out and counts them", line, column)


def numbers(reading: Reading, block: Block, column: str, needed: bool = True) -> Floats:
    """A column as float64. Missing values and what is not a finite number are refused, or, where not `needed`, 0."""
    written = block.frame[column]
    values = written.cast(pl.Float64, strict=False)
    if not needed:
        values = values.fill_nan(None)
        odd = values.is_null() & written.is_not_null() & (written.cast(pl.String) != "NaN")
        refuse(reading, block, column, odd, "is not a number", "not_numbers")
        return values.fill_null(0.0).to_numpy()
    refuse(reading, block, column, written.is_null() | values.is_nan().fill_null(False), "is missing", "missing")
    refuse(reading, block, column, values.is_null() | values.is_infinite(), "is not a finite number; write 1234.5", "not_numbers")
    return values.to_numpy()


def whole(reading: Reading, block: Block, column: str) -> pl.Series:
    """A column of ids as UInt64; one that is text is numbered by its hash."""
    written = block.frame[column]
    refuse(reading, block, column, written.is_null(), "is missing", "missing")
    made = written.cast(pl.UInt64, strict=False)
    if not made.null_count():
        return made
    if written.dtype != pl.String or written.str.contains(r"^-?\d+(\.\d*)?$").any():
        refuse(reading, block, column, made.is_null(), "is not an id", "not_ids")
    return written.hash(1)


def times(reading: Reading, block: Block) -> Ints:
    """ns UTC of each row. Mixed zones and units are refused."""
    names = [reading.found[name] for name in ("date", "time") if name in reading.found]
    if "time" in reading.found and len(names) == 2 and not _is_clock(block.frame[reading.found["time"]]):
        names = [reading.found["time"]]
    for column in names:
        refuse(reading, block, column, block.frame[column].is_null(), "is missing", "missing")
    column = names[-1]
    series = block.frame[column]
    if len(names) == 1 and is_epoch(series):
        return _epoch(reading, block, column)
    made = {"date" if len(names) == 2 and k == 0 else "time": block.frame[name] for k, name in enumerate(names)}
    frame = pl.DataFrame([values.alias(name) for name, values in made.items()]).with_row_index("line", block.first)
    if "line" in block.frame.columns:
        frame = frame.with_columns(block.frame["line"])
    if frame["time"].dtype == pl.String:
        zoned = frame["time"].str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$")
        what = "names a time zone and others do not, or the other way round; write all of them with their zone"
        refuse(reading, block, column, zoned != zoned[0], what, "mixed_zones")
    table = Table(reading.name, frame, reading.zone or "UTC", repair=reading.repair)
    return read_times(table, reading.zone, reading.time_format).cast(pl.Int64).to_numpy()


def is_epoch(series: pl.Series) -> bool:
    """Whether times are numbers, by the first of them."""
    return series.dtype.is_numeric() or (series.dtype == pl.String and _is_number(str(series[0])))


def _is_clock(series: pl.Series) -> bool:
    return series.dtype == pl.Time or (series.dtype == pl.String and bool(series.head(1).str.contains(r"^\d\d?:\d\d").all()))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and not (len(text) == 8 and text[:2] in ("19", "20"))


def _epoch(reading: Reading, block: Block, column: str) -> Ints:
    """Times since 1970 as numbers, in one unit: the given one, or the one that makes the first a date of this age."""
    series = block.frame[column]
    exact = series.cast(pl.Int64, strict=False) if not series.dtype.is_float() else None
    if exact is None or exact.null_count():
        return _fractions(reading, block, column)
    refuse(reading, block, column, exact <= 0, "is not a time since 1970", "not_times")
    unit = UNITS[reading.time_unit] if reading.time_unit else _unit(reading, block, column, float(exact[0]))
    _same_unit(reading, block, column, exact.cast(pl.Float64), unit)
    return (exact * unit).to_numpy()


def _fractions(reading: Reading, block: Block, column: str) -> Ints:
    """Times with decimals; text keeps all of them, a float has them to about a tenth of a microsecond in seconds."""
    values = pl.Series(numbers(reading, block, column))
    refuse(reading, block, column, values <= 0, "is not a time since 1970", "not_times")
    unit = UNITS[reading.time_unit] if reading.time_unit else _unit(reading, block, column, float(values[0]))
    _same_unit(reading, block, column, values, unit)
    series = block.frame[column]
    if series.dtype != pl.String:
        step = min(unit, 1000)
        return np.rint(values.to_numpy() * (unit / step)).astype(np.int64) * step
    digits = len(str(unit)) - 1
    parts = series.str.splitn(".", 2).struct.unnest()
    fraction = parts.to_series(1).fill_null("").str.pad_end(digits, "0").str.slice(0, digits)
    return (parts.to_series(0).cast(pl.Int64) * unit + fraction.cast(pl.Int64, strict=False).fill_null(0)).to_numpy()


def unit_of_epoch(first: float) -> int:
    """ns of the unit that makes a number a date of this age; 0 where none does."""
    return next((unit for limit, unit in ((1e8, 0), (1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (2.0**63, 1)) if first < limit), 0)


def _unit(reading: Reading, block: Block, column: str, first: float) -> int:
    if unit := unit_of_epoch(first):
        return unit
    what = (
        f'{first:g} is not a time since 1970 in s, ms, us or ns; give time_unit="ms" (or another), or write times as 2024-05-31T14:30:00Z'
    )
    raise DataError(reading.name, what, block.first, column)


def _same_unit(reading: Reading, block: Block, column: str, values: pl.Series, unit: int) -> None:
    years = values * (unit / 31_556_952e9) + 1970
    refuse(reading, block, column, (years < 1970) | (years > 2200), "is a time in another unit than the first one", "other_units")
    odd = (years - years[0]).abs() > 25
    refuse(reading, block, column, odd, "is a time in another unit than the first one", "other_units")


def sides(reading: Reading, block: Block, aggressor: bool) -> Ints:
    """0 buy, 1 sell, of an aggressor 2 where it is not told. `maker` columns say whether the buyer was the maker: then it sold."""
    if "maker" in reading.found and aggressor:
        column = reading.found["maker"]
        words = block.frame[column].cast(pl.String).str.to_lowercase()
        refuse(reading, block, column, ~words.is_in([*TRUE, *FALSE]), "is neither true nor false", "not_sides")
        return words.is_in([*TRUE]).cast(pl.Int64).to_numpy()
    if "side" not in reading.found:
        return np.full(len(block.frame), 2, np.int64)
    column = reading.found["side"]
    words = block.frame[column].cast(pl.String).fill_null("").str.to_lowercase()
    made = words.replace_strict(SIDES, default=3, return_dtype=pl.Int64)
    refuse(reading, block, column, made > (2 if aggressor else 1), "is not a side; write buy or sell, bid or ask", "not_sides")
    return made.to_numpy()


def sides_of_trades(reading: Reading, block: Block) -> np.ndarray:
    """Sides of aggressors, as of `sides`; int8 where the first rows show all words of the column."""
    series = block.frame[reading.found["side"]] if "side" in reading.found and "maker" not in reading.found else None
    if series is None or series.dtype != pl.String or series.null_count():
        return sides(reading, block, True)
    made, told = np.zeros(len(series), np.int8), 0
    for word in series.head(1000).unique().head(4).to_list():
        side, here = SIDES.get(word.lower(), 3), series == word
        told += int(here.sum()) if side < 3 else 0
        made += here.cast(pl.Int8).to_numpy() * np.int8(side)
    return made if told == len(series) else sides(reading, block, True)


def actions(reading: Reading, block: Block, filled: bool) -> Ints:
    """ADD … of each row. `filled`: the table also has fills, so a "trade" only tells the aggressor."""
    column = reading.found["action"]
    words = block.frame[column].cast(pl.String).fill_null("").str.to_lowercase()
    made = words.replace_strict(ACTIONS, default=-1, return_dtype=pl.Int64)
    if filled:
        made = pl.select(pl.when(words.is_in(["trade", "t"])).then(NOTHING).otherwise(made)).to_series()
    known = "add, cancel, delete, modify, execute, hidden, replace, clear"
    refuse(reading, block, column, made < 0, f"is not an action; there are {known}", "not_actions")
    return made.to_numpy()

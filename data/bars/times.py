"""The times of bars: text, numbers or dates, in whatever zone, as nanoseconds UTC."""

import polars as pl

from data.bars.files import Table
from data.feed import DataError

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")
_CLOCKS = (" %H:%M:%S%.f", " %H:%M", "T%H:%M:%S%.f", "T%H:%M", " %H%M")
_YEARS = ("1678", "2261")
"""The first and the last whole year that nanoseconds in 64 bits hold."""
_ZONED = r"(?:Z|[+-]\d\d:?\d\d)$"
_EPOCHS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (2**63, 1))
"""A number below the first is a time in units of the second, in ns."""


def read_times(table: Table, zone: str | None, time_format: str | None) -> pl.Series:
    """Datetime("ns", "UTC") of each bar. Raises DataError that names the line where a time cannot be read."""
    column = _time_column(table)
    table.refuse(column.name, column.is_null(), "is missing", column)
    if column.dtype == pl.String:
        column = _read_text(table, column.str.strip_chars(), time_format)
    if column.dtype.is_numeric():
        column = _from_epoch(table, column)
    if not column.dtype.is_temporal() or column.dtype in (pl.Time, pl.Duration):
        raise DataError(table.name, f"holds {column.dtype}, not times", 0, column.name)
    if column.dtype == pl.Date:
        _refuse_far(table, column, ~column.dt.year().is_between(int(_YEARS[0]), int(_YEARS[1])))
        column = column.cast(pl.Datetime("ns"))
    return _in_utc(table, column, zone or table.zone)


def _refuse_far(table: Table, column: pl.Series, far: pl.Series) -> None:
    table.refuse(column.name, far.fill_null(False), f"lies outside the years {_YEARS[0]} to {_YEARS[1]}", column)


def _time_column(table: Table) -> pl.Series:
    """The column of the times; a date and a time of day beside it are put together."""
    frame = table.frame
    if "date" not in frame.columns or "time" not in frame.columns:
        return frame["time" if "time" in frame.columns else "date"]
    clock = frame["time"]
    if clock.dtype == pl.Time:
        clock = clock.cast(pl.String)
    if clock.dtype == pl.String and clock.str.contains(r"^\s*\d\d?:?\d\d").fill_null(True).all() and (clock.str.len_chars() < 16).all():
        return (frame["date"].cast(pl.String).str.strip_chars() + " " + clock.str.strip_chars()).alias("time")
    return clock


def _read_text(table: Table, text: pl.Series, time_format: str | None) -> pl.Series:
    """Times out of text, all in the form of the first."""
    first = str(text[0])
    if time_format is not None:
        coarse = text.str.to_datetime(time_format, time_unit="us", strict=False)  # nanoseconds of a far year would wrap
        _refuse_far(table, text, ~coarse.dt.year().is_between(int(_YEARS[0]), int(_YEARS[1])))
        made = text.str.to_datetime(time_format, time_unit="ns", strict=False)
    elif first.isdigit() and len(first) != 8:
        made = text.cast(pl.Int64, strict=False)
    elif text.head(1).str.contains(_ZONED).all() and ":" in first:
        plain = text.str.replace("T", " ").str.replace("Z$", "+00:00")
        made = _first_that_reads(plain, [f"{date}{clock}%#z" for date in _DATES for clock in _CLOCKS])
    else:
        made = _first_that_reads(text, [*_DATES, *(date + clock for date in _DATES for clock in _CLOCKS)])
    if time_format is None and made.dtype.is_temporal():  # each of our forms begins with the year
        year = text.str.slice(0, 4)
        _refuse_far(table, text, made.is_not_null() & ((year < _YEARS[0]) | (year > _YEARS[1])))
    mend = "like the first one" if made.head(1).is_not_null().all() else 'as 2024-05-31 or 2024-05-31 09:30, or give time_format="…"'
    table.refuse(text.name, made.is_null(), f"is not a time; write it {mend}", text)
    return made


def _first_that_reads(text: pl.Series, forms: list[str]) -> pl.Series:
    """The text as times in the first of the forms that reads its first line; nulls where it cannot."""
    for form in forms:
        clocked = "%H" in form
        first = text.head(1)
        if (first.str.to_datetime(form, strict=False) if clocked else first.str.to_date(form, strict=False)).is_not_null().all():
            return text.str.to_datetime(form, time_unit="ns", strict=False) if clocked else text.str.to_date(form, strict=False)
    return pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("ns"))


def _from_epoch(table: Table, column: pl.Series) -> pl.Series:
    """Times since 1970 in UTC, all in one unit, the one that makes the largest a date of this age: s, ms, µs or ns; 8 digits are a date."""
    whole = column.cast(pl.Int64, strict=False)
    if whole.is_null().any() or (whole < 0).any():
        raise DataError(table.name, "holds numbers that are not times since 1970", 0, column.name)
    largest = int(whole.max() or 0)  # type: ignore[arg-type]
    if 19_000_101 <= int(whole.min() or 0) <= largest <= 29_991_231:  # type: ignore[arg-type]
        return _read_text(table, whole.cast(pl.String), None)
    unit, first = next(ns for limit, ns in _EPOCHS if largest < limit), int(whole[0])
    odd = (_unit_of(whole) != _unit_of(whole.head(1))[0]) & ((whole // 100 > first) | (whole < first // 100))
    table.refuse(column.name, odd, f"is a time in another unit than the first one, {first}; write all in one unit", whole)
    _refuse_far(table, whole, whole > (2**63 - 1) // unit)
    return (whole * unit).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")


def _unit_of(whole: pl.Series) -> pl.Series:
    """The place in _EPOCHS of the unit that makes each a date of this age."""
    return sum((whole >= limit).cast(pl.Int8) for limit, _ in _EPOCHS[:-1])  # type: ignore[return-value]


def _in_utc(table: Table, times: pl.Series, zone: str) -> pl.Series:
    """Times of no zone are local times of `zone`."""
    if (wide := getattr(times.dtype, "time_unit", "ns")) != "ns":
        far = times.dt.replace_time_zone(None).cast(pl.Int64).abs() > 2**63 // (10**3 if wide == "us" else 10**6)
        _refuse_far(table, times, far)
    times = times.cast(pl.Datetime("ns", getattr(times.dtype, "time_zone", None)))
    if getattr(times.dtype, "time_zone", None) is not None:
        return times.dt.convert_time_zone("UTC")
    try:
        local = times.to_frame().select(pl.first().dt.replace_time_zone(zone, ambiguous="null", non_existent="null")).to_series()
    except pl.exceptions.PolarsError:
        raise DataError(table.name, f"time_zone {zone!r} is unknown; write it as UTC or America/New_York") from None
    table.refuse(times.name, local.is_null(), f"comes twice or never in {zone}, where the clock changes; give times in UTC", times)
    return local.dt.convert_time_zone("UTC")

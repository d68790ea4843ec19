"""Bars as if later splits and dividends had been there before: what is held through them earns what it did."""

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from data.feed import DataError
from data.times import zone_of

_PRICES = ("open", "high", "low", "close")
Dates = Mapping[str | datetime.date, float]


def adjust(bars: Any, splits: Dates | None = None, dividends: Dates | None = None, *, time_zone: str = "UTC") -> pl.DataFrame:
    """Bars (`Bars` or a frame with ts, open, high, low, close, volume) adjusted backwards; the last ones stay as they are.

    `splits`: ex-date (in `time_zone`) to new shares for an old one (2 for two-for-one): prices before it are divided, volumes multiplied.
    `dividends`: ex-date to money a share: prices before it times 1 − dividend / the last close before it (CRSP's method). That close and
    the dividend are in the shares of their day. Raises DataError where a number is not above 0 or a dividend is not below that close;
    a date without bars before it changes nothing.
    """
    frame = getattr(bars, "frame", bars)
    missing = next((name for name in ("ts", *_PRICES, "volume") if name not in frame.columns), None)
    if missing:
        raise DataError("DataFrame", f"has no column {missing}", 0, missing)
    zone = str(zone_of(time_zone))
    dates = frame["ts"].dt.convert_time_zone(zone).dt.date() if frame["ts"].dtype.time_zone else frame["ts"].dt.date()
    price = pl.Series("price", [1.0] * len(frame))
    shares = pl.Series("shares", [1.0] * len(frame))
    for day, ratio in _dated(splits, "splits").items():
        before = (dates < day).cast(pl.Float64)
        price = price * (1 - before + before / ratio)
        shares = shares * (1 - before + before * ratio)
    for day, paid in _dated(dividends, "dividends").items():
        earlier = frame["close"].filter(dates < day)
        if not len(earlier):
            continue
        if paid >= earlier[-1]:
            raise DataError("DataFrame", f"the dividend of {paid} on {day} is not below the close before, {earlier[-1]}", 0, "dividends")
        before = (dates < day).cast(pl.Float64)
        price = price * (1 - before * (paid / earlier[-1]))
    return frame.with_columns(*((frame[name] * price).alias(name) for name in _PRICES), (frame["volume"] * shares).alias("volume"))


def _dated(given: Dates | None, name: str) -> dict[datetime.date, float]:
    made = {}
    for day, value in (given or {}).items():
        try:
            date = datetime.date.fromisoformat(day) if isinstance(day, str) else day
        except ValueError:
            raise DataError("DataFrame", f"{day!r} is not a day; write YYYY-MM-DD", 0, name) from None
        if not value > 0:
            raise DataError("DataFrame", f"{value} on {day} is not above 0", 0, name)
        made[date] = float(value)
    return made

"""What answers look like: decimals as plain strings, times as ISO 8601 in UTC to the nanosecond."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from engine.messages.instrument import Instrument
from live.wire.times import time_text

TIMES = frozenset({"ts", "created", "updated", "start", "end"})
"""Fields that hold ns UTC."""

encode = msgspec.json.Encoder().encode


def text(number: Decimal | float) -> str:
    """A number as plain decimals; of a float the shortest text that gives it back."""
    made = number if isinstance(number, Decimal) else Decimal(repr(number).removesuffix(".0"))
    return f"{made:f}"


def plain(value: Any) -> Any:
    """A value with each Decimal and float as text, and times as ISO 8601."""
    if isinstance(value, (Decimal, float)):
        return text(value)
    if isinstance(value, Mapping):
        return {name: time_text(one) if name in TIMES and isinstance(one, int) else plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame."""
    whole = frame.with_columns(
        pl.col(name).dt.cast_time_unit("ns").to_physical() for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)
    )
    return [plain(row) for row in whole.iter_rows(named=True)]


def orders(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Orders of the read models."""
    return [plain(row) for row in found]


def instrument(one: Instrument) -> dict[str, Any]:
    """An instrument."""
    names = ("symbol", "tick", "lot", "price_unit", "currency", "multiplier", "maker_fee", "taker_fee", "negative_prices")
    return plain({name: getattr(one, name) for name in names})

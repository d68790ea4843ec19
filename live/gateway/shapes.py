"""What answers look like: decimals as plain strings, times as ISO 8601 in UTC to the nanosecond."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from engine.messages.instrument import Instrument
from engine.messages.names import Names
from live.wire.times import time_text

_PRICES = ("price", "stop_price", "open", "high", "low", "close")
_QUANTITIES = ("quantity", "remaining", "volume", "bought", "sold")
_MONEY = {"fee": "fee_raw", "fees": "fees_raw", "notional": "notional_raw"}
"""Fields of a frame's row in an instrument's units, and those in money beside their raw integers."""
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


def rows(frame: pl.DataFrame, names: Names, decimals: int) -> list[dict[str, Any]]:
    """The rows of a frame, prices and quantities with the decimals of their instrument, money (10^-`decimals`) with all of its."""
    whole = frame.with_columns(
        pl.col(name).dt.cast_time_unit("ns").to_physical() for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)
    )
    return [plain(_exact(row, names, decimals)) for row in whole.iter_rows(named=True)]


def _exact(row: dict[str, Any], names: Names, decimals: int) -> dict[str, Any]:
    """A row with Decimals where a frame has floats."""
    number = names.symbols.get(row.get("symbol") or "", len(names.instruments))
    listed = names.instruments[number] if number < len(names.instruments) else None
    for name, raw in _MONEY.items():
        if row.get(raw) is not None:
            row[name] = Decimal(row[raw]).scaleb(-decimals)
    for fields, unit in ((_PRICES, "price_unit"), (_QUANTITIES, "lot")) if listed is not None else ():
        step = Decimal(getattr(listed, unit)).normalize()
        for name in fields:
            if row.get(name) is not None:
                row[name] = _with_decimals(row[name], step)
    return row


def _with_decimals(value: float, step: Decimal) -> Decimal:
    """A whole number of steps that was a float, as the decimal that it stood for; half a step (a print in the middle) keeps its own."""
    made = Decimal(repr(value))
    exponent = min(int(step.as_tuple().exponent), 0)
    return made.quantize(Decimal(1).scaleb(min(exponent, int(made.normalize().as_tuple().exponent))))


def orders(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Orders of the read models."""
    return [plain(row) for row in found]


def instrument(one: Instrument) -> dict[str, Any]:
    """An instrument, each number as short as it is: a log keeps more zeros than a configuration has."""
    names = ("symbol", "tick", "lot", "price_unit", "currency", "multiplier", "maker_fee", "taker_fee", "negative_prices")
    found = {name: getattr(one, name) for name in names}
    return {name: text(value.normalize()) if isinstance(value, Decimal) else plain(value) for name, value in found.items()}

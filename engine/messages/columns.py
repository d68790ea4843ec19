"""From columns (arrays, polars or pandas frames) to command records, many at once."""

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument, whole_units
from engine.messages.missing import LOST, flag_of, is_missing, name_of
from engine.messages.names import NO_SYMBOL, Names
from engine.messages.parsing import NO_WORD, order_number, steps, timestamp, word
from engine.messages.records import COMMAND, zeros
from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderType, SelfTrade, Side, TimeInForce

KNOWN = (
    *("kind", "order_id", "symbol", "side", "type", "time_in_force", "self_trade", "post_only", "reduce_only"),
    *("price", "price_ticks", "stop_price", "stop_price_ticks", "quantity", "quantity_lots", "portfolio", "trader", "ts"),
)
_DEFAULTS = {
    "kind": Kind.NEW,
    "side": Side.BUY,
    "type": OrderType.LIMIT,
    "time_in_force": TimeInForce.DAY,
    "self_trade": SelfTrade.CANCEL_TAKER,
}


def _array(values: Any) -> np.ndarray:
    """One column as a 1-d array; polars and pandas series, lists and scalars alike."""
    made = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if made.dtype.kind in "US" and not isinstance(values, np.ndarray):
        made = np.asarray(values, object)  # NaN among names is not one called "nan"
    return made.reshape(1) if made.ndim == 0 else made


def _arrays(columns: Any) -> tuple[dict[str, np.ndarray], int]:
    """Columns by name, each of one length or of length 1 (meant for every row); and that length."""
    names = list(columns.columns) if hasattr(columns, "columns") else list(columns)
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        raise ValueError(f"unknown column {unknown[0]!r}; known are {', '.join(KNOWN)}")
    made = {name: _array(columns[name]) for name in names}
    lengths = {len(array) for array in made.values()} - {1}
    if len(lengths) > 1:
        raise ValueError("columns differ in length: " + ", ".join(f"{name} {len(array):,}" for name, array in made.items()))
    return made, lengths.pop() if lengths else 1


def _each(values: np.ndarray, read: Callable[[Any], int], dtype: Any = np.int64, rows: np.ndarray | None = None) -> np.ndarray:
    """Every value through `read`, equal ones once. Raises ValueError that names the row (`rows[k]` where they are some of the rows)."""
    seen: dict[Any, int] = {}
    made = np.empty(len(values), dtype)
    for k, value in enumerate(values.tolist()):
        try:
            if value not in seen:
                seen[value] = read(value)
        except ValueError as odd:
            raise ValueError(f"row {k if rows is None else rows[k]}: {odd}") from None
        made[k] = seen[value]
    return made


def _is_whole(values: np.ndarray, end: float) -> bool:
    """Whether all floats are whole numbers below `end` in size."""
    return bool((np.rint(values) == values).all() and (np.abs(values) < end).all())


def _words(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iub":
        values = values.astype(np.int64, copy=False)
        return np.where((values < 0) | (values > NO_WORD), NO_WORD, values)
    return _each(values, lambda value: word(name, value), np.uint8)


def _ids(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iu" or (values.dtype.kind == "f" and _is_whole(values, 2.0**64)):
        return np.where(values > 0, values, 0).astype(np.uint64)
    return _each(values, order_number, np.uint64)


def _integers(values: np.ndarray, read: Callable[[Any], int]) -> np.ndarray:
    """An int64 column; null, NaN and the int64 minimum are "not named"."""
    if values.dtype.kind == "i" or (values.dtype.kind == "u" and (values < 1 << 63).all()):
        return values.astype(np.int64, copy=False)
    if values.dtype.kind == "f":
        named = ~np.isnan(values)
        given = np.where(named, values, 0.0)
        if _is_whole(given, 2.0**63):
            return np.where(named, given.astype(np.int64), NOT_NAMED)
    return _each(values, lambda value: NOT_NAMED if is_missing(value) else read(value))


def _units(name: str, values: np.ndarray, unit: Decimal, rows: np.ndarray | None = None) -> np.ndarray:
    """Decimals in units: exact, NOT_WHOLE where a number is off the unit, NOT_NAMED where there is none."""
    _, digits, exponent = unit.normalize().as_tuple()
    mantissa, power = int("".join(map(str, digits))), -int(exponent)
    if values.dtype.kind in "iu" and power >= 0 and (len(values) == 0 or int(np.abs(values).max()) < 2**62 // 10**power):
        scaled = values.astype(np.int64) * 10**power
        return np.where(scaled % mantissa == 0, scaled // mantissa, NOT_WHOLE)
    if values.dtype.kind == "f" and 0 <= power <= 22 and mantissa < 2**20:
        named = np.isfinite(values)
        units = np.rint(np.where(named, values, 0.0) * (10**power / mantissa))
        exact = (np.abs(units) < 2**53 / mantissa) & (units * mantissa / 10**power == values)  # division of exact floats rounds correctly
        return np.where(exact, units.astype(np.int64), np.where(np.isnan(values), NOT_NAMED, NOT_WHOLE))
    return _each(values, lambda value: NOT_NAMED if is_missing(value) else whole_units(value, unit, name), rows=rows)


def _by_instrument(name: str, values: np.ndarray, numbers: np.ndarray, instruments: list[Instrument], field: str) -> np.ndarray:
    """Decimals of many instruments in their units; those of an unknown instrument stay 0."""
    if len(numbers) == 1:
        known = int(numbers[0]) < len(instruments)
        return _units(name, values, getattr(instruments[int(numbers[0])], field)) if known else np.zeros(len(values), np.int64)
    values = np.broadcast_to(values, len(numbers))
    made = np.zeros(len(numbers), np.int64)
    for number in np.unique(numbers):
        if number < len(instruments):
            rows = np.flatnonzero(numbers == number)
            made[rows] = _units(name, values[rows], getattr(instruments[int(number)], field), rows)
    return made


def _symbols(values: np.ndarray, names: Names) -> np.ndarray:
    if values.dtype.kind in "iu":
        values = values.astype(np.int64, copy=False)
        return np.where((values < 0) | (values > NO_SYMBOL), NO_SYMBOL, values).astype(np.uint32)
    return _numbers(values, {name: names.symbol(name) for name in _names("symbol", values)})


def _names(column: str, values: np.ndarray) -> list[Any]:
    """The different names of a column, in order. Raises ValueError that names the first row without one."""
    found = list(dict.fromkeys(values.tolist()))
    odd = [name for name in found if is_missing(name) or name in LOST]
    if odd:
        row = next(k for k, value in enumerate(values.tolist()) if is_missing(value) or value in LOST)
        try:
            name_of(column, values[row])
        except ValueError as missing:
            raise ValueError(f"row {row}: {missing}") from None
    return found


def _flags(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "b":
        return values
    return _each(values, lambda value: flag_of(name, value), bool)


def _times(values: np.ndarray) -> np.ndarray:
    """Nanoseconds. Raises ValueError that names the first row without a time."""
    made = _integers(values.astype("datetime64[ns]").view(np.int64) if values.dtype.kind == "M" else values, timestamp)
    missing = np.flatnonzero(made == NOT_NAMED)
    if len(missing):
        raise ValueError(f"row {missing[0]}: ts: the time is missing ({values[missing[0]]})")
    return made


def _numbers(values: np.ndarray, table: dict[Any, int]) -> np.ndarray:
    """Names as numbers, through polars where there are many."""
    if len(values) == 1:
        return np.array([table[values[0]]], np.uint32)
    import polars as pl

    return pl.Series(values.tolist()).replace_strict(table, return_dtype=pl.UInt32).to_numpy()


def _prices(made: np.ndarray, arrays: Mapping[str, np.ndarray], numbers: np.ndarray, instruments: list[Instrument]) -> None:
    for field in ("price", "stop_price"):
        if field in arrays:
            made[field] = _by_instrument(field, arrays[field], numbers, instruments, "price_unit")
        elif f"{field}_ticks" in arrays:
            name = f"{field}_ticks"
            ticks = _integers(arrays[name], functools.partial(steps, name))
            each = np.array([i.tick_units for i in instruments] + [1])[np.minimum(numbers, len(instruments))]
            safe = (ticks > -(2**31)) & (ticks < 2**31)
            made[field] = ticks if (each == 1).all() else np.where(safe, ticks * each, np.where(ticks == NOT_NAMED, NOT_NAMED, NOT_WHOLE))
        else:
            made[field] = NOT_NAMED
    if "quantity" in arrays:
        made["quantity"] = _by_instrument("quantity", arrays["quantity"], numbers, instruments, "lot")
    else:
        made["quantity"] = (
            _integers(arrays["quantity_lots"], functools.partial(steps, "quantity_lots")) if "quantity_lots" in arrays else NOT_NAMED
        )


def encode_columns(columns: Any, names: Names) -> np.ndarray:
    """Command records of `columns`; each new portfolio or trader name is introduced by a command of its own, right before its first row.

    Raises ValueError for unknown columns, columns of different length, and names that no enum has; no name is introduced then.
    """
    arrays, length = _arrays(columns)
    made = zeros(length, COMMAND)
    for name, default in _DEFAULTS.items():
        made[name] = _words(name, arrays[name]) if name in arrays else default
    numbers = _symbols(arrays["symbol"], names) if "symbol" in arrays else np.zeros(1, np.uint32)
    made["instrument"] = numbers
    if "order_id" in arrays:
        made["order_id"] = _ids(arrays["order_id"])
    if "ts" in arrays:
        made["ts"] = _times(arrays["ts"])
    _prices(made, arrays, numbers, names.instruments)
    for name, flag in (("post_only", Flag.POST_ONLY), ("reduce_only", Flag.REDUCE_ONLY)):
        if name in arrays:
            made["flags"] |= np.where(_flags(name, arrays[name]), np.uint8(flag), np.uint8(0))
    mark = names.mark()
    try:
        return _introduce(made, arrays, names)
    except ValueError:
        names.forget(mark)
        raise


def _introduce(made: np.ndarray, arrays: Mapping[str, np.ndarray], names: Names) -> np.ndarray:
    """Fill in portfolio and trader numbers and put the introducing commands in place."""
    where: list[int] = []
    what: list[np.ndarray] = []
    named = {column: _names(column, arrays[column]) for column in ("portfolio", "trader") if column in arrays}
    for column, kind in (("portfolio", Kind.PORTFOLIO), ("trader", Kind.TRADER)):
        if column not in named:
            continue
        values = arrays[column]
        table: dict[Any, int] = {}
        listed = values.tolist()
        first = dict(zip(reversed(listed), range(len(listed) - 1, -1, -1)))
        for name in named[column]:
            table[name], command = names.number(kind, name_of(column, name))
            if command is not None:
                row = first[name]
                command["ts"] = made["ts"][row] if len(made) else 0
                where.append(row)
                what.append(command)
        made[column] = _numbers(values, table)
    if not what:
        return made
    order = sorted(range(len(where)), key=lambda k: where[k])  # stable: a row's portfolio before its trader
    return np.insert(made, [where[k] for k in order], np.concatenate([what[k] for k in order]))

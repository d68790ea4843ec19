"""The fields of a command in JSON: which of them each kind has, and how each is read. Errors name the field's path and the mend."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple

from engine.messages.commands import Limits, Rules
from engine.messages.hints import did_you_mean
from engine.messages.missing import LOST
from engine.messages.parsing import WORDS
from engine.messages.records import NAME_BYTES
from engine.messages.vocabulary import Kind, OrderType
from live.wire.errors import WireError
from live.wire.numbers import DIGITS_MAX, EXPONENT_MAX, LENGTH_MAX, Written, split
from live.wire.times import nanoseconds

SHOWN_MAX = 60
"""Characters of a value that an error quotes."""
MORE = "more"
"""What `Command` calls its field for `amount`, `limits` and `rules`; read as the one that the kind has."""

Read = Callable[[str, Any], Any]


class Shape(NamedTuple):
    """The fields that a kind must have, and those that it may have; every kind may have `ts`."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.needs, *self.may, "ts")


_TERMS = ("quantity", "price", "stop_price")
SHAPES: dict[Kind, Shape] = {
    Kind.NEW: Shape(
        ("order_id", "symbol", "side", "quantity"),
        ("type", "price", "stop_price", "time_in_force", "post_only", "reduce_only", "self_trade", "portfolio", "trader"),
    ),
    Kind.CANCEL: Shape(("order_id", "symbol"), ("portfolio", "trader")),
    Kind.REPLACE: Shape(("order_id", "symbol"), (*_TERMS, "portfolio", "trader")),
    Kind.HALT: Shape(("symbol",)),
    Kind.RESUME: Shape(("symbol",)),
    Kind.END_OF_DAY: Shape(("symbol",)),
    Kind.START_OF_DAY: Shape(),
    Kind.MARK: Shape(("symbol", "price")),
    Kind.REFERENCE: Shape(("symbol", "price")),
    Kind.KILL: Shape((), ("portfolio", "trader")),
    Kind.REVIVE: Shape((), ("portfolio", "trader")),
    Kind.RESTRICT: Shape(("trader", "symbol")),
    Kind.DEPOSIT: Shape(("portfolio", "amount")),
    Kind.SET_LIMITS: Shape(("portfolio", "limits")),
    Kind.SET_RULES: Shape(("trader", "rules")),
}
"""The kinds that `orders.commands` carries, and their fields. A KILL or REVIVE that names nobody means the session."""
IS_MORE = ("amount", "limits", "rules")
PRICED, STOPS = (OrderType.LIMIT, OrderType.STOP_LIMIT), (OrderType.STOP, OrderType.STOP_LIMIT)
"""Order types that need a price, and those that need a stop price."""


def shown(value: Any) -> str:
    """A value as an error quotes it: on one line and of bounded length, whatever it is."""
    if isinstance(value, str):
        short = value if len(value) <= SHOWN_MAX else value[:SHOWN_MAX] + "..."
        return str(short) if isinstance(value, Written) else ascii(short)
    return {dict: "an object", list: "an array", bool: str(value).lower()}.get(type(value), "null")


def name(path: str, value: Any) -> str:
    """The name of a symbol, a portfolio or a trader."""
    if not isinstance(value, str) or isinstance(value, Written):
        raise WireError(path, f'{shown(value)} is not a name; write it in quotes, as "fund"')
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise WireError(path, f"{shown(value)} has half of a surrogate pair, which is not a character; write the name in UTF-8") from None
    if not value:
        raise WireError(path, "the name is empty; write one, or leave the field out")
    if length > NAME_BYTES:
        raise WireError(path, f"{shown(value)} has {length:,} bytes; a name has at most {NAME_BYTES}")
    if "\0" in value or value in LOST:
        raise WireError(path, f"{shown(value)} is not a name; write one without NUL, and none that stands for a missing value")
    return value


def word(field: str, path: str, value: Any) -> IntEnum:
    """A word of the vocabulary, by its name."""
    words = WORDS[field].__members__
    if not isinstance(value, str) or value not in words:
        mend = did_you_mean(value if isinstance(value, str) else "", words, f"it is one of {', '.join(words)}")
        raise WireError(path, f"{shown(value)} is not known; {mend}")
    return words[value]


def order_id(path: str, value: Any) -> int:
    """An order's id: a JSON integer from 0 (which the exchange refuses) to 2^64 - 1."""
    if not isinstance(value, Written) or not value.isdigit() or len(value) > 20 or int(value) >= 1 << 64:
        raise WireError(path, f"{shown(value)} is not an order id; write a whole number from 1 to 2^64 - 1, without quotes or decimals")
    return int(value)


def flag(path: str, value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise WireError(path, f"{shown(value)} is not a flag; write true or false, without quotes")
    return value


def number(path: str, value: Any) -> Decimal:
    """A number, bare or in quotes, as the decimal that is written."""
    try:
        found = split(value) if isinstance(value, str) else None
    except OverflowError:
        bounds = f"{LENGTH_MAX} characters, {DIGITS_MAX} digits and an exponent of {EXPONENT_MAX}"
        raise WireError(path, f"{shown(value)} is out of bounds; a number has at most {bounds}") from None
    if found is None:
        raise WireError(path, f'{shown(value)} is not a number; write one as "150.00", plain, with a point')
    return Decimal(value)


def time(path: str, value: Any) -> int:
    """A time as ISO 8601 in UTC, or as whole nanoseconds since 1970."""
    plain = isinstance(value, Written)
    if plain and value.removeprefix("-").isdigit() and len(value) <= 20 and -(1 << 63) <= int(value) < 1 << 63:
        return int(value)
    made = nanoseconds(value) if isinstance(value, str) and not plain else None
    if made is None:
        raise WireError(path, f'{shown(value)} is not a time; write UTC as "2026-01-05T14:30:00.000000000Z", from 1677 to 2262')
    return made


def symbols(path: str, value: Any) -> tuple[str, ...]:
    """An array of symbols."""
    if not isinstance(value, list):
        raise WireError(path, f'{shown(value)} is not an array of symbols; write it as ["AAPL"]')
    return tuple(name(f"{path}[{k}]", one) for k, one in enumerate(value))


def group(path: str, value: Any, made: Callable[..., Any], readers: Mapping[str, Read]) -> Any:
    """An object of limits or rules; null is a field that is not set."""
    if not isinstance(value, dict):
        raise WireError(path, f"{shown(value)} is not an object; write it with any of {', '.join(readers)}")
    known(value, readers, path, path)
    return made(**{field: readers[field](f"{path}.{field}", one) for field, one in value.items() if one is not None})


def known(given: Mapping[str, Any], fields: Mapping[str, Any] | tuple[str, ...], whose: str, path: str = "") -> None:
    """Raises WireError for a field that is not known there."""
    for field in given:
        if field not in fields:
            mend = did_you_mean(field, fields, f"{whose} has {', '.join(fields)}")
            raise WireError(f"{path}.{shown(field)[1:-1]}".lstrip("."), f"{whose} has no such field; {mend}")


LIMITS: dict[str, Read] = {**dict.fromkeys(Limits._fields, number), "cash_account": flag}
RULES: dict[str, Read] = {**dict.fromkeys(Rules._fields, number), "restricted": symbols, "short_sale": flag}
NUMBERS = {field for field, read in (*LIMITS.items(), *RULES.items()) if read is number} | {*_TERMS, "amount"}
"""The fields that hold a decimal number."""
READERS: dict[str, Read] = {
    **dict.fromkeys(("symbol", "portfolio", "trader"), name),
    **{field: partial(word, field) for field in WORDS},
    **dict.fromkeys(NUMBERS, number),
    **dict.fromkeys(("post_only", "reduce_only"), flag),
    "order_id": order_id,
    "ts": time,
    "limits": lambda path, value: group(path, value, Limits, LIMITS),
    "rules": lambda path, value: group(path, value, Rules, RULES),
}
"""What reads each field: (path, JSON value) to the value of `Command`. Raises WireError."""

"""Words and whole numbers of a command, as people write them, in the numbers that its record holds. Nothing wraps on the way."""

from enum import IntEnum
from typing import Any

from engine.messages.instrument import decimal
from engine.messages.vocabulary import NOT_WHOLE, Kind, OrderType, SelfTrade, Side, TimeInForce

WORDS: dict[str, type[IntEnum]] = {
    "kind": Kind,
    "side": Side,
    "type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
}
"""Fields of a command that hold a word of the vocabulary."""
NO_WORD = 255
"""Written where a number is that of no word and fits no byte; the exchange refuses it."""
NO_ID = 0
"""Written where a number can be no order's id; the exchange refuses it."""


def word(field: str, value: IntEnum | int | str) -> int:
    """The number of a word, given as such, as a number or by its name. Raises ValueError for a name that is none."""
    if isinstance(value, str):
        if value not in WORDS[field].__members__:
            raise ValueError(f"{field}: {value!r} is none of {', '.join(WORDS[field].__members__)}")
        return int(WORDS[field][value])
    number = whole(field, value)
    return number if 0 <= number < NO_WORD else NO_WORD


def whole(field: str, value: Any) -> int:
    """A whole number of any size. Raises ValueError on what is none."""
    if isinstance(value, int):
        return value
    made = decimal(value, field)
    if made != made.to_integral_value():
        raise ValueError(f"{field}: {value!r} is not a whole number")
    return int(made)


def steps(field: str, value: Any) -> int:
    """A number of ticks or lots, NOT_WHOLE where it is above all. Raises ValueError on what is not a whole number."""
    number = whole(field, value)
    return number if abs(number) < 1 << 62 else NOT_WHOLE


def order_number(value: Any) -> int:
    """An order's id, NO_ID where it is not within 1 and 2^64 - 1. Raises ValueError on what is not a whole number."""
    number = whole("order_id", value)
    return number if 0 < number < 1 << 64 else NO_ID


def timestamp(value: Any) -> int:
    """A time. Raises ValueError on what is not a whole number of nanoseconds in 64 bits."""
    number = whole("ts", value)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"ts: {value!r} is not a time; nanoseconds since 1970 lie between -2^63 and 2^63 - 1")
    return number

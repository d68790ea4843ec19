"""The two records: a command of 64 bytes, a fact of 96. The same bytes are kernel, wire and log (as columns)."""

from typing import Any

import numpy as np

LAYOUT = 2
"""Version of both records; a log of another layout is refused."""

COMMAND = np.dtype(
    [
        ("ts", "<i8"),  # ns UTC; never goes back: an earlier one is raised to the last
        ("order_id", "<u8"),
        ("quantity", "<i8"),  # lots; a REPLACE names the new total; a DEPOSIT names money
        ("price", "<i8"),  # price units
        ("stop_price", "<i8"),  # price units
        ("instrument", "<u4"),
        ("portfolio", "<u4"),
        ("trader", "<u4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("flags", "u1"),
        ("self_trade", "u1"),
        ("spare", "<u2"),
        ("row", "<u4"),  # history: row of the source file, from 1; 0: the reader's own command
    ]
)

FACT = np.dtype(
    {
        "names": [
            "seq",  # place in the one order of commands and facts, from 1
            "ts",
            "order_id",  # of a trade: the taker's
            "maker_order_id",
            "price",  # price units; of a trade: where it traded
            "stop_price",
            "quantity",  # lots; of a trade: traded; else the order's total
            "remaining",  # lots open after the fact (taker's)
            "maker_remaining",
            "ahead",  # lots of the queue ahead: when it rested (OrderCreated, OrderReplaced), when a FLOW came (TradeExecuted)
            "portfolio",
            "trader",
            "maker_portfolio",
            "maker_trader",
            "fee",  # money, taker's; negative is a rebate
            "maker_fee",
            "value",  # refusals and breaches: the value now (shares its place with `fee`); CashDeposited, PriceMarked: the amount
            "limit",  # refusals and breaches: the limit (shares its place with `maker_fee`)
            "instrument",
            "kind",
            "reason",
            "side",  # of a trade: the taker's
            "type",
            "time_in_force",
            "flags",
        ],
        "formats": ["<i8", "<i8", "<u8", "<u8", "<i4", "<i4"] + ["<u4"] * 8 + ["<i8"] * 4 + ["<u2", "u1", "u1", "u1", "u1", "u1", "u1"],
        "offsets": [0, 8, 16, 24, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 80, 72, 80, 88, 90, 91, 92, 93, 94, 95],
        "itemsize": 96,
    }
)

FACT_COLUMNS = [name for name in FACT.names or () if name not in ("value", "limit")]
"""The fields that cover a fact once: what a table stores."""

NAME_BYTES = 40
"""Longest name, UTF-8: a SYMBOL, PORTFOLIO or TRADER command carries it in the 40 bytes from `order_id` to `portfolio`."""

_NAME = np.dtype(
    [("order_id", "<u8"), ("quantity", "<i8"), ("price", "<i8"), ("stop_price", "<i8"), ("instrument", "<u4"), ("portfolio", "<u4")]
)

assert COMMAND.itemsize == 64
assert _NAME.itemsize == NAME_BYTES
assert COMMAND.fields is not None
assert COMMAND.fields["order_id"][1] == 8
assert COMMAND.fields["trader"][1] == 8 + NAME_BYTES
assert FACT.itemsize == 96


def write_name(record: np.void, name: str) -> None:
    """Put `name` into a SYMBOL, PORTFOLIO or TRADER command (its number stands in `trader`)."""
    text = name.encode()
    if b"\0" in text:
        raise ValueError(f"the name {name!r} holds a zero byte; write it without")
    if len(text) > NAME_BYTES:
        raise ValueError(f"the name {name!r} has {len(text)} bytes; the longest allowed is {NAME_BYTES}")
    raw = np.frombuffer(text.ljust(NAME_BYTES, b"\0"), _NAME)[0]
    for field in _NAME.names or ():
        record[field] = raw[field]


def read_name(record: np.void) -> str:
    """The name that a SYMBOL, PORTFOLIO or TRADER command carries."""
    return record.tobytes()[8 : 8 + NAME_BYTES].rstrip(b"\0").decode()


LINE = 64
"""Bytes of a cache line."""


def zeros(length: int, dtype: Any) -> np.ndarray:
    """A zeroed array that begins on a cache line, so that no row of 16, 32 or 64 bytes lies on two."""
    dtype = np.dtype(dtype)
    raw = np.zeros(length * dtype.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + length * dtype.itemsize].view(dtype)

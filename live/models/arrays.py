"""What the read models remember: flat structured arrays, so that memory is counted in bytes and a copy is data.

An order of the day takes 104 bytes and 8 to 16 of the index. Numbers of rows in other arrays are row + 1 where 0 says that there is none.
"""

from typing import Any, ClassVar

import numpy as np

from engine.compiler.handle import Handle
from engine.messages.records import FACT, zeros

NEVER = -(2**63)
"""A time before all others."""
MODELS_LAYOUT = 1
"""Number of this layout; another one says that the same arrays mean something else."""

HEAD = np.dtype(
    [
        ("seq", "<i8"),  # of the last command or fact that was looked at
        ("ts", "<i8"),  # of the last fact
        ("day", "<i8"),  # trading day, from 1; a START_OF_DAY begins the next
        ("oldest_open", "<i8"),  # row + 1 of the first and last open order, 0 where there is none
        ("newest_open", "<i8"),
        ("orders", "<i8"),  # rows in use, here and in the next three
        ("sums", "<i8"),
        ("holdings", "<i8"),
        ("trades", "<i8"),  # of the pool of trades, those that a ring has left behind too
        ("trades_kept", "<i8"),  # most trades that an instrument keeps
        ("breaches", "<i8"),  # so far; the newest are kept
        ("failures", "<i8"),
        ("first_fill", "<i8"),  # ts of the day's first and last fill of a client, NEVER where there is none
        ("last_fill", "<i8"),
        ("fill_before", "<i8"),  # ts of the last one of the days before
    ]
)

ORDER = np.dtype(
    [
        ("order_id", "<u8"),
        ("seq", "<i8"),  # of the fact that accepted or refused it
        ("created", "<i8"),  # ts of that fact
        ("updated", "<i8"),  # ts of the last fact about it
        ("last", "<i8"),  # seq of that fact
        ("paid", "<i8"),  # Σ price units × lots of its fills
        ("price", "<i4"),
        ("stop_price", "<i4"),
        ("quantity", "<u4"),
        ("traded", "<u4"),  # lots
        ("portfolio", "<u4"),
        ("trader", "<u4"),
        ("previous", "<u4"),  # row + 1 of the trader's order before
        ("holding", "<u4"),  # row of its portfolio's holding; only of an order that was accepted
        ("sums", "<u4"),  # row + 1 of the trader's sums; 0 until it trades that day
        ("older", "<u4"),  # row + 1 of the open order before it, and of the one behind it
        ("newer", "<u4"),
        ("instrument", "<u2"),
        ("type", "u1"),
        ("side", "u1"),
        ("time_in_force", "u1"),
        ("flags", "u1"),
        ("reason", "u1"),
        ("status", "u1"),
        ("spare", "<u4"),
    ]
)
"""An order of the day, or one that was open when it began, in order of entry."""

_WIDE = [(f"{name}_{half}", "<i8") for name in ("paid", "turned", "fees") for half in ("high", "low")]
"""Σ price × lots, Σ |price| × lots and Σ fees, each high × 2^32 + low: exact for 2^31 fills."""

SUMS = np.dtype([(name, "<i8") for name in ("orders", "executions", "bought", "sold")] + _WIDE + [("trader", "<u4"), ("instrument", "<u4")])
"""The day's executions of a trader in an instrument."""

HOLDING = np.dtype(
    [(name, "<i8") for name in ("quantity", "cost", "realized", "bought", "sold", "buying", "selling")]
    + _WIDE
    + [("portfolio", "<u4"), ("instrument", "<u2"), ("traded", "u1"), ("spare", "u1")]
)
"""A portfolio in an instrument, in the order of opening; `buying` and `selling` are lots of working orders."""

ACCOUNT = np.dtype(
    [
        ("cash", "<i8"),
        ("fees", "<i8"),
        ("working", "<i8"),  # notional of working orders, without reduce-only ones
        ("buying", "<i8"),  # notional of working buys and their higher fee
        ("base", "<i8"),  # equity when the day began, with the day's deposits
    ]
)
TRADER = np.dtype([("newest", "<u4"), ("spare", "<u4"), ("highest", "<u8")])
"""`newest`: row + 1 of the trader's newest order; `highest`: the largest id that it used in the session."""

MARKET = np.dtype(
    [
        ("value", "<i8"),  # money of one price unit × one lot
        ("rate", "<i8"),  # higher fee, parts of 10^12, at least 0
        ("mark", "<i8"),
        ("start", "<i8"),  # its ring of trades in the pool
        ("room", "<i8"),
        ("trades", "<i8"),  # so far; the newest are kept
        ("world", "<u4"),  # row + 1 of the holding of portfolio 0
        ("marked", "<u4"),
    ]
)


class Models(Handle):
    """The arrays of the read models."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "head": HEAD,  # one
        "orders": ORDER,
        "index": np.dtype(np.uint32),  # a power of two: hash of (order id, trader) to row + 1 of the newest such order
        "sums": SUMS,
        "sums_index": np.dtype(np.uint32),  # a power of two: hash of (trader, instrument) to row + 1
        "holdings": HOLDING,
        "holdings_index": np.dtype(np.uint32),  # a power of two: hash of (portfolio, instrument) to row + 1
        "accounts": ACCOUNT,  # by number of the portfolio
        "limits": FACT,  # by number of the portfolio: its newest LimitsSet, all zeros where there is none
        "traders": TRADER,  # by number
        "markets": MARKET,  # by number of the instrument
        "trades": FACT,  # the pool of the rings of trades
        "trade_days": np.dtype(np.uint32),  # the day of each
        "breaches": FACT,  # a ring
        "failures": FACT,  # a ring: failed compliance checks
    }
    head: Any
    orders: Any
    index: Any
    sums: Any
    sums_index: Any
    holdings: Any
    holdings_index: Any
    accounts: Any
    limits: Any
    traders: Any
    markets: Any
    trades: Any
    trade_days: Any
    breaches: Any
    failures: Any


_FEW = 64


def empty_models(trades_kept: int, breaches_kept: int) -> Models:
    """Read models that have seen nothing."""
    for name, value in (("trades_kept", trades_kept), ("breaches_kept", breaches_kept)):
        if value < 1:
            raise ValueError(f"{name} is {value}; keep at least 1")
    lengths = dict.fromkeys(Models.FIELDS, _FEW) | {"index": 2 * _FEW, "sums_index": 2 * _FEW, "holdings_index": 2 * _FEW}
    lengths |= {"head": 1, "markets": 0, "breaches": breaches_kept, "failures": breaches_kept}
    made = Models(**{name: zeros(lengths[name], dtype) for name, dtype in Models.FIELDS.items()})
    made.head["day"] = 1
    made.head["trades_kept"] = trades_kept
    for name in ("first_fill", "last_fill", "fill_before"):
        made.head[name] = NEVER
    return made


def longer(array: np.ndarray, length: int) -> np.ndarray:
    """The array with zeroed room for `length` rows or more, twice as many at least; the same one where it has that."""
    if length <= len(array):
        return array
    made = zeros(max(length, 2 * len(array)), array.dtype)
    made.view(np.uint8)[: array.nbytes] = array.view(np.uint8)
    return made


def plain(rows: np.ndarray) -> np.ndarray:
    """The rows as bytes: NumPy copies records field by field, these at once."""
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))


def chosen(rows: np.ndarray, which: Any) -> np.ndarray:
    """A copy of the rows that a mask or numbers choose."""
    return plain(rows)[which].view(rows.dtype)


def joined(parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """The rows of several arrays of one dtype, one after another; a copy."""
    return np.concatenate([plain(rows) for rows in parts]).view(dtype) if parts else np.empty(0, dtype)

"""What goes into the market-data streams, what they remember, and what they tell: flat records, all numbers whole units."""

from enum import IntEnum, IntFlag
from typing import Any, ClassVar

import numpy as np

from engine.compiler.handle import Handle

NEVER = -(2**63)
MINUTE = 60 * 10**9
PRICE_END, SIZE_END = 1 << 31, 1 << 40
"""Prices (units) and sizes (lots) of a tick lie below."""


class Has(IntFlag):
    """Which fields a tick has; the upper ones say why it could not be read."""

    LAST = 1
    SIZE = 2
    BID = 4
    ASK = 8
    OPEN = 16
    HIGH = 32
    LOW = 64
    CLOSE = 128
    ODD_PRICE = 1 << 16
    """A price is not a number, or off the price unit."""
    ODD_SIZE = 1 << 17
    ODD_TIME = 1 << 18
    ODD_SYMBOL = 1 << 19


PRICES = ("last", "bid", "ask", "open", "high", "low", "close")
TICK = np.dtype(
    [("ts", "<i8")] + [(name, "<i8") for name in ("last", "size", *PRICES[1:])] + [("symbol", "<u4"), ("has", "<u4")]  # ns UTC, units, lots
)
"""One record of market-data-raw. What `has` does not name is 0; `symbol` is the number of a listed symbol."""
assert TICK.itemsize == 80


class Bad(IntEnum):
    """Why a tick changed nothing; each is counted."""

    UNKNOWN_SYMBOL = 0
    BAD_PRICE = 1
    BAD_SIZE = 2
    BAD_TIME = 3
    AHEAD = 4
    LATE = 5
    LATE_FOR_VALUE = 6
    REPEATED = 7
    UNREADABLE = 8


MENDS = {
    Bad.UNKNOWN_SYMBOL: "its symbol is not listed; add it to [[instruments]], or send it to its own shard",
    Bad.BAD_PRICE: "a price is not a number, off the price unit, beyond 2^31 units, or not above 0; mend the source, or the price_unit",
    Bad.BAD_SIZE: "its size is not a whole number of lots of 0 or more; mend the source, or the lot",
    Bad.BAD_TIME: "its time is no ns since 1970; mend the source",
    Bad.AHEAD: "its time is far ahead of all others, and no more ticks came from there; set the clock of its source",
    Bad.LATE: "it came after its minute could still be revised; bring its source closer, or raise `allowance` or `revise`",
    Bad.LATE_FOR_VALUE: "its bar was revised, but the indicator of its window was out already; raise `allowance`",
    Bad.REPEATED: "a trade that was published twice after a crash; nothing needs to be done",
    Bad.UNREADABLE: "it is in dead-letters, with why",
}
"""What each means, and what to do."""


class Told(IntEnum):
    """What the streams tell."""

    BAR = 0
    VALUE = 1
    PRICE_ALERT = 2
    SPREAD_ALERT = 3
    VOLUME_ALERT = 4


class Formula(IntEnum):
    """What an indicator is made of: SMA of the ticks in a window of minutes, all others of bars as they are told."""

    SMA = 0
    EMA = 1
    RSI = 2
    ATR = 3
    BOLLINGER = 4
    VWAP = 5
    VOLATILITY = 6


PARTS = dict.fromkeys(Formula, ("",)) | {Formula.BOLLINGER: ("_UPPER", "_MIDDLE", "_LOWER")}
"""Endings of the names of the values of one indicator."""
PURE = (Formula.RSI, Formula.VOLATILITY)
"""Numbers without a unit; the others are prices."""

TOLD = np.dtype(
    [
        ("ts", "<i8"),  # of a bar its start, of a value and an alert of volume the end of their window
        ("number", "<i8"),  # among bars, values or alerts, from 1
        ("open", "<i8"),  # price units; of a price alert the last price, of a spread alert the bid; of an SMA Σ last
        ("high", "<i8"),  # of a spread alert the ask
        ("low", "<i8"),
        ("close", "<i8"),
        ("volume", "<i8"),  # lots
        ("paid_high", "<i8"),  # Σ price × size = paid_high × 2^32 + paid_low
        ("paid_low", "<i8"),
        ("trades", "<i8"),  # of an SMA the ticks
        ("value", "<f8"),  # price units, or pure; of a spread or volume alert what is usual
        ("symbol", "<u4"),
        ("revision", "<u4"),
        ("indicator", "<u2"),
        ("part", "u1"),
        ("kind", "u1"),
    ]
)

HEAD = np.dtype(
    [
        ("clock", "<i8"),  # latest believed ts, NEVER before the first
        ("closed", "<i8"),  # minutes before this one are closed
        ("ticks", "<i8"),  # that were looked at
        ("held", "<i8"),  # ticks from far ahead that wait for others
        ("lone", "<i8"),  # whether the clock rests on one tick alone
        ("bars", "<i8"),  # told so far, and so on
        ("values", "<i8"),
        ("alerts", "<i8"),
    ]
)
RULES = np.dtype(
    [
        ("allowance", "<i8"),  # ns
        ("revise", "<i8"),  # ns
        ("jump", "<i8"),  # ns
        ("confirm", "<i8"),  # ticks
        ("slots", "<i8"),  # minutes a symbol that may be open or be revised
        ("bars", "<i8"),  # kept a symbol for indicators
        ("longest", "<i8"),  # minutes of the longest SMA
        ("price", "<i8"),  # change that is an anomaly, in millionths
        ("spread", "<f8"),  # times what is usual; 0: never
        ("volume", "<f8"),
        ("quotes", "<i8"),  # that make a spread usual
        ("volumes", "<i8"),  # bars that make a volume usual
    ]
)
SYMBOL = np.dtype(
    [(name, "<i8") for name in ("last", "size", "bid", "ask", "open", "high", "low", "close", "last_ts", "quote_ts", "bars", "quotes")]
    + [("spread", "<f8"), ("has", "<u4"), ("negative", "u1"), ("far", "u1"), ("wide", "u1"), ("busy", "u1")]
)
"""The latest quote of a symbol, what is usual for it, and which alerts are on."""
WINDOW = np.dtype(
    [("minute", "<i8"), ("first_ts", "<i8"), ("last_ts", "<i8")]
    + [(name, "<i8") for name in ("open", "high", "low", "close", "volume", "paid_high", "paid_low", "trades")]
    + [("revision", "<u4"), ("told", "<u4")]
)
INDICATOR = np.dtype([("n", "<i8"), ("formula", "<i8")])
MEMORY = np.dtype([("key", "<i8"), ("sum", "<i8"), ("count", "<i8"), ("a", "<f8"), ("b", "<f8")])
"""Of an SMA one of its two windows that may be open; of other indicators (the first of two) bars seen and what it said."""
FLOATS = np.dtype(np.float64)


class StreamState(Handle):
    """All that the streams remember between two ticks; symbol s has the rows from s × so many on."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "head": HEAD,  # one
        "rules": RULES,  # one
        "counts": np.dtype(np.int64),  # by Bad
        "examples": TICK,  # by Bad: the last such tick
        "held": TICK,  # `confirm` of them
        "symbols": SYMBOL,
        "windows": WINDOW,  # `slots` a symbol, a minute at minute % slots
        "indicators": INDICATOR,
        "memories": MEMORY,  # 2 × indicators a symbol
        "closes": FLOATS,  # `bars` a symbol, the newest last; so are the next three
        "vwaps": FLOATS,
        "volumes": FLOATS,
    }
    head: Any
    rules: Any
    counts: Any
    examples: Any
    held: Any
    symbols: Any
    windows: Any
    indicators: Any
    memories: Any
    closes: Any
    vwaps: Any
    volumes: Any

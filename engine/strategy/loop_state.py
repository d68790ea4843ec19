"""What stands between an exchange and one strategy: the clock, commands in flight, what the strategy may know, samples of the market."""

from enum import IntEnum, IntFlag
from typing import Any, ClassVar

import numpy as np

from engine.compiler.handle import Handle
from engine.messages.records import COMMAND


class Wake(IntEnum):
    """Why a strategy is called."""

    START = 1
    BOOK = 2
    TRADE = 3
    BAR = 4
    ACCEPTED = 5
    REJECTED = 6
    CANCELLED = 7
    REPLACED = 8
    FILL = 9
    TIMER = 10
    STOP = 11


class Want(IntFlag):
    """The wake mask: what a strategy is called for."""

    NOTHING = 0
    START = 1 << Wake.START
    STOP = 1 << Wake.STOP
    BOOK = 1 << Wake.BOOK
    TRADE = 1 << Wake.TRADE
    BAR = 1 << Wake.BAR
    ACCEPTED = 1 << Wake.ACCEPTED
    REJECTED = 1 << Wake.REJECTED
    CANCELLED = 1 << Wake.CANCELLED
    REPLACED = 1 << Wake.REPLACED
    FILL = 1 << Wake.FILL
    TIMER = 1 << Wake.TIMER
    TOUCH = 1 << 20
    """BOOK, but only where the best price or its lots changed."""


NEVER = 1 << 62
COMMANDS_PER_CALL = 256
"""Commands that a strategy may send in one call."""
EVER_OPEN = 1 << 12

CLOCK = np.dtype(
    [(name, "<i8") for name in ("now", "time", "feed", "order", "feed_at", "order_at", "told_feed", "told_response")]
    + [(name, "<i8") for name in ("row", "rows", "end", "told", "told_due", "sent", "stamped", "entered")]
    + [(name, "<i8") for name in ("next_id", "wants", "depth", "timer_every", "timer_next", "bar_every", "bar_next")]
    + [(name, "<i8") for name in ("sample_every", "sample_next", "samples", "wakes", "open", "dirty", "cursor", "half")]
    + [(name, "<i8") for name in ("portfolio", "trader", "overflow", "block", "need", "first", "amid")]
)
EVENT = np.dtype(
    [("kind", "<i8"), ("instrument", "<i8"), ("ts", "<i8"), ("order_id", "<i8"), ("price", "<f8")]  # price in ticks
    + [(name, "<i8") for name in ("quantity", "remaining", "side", "reason", "ahead")]
)
TOUCH = np.dtype(
    [("bid", "<i8"), ("bid_lots", "<i8"), ("ask", "<i8"), ("ask_lots", "<i8"), ("has_bid", "<i8"), ("has_ask", "<i8")]
    + [("last", "<f8"), ("has_last", "<i8"), ("volume", "<i8"), ("position", "<i8")]
)
"""A book as the strategy sees it, in ticks and lots, and its own position there as far as facts have reached it."""
LEVEL = np.dtype([("price", "<i8"), ("lots", "<i8")])
BAR = np.dtype([("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("volume", "<i8"), ("since", "<i8")])
OWN = np.dtype([(name, "<i8") for name in ("order_id", "instrument", "side", "price", "quantity", "remaining", "accepted", "cancelling")])
"""An open order as the strategy knows it; `accepted` is 0 while it is on its way, `cancelling` 1 once a cancel was sent."""
SAMPLE = np.dtype(
    [
        ("ts", "<i8"),  # ns UTC, a whole multiple of the time between samples
        ("bid_quantity", "<i8"),  # lots at the best bid
        ("ask_quantity", "<i8"),
        ("volume", "<i8"),  # lots printed since the start
        ("instrument", "<u4"),
        ("bid", "<i4"),  # price units
        ("ask", "<i4"),
        ("last", "<i4"),  # last trade price, price units
        ("has", "<u4"),  # which prices are there: bit 0 bid, bit 1 ask, bit 2 last
        ("spare", "<u4"),
    ]
)
"""The market after everything up to and including `ts`."""
SENT = np.dtype([("arrival", "<i8"), ("row", "<i8"), ("seq", "<i8")])
"""Of a command of ours: when it reaches the exchange, after how many rows of history it entered, and the seq it got."""
STEP = np.dtype([("ts", "<i8"), ("value", "<i8")])
"""A latency (ns) from a moment on."""


class World(Handle):
    """The loop's own state. Everything is preallocated; the driver replaces what is full."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "clock": CLOCK,  # one
        "event": EVENT,  # one: what the strategy is called for
        "touches": TOUCH,  # one an instrument, as of the last call
        "levels": LEVEL,  # (2 × instrument + side) × depth + level, as of the last call
        "own": OWN,  # the first clock.open rows
        "seen": TOUCH,  # one an instrument: at the last BOOK or TRADE call
        "sampled": TOUCH,  # one an instrument: at the last sample
        "bars": BAR,
        "dirty": np.dtype(np.uint32),  # instruments that the current exchange event touched
        "is_dirty": np.dtype(np.uint8),
        "commands": COMMAND,  # ours, in order of sending
        "sent": SENT,
        "samples": SAMPLE,
        "feed": STEP,
        "order": STEP,
        "response": STEP,
        "parameters": np.dtype(np.float64),
        "memory": np.dtype(np.float64),  # the strategy's own
    }
    clock: Any
    event: Any
    touches: Any
    levels: Any
    own: Any
    seen: Any
    sampled: Any
    bars: Any
    dirty: Any
    is_dirty: Any
    commands: Any
    sent: Any
    samples: Any
    feed: Any
    order: Any
    response: Any
    parameters: Any
    memory: Any


def new_world(instruments: int, depth: int, memory: int, latencies: tuple[Any, Any, Any], parameters: np.ndarray) -> World:
    """A world before its first row; `latencies` are STEP arrays (feed, order, response)."""
    clock = np.zeros(1, CLOCK)
    clock["depth"] = depth
    clock["next_id"] = 1
    for name in ("timer_next", "bar_next", "sample_next", "end", "block", "first"):
        clock[name] = NEVER
    return World(
        clock=clock,
        event=np.zeros(1, EVENT),
        touches=np.zeros(instruments, TOUCH),
        levels=np.zeros(2 * instruments * depth, LEVEL),
        own=np.zeros(EVER_OPEN, OWN),
        seen=np.zeros(instruments, TOUCH),
        sampled=np.zeros(instruments, TOUCH),
        bars=np.zeros(instruments, BAR),
        dirty=np.zeros(instruments, np.uint32),
        is_dirty=np.zeros(instruments, np.uint8),
        commands=np.zeros(4 * COMMANDS_PER_CALL, COMMAND),
        sent=np.zeros(4 * COMMANDS_PER_CALL, SENT),
        samples=np.zeros(1 << 12, SAMPLE),
        feed=latencies[0],
        order=latencies[1],
        response=latencies[2],
        parameters=parameters,
        memory=np.zeros(max(1, memory), np.float64),
    )

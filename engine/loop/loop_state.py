"""What stands between an exchange and its strategies: the timeline that they share, and of each strategy its clock, orders and view."""

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
    ALARM = 12


class Want(IntFlag):
    """The wake mask: what a strategy is called for. An ALARM always calls: it asked for that itself."""

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
"""Commands that a strategy may send in one call; as many alarms it may set, and notes it may take."""
OPEN_ORDERS = 1 << 12


def _numbers(names: str) -> list[tuple[str, str]]:
    return [(name, "<i8") for name in names.split()]


TIMELINE = np.dtype(
    [
        *_numbers("now"),  # exchange time, ns: everything up to it has happened
        *_numbers("row rows"),  # rows of history played, and how many there are
        *_numbers("end"),  # exchange time at which to stop
        *_numbers("block"),  # row before which the driver notes a digest
        *_numbers("need"),  # facts that the next command may cause, where it had no room
        *_numbers("amid"),  # 1: an array was full before all commands of `now` were in
        *_numbers("distinct"),  # 1: each strategy's command is an exchange event of its own, at the next time that history leaves free
        *_numbers("dirty"),  # instruments that the exchange event of `now` touched
        *_numbers("wants"),  # what any strategy wants
        *_numbers("calling facts"),  # 1: a compiled strategy is being called; the facts before that call
        *_numbers("called"),  # the strategy to call
        *_numbers("sample_every sample_next samples"),  # ns, exchange time, rows taken
        *_numbers("sampled"),  # seq of the exchange at the last sample
        *_numbers("marks"),  # rows of `marks`
    ]
)
"""The clock of the market and of the run."""

CLOCK = np.dtype(
    [
        *_numbers("time"),  # the strategy's time, ns: exchange time + feed latency; never goes back
        *_numbers("feed order"),  # the latencies that hold now, ns
        *_numbers("feed_at order_at"),  # their steps in the series
        *_numbers("seen"),  # facts that have reached it, others' among them
        *_numbers("seen_maker"),  # 1: of the next fact its side as maker has reached it, its side as taker not yet
        *_numbers("seen_due seen_feed seen_response"),  # when the last one had reached it; the steps of the series at that fact
        *_numbers("sent stamped entered"),  # commands written; of these given a time of arrival; of these in the exchange
        *_numbers("next_id"),
        *_numbers("wants depth"),
        *_numbers("portfolio trader"),
        *_numbers("first"),  # exchange time of its first call; NEVER once it has begun
        *_numbers("timer_every timer_next"),  # by its own clock
        *_numbers("bar_every bar_next bar_at"),  # by exchange time; where `bar_every` is 0, the next one's place in `bar_ends`
        *_numbers("alarms alarm_next alarm_last"),  # alarms set; the earliest by its own clock; the number of the newest
        *_numbers("cursor half"),  # how far it was called for the touched instruments; 1: for the trade, not yet for the book
        *_numbers("bar_cursor"),  # how far it was called for the bars of one time
        *_numbers("open"),  # rows of `own`
        *_numbers("cash fees deposits unit"),  # money of 10^-decimals; `unit` is 10^decimals
        *_numbers("notes wakes overflow"),  # notes taken, calls, 1: it sent too many commands in one call
    ]
)
"""The clock of a strategy, and how far everything of it has come."""

EVENT = np.dtype([*_numbers("kind instrument ts order_id"), ("price", "<f8"), *_numbers("quantity remaining side reason ahead fee maker")])
"""What a strategy is called for: `price` in ticks, `fee` in money units; of an alarm `order_id` is its number."""
TOUCH = np.dtype([*_numbers("bid bid_lots ask ask_lots has_bid has_ask"), ("last", "<f8"), *_numbers("has_last volume mark has_mark")])
"""A book as the strategy sees it, in ticks and lots; the mark in price units."""
HOLDING = np.dtype(_numbers("quantity cost realized value tick"))
"""Its position as far as fills have reached it: lots, money; of the instrument money a price unit × lot, and price units a tick."""
LEVEL = np.dtype([("price", "<i8"), ("lots", "<i8")])
BAR = np.dtype([("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("volume", "<i8"), ("since", "<i8")])
OWN = np.dtype(_numbers("order_id instrument side price quantity remaining accepted cancelling type stop_price"))
"""An open order as the strategy knows it; `accepted` is 0 while it is on its way, `cancelling` 1 once a cancel was sent."""
ALARM = np.dtype(_numbers("ts number"))
NOTE = np.dtype([("ts", "<i8"), ("value", "<f8")])
"""A number that a compiled strategy logged."""
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
MARKED = np.dtype([("ts", "<i8"), ("price", "<i4"), ("instrument", "<u4")])
"""The mark of an instrument, in price units, after everything of that time: a row where it changed."""
SENT = np.dtype(_numbers("arrival time row seq"))
"""Of a command: when it reaches the exchange; when it was sent, by the strategy's clock; the rows of history before it; its seq."""
STEP = np.dtype([("ts", "<i8"), ("value", "<i8")])
"""A latency (ns) from a moment on."""


class StrategyState(Handle):
    """One strategy's own state, `context` to a compiled one. Everything is preallocated; the driver replaces what is full."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "clock": CLOCK,  # one
        "event": EVENT,  # one: what the strategy is called for
        "touches": TOUCH,  # one an instrument, as of the last call
        "holdings": HOLDING,  # one an instrument
        "levels": LEVEL,  # (2 × instrument + side) × depth + level, as of the last call
        "own": OWN,  # the first clock.open rows
        "seen": TOUCH,  # one an instrument: at the last BOOK or TRADE call
        "bars": BAR,
        "bar_ends": np.dtype(np.int64),  # exchange times at which the feed's own bars end
        "alarms": ALARM,
        "notes": NOTE,
        "commands": COMMAND,  # its own, in order of sending
        "sent": SENT,
        "feed": STEP,
        "order": STEP,
        "response": STEP,
        "parameters": np.dtype(np.float64),
        "memory": np.dtype(np.float64),  # the strategy's own
    }
    clock: Any
    event: Any
    touches: Any
    holdings: Any
    levels: Any
    own: Any
    seen: Any
    bars: Any
    bar_ends: Any
    alarms: Any
    notes: Any
    commands: Any
    sent: Any
    feed: Any
    order: Any
    response: Any
    parameters: Any
    memory: Any


class LoopState(Handle):
    """The timeline, and who is on it."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "clock": TIMELINE,  # one
        "dirty": np.dtype(np.uint32),  # instruments that the current exchange event touched
        "is_dirty": np.dtype(np.uint8),
        "sampled": TOUCH,  # one an instrument: at the last sample; its mark as of now
        "samples": SAMPLE,
        "marks": MARKED,
        "strategies": np.dtype(np.int64),  # address of each StrategyState, in the order in which they are called
        "functions": np.dtype(np.int64),  # address of each compiled strategy; 0 where Python is to be called
    }
    clock: Any
    dirty: Any
    is_dirty: Any
    sampled: Any
    samples: Any
    marks: Any
    strategies: Any
    functions: Any


def new_strategy_state(instruments: int, depth: int, memory: int, latencies: tuple[Any, Any, Any], parameters: np.ndarray) -> StrategyState:
    """A strategy before the first row of history; `latencies` are STEP arrays (feed, order, response)."""
    clock = np.zeros(1, CLOCK)
    clock["depth"], clock["next_id"], clock["unit"] = depth, 1, 1
    for name in ("timer_next", "bar_next", "alarm_next", "first"):
        clock[name] = NEVER
    return StrategyState(
        clock=clock,
        event=np.zeros(1, EVENT),
        touches=np.zeros(instruments, TOUCH),
        holdings=np.zeros(instruments, HOLDING),
        levels=np.zeros(2 * instruments * depth, LEVEL),
        own=np.zeros(OPEN_ORDERS, OWN),
        seen=np.zeros(instruments, TOUCH),
        bars=np.zeros(instruments, BAR),
        bar_ends=np.full(1, NEVER, np.int64),
        alarms=np.zeros(2 * COMMANDS_PER_CALL, ALARM),
        notes=np.zeros(2 * COMMANDS_PER_CALL, NOTE),
        commands=np.zeros(4 * COMMANDS_PER_CALL, COMMAND),
        sent=np.zeros(4 * COMMANDS_PER_CALL, SENT),
        feed=latencies[0],
        order=latencies[1],
        response=latencies[2],
        parameters=parameters,
        memory=np.zeros(max(1, memory), np.float64),
    )


def new_loop_state(instruments: int, strategies: int) -> LoopState:
    """A timeline before its first row; the driver writes down the addresses of the strategies."""
    clock = np.zeros(1, TIMELINE)
    for name in ("sample_next", "end", "block"):
        clock[name] = NEVER
    return LoopState(
        clock=clock,
        dirty=np.zeros(instruments, np.uint32),
        is_dirty=np.zeros(instruments, np.uint8),
        sampled=np.zeros(instruments, TOUCH),
        samples=np.zeros(1 << 12, SAMPLE),
        marks=np.zeros(1 << 12, MARKED),
        strategies=np.zeros(strategies, np.int64),
        functions=np.zeros(strategies, np.int64),
    )

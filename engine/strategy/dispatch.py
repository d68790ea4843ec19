"""Whom to call now: the market's wakes, then our facts that have reached us, then timers; and samples of the market."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.state.arrays import EMPTY
from engine.strategy.latency import latency_at
from engine.strategy.loop_state import NEVER, Wake, Want
from engine.strategy.market_view import differs, learn, look

WANT_START, WANT_TIMER, WANT_BAR = int(Want.START), int(Want.TIMER), int(Want.BAR)
WANT_TRADE, WANT_BOOK, WANT_TOUCH = int(Want.TRADE), int(Want.BOOK), int(Want.TOUCH)


@kernel
def _market_wake(state, world):
    """The next TRADE or BOOK call for the exchange event that just ended, 0 where there is none left."""
    clock = world.clock[0]
    wants = clock["wants"]
    event = world.event[0]
    while clock["cursor"] < clock["dirty"]:
        instrument = np.int64(world.dirty[clock["cursor"]])
        seen = world.seen[instrument]
        terms = state.instruments[instrument]
        event["instrument"] = instrument
        event["ts"] = clock["now"]
        event["order_id"] = 0
        event["remaining"] = 0
        event["side"] = 0
        event["reason"] = 0
        event["ahead"] = 0
        if clock["half"] == 0:
            clock["half"] = 1
            if wants & WANT_TRADE and terms["volume"] != seen["volume"]:
                event["price"] = terms["last"] / terms["tick"]
                event["quantity"] = terms["volume"] - seen["volume"]
                seen["volume"] = terms["volume"]
                return Wake.TRADE
        clock["half"] = 0
        clock["cursor"] += 1
        world.is_dirty[instrument] = 0
        if wants & WANT_BOOK or (wants & WANT_TOUCH and differs(state, instrument, seen)):
            look(state, instrument, seen)
            return Wake.BOOK
    clock["cursor"] = 0
    clock["dirty"] = 0
    return 0


@kernel
def due(world, fact):
    """Exchange time at which a fact of ours has reached the strategy: with the feed, or later where the response is slower."""
    clock = world.clock[0]
    feed = world.feed[latency_at(world.feed, clock["told_feed"], fact["ts"])]["value"]
    response = world.response[latency_at(world.response, clock["told_response"], fact["ts"])]["value"]
    return max(clock["told_due"], fact["ts"] + max(0, response - feed))


@kernel
def _learn_next(state, world, out):
    """The next fact of ours reaches the strategy; the Wake that it is."""
    clock = world.clock[0]
    fact = out[clock["told"]]
    clock["told_due"] = due(world, fact)
    clock["told_feed"] = latency_at(world.feed, clock["told_feed"], fact["ts"])
    clock["told_response"] = latency_at(world.response, clock["told_response"], fact["ts"])
    clock["told"] += 1
    return learn(state, world, fact)


@kernel
def _learn_past(state, world, out, n):
    """Facts that reached the strategy before now, for which nobody wanted to be called."""
    clock = world.clock[0]
    while clock["told"] < n and due(world, out[clock["told"]]) < clock["now"]:
        _learn_next(state, world, out)


@kernel
def _fact_wake(state, world, out, n):
    """Facts of ours that reach the strategy now; returns at the first that it wants to be called for."""
    clock = world.clock[0]
    while clock["told"] < n and due(world, out[clock["told"]]) <= clock["now"]:
        wake = _learn_next(state, world, out)
        if wake != 0 and (clock["wants"] >> wake) & 1:
            return wake
    return 0


@kernel
def _timer_wake(world):
    clock = world.clock[0]
    if clock["wants"] & WANT_BAR and clock["bar_next"] <= clock["now"]:
        while clock["cursor"] < len(world.bars):
            instrument = clock["cursor"]
            clock["cursor"] += 1
            world.event[0]["instrument"] = instrument
            world.event[0]["ts"] = clock["bar_next"]
            return Wake.BAR
        clock["cursor"] = 0
        clock["bar_next"] += clock["bar_every"]
        for k in range(len(world.bars)):
            world.bars[k]["volume"] = 0
    if clock["wants"] & WANT_TIMER and clock["timer_next"] - clock["feed"] <= clock["now"]:
        world.event[0]["ts"] = clock["timer_next"]
        clock["timer_next"] += clock["timer_every"]
        return Wake.TIMER
    return 0


@kernel
def begin(state, world):
    """From here on the strategy watches: what was before is no change, no trade and no bar."""
    clock = world.clock[0]
    for k in range(len(world.seen)):
        look(state, k, world.seen[k])
        world.bars[k]["since"] = state.instruments[k]["volume"]
        world.bars[k]["volume"] = 0
        world.is_dirty[k] = 0
    clock["dirty"] = 0
    clock["cursor"] = 0
    clock["half"] = 0


@kernel
def _command_due(world):
    """Whether a command of ours reaches the exchange now: it goes before timers (but not between the bars of one time)."""
    clock = world.clock[0]
    return clock["entered"] < clock["stamped"] and world.sent[clock["entered"]]["arrival"] <= clock["now"]


@kernel
def next_wake(state, world, out, n):
    """The next call that is due now: the market's, then our facts', then (once our commands of now are in) timers'."""
    clock = world.clock[0]
    if clock["first"] < NEVER:  # the strategy has not begun
        if clock["first"] > clock["now"]:
            return 0
        clock["first"] = NEVER
        begin(state, world)
        if clock["wants"] & WANT_START:
            return Wake.START
    wake = 0
    if clock["dirty"] > 0:
        _learn_past(state, world, out, n)
        wake = _market_wake(state, world)
    if wake == 0:
        wake = _fact_wake(state, world, out, n)
    if wake == 0 and (clock["cursor"] != 0 or not _command_due(world)):
        wake = _timer_wake(world)
    return wake


@kernel
def take_sample(state, world):
    """A row for each instrument whose market changed since its last sample."""
    clock = world.clock[0]
    for instrument in range(len(world.sampled)):
        was = world.sampled[instrument]
        terms = state.instruments[instrument]
        if terms["volume"] == was["volume"] and not differs(state, instrument, was):
            continue
        look(state, instrument, was)
        bid, ask = state.ladders[2 * instrument]["best"], state.ladders[2 * instrument + 1]["best"]
        row = world.samples[clock["samples"]]
        clock["samples"] += 1
        row["ts"] = clock["sample_next"]
        row["instrument"] = instrument
        row["bid"] = was["bid"] * terms["tick"]
        row["ask"] = was["ask"] * terms["tick"]
        row["has"] = (bid != EMPTY) | ((ask != EMPTY) << 1) | (np.int64(terms["traded"]) << 2)
        row["bid_quantity"] = was["bid_lots"]
        row["ask_quantity"] = was["ask_lots"]
        row["last"] = terms["last"]
        row["volume"] = terms["volume"]

"""The timeline of a backtest: history, our commands when they arrive, facts when they reach us, timers; in that order at one time.

`advance` runs until the strategy is to be called and says so; whoever called it (a Python class or a compiled function) then looks at
`world`, appends commands, and calls again. Both therefore run the same code and get the same facts.
"""

import numpy as np

from engine.kernel import entry_kernel, kernel
from engine.pointers import call_function
from engine.state import EMPTY
from engine.step import commands_left, needs_number, step, worst_case
from engine.view import differs, learn, look, show_books
from engine.vocabulary import Kind
from engine.world import NEVER, WAKE_ROOM, Wake, Want

DONE, CALL, ROOM = 0, 1, 2
"""What `advance` returns: the end, a call of the strategy, or the driver has to do something (an array is full, a block ended)."""
WANT_TIMER, WANT_BAR, WANT_TRADE, WANT_BOOK, WANT_TOUCH = (int(w) for w in (Want.TIMER, Want.BAR, Want.TRADE, Want.BOOK, Want.TOUCH))
MARKET = int(Want.BOOK | Want.TOUCH | Want.TRADE)
OWN_FACTS = int(Want.ACCEPTED | Want.REJECTED | Want.CANCELLED | Want.REPLACED | Want.FILL)


@kernel
def _latency(series, at, now):
    """Index of the step of a latency series that holds at `now`."""
    while at + 1 < len(series) and series[at + 1]["ts"] <= now:
        at += 1
    return at


@kernel
def _tell_latencies(world):
    clock = world.clock[0]
    clock["feed_at"] = _latency(world.feed, clock["feed_at"], clock["now"])
    clock["order_at"] = _latency(world.order, clock["order_at"], clock["now"])
    clock["response_at"] = _latency(world.response, clock["response_at"], clock["now"])
    clock["feed"] = world.feed[clock["feed_at"]]["value"]
    clock["order"] = world.order[clock["order_at"]]["value"]
    clock["response"] = world.response[clock["response_at"]]["value"]
    clock["time"] = max(clock["time"], clock["now"] + clock["feed"])


@kernel
def _note_order(world, c):
    """What we sent is known to us at once: a new order on its way, a cancel asked for."""
    clock = world.clock[0]
    if c["kind"] == Kind.NEW:
        own = world.own[clock["open"]]
        clock["open"] += 1
        own["order_id"] = np.int64(c["order_id"])
        own["instrument"] = c["instrument"]
        own["side"] = c["side"]
        own["price"] = c["price"]
        own["quantity"] = c["quantity"]
        own["remaining"] = c["quantity"]
        own["accepted"] = 0
        own["cancelling"] = 0
    elif c["kind"] == Kind.CANCEL:
        for row in range(clock["open"]):
            if world.own[row]["order_id"] == np.int64(c["order_id"]):
                world.own[row]["cancelling"] = 1


@kernel
def stamp(state, world):
    """Give what the strategy sent just now its time of arrival, and prices their units (a strategy names ticks)."""
    clock = world.clock[0]
    for k in range(clock["stamped"], clock["sent"]):
        c = world.commands[k]
        _note_order(world, c)
        arrival = clock["time"] + clock["order"]
        if k > 0:
            arrival = max(arrival, world.sent[k - 1]["arrival"])  # one connection: nothing overtakes
        world.sent[k]["arrival"] = arrival
        c["ts"] = arrival
        if -(1 << 31) < c["price"] < (1 << 31) and c["instrument"] < len(state.instruments):
            c["price"] *= state.instruments[c["instrument"]]["tick"]
    clock["stamped"] = clock["sent"]


@kernel
def _fits(state, world, c, out, n):
    if n + worst_case(state, c) <= len(out) and commands_left(state) > 0 and not needs_number(state, c):
        return True
    world.clock[0]["need"] = worst_case(state, c)
    return False


@kernel
def _touched(world, instrument):
    if instrument < len(world.is_dirty) and world.is_dirty[instrument] == 0:
        world.is_dirty[instrument] = 1
        world.dirty[world.clock[0]["dirty"]] = instrument
        world.clock[0]["dirty"] += 1


@kernel
def _add_to_bar(state, world, instrument):
    """The last print of `instrument` goes into its open bar."""
    bar = world.bars[instrument]
    terms = state.instruments[instrument]
    more = terms["volume"] - bar["since"]
    if more > 0:
        price = terms["last"] / terms["tick"]
        if bar["volume"] == 0:
            bar["open"] = price
            bar["high"] = price
            bar["low"] = price
        bar["high"] = max(bar["high"], price)
        bar["low"] = min(bar["low"], price)
        bar["close"] = price
        bar["volume"] += more
        bar["since"] = terms["volume"]


@kernel
def _due(world, fact):
    """Exchange time at which a fact of ours has reached the strategy: with the feed, or later where the response is slower."""
    clock = world.clock[0]
    return max(clock["told_due"], fact["ts"] + max(0, clock["response"] - clock["feed"]))


@kernel
def _horizon(world, out, n):
    """Exchange time of the next thing that is not history."""
    clock = world.clock[0]
    time = clock["sample_next"]
    if clock["entered"] < clock["stamped"]:
        time = min(time, world.sent[clock["entered"]]["arrival"])
    if clock["told"] < n and clock["wants"] & OWN_FACTS:
        time = min(time, _due(world, out[clock["told"]]))
    if clock["wants"] & WANT_TIMER:
        time = min(time, max(clock["timer_next"] - clock["feed"], clock["now"]))
    if clock["wants"] & WANT_BAR:
        time = min(time, clock["bar_next"])
    return time


@kernel
def _play(state, world, history, until, out, n):
    """History's rows up to and including `until`; it stops after an exchange event that somebody may be called for.

    Returns (fits, n): fits is False where an array is full before the next row.
    """
    clock = world.clock[0]
    row, rows = clock["row"], clock["rows"]
    watched = clock["wants"] & MARKET
    bars = clock["wants"] & WANT_BAR
    called = clock["wants"] & OWN_FACTS
    began = n
    while row < rows and history[row]["ts"] <= until:
        c = history[row]
        if (watched or (called and n != began)) and c["ts"] != clock["now"]:
            if clock["dirty"] > 0 or n != began:
                break
            clock["now"] = c["ts"]
        if row >= clock["block"] or not _fits(state, world, c, out, n):
            clock["row"] = row
            return False, n
        n = step(state, c, out, n)
        row += 1
        if watched:
            _touched(world, np.int64(c["instrument"]))
        if bars and c["instrument"] < len(world.bars):
            _add_to_bar(state, world, np.int64(c["instrument"]))
        clock["now"] = max(clock["now"], c["ts"])
    clock["row"] = row
    return True, n


@kernel
def _enter(state, world, out, n):
    """Our commands that arrive now, in order of sending."""
    clock = world.clock[0]
    while clock["entered"] < clock["stamped"] and world.sent[clock["entered"]]["arrival"] <= clock["now"]:
        c = world.commands[clock["entered"]]
        if not _fits(state, world, c, out, n):
            return False, n
        sent = world.sent[clock["entered"]]
        sent["row"] = clock["row"]
        sent["seq"] = state.session[0]["seq"] + 1
        n = step(state, c, out, n)
        clock["entered"] += 1
        if clock["wants"] & MARKET:
            _touched(world, np.int64(c["instrument"]))
        if clock["wants"] & WANT_BAR and c["instrument"] < len(world.bars):
            _add_to_bar(state, world, np.int64(c["instrument"]))
    return True, n


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
def _fact_wake(state, world, out, n):
    """Facts of ours that have reached the strategy by now; returns at the first that it wants to be called for."""
    clock = world.clock[0]
    while clock["told"] < n:
        due = _due(world, out[clock["told"]])
        if due > clock["now"]:
            return 0
        clock["told_due"] = due
        wake = learn(state, world, out[clock["told"]])
        clock["told"] += 1
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
def _next_wake(state, world, out, n):
    """The next call that is due now: the market's, then our facts', then timers'."""
    clock = world.clock[0]
    wake = 0
    if clock["dirty"] > 0:
        wake = _market_wake(state, world)
    if wake == 0:
        wake = _fact_wake(state, world, out, n)
    if wake == 0:
        wake = _timer_wake(world)
    return wake


@kernel
def _sample(state, world):
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


@kernel
def _full(world):
    """Whether the strategy might not find room for what it sends, or a sample for its row."""
    clock = world.clock[0]
    if clock["sent"] + WAKE_ROOM > len(world.commands) or clock["open"] + WAKE_ROOM > len(world.own):
        return True
    return clock["samples"] + len(world.sampled) > len(world.samples)


@kernel
def proceed(state, world, history, out, n):
    """Run until the next call of the strategy: (CALL | ROOM | DONE, n). `world.event` and the view say what it is called for."""
    clock = world.clock[0]
    stamp(state, world)
    while True:
        if _full(world):
            return ROOM, n
        wake = _next_wake(state, world, out, n)
        if wake != 0:
            world.event[0]["kind"] = wake
            clock["wakes"] += 1
            show_books(state, world)
            return CALL, n
        horizon = _horizon(world, out, n)
        following = history[clock["row"]]["ts"] if clock["row"] < clock["rows"] else NEVER
        time = max(min(horizon, following), clock["now"])
        if time > clock["end"] or min(horizon, following) >= NEVER:
            return DONE, n
        if following <= horizon:
            if following > clock["now"]:
                clock["now"] = following
            fits, n = _play(state, world, history, min(horizon, clock["end"]), out, n)
        else:
            clock["now"] = time
            fits = True
        if fits:
            fits, n = _enter(state, world, out, n)
        if not fits:
            return ROOM, n
        _tell_latencies(world)
        if clock["sample_next"] < NEVER and clock["sample_next"] <= min(horizon, following) and _quiet(world, history):
            _sample(state, world)
            clock["sample_next"] += clock["sample_every"]


@kernel
def _quiet(world, history):
    """Whether everything up to the next sample's time has happened."""
    clock = world.clock[0]
    if clock["row"] < clock["rows"] and history[clock["row"]]["ts"] <= clock["sample_next"]:
        return False
    return clock["entered"] >= clock["stamped"] or world.sent[clock["entered"]]["arrival"] > clock["sample_next"]


@entry_kernel
def advance(state, world, history, out, n):
    """`proceed` for a strategy that Python calls."""
    return proceed(state, world, history, out, n)


@entry_kernel
def trade(state, world, history, out, n, address):
    """`proceed` for a compiled strategy: the C function at `address` takes the address of `world`."""
    while True:
        code, n = proceed(state, world, history, out, n)
        if code != CALL:
            return code, n
        call_function(address, world)

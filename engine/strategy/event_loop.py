"""The timeline of a backtest: history, our commands when they arrive, facts when they reach us, timers; in that order at one time.

`advance` runs until the strategy is to be called and says so; whoever called it (a Python class or a compiled function) then looks at
`world`, appends commands, and calls again. Both therefore run the same code and get the same facts.
"""

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Kind
from engine.step import commands_left, needs_row, step, worst_case
from engine.strategy.calls import call_function
from engine.strategy.dispatch import due, next_wake, take_sample
from engine.strategy.latency import next_feed_step, stamp, tell_latencies
from engine.strategy.loop_state import COMMANDS_PER_CALL, NEVER, Want
from engine.strategy.market_view import show_books

DONE, CALL, ROOM = 0, 1, 2
"""What `advance` returns: the end, a call of the strategy, or the driver has to do something (an array is full, a block ended)."""
WANT_TIMER, WANT_BAR = int(Want.TIMER), int(Want.BAR)
MARKET = int(Want.BOOK | Want.TOUCH | Want.TRADE)
OWN_FACTS = int(Want.ACCEPTED | Want.REJECTED | Want.CANCELLED | Want.REPLACED | Want.FILL)


@kernel
def _fits(state, world, c, out, n):
    if n + worst_case(state, c) <= len(out) and commands_left(state) > 0 and not needs_row(state, c):
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
def _print(bar, price, lots):
    """A print goes into an open bar."""
    if bar["volume"] == 0:
        bar["open"] = price
        bar["high"] = price
        bar["low"] = price
    bar["high"] = max(bar["high"], price)
    bar["low"] = min(bar["low"], price)
    bar["close"] = price
    bar["volume"] += lots
    bar["since"] += lots


@kernel
def _add_to_bar(state, world, instrument, out, before, n):
    """What a command printed, its fills out[before:n] and a print of history's own, goes into the open bar of `instrument`."""
    bar = world.bars[instrument]
    terms = state.instruments[instrument]
    for k in range(before, n):
        if out[k]["kind"] == Kind.TradeExecuted:
            _print(bar, out[k]["price"] / terms["tick"], np.int64(out[k]["quantity"]))
    if terms["volume"] > bar["since"]:
        _print(bar, terms["last"] / terms["tick"], terms["volume"] - bar["since"])


@kernel
def _horizon(world, out, n):
    """Exchange time of the next thing that is not history."""
    clock = world.clock[0]
    time = min(clock["sample_next"], clock["first"])
    if clock["entered"] < clock["stamped"]:
        time = min(time, world.sent[clock["entered"]]["arrival"])
    if clock["first"] < NEVER:
        return time
    if clock["told"] < n and clock["wants"] & OWN_FACTS:
        time = min(time, due(world, out[clock["told"]]))
    if clock["wants"] & WANT_TIMER:
        time = min(time, max(clock["timer_next"] - clock["feed"], clock["now"]))
        time = min(time, next_feed_step(world))
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
        if (clock["dirty"] > 0 or (n != began and (watched or called))) and c["ts"] != clock["now"]:
            break
        if row >= clock["block"] or not _fits(state, world, c, out, n):
            clock["row"] = row
            return False, n
        before = n
        n = step(state, c, out, n)
        if n < 0:
            clock["row"] = row
            clock["need"] = 0
            return False, before
        row += 1
        if watched:
            _touched(world, np.int64(c["instrument"]))
        if bars and c["instrument"] < len(world.bars):
            _add_to_bar(state, world, np.int64(c["instrument"]), out, before, n)
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
        before = n
        n = step(state, c, out, n)
        if n < 0:
            clock["need"] = 0
            return False, before
        clock["entered"] += 1
        if clock["wants"] & MARKET:
            _touched(world, np.int64(c["instrument"]))
        if clock["wants"] & WANT_BAR and c["instrument"] < len(world.bars):
            _add_to_bar(state, world, np.int64(c["instrument"]), out, before, n)
    return True, n


@kernel
def _full(world):
    """Whether the strategy might not find room for what it sends, or a sample for its row."""
    clock = world.clock[0]
    if clock["sent"] + COMMANDS_PER_CALL > len(world.commands) or clock["open"] + COMMANDS_PER_CALL > len(world.own):
        return True
    return clock["samples"] + len(world.sampled) > len(world.samples)


@kernel
def _unfinished(world, history):
    """Whether the exchange event of now is not over: an array was full in the middle of it."""
    clock = world.clock[0]
    return clock["amid"] != 0 or (clock["row"] < clock["rows"] and history[clock["row"]]["ts"] <= clock["now"])


@kernel
def proceed(state, world, history, out, n):
    """Run until the next call of the strategy: (CALL | ROOM | DONE, n). `world.event` and the view say what it is called for."""
    clock = world.clock[0]
    stamp(state, world)
    while True:
        if _full(world):
            return ROOM, n
        wake = 0 if _unfinished(world, history) else next_wake(state, world, out, n)
        if wake != 0:
            world.event[0]["kind"] = wake
            clock["wakes"] += 1
            clock["time"] = max(clock["time"], clock["now"] + clock["feed"])
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
            clock["amid"] = not fits
        tell_latencies(world)
        if not fits:
            return ROOM, n
        if clock["sample_next"] < NEVER and clock["sample_next"] <= min(horizon, following) and _quiet(world):
            take_sample(state, world)
            clock["sample_next"] += clock["sample_every"]


@kernel
def _quiet(world):
    """Whether everything up to the next sample's time has happened."""
    clock = world.clock[0]
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

"""The timeline of strategies: history, their commands when they arrive, facts when they reach them, timers; in that order at one time.

`advance` runs until a strategy is to be called: a compiled one it calls itself, for a Python class it returns; the class then looks at
its state, writes commands, and the driver calls again. Both forms therefore run the same code and get the same facts.
"""

import numpy as np

from engine.compiler.calls import call_function
from engine.compiler.kernel import entry_kernel, kernel
from engine.loop.dispatch import first_command, next_wake, strategy_at, waits
from engine.loop.latency import next_feed_step, stamp, update_latencies
from engine.loop.loop_state import COMMANDS_PER_CALL, NEVER, Want
from engine.loop.market_view import note_mark, show_books, take_sample
from engine.loop.own_view import due, next_own
from engine.messages.vocabulary import Grain, Kind
from engine.step import commands_left, needs_row, step, worst_case

DONE, CALL, GROW = 0, 1, 2
"""What `advance` returns: the end, a call of a Python class, or the driver has to do something (an array is full, a block ended)."""
WANT_TIMER, WANT_BAR, BARS = int(Want.TIMER), int(Want.BAR), int(Grain.BARS)
MARKET = int(Want.BOOK | Want.TOUCH | Want.TRADE)
OWN_FACTS = int(Want.ACCEPTED | Want.REJECTED | Want.CANCELLED | Want.REPLACED | Want.FILL)


@kernel
def _fits(state, loop, c, out, n):
    room = n + worst_case(state, c) <= len(out) and loop.clock[0]["marks"] < len(loop.marks)
    if room and commands_left(state) > 0 and not needs_row(state, c):
        return True
    loop.clock[0]["need"] = worst_case(state, c)
    return False


@kernel
def _touched(loop, instrument):
    if instrument < len(loop.is_dirty) and loop.is_dirty[instrument] == 0:
        loop.is_dirty[instrument] = 1
        loop.dirty[loop.clock[0]["dirty"]] = instrument
        loop.clock[0]["dirty"] += 1


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
def _add_to_bars(state, loop, c, out, before, n):
    """What a command printed goes into the open bars of its instrument: a print of history's own, then the fills among out[before:n].

    Of an instrument whose history is bars ours have no part in them: they stay as recorded.
    """
    if c["instrument"] >= len(loop.is_dirty):
        return
    terms, filled = state.instruments[c["instrument"]], 0
    for k in range(before, n):
        if out[k]["kind"] == Kind.TradeExecuted:
            filled += np.int64(out[k]["quantity"])
    for s in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[s])
        if mine.clock[0]["wants"] & WANT_BAR:
            bar = mine.bars[c["instrument"]]
            if terms["volume"] > bar["since"] + filled:
                _print(bar, c["price"] / terms["tick"], terms["volume"] - bar["since"] - filled)
            if terms["grain"] == BARS:
                bar["since"] = terms["volume"]
                continue
            for k in range(before, n):
                if out[k]["kind"] == Kind.TradeExecuted:
                    _print(bar, out[k]["price"] / terms["tick"], np.int64(out[k]["quantity"]))


@kernel
def _timed_horizon(mine, now):
    """Exchange time of a strategy's next bar, timer or alarm; of a step of its feed latency, which moves the last two."""
    clock = mine.clock[0]
    time = clock["alarm_next"]
    if clock["wants"] & WANT_TIMER:
        time = min(time, clock["timer_next"])
    if time < NEVER:
        time = min(max(time - clock["feed"], now), next_feed_step(mine))
    return min(time, clock["bar_next"]) if clock["wants"] & WANT_BAR else time


@kernel
def _free(clock):
    """The first exchange time at which a strategy's command may enter."""
    return clock["now"] + 1 if clock["distinct"] and not clock["amid"] else clock["now"]


@kernel
def _strategy_horizon(mine, now, free, out, n):
    """Exchange time of what comes next for a strategy beside history; `free`: the first at which a command may enter."""
    clock = mine.clock[0]
    time = max(mine.sent[clock["entered"]]["arrival"], free) if clock["entered"] < clock["stamped"] else NEVER
    if free > now and waits(mine, now):
        return time
    if clock["first"] < NEVER:
        return min(time, clock["first"])
    if clock["wants"] & OWN_FACTS and next_own(mine, out, n):
        time = min(time, due(mine, out[clock["seen"]]))
    return min(time, _timed_horizon(mine, now))


@kernel
def _horizon(loop, out, n):
    """Exchange time of the next thing that is neither history nor a sample."""
    clock = loop.clock[0]
    time, free = NEVER, _free(clock)
    for k in range(len(loop.strategies)):
        time = min(time, _strategy_horizon(strategy_at(loop.strategies[k]), clock["now"], free, out, n))
    return time


@kernel
def _next_sample(state, loop, event):
    """Exchange time of the next sample. Where nothing has happened since the last one, those before `event` would have no row: through
    a night they are passed over."""
    clock = loop.clock[0]
    event = min(event, clock["end"] + 1)
    if clock["sample_next"] < event and clock["sampled"] == state.session[0]["seq"]:
        clock["sample_next"] += (event - clock["sample_next"] + clock["sample_every"] - 1) // clock["sample_every"] * clock["sample_every"]
    return clock["sample_next"]


@kernel
def _play(state, loop, history, until, out, n):
    """History's rows up to and including `until`; it stops after an exchange event that somebody may be called for.

    Returns (fits, n): fits is False where an array is full before the next row.
    """
    clock = loop.clock[0]
    row, rows = clock["row"], clock["rows"]
    watched = clock["wants"] & MARKET
    bars = clock["wants"] & WANT_BAR
    called = clock["wants"] & OWN_FACTS
    began = n
    while row < rows and history[row]["ts"] <= until:
        c = history[row]
        if (clock["dirty"] > 0 or (n != began and (watched or called))) and c["ts"] != clock["now"]:
            break
        if row >= clock["block"] or not _fits(state, loop, c, out, n):
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
            _touched(loop, np.int64(c["instrument"]))
        if bars:
            _add_to_bars(state, loop, c, out, before, n)
        clock["now"] = max(clock["now"], c["ts"])
        note_mark(state, loop, np.int64(c["instrument"]))
    clock["row"] = row
    return True, n


@kernel
def _enter(state, loop, out, n):
    """Strategies' commands that arrive now, in order of sending; where each is an event of its own, the first of them."""
    clock = loop.clock[0]
    k = first_command(loop, clock["now"])
    while k >= 0:
        mine = strategy_at(loop.strategies[k])
        entered = mine.clock[0]["entered"]
        c = mine.commands[entered]
        if not _fits(state, loop, c, out, n):
            return False, n
        sent = mine.sent[entered]
        if clock["distinct"]:
            c["ts"] = clock["now"]
            sent["arrival"] = clock["now"]
        sent["row"] = clock["row"]
        sent["seq"] = state.session[0]["seq"] + 1
        before = n
        n = step(state, c, out, n)
        if n < 0:
            clock["need"] = 0
            return False, before
        mine.clock[0]["entered"] += 1
        note_mark(state, loop, np.int64(c["instrument"]))
        if clock["wants"] & MARKET:
            _touched(loop, np.int64(c["instrument"]))
        if clock["wants"] & WANT_BAR:
            _add_to_bars(state, loop, c, out, before, n)
        if clock["distinct"]:
            break
        k = first_command(loop, clock["now"])
    return True, n


@kernel
def _full(loop):
    """Whether a strategy might not find room for what it sends, or a sample for its row."""
    clock = loop.clock[0]
    for k in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[k])
        own = mine.clock[0]
        if own["sent"] + COMMANDS_PER_CALL > len(mine.commands) or own["open"] + COMMANDS_PER_CALL > len(mine.own):
            return True
        if own["alarms"] + COMMANDS_PER_CALL > len(mine.alarms) or own["notes"] + COMMANDS_PER_CALL > len(mine.notes):
            return True
    return clock["samples"] + len(loop.sampled) > len(loop.samples)


@kernel
def _unfinished(loop, history):
    """Whether the exchange event of now is not over: an array was full in the middle of it."""
    clock = loop.clock[0]
    return clock["amid"] != 0 or (clock["row"] < clock["rows"] and history[clock["row"]]["ts"] <= clock["now"])


@kernel
def _call(state, loop, wake):
    """Show the strategy that is called now what it is called for."""
    clock = loop.clock[0]
    mine = strategy_at(loop.strategies[clock["called"]])
    own = mine.clock[0]
    mine.event[0]["kind"] = wake
    own["wakes"] += 1
    own["time"] = max(own["time"], clock["now"] + own["feed"])
    show_books(state, mine)


@kernel
def _proceed(state, loop, history, out, n):
    """Run until the next call of a strategy: (CALL | GROW | DONE, n)."""
    clock = loop.clock[0]
    for k in range(len(loop.strategies)):
        stamp(state, strategy_at(loop.strategies[k]))
    while True:
        if _full(loop):
            return GROW, n
        wake = 0 if _unfinished(loop, history) else next_wake(state, loop, out, n)
        if wake != 0:
            _call(state, loop, wake)
            return CALL, n
        horizon = _horizon(loop, out, n)
        following = history[clock["row"]]["ts"] if clock["row"] < clock["rows"] else NEVER
        horizon = min(horizon, _next_sample(state, loop, min(horizon, following)))
        time = max(min(horizon, following), clock["now"])
        if time > clock["end"] or min(horizon, following) >= NEVER:
            return DONE, n
        if following <= horizon:
            if following > clock["now"]:
                clock["now"] = following
            fits, n = _play(state, loop, history, min(horizon, clock["end"]), out, n)
            enters = fits and not clock["distinct"]
        else:
            enters = time >= _free(clock)
            clock["now"] = time
            fits = True
        if enters:
            fits, n = _enter(state, loop, out, n)
            clock["amid"] = not fits
        for k in range(len(loop.strategies)):
            update_latencies(strategy_at(loop.strategies[k]), clock["now"])
        if not fits:
            return GROW, n
        if (
            clock["sample_next"] < NEVER
            and clock["sample_next"] <= min(horizon, following)
            and (clock["distinct"] or first_command(loop, clock["sample_next"]) < 0)
        ):
            take_sample(state, loop)
            clock["sampled"] = state.session[0]["seq"]
            clock["sample_next"] += clock["sample_every"]


@entry_kernel
def advance(state, loop, history, out, n):
    """Run until a Python strategy is to be called, the driver is needed, or it is done: (CALL | GROW | DONE, n)."""
    while True:
        code, n = _proceed(state, loop, history, out, n)
        if code != CALL:
            return code, n
        called = loop.clock[0]["called"]
        if loop.functions[called] == 0:
            return CALL, n
        loop.clock[0]["facts"] = n
        loop.clock[0]["calling"] = 1
        call_function(loop.functions[called], loop.strategies[called])
        loop.clock[0]["calling"] = 0

"""Whom to call now: for each strategy the market's wakes, then facts that have reached it; then bars, timers and alarms."""

import numpy as np

from engine.compiler.calls import at_address
from engine.compiler.kernel import kernel
from engine.loop.loop_state import NEVER, StrategyState, Wake, Want
from engine.loop.market_view import differs, look
from engine.loop.own_view import due, learn, next_own

WANT_START, WANT_TIMER, WANT_BAR = int(Want.START), int(Want.TIMER), int(Want.BAR)
WANT_TRADE, WANT_BOOK, WANT_TOUCH = int(Want.TRADE), int(Want.BOOK), int(Want.TOUCH)
strategy_at = at_address(StrategyState)


@kernel
def _market_wake(state, loop, mine):
    """The next TRADE or BOOK call for the exchange event that just ended, 0 where there is none left."""
    clock = mine.clock[0]
    wants = clock["wants"]
    event = mine.event[0]
    while clock["cursor"] < loop.clock[0]["dirty"]:
        instrument = np.int64(loop.dirty[clock["cursor"]])
        seen = mine.seen[instrument]
        terms = state.instruments[instrument]
        event["instrument"] = instrument
        event["ts"] = loop.clock[0]["now"]
        event["order_id"] = 0
        event["remaining"] = 0
        event["side"] = 0
        event["reason"] = 0
        event["ahead"] = 0
        event["fee"] = 0
        event["maker"] = 0
        if clock["half"] == 0:
            clock["half"] = 1
            if wants & WANT_TRADE and terms["volume"] != seen["volume"]:
                event["price"] = terms["last"] / terms["tick"]
                event["quantity"] = terms["volume"] - seen["volume"]
                seen["volume"] = terms["volume"]
                return Wake.TRADE
        clock["half"] = 0
        clock["cursor"] += 1
        if wants & WANT_BOOK or (wants & WANT_TOUCH and differs(state, instrument, seen)):
            look(state, instrument, seen)
            return Wake.BOOK
    return 0


@kernel
def _learn_past(state, loop, mine, out, n):
    """Facts that reached the strategy before now, for which it did not want to be called."""
    while next_own(mine, out, n) and due(mine, out[mine.clock[0]["seen"]]) < loop.clock[0]["now"]:
        learn(state, mine, out)


@kernel
def _fact_wake(state, loop, mine, out, n):
    """Facts that reach the strategy now; returns at the first that it wants to be called for."""
    while next_own(mine, out, n) and due(mine, out[mine.clock[0]["seen"]]) <= loop.clock[0]["now"]:
        wake = learn(state, mine, out)
        if wake != 0 and (mine.clock[0]["wants"] >> wake) & 1:
            return wake
    return 0


@kernel
def _bar_wake(loop, mine):
    """One call an instrument where a bar ends (of the feed's own bars only those with one); then the next bar begins."""
    clock = mine.clock[0]
    if clock["wants"] & WANT_BAR == 0 or clock["bar_next"] > loop.clock[0]["now"]:
        return 0
    own_bars = clock["bar_every"] == 0
    while own_bars and clock["bar_cursor"] < len(mine.bars) and mine.bars[clock["bar_cursor"]]["volume"] == 0:
        clock["bar_cursor"] += 1
    if clock["bar_cursor"] < len(mine.bars):
        mine.event[0]["instrument"] = clock["bar_cursor"]
        mine.event[0]["ts"] = clock["bar_next"]
        clock["bar_cursor"] += 1
        return Wake.BAR
    clock["bar_cursor"] = 0
    if own_bars:
        clock["bar_at"] += 1
        clock["bar_next"] = mine.bar_ends[clock["bar_at"]] if clock["bar_at"] < len(mine.bar_ends) else NEVER
    else:
        clock["bar_next"] += clock["bar_every"]
    for k in range(len(mine.bars)):
        mine.bars[k]["volume"] = 0
    return 0


@kernel
def _take_alarm(mine):
    """The earliest alarm, of one time the oldest, goes into `event`."""
    clock, event, first = mine.clock[0], mine.event[0], 0
    count = clock["alarms"] - 1
    for k in range(1, count + 1):
        alarm = mine.alarms[k]
        if alarm["ts"] < mine.alarms[first]["ts"]:
            first = k
    event["ts"] = mine.alarms[first]["ts"]
    event["order_id"] = mine.alarms[first]["number"]
    clock["alarms"] = count
    clock["alarm_next"] = NEVER
    for k in range(count):
        if k >= first:
            mine.alarms[k] = mine.alarms[k + 1]
        clock["alarm_next"] = min(clock["alarm_next"], mine.alarms[k]["ts"])


@kernel
def waits(mine, now):
    """Whether a command of the strategy that is due has yet to enter."""
    clock = mine.clock[0]
    return clock["entered"] < clock["stamped"] and mine.sent[clock["entered"]]["arrival"] <= now


@kernel
def _timed_wake(loop, mine, wait):
    """A bar, then the timer or an alarm, whichever is earlier; `wait`: a command goes first, but not between the bars of one time."""
    clock, now = mine.clock[0], loop.clock[0]["now"]
    if wait and clock["bar_cursor"] == 0:
        return 0
    wake = _bar_wake(loop, mine)
    if wake != 0 or wait:
        return wake
    timer = clock["timer_next"] if clock["wants"] & WANT_TIMER else NEVER
    if timer <= clock["alarm_next"]:
        if timer - clock["feed"] > now:
            return 0
        mine.event[0]["ts"] = timer
        mine.event[0]["order_id"] = 0
        clock["timer_next"] += clock["timer_every"]
        return Wake.TIMER
    if clock["alarm_next"] - clock["feed"] > now:
        return 0
    _take_alarm(mine)
    return Wake.ALARM


@kernel
def _begin(state, loop, mine):
    """From here on the strategy watches: what was before is no change, no trade and no bar."""
    clock = mine.clock[0]
    clock["first"] = NEVER
    for k in range(len(mine.seen)):
        look(state, k, mine.seen[k])
        mine.bars[k]["since"] = state.instruments[k]["volume"]
        mine.bars[k]["volume"] = 0
    clock["cursor"] = loop.clock[0]["dirty"]
    clock["half"] = 0


@kernel
def _event_wake(state, loop, mine, out, n):
    """The next call for what happened: of a strategy that begins now its start, the market's, then its facts'."""
    clock = mine.clock[0]
    if clock["first"] < NEVER:
        if clock["first"] > loop.clock[0]["now"]:
            return 0
        _begin(state, loop, mine)
        if clock["wants"] & WANT_START:
            return Wake.START
    if clock["cursor"] < loop.clock[0]["dirty"]:
        _learn_past(state, loop, mine, out, n)
        wake = _market_wake(state, loop, mine)
        if wake != 0:
            return wake
    return _fact_wake(state, loop, mine, out, n)


@kernel
def _clean(loop):
    """Every strategy was called for the exchange event."""
    clock = loop.clock[0]
    for k in range(clock["dirty"]):
        loop.is_dirty[loop.dirty[k]] = 0
    clock["dirty"] = 0
    for k in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[k]).clock[0]
        mine["cursor"] = 0
        mine["half"] = 0


@kernel
def first_command(loop, until):
    """The strategy whose command reaches the exchange next, by `until`; -1 where there is none. Of one time the first sent goes first."""
    found, arrival, time = -1, until, NEVER
    for k in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[k])
        clock = mine.clock[0]
        if clock["entered"] < clock["stamped"]:
            sent = mine.sent[clock["entered"]]
            if sent["arrival"] < arrival or (sent["arrival"] == arrival and sent["time"] < time):
                found, arrival, time = k, sent["arrival"], sent["time"]
    return found


@kernel
def next_wake(state, loop, out, n):
    """The next call that is due now, and in `called` of whom; strategies in their order. The market's and the facts' come first, then, once
    the commands of now are in, bars, timers and alarms."""
    clock = loop.clock[0]
    for k in range(len(loop.strategies)):
        wake = _event_wake(state, loop, strategy_at(loop.strategies[k]), out, n)
        if wake != 0:
            clock["called"] = k
            return wake
    if clock["dirty"] > 0:
        _clean(loop)
    wait = first_command(loop, clock["now"]) >= 0
    for k in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[k])
        if clock["distinct"]:  # what others sent is nothing to it: in another run it may be history
            wait = waits(mine, clock["now"])
        wake = _timed_wake(loop, mine, wait) if mine.clock[0]["first"] == NEVER else 0
        if wake != 0:
            clock["called"] = k
            return wake
    return 0

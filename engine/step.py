"""One command in, its facts out; and the loop over many. `step` is the whole exchange: everything else is a room of it."""

import numpy as np

from engine.bits import prefetch
from engine.book import first_node
from engine.entry import cancel_order, new_order, replace_order
from engine.facts import refuse
from engine.history import add_history, apply_flow, modify_history, notice, print_trade, reduce_history, remove, reveal
from engine.ids import home
from engine.kernel import entry_kernel, hot_kernel, kernel, rare_kernel
from engine.session import deposit_cash, end_day, list_instrument, mark_price, name_one, open_session, start_day
from engine.vocabulary import Kind, Reason

AHEAD = 12
"""Commands between the prefetch of an id and its use."""
SLACK = 8
"""Facts that a command may need beside one for each order it can meet."""


@kernel
def _history(state, c, out, n):
    kind = c["kind"]
    if kind == Kind.ADD:
        return add_history(state, c, out, n)
    if kind == Kind.REDUCE or kind == Kind.EXECUTE:
        return reduce_history(state, c, out, n)
    if kind == Kind.FLOW:
        return apply_flow(state, c, out, n)
    if kind == Kind.MODIFY:
        return modify_history(state, c, out, n)
    if kind == Kind.REVEAL:
        return reveal(state, c, out, n)
    if kind == Kind.REMOVE:
        return remove(state, c, out, n)
    if kind == Kind.PRINT:
        return print_trade(state, c, out, n)
    if kind == Kind.NOTICE:
        return notice(state, c, out, n)
    return refuse(state, out, n, Kind.CommandRejected, Reason.UNSUPPORTED, c)


@kernel
def _desk(state, c, out, n):
    kind = c["kind"]
    if kind == Kind.END_OF_DAY:
        return end_day(state, c, out, n)
    if kind == Kind.START_OF_DAY:
        return start_day(state, c, out, n)
    if kind == Kind.MARK:
        return mark_price(state, c, out, n)
    if kind == Kind.DEPOSIT:
        return deposit_cash(state, c, out, n)
    if kind == Kind.SESSION:
        return open_session(state, c, out, n)
    if kind == Kind.SYMBOL or kind == Kind.PORTFOLIO or kind == Kind.TRADER:
        return name_one(state, c, out, n)
    if kind == Kind.INSTRUMENT:
        return list_instrument(state, c, out, n)
    return refuse(state, out, n, Kind.CommandRejected, Reason.UNSUPPORTED, c)


@rare_kernel
def _others(state, c, out, n):
    if c["kind"] == Kind.REPLACE:
        return replace_order(state, c, out, n)
    if c["kind"] >= Kind.ADD:
        return _history(state, c, out, n)
    return _desk(state, c, out, n)


@kernel
def step(state, c, out, n):
    """Carry out the command `c`: change `state`, write its facts at out[n:], return the new n."""
    session = state.session[0]
    session["seq"] += 1
    if c["ts"] > session["ts"]:
        session["ts"] = c["ts"]
    kind = c["kind"]
    if kind == Kind.NEW:
        return new_order(state, c, out, n)
    if kind == Kind.CANCEL:
        return cancel_order(state, c, out, n)
    return _others(state, c, out, n)


@hot_kernel
def worst_case(state, c):
    """Facts that `c` can cause at most."""
    instrument = np.int64(c["instrument"])
    if instrument >= len(state.instruments):
        return SLACK
    if c["kind"] == Kind.END_OF_DAY:
        return SLACK + state.ladders[2 * instrument]["orders"] + state.ladders[2 * instrument + 1]["orders"]
    if c["kind"] == Kind.CANCEL:
        return SLACK
    if c["kind"] == Kind.REPLACE:  # its side is the order's
        return SLACK + max(state.ladders[2 * instrument]["orders"], state.ladders[2 * instrument + 1]["orders"])
    if c["kind"] >= Kind.ADD:
        return SLACK + max(state.ladders[2 * instrument]["own"], state.ladders[2 * instrument + 1]["own"])
    return SLACK + state.ladders[2 * instrument + 1 - (c["side"] & 1)]["orders"]


@hot_kernel
def commands_left(state):
    """Commands that certainly fit the arrays: each takes at most one order, id, history id and position."""
    session = state.session[0]
    left = min(len(state.orders) - 2 - session["live"], len(state.ids) // 8 * 5 - session["used"])
    left = min(left, len(state.venue) // 2 - session["known"])
    return min(left, min(len(state.positions), len(state.index) // 4) - session["positions"])


@hot_kernel
def _facts_fit(state, room):
    """Commands whose facts certainly fit `room`: each opens one order at most, and each order ends with one fact at most."""
    return (room - state.session[0]["live"]) // (SLACK + 1)


@kernel
def needs_number(state, c):
    """Whether `c` names an instrument, portfolio or trader for which the arrays have no row yet, within the session's limits."""
    kind = c["kind"]
    if kind > Kind.TRADER or kind < Kind.SYMBOL:
        return False
    session = state.session[0]
    if kind == Kind.PORTFOLIO:
        return len(state.portfolios) <= c["trader"] < session["portfolios_max"]
    if kind == Kind.TRADER:
        return len(state.traders) <= c["trader"] < session["traders_max"]
    number = c["trader"] if kind == Kind.SYMBOL else c["instrument"]
    return len(state.instruments) <= number < session["instruments_max"]


@hot_kernel
def fetch(state, table, i, identity, owner):
    """Ask the cache for the entry of an id that command `i` + AHEAD will look for, and for the order of one that was asked for before.

    Without a look at the command's kind: that branch would be guessed wrong for half of the commands. Whatever stands in `scratch`,
    only the cache sees it.
    """
    at = home(table, identity, owner)
    prefetch(table, at)
    before = np.int64(state.scratch[(i - AHEAD // 2) & 15]) & (len(table) - 1)
    state.scratch[i & 15] = at
    slot = (np.int64(table[before]["slot"]) - 1) & (len(state.orders) - 1)
    prefetch(state.orders, slot)
    prefetch(state.nodes, first_node(state) + slot)


@entry_kernel
def run(state, commands, start, stop, out, n):
    """Carry out commands[start:stop]; returns (next command, next free fact, facts that the next command may need).

    It returns early, between two commands, where an array is full: `out` if fewer than worst_case facts are left in it, else
    the state; the driver makes room and calls again. Facts and state do not depend on where it stopped.
    """
    i = start
    last = len(commands) - 1
    while i < stop:
        fit = min(commands_left(state), _facts_fit(state, len(out) - n))
        if fit < 1 and (commands_left(state) < 1 or n + worst_case(state, commands[i]) > len(out)):
            return i, n, worst_case(state, commands[i])
        until = min(stop, i + max(1, fit))
        while i < until:
            c = commands[i]
            if c["kind"] < Kind.NEW and needs_number(state, c):
                return i, n, worst_case(state, c)
            later = commands[min(i + AHEAD, last)]
            fetch(state, state.ids, i, later["order_id"], later["trader"])
            n = step(state, c, out, n)
            i += 1
    return i, n, 0

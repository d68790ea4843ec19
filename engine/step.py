"""One command in, its facts out; and the loop over many. `step` is the whole exchange: everything else is a part of it."""

import numpy as np

from engine.compiler.intrinsics import prefetch
from engine.compiler.kernel import cold_kernel, entry_kernel, hot_kernel, kernel, rare_kernel
from engine.compiler.lazy_kernels import STOPS_CASCADE, Lazy, call_lazy, not_loaded
from engine.matching.checks import listed
from engine.matching.entry import cancel_order, new_order
from engine.matching.history import add_history, apply_flow, modify_history, print_trade, reduce_history
from engine.messages.names import NAMES_AHEAD
from engine.messages.vocabulary import Flag, Kind, Reason
from engine.state.accounts import spread
from engine.state.arrays import MASK, W
from engine.state.facts import refuse
from engine.state.id_table import home
from engine.state.ladder import first_node, key_of
from engine.state.order_types import has_stop

AHEAD = 12
"""Commands between the prefetch of an id and its use."""
MANY_POSITIONS, MANY_INSTRUMENTS = 1 << 12, 1 << 8
"""Above these the cache no longer holds accounts and levels, and it pays to ask for them ahead."""
SLACK = 8
"""Facts that a command may need beside one for each order it can meet."""


@kernel
def _lazy_of(kind):
    """The lazy kernel that carries out commands of a kind as a whole; -1 where there is none."""
    if 0 < kind <= Kind.DEPOSIT:
        return Lazy.SESSION
    if Kind.END_OF_DAY <= kind <= Kind.REFERENCE:
        return Lazy.DAY
    if Kind.SET_LIMITS <= kind <= Kind.SET_RULES or Kind.HALT <= kind <= Kind.RESTRICT:
        return Lazy.SWITCHES
    if kind == Kind.LEVEL or kind == Kind.TRADE or kind == Kind.SET_QUEUE:
        return Lazy.LEVELS
    return Lazy.RECONCILE if Kind.NOTICE <= kind <= Kind.CLEAR else -1


@kernel
def _is_crossed(state, c):
    """Whether the command's instrument has a crossed book in which orders of ours stand."""
    if not listed(state, c["instrument"]):
        return False
    bids, asks = state.ladders[2 * np.int64(c["instrument"])], state.ladders[2 * np.int64(c["instrument"]) + 1]
    return ~asks["best"] <= bids["best"] and bids["own"] + asks["own"] != 0


@cold_kernel
def _seldom(state, c, out, n):
    """What neither an order nor a plain row of history asks for. Apart, so that a plain row saves no registers for its calls."""
    kind = c["kind"]
    lazy = _lazy_of(kind)
    if lazy < 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNSUPPORTED, c)
    if not_loaded(state, lazy) or (lazy == Lazy.SWITCHES and (not_loaded(state, Lazy.PRETRADE) or not_loaded(state, Lazy.AFTER_FILL))):
        return -1
    if kind == Kind.RESUME and _is_crossed(state, c):
        if not_loaded(state, Lazy.RECONCILE):
            return -1
        n = call_lazy(state.lazy[lazy], state, c, out, n)
        return call_lazy(state.lazy[Lazy.RECONCILE], state, c, out, n)
    return call_lazy(state.lazy[lazy], state, c, out, n)


@rare_kernel
def _others(state, c, out, n):
    kind = c["kind"]
    if kind == Kind.ADD:
        return add_history(state, c, out, n)
    if kind == Kind.REDUCE or kind == Kind.EXECUTE:
        return reduce_history(state, c, out, n)
    if kind == Kind.FLOW:
        return apply_flow(state, c, out, n)
    if kind == Kind.MODIFY:
        return modify_history(state, c, out, n)
    if kind == Kind.PRINT:
        return print_trade(state, c, out, n)
    return _seldom(state, c, out, n)


@kernel
def step(state, c, out, n):
    """Carry out the command `c`: change `state`, write its facts at out[n:], return the new n.

    -1, and nothing has happened, where the command needs a kernel that is not loaded yet: the driver loads it and comes again.
    """
    session = state.session[0]
    session["seq"] += 1
    if c["ts"] > session["ts"]:
        session["ts"] = c["ts"]
    kind = c["kind"]
    if kind == Kind.NEW:
        n = new_order(state, c, out, n)
    elif kind == Kind.CANCEL:
        n = cancel_order(state, c, out, n)
    elif kind == Kind.REPLACE:
        n = -1 if not_loaded(state, Lazy.REPLACE) else call_lazy(state.lazy[Lazy.REPLACE], state, c, out, n)
    else:
        n = _others(state, c, out, n)
    if n < 0:
        session["seq"] -= 1
    elif session["pending"] != 0 and c["instrument"] < len(state.instruments):
        n = call_lazy(state.lazy[Lazy.STOPS], state, STOPS_CASCADE | np.int64(c["instrument"]), out, n)
    return n


@cold_kernel
def _worst_of_all(state, instrument):
    """Facts of a command that may set off stops, alarms or a kill switch: each fill may emit up to three, an order that ends two."""
    session = state.session[0]
    meets = session["pending"] + 1
    if instrument < len(state.instruments):
        meets += state.ladders[2 * instrument]["orders"] + state.ladders[2 * instrument + 1]["orders"]
    return SLACK + 3 * meets + 2 * session["open_orders"] + session["portfolios"]


@hot_kernel
def worst_case(state, c):
    """Facts that `c` can cause at most."""
    instrument = np.int64(c["instrument"])
    if not _is_plain(state) or c["kind"] == Kind.KILL or c["flags"] & Flag.REDUCE_ONLY:
        return _worst_of_all(state, instrument)
    if instrument >= len(state.instruments):
        return SLACK
    if Kind.RESUME <= c["kind"] <= Kind.END_OF_DAY:
        return SLACK + state.ladders[2 * instrument]["orders"] + state.ladders[2 * instrument + 1]["orders"]
    if c["kind"] == Kind.CANCEL:
        return SLACK
    if c["kind"] == Kind.REPLACE:  # its side is the order's
        return SLACK + max(state.ladders[2 * instrument]["orders"], state.ladders[2 * instrument + 1]["orders"])
    if c["kind"] >= Kind.ADD:
        return SLACK + max(state.ladders[2 * instrument]["own"], state.ladders[2 * instrument + 1]["own"])
    return SLACK + state.ladders[2 * instrument + 1 - (c["side"] & 1)]["orders"]


@hot_kernel
def _is_plain(state):
    """Whether an order's last fill, or its end, emits one fact: no stop is pending, no order was reduce-only, no limit is watched."""
    return state.session[0]["pending"] == 0 and state.session[0]["guarded"] == 0


@hot_kernel
def commands_left(state):
    """Commands that certainly fit the arrays: each takes at most one order, id, history id and position."""
    session = state.session[0]
    left = min(len(state.orders) - 2 - session["live"], len(state.ids) // 8 * 5 - session["used"])
    left = min(left, len(state.history_ids) // 2 - session["known"])
    return min(left, min(len(state.positions), len(state.index) // 4) - session["positions"])


@hot_kernel
def _facts_fit(state, room):
    """Commands, none of control, whose facts certainly fit in `room`: each opens one order, and an order ends with one fact.

    Where stops are pending or alarms are set, each fill may emit up to three facts; a stop adds one.
    """
    live = state.session[0]["live"]
    return (room - live) // (SLACK + 1) if _is_plain(state) else (room - 8 * live) // (SLACK + 8)


@hot_kernel
def _is_control(c):
    """Whether `c` concerns neither an order nor history: it may change what later commands can cause, or touch all portfolios."""
    return c["kind"] < Kind.NEW or (c["kind"] >= Kind.HALT and c["kind"] < Kind.ADD)


@kernel
def needs_row(state, c):
    """Whether `c` names something for which the arrays have no row yet, within the session's limits."""
    kind = c["kind"]
    if kind == Kind.RESTRICT:
        return 2 * state.session[0]["restrictions"] >= len(state.restricted)
    if kind > Kind.TRADER or kind < Kind.SYMBOL:
        return False
    session = state.session[0]
    return session["names"] >= min(len(state.naming), len(state.named) // 2) or names_row(state, c)


@kernel
def names_row(state, c):
    """Whether a SYMBOL, INSTRUMENT, PORTFOLIO or TRADER has a number that may come now, and no row for it."""
    session, kind, number = state.session[0], c["kind"], np.int64(c["trader"])
    if kind == Kind.PORTFOLIO:
        return len(state.portfolios) <= number < min(session["portfolios_max"], session["portfolios"] + NAMES_AHEAD)
    if kind == Kind.TRADER:
        return len(state.traders) <= number < min(session["traders_max"], session["traders"] + NAMES_AHEAD)
    number = number if kind == Kind.SYMBOL else np.int64(c["instrument"])
    next_one = session["symbols"] if kind == Kind.SYMBOL else session["instruments"]
    return number == next_one and len(state.instruments) <= number < session["instruments_max"]


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


@kernel
def _fetch_accounts(state, commands, i):
    """Ask the cache for the positions and portfolios of commands to come: of a NEW by its names, of others by the order (`fetch`).

    Each look is at what an earlier one asked for: index, position; entry of the id, order, position. Whatever stands there, only the
    cache sees it.
    """
    last = len(commands) - 1
    c = commands[min(i + AHEAD, last)]
    prefetch(state.index, spread(c["portfolio"], c["instrument"], len(state.index)))
    prefetch(state.portfolios, min(np.int64(c["portfolio"]), len(state.portfolios) - 1))
    c = commands[min(i + AHEAD // 2, last)]
    prefetch(state.positions, max(0, np.int64(state.index[spread(c["portfolio"], c["instrument"], len(state.index))]) - 1))
    entry = np.int64(state.scratch[(i - 3 * AHEAD // 4) & 15]) & (len(state.ids) - 1)
    slot = (np.int64(state.ids[entry]["slot"]) - 1) & (len(state.orders) - 1)
    prefetch(state.positions, np.int64(state.orders[slot]["position"]))
    prefetch(state.portfolios, np.int64(state.orders[slot]["portfolio"]))
    node = state.nodes[first_node(state) + slot]
    prefetch(state.nodes, np.int64(node["next"]))
    prefetch(state.nodes, np.int64(node["prev"]))
    prefetch(state.nodes, np.int64(node["cell"]))


@kernel
def _fetch_level(state, c):
    """Ask the cache for the level at which a command to come would rest."""
    instrument, side = min(np.int64(c["instrument"]), len(state.instruments) - 1), np.int64(c["side"]) & 1
    at = key_of(side, np.int64(c["price"]) // max(1, np.int64(state.instruments[instrument]["tick"]))) & MASK
    prefetch(state.nodes, (2 * instrument + side) * W + at)
    prefetch(state.words, (2 * instrument + side) * 64 + (at >> 6))


@entry_kernel
def run(state, commands, start, stop, out, n):
    """Carry out commands[start:stop]; returns (next command, next free fact, facts that the next command may need).

    It returns early, between two commands, where an array is full: `out` if fewer than worst_case facts are left in it, else
    the state; the driver makes room and calls again. Facts and state do not depend on where it stopped.
    """
    i = start
    last = len(commands) - 1
    large = len(state.positions) > MANY_POSITIONS or len(state.instruments) > MANY_INSTRUMENTS
    while i < stop:
        fit = min(commands_left(state), _facts_fit(state, len(out) - n))
        if fit < 1 or _is_control(commands[i]):
            if commands_left(state) < 1 or n + worst_case(state, commands[i]) > len(out) or needs_row(state, commands[i]):
                return i, n, worst_case(state, commands[i])
            fit = 1
        until = min(stop, i + fit)
        while i < until:
            c = commands[i]
            if _is_control(c) and fit > 1:
                break
            later = commands[min(i + AHEAD, last)]
            fetch(state, state.ids, i, later["order_id"], later["trader"])
            if large:
                _fetch_accounts(state, commands, i)
                _fetch_level(state, later)
            end = step(state, c, out, n)
            if end < 0:
                return i, n, 0
            n = end
            i += 1
            if has_stop(c["type"]) or c["flags"] & Flag.REDUCE_ONLY:
                break  # it may be pending, or rest, from now on; then each command may cause more facts
    return i, n, 0

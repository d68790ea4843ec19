"""Stops: each side of an instrument has a heap of those pending, the one that triggers first on top; after a trade they enter one by one.

A skew heap over the orders' own nodes (Sleator and Tarjan, 1986): `next` and `prev` are the children, `cell` the parent, 0 is none. It
needs no memory of its own, and entering, triggering and leaving cost O(log n) in the long run.
"""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.compiler.lazy_kernels import STOPS_CASCADE, STOPS_ENTER, STOPS_LEAVE
from engine.matching.entry import cancel_rest, reach_of, refused_by_book, rest_order, settle_order
from engine.matching.match import fillable, working_money
from engine.messages.vocabulary import Kind, Reason
from engine.state.accounts import work
from engine.state.facts import emit_order
from engine.state.ladder import first_node
from engine.state.order_types import FOK, rests

WHAT = STOPS_ENTER - 1
"""Bits of the number below what is asked for."""


@kernel
def _first(state, instrument, side):
    """Node of the stop on `side` that triggers first; 0 where none is pending."""
    terms = state.instruments[instrument]
    slot = np.int64(terms["buy_stop"] if side == 0 else terms["sell_stop"])
    return first_node(state) + slot if slot != 0 else 0


@kernel
def _set_first(state, instrument, side, node):
    slot = node - first_node(state) if node != 0 else 0
    if side == 0:
        state.instruments[instrument]["buy_stop"] = slot
    else:
        state.instruments[instrument]["sell_stop"] = slot


@kernel
def _precedes(state, side, a, b):
    """Whether the stop at node `a` triggers before the one at `b`: by stop price, then by time."""
    one, other = state.orders[a - first_node(state)], state.orders[b - first_node(state)]
    if one["stop_price"] != other["stop_price"]:
        return (one["stop_price"] < other["stop_price"]) == (side == 0)
    return one["queued"] < other["queued"]


@kernel
def _merge(state, side, a, b):
    """Merge two heaps, their top nodes given; returns the top of both."""
    nodes = state.nodes
    if a == 0 or b == 0:
        return max(a, b)
    if _precedes(state, side, b, a):
        a, b = b, a
    top = a
    while True:  # `b` goes into the right heap of `a`, and the two heaps of `a` change places
        right = np.int64(nodes[a]["prev"])
        nodes[a]["prev"] = nodes[a]["next"]
        if right == 0:
            nodes[a]["next"] = b
            nodes[b]["cell"] = a
            return top
        if _precedes(state, side, b, right):
            right, b = b, right
        nodes[a]["next"] = right
        nodes[right]["cell"] = a
        a = right


@kernel
def _leave(state, slot):
    """The order in `slot` is no longer pending."""
    order = state.orders[slot]
    nodes = state.nodes
    node = first_node(state) + slot
    side = np.int64(order["side"])
    parent = np.int64(nodes[node]["cell"])
    rest = _merge(state, side, np.int64(nodes[node]["next"]), np.int64(nodes[node]["prev"]))
    if rest != 0:
        nodes[rest]["cell"] = parent
    if parent == 0:
        _set_first(state, np.int64(order["instrument"]), side, rest)
    elif nodes[parent]["next"] == node:
        nodes[parent]["next"] = rest
    else:
        nodes[parent]["prev"] = rest
    order["pending"] = 0
    state.session[0]["pending"] -= 1


@kernel
def _hold(state, slot, lots):
    """The order in `slot` is pending from now on, with `lots` lots."""
    order = state.orders[slot]
    node = first_node(state) + slot
    side = np.int64(order["side"])
    instrument = np.int64(order["instrument"])
    order["pending"] = 1
    order["queued"] = state.session[0]["seq"]
    entry = state.nodes[node]
    entry["next"] = 0
    entry["prev"] = 0
    entry["cell"] = 0
    entry["quantity"] = lots
    _set_first(state, instrument, side, _merge(state, side, _first(state, instrument, side), node))
    state.session[0]["pending"] += 1
    work(state, order, lots, working_money(state, slot, lots), 0)


@kernel
def _is_through(state, slot):
    """Whether the last trade price has reached the stop price of the order in `slot`."""
    order = state.orders[slot]
    terms = state.instruments[order["instrument"]]
    if terms["traded"] == 0:
        return False
    return terms["last"] >= order["stop_price"] if order["side"] == 0 else terms["last"] <= order["stop_price"]


@kernel
def _trigger(state, out, n, slot, lots):
    """The order in `slot`, no longer pending, comes in as the MARKET or LIMIT order that it is."""
    order = state.orders[slot]
    seat = n
    n = emit_order(state, out, n, Kind.OrderTriggered, 0, slot, lots, 0)
    best = state.ladders[2 * np.int64(order["instrument"]) + 1 - order["side"]]["best"]
    reach = reach_of(state, order, order["price"])
    reason = refused_by_book(state, order, np.int64(order["position"]), best, reach)
    if reason == Reason.NONE and order["time_in_force"] == FOK and not fillable(state, slot, lots, reach):
        reason = Reason.NOT_FILLABLE
    if reason != Reason.NONE:
        return cancel_rest(state, out, n, slot, lots, reason)
    crosses = ~best <= reach
    if crosses or not rests(order["time_in_force"]):
        return settle_order(state, out, n, slot, lots, reach, crosses)
    ladder = 2 * np.int64(order["instrument"]) + order["side"]
    out[seat]["ahead"] = rest_order(state, ladder, reach, slot, lots, working_money(state, slot, lots))
    return n


@kernel
def _enter(state, out, n, slot):
    order = state.orders[slot]
    lots = np.int64(order["quantity"]) - np.int64(order["executed"])
    if _is_through(state, slot):
        return _trigger(state, out, n, slot, lots)
    _hold(state, slot, lots)
    return n


@kernel
def _cascade(state, out, n, instrument):
    """Triggered stops enter one at a time, buys first; each may move the last price and trigger more."""
    side = 0
    while side < 2 and state.instruments[instrument]["halted"] == 0:
        node = _first(state, instrument, side)
        slot = node - first_node(state)
        if node == 0 or not _is_through(state, slot):
            side += 1
            continue
        lots = np.int64(state.nodes[node]["quantity"])
        _leave(state, slot)
        work(state, state.orders[slot], -lots, -working_money(state, slot, lots), 0)
        n = _trigger(state, out, n, slot, lots)
        side = 0
    return n


@lazy_kernel
def stops(state, what, out, n):
    """STOPS_ENTER: an order, already reported, is held or triggers. STOPS_LEAVE: it is taken out. STOPS_CASCADE: a command is done."""
    number = what & WHAT
    if what >= STOPS_CASCADE:
        return _cascade(state, out, n, number)
    if what >= STOPS_LEAVE:
        _leave(state, number)
        return n
    return _enter(state, out, n, number)

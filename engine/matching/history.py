"""History as commands: what a venue's record says happened, beside our own orders in one queue.

History never trades with history. One aggressor is one FLOW, which fills our orders alone; the EXECUTE rows after it reduce history's
orders as recorded, so history stays in step with its record whatever we took.
"""

import numpy as np

from engine.compiler.kernel import kernel
from engine.compiler.lazy_kernels import Lazy, call_lazy, not_loaded
from engine.matching.checks import listed, on_tick, on_unit, whole_lots
from engine.matching.history_orders import COUNTS_ALL, OWN_PRICE, lose, new_history, stand, take_ours
from engine.matching.match import forget, set_last
from engine.messages.vocabulary import Flag, Grain, Kind, Reason
from engine.state.accounts import notional_of
from engine.state.facts import amend_history, emit_history, refuse
from engine.state.id_table import find, put
from engine.state.ladder import first_node

CONTINUED = int(Flag.CONTINUED)
BARS = int(Grain.BARS)


@kernel
def reach_of_price(terms, side, price):
    """Key up to which an aggressor on `side` with worst `price` reaches; the price need not be on the tick."""
    tick = terms["tick"]
    if side == 0:
        return price // tick
    return ~(-(-price // tick))


@kernel
def bad_history(state, c, displayed):
    """First reason against a history command that names a price and lots, else NONE."""
    if not listed(state, c["instrument"]):
        return Reason.UNKNOWN_INSTRUMENT
    if not whole_lots(c["quantity"]):
        return Reason.INVALID_QUANTITY
    terms = state.instruments[c["instrument"]]
    if not (on_tick(terms, c["price"]) if displayed else on_unit(terms, c["price"])):
        return Reason.INVALID_PRICE
    if c["side"] > 1:
        return Reason.INVALID_COMBINATION
    if notional_of(terms, c["price"], c["quantity"]) < 0:
        return Reason.MONEY_RANGE
    return Reason.NONE


@kernel
def add_history(state, c, out, n):
    """ADD: a new order of history."""
    reason = bad_history(state, c, True)
    if reason != Reason.UNKNOWN_INSTRUMENT and c["order_id"] == 0:
        reason = Reason.INVALID_ORDER_ID
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    at = find(state.history_ids, c["order_id"], c["instrument"])
    if state.history_ids[at]["slot"] != 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.DUPLICATE_ORDER, c)
    slot = new_history(state, c)
    put(state.history_ids, at, c["order_id"], c["instrument"], slot + 1)
    state.orders[slot]["place"] = at
    state.session[0]["known"] += 1
    seat = n
    n = emit_history(state, out, n, Kind.HistoryAdded, c, c["price"], c["quantity"], 0, 0)
    n, left = stand(state, out, n, c, slot, c["quantity"])
    amend_history(state, out[seat], c["quantity"], left)
    return n


@kernel
def reduce_history(state, c, out, n):
    """REDUCE and EXECUTE: an order of history loses lots, clipped to what ours left of it; EXECUTE prints.

    -1 where Lazy.RECONCILE is needed and not loaded.
    Lots that it no longer has although ours did not take them (a REMOVE, or an order without a name, took them by mistake) come from
    the others at its price: the level's sum follows the record.
    """
    executes = c["kind"] == Kind.EXECUTE
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    session = state.session[0]
    lots = c["quantity"]
    own, clipped, open_lots = np.int64(0), np.int64(0), np.int64(0)
    slot = np.int64(state.history_ids[find(state.history_ids, c["order_id"], c["instrument"])]["slot"]) - 1
    known = np.int64(state.nodes[first_node(state) + slot]["quantity"]) + state.orders[slot]["executed"] if slot >= 0 else 0
    if known < lots and not_loaded(state, Lazy.RECONCILE):
        return -1
    if slot >= 0:
        order = state.orders[slot]
        own = lose(state, slot, lots)
        clipped = min(lots - own, np.int64(order["executed"]))
        order["executed"] -= np.uint32(clipped)
        session["clipped"] += clipped
        open_lots = np.int64(state.nodes[first_node(state) + slot]["quantity"])
        if open_lots == 0 and order["executed"] == 0:
            forget(state, slot)
    others = lots - own - clipped
    missing = call_lazy(state.lazy[Lazy.RECONCILE], state, c, out, others) if others > 0 else others
    session["estimated"] += others - missing
    session["unknown"] += missing
    if executes:
        set_last(state, c["instrument"], c["price"], lots)
    kind = Kind.HistoryExecuted if executes else Kind.HistoryReduced
    return emit_history(state, out, n, kind, c, c["price"], lots - clipped - missing, open_lots, clipped)


@kernel
def modify_history(state, c, out, n):
    """MODIFY: new open lots or price; fewer lots at the same price keep the place."""
    reason = bad_history(state, c, True)
    session = state.session[0]
    at = find(state.history_ids, c["order_id"], c["instrument"]) if reason == Reason.NONE else 0
    if reason == Reason.NONE and state.history_ids[at]["slot"] == 0:
        session["unknown"] += c["quantity"]
        reason = Reason.UNKNOWN_ORDER
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    slot = np.int64(state.history_ids[at]["slot"]) - 1
    order = state.orders[slot]
    lots = c["quantity"]
    taken = np.int64(order["executed"])
    here = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    clipped = min(lots, taken)
    left = lots - clipped
    session["clipped"] += clipped
    seat = n
    n = emit_history(state, out, n, Kind.HistoryModified, c, c["price"], lots, left, clipped)
    if c["price"] == order["price"] and c["side"] == order["side"] and lots <= here + taken:
        if left < here:
            lose(state, slot, here - left)
        order["executed"] = clipped
    else:
        lose(state, slot, here)
        order["executed"] = clipped
        order["side"] = c["side"]
        if left > 0:
            n, left = stand(state, out, n, c, slot, left)
        order["price"] = c["price"]
    amend_history(state, out[seat], lots, left)
    return n


@kernel
def apply_flow(state, c, out, n):
    """FLOW: one aggressor takes from our orders what it would have taken in the merged queue.

    It comes in several where it took hidden lots at better prices than its worst, best price first: each counts the queue from its
    head, with less quantity, so that what an earlier one took of ours counts as taken.
    """
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    terms = state.instruments[c["instrument"]]
    reach = reach_of_price(terms, side, c["price"])
    swept = terms["swept"]
    seat = n
    n = emit_history(state, out, n, Kind.FlowApplied, c, c["price"], 0, 0, 0)
    n, _, traded = take_ours(state, out, n, c, side, c["quantity"] - swept, reach, COUNTS_ALL, OWN_PRICE)
    amend_history(state, out[seat], traded, 0)
    if c["flags"] & CONTINUED:
        state.instruments[c["instrument"]]["swept"] = swept + traded
    elif swept != 0:
        state.instruments[c["instrument"]]["swept"] = 0
    state.session[0]["displaced"] += traded
    return n


@kernel
def print_trade(state, c, out, n):
    """PRINT: a trade of which no order was displayed; it sets the last price and touches no order, but of bars it is a point of the path.

    -1 where Lazy.LEVELS is needed and not loaded.
    """
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    if state.instruments[c["instrument"]]["grain"] == BARS:
        return -1 if not_loaded(state, Lazy.LEVELS) else call_lazy(state.lazy[Lazy.LEVELS], state, c, out, n)
    set_last(state, c["instrument"], c["price"], c["quantity"])
    return emit_history(state, out, n, Kind.TradePrinted, c, c["price"], c["quantity"], 0, 0)

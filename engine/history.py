"""History as commands: what a venue's record says happened, beside our own orders in one queue.

History never trades with history. One aggressor is one FLOW, which fills our orders alone; the EXECUTE rows after it reduce history's
orders as recorded, so history stays in step with its record whatever we took.
"""

import numpy as np

from engine.book import first_node, in_ticks, key_of
from engine.checks import listed, on_tick, on_unit, whole_lots
from engine.facts import amend_history, fits, refuse, tell_history
from engine.ids import find, put
from engine.kernel import kernel
from engine.levels import level_list, stands_at
from engine.matching import forget, set_last
from engine.venue import ANYBODY, WHOLE, lose, new_history, stand, take_level, take_ours, take_unknown
from engine.vocabulary import HISTORY, Flag, Kind, Reason

HISTORY_TRADER = np.uint32(HISTORY)
OPENING = int(Flag.OPENING)
ESTIMATED = np.uint8(Flag.ESTIMATED)


@kernel
def _reach_of(terms, side, price):
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
    return Reason.NONE


@kernel
def add_history(state, c, out, n):
    """ADD: a new order of history."""
    reason = bad_history(state, c, True)
    if reason != Reason.UNKNOWN_INSTRUMENT and c["order_id"] == 0:
        reason = Reason.INVALID_ORDER_ID
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    at = find(state.venue, c["order_id"], c["instrument"])
    if state.venue[at]["slot"] != 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.DUPLICATE_ORDER, c)
    slot = new_history(state, c)
    put(state.venue, at, c["order_id"], c["instrument"], slot + 1)
    state.orders[slot]["place"] = at
    state.session[0]["known"] += 1
    seat = n
    n = tell_history(state, out, n, Kind.HistoryAdded, c, c["price"], c["quantity"], 0, 0)
    n, left = stand(state, out, n, c, slot, c["quantity"])
    amend_history(state, out[seat], c["quantity"], left)
    return n


@kernel
def reveal(state, c, out, n):
    """REVEAL: lots of the published book that we lack join the end of their level, under no id."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    if state.ladders[ladder]["own"] != 0:
        key = key_of(side, in_ticks(state.instruments[c["instrument"]], np.int64(c["price"])))
        first = first_node(state)
        sentinel = level_list(state, ladder, key)
        node = np.int64(state.nodes[sentinel]["next"])
        while node != sentinel:
            if state.orders[node - first]["trader"] != HISTORY_TRADER and stands_at(state, ladder, sentinel, node, key):
                state.orders[node - first]["flags"] |= ESTIMATED
            node = np.int64(state.nodes[node]["next"])
    slot = new_history(state, c)
    seat = n
    n = tell_history(state, out, n, Kind.HistoryRevealed, c, c["price"], c["quantity"], 0, 0)
    n, left = stand(state, out, n, c, slot, c["quantity"])
    amend_history(state, out[seat], c["quantity"], left)
    if left == 0:
        forget(state, slot)
    if not c["flags"] & OPENING:
        state.session[0]["revealed"] += c["quantity"]
    return n


@kernel
def remove(state, c, out, n):
    """REMOVE: lots that the published book does not hold leave their level: the newest orders that fit as a whole, then the newest."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    missing = take_level(state, c, c["quantity"], WHOLE, True)
    missing = take_level(state, c, missing, ANYBODY, True)
    state.session[0]["removed"] += c["quantity"] - missing
    state.session[0]["unknown"] += missing
    return tell_history(state, out, n, Kind.HistoryRemoved, c, c["price"], c["quantity"] - missing, 0, 0)


@kernel
def reduce_history(state, c, out, n):
    """REDUCE and EXECUTE: an order of history loses lots, clipped to what ours left of it; EXECUTE prints.

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
    slot = np.int64(state.venue[find(state.venue, c["order_id"], c["instrument"])]["slot"]) - 1
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
    missing = take_unknown(state, c, others) if others > 0 else others
    session["estimated"] += others - missing
    session["unknown"] += missing
    if executes:
        set_last(state, c["instrument"], c["price"], lots)
    kind = Kind.HistoryExecuted if executes else Kind.HistoryReduced
    return tell_history(state, out, n, kind, c, c["price"], lots - clipped - missing, open_lots, clipped)


@kernel
def modify_history(state, c, out, n):
    """MODIFY: new open lots or price; fewer lots at the same price keep the place."""
    reason = bad_history(state, c, True)
    session = state.session[0]
    at = find(state.venue, c["order_id"], c["instrument"]) if reason == Reason.NONE else 0
    if reason == Reason.NONE and state.venue[at]["slot"] == 0:
        session["unknown"] += c["quantity"]
        reason = Reason.UNKNOWN_ORDER
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    slot = np.int64(state.venue[at]["slot"]) - 1
    order = state.orders[slot]
    lots = c["quantity"]
    taken = np.int64(order["executed"])
    here = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    clipped = min(lots, taken)
    left = lots - clipped
    session["clipped"] += clipped
    seat = n
    n = tell_history(state, out, n, Kind.HistoryModified, c, c["price"], lots, left, clipped)
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
    """FLOW: one aggressor takes from our orders what it would have taken in the merged queue."""
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    reach = _reach_of(state.instruments[c["instrument"]], side, c["price"])
    seat = n
    n = tell_history(state, out, n, Kind.FlowApplied, c, c["price"], 0, 0, 0)
    n, _, traded = take_ours(state, out, n, c, side, c["quantity"], reach, True)
    amend_history(state, out[seat], traded, 0)
    state.session[0]["displaced"] += traded
    return n


@kernel
def print_trade(state, c, out, n):
    """PRINT: a trade of which no order was displayed; it sets the last price and touches nobody."""
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    set_last(state, c["instrument"], c["price"], c["quantity"])
    return tell_history(state, out, n, Kind.TradePrinted, c, c["price"], c["quantity"], 0, 0)


@kernel
def notice(state, c, out, n):
    """NOTICE: the venue said something (its code is in `price`); nothing changes."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    return tell_history(state, out, n, Kind.NoticeGiven, c, fits(c["price"], -(1 << 31) + 1, 1 << 31), 0, 0, 0)

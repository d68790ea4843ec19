"""History as commands: what a venue's record says happened, beside our own orders in one queue.

History never trades with history. One aggressor is one FLOW, which fills our orders alone; the EXECUTE rows after it reduce history's
orders as recorded, so history stays in step with its record whatever we took.
"""

import numpy as np

from engine.accounts import book_fill, position_of
from engine.book import first_node, leave, level_list, lower_key, rest, shrink, stands_at
from engine.entry import listed, on_tick, on_unit, whole_lots
from engine.facts import refuse, tell_history
from engine.ids import find, put
from engine.kernel import kernel
from engine.matching import book_trade, forget, open_slot, set_last
from engine.state import EMPTY
from engine.vocabulary import HISTORY, Flag, Kind, Reason

HISTORY_TRADER = np.uint32(HISTORY)
TAKER_HISTORY = int(Flag.TAKER_HISTORY)
OPENING = int(Flag.OPENING)
ESTIMATED = np.uint8(Flag.ESTIMATED)


@kernel
def _take_ours(state, out, n, c, side, lots, reach, counts_history):
    """An aggressor of history on `side` fills our resting orders within `reach`, in the merged queue.

    History's orders use up its quantity only where `counts_history`. Returns (n, lots left, lots that we traded).
    """
    instrument = np.int64(c["instrument"])
    ladder = 2 * instrument + 1 - side
    if state.ladders[ladder]["own"] == 0:
        return n, lots, 0
    first = first_node(state)
    world = position_of(state, 0, instrument)
    traded = 0
    key = state.ladders[ladder]["best"]
    while lots > 0 and ~key <= reach:
        below = lower_key(state, ladder, key)
        sentinel = level_list(state, ladder, key)
        ahead = 0
        node = np.int64(state.nodes[sentinel]["next"])
        while node != sentinel and lots > 0:
            after = np.int64(state.nodes[node]["next"])
            if stands_at(state, ladder, sentinel, node, key):
                here = np.int64(state.nodes[node]["quantity"])
                if state.orders[node - first]["trader"] != HISTORY_TRADER:
                    part = min(lots, here)
                    price = np.int64(state.orders[node - first]["price"])
                    book_trade(state, out, n, node - first, price, part, min(ahead, 0xFFFFFFFF))
                    out[n]["order_id"] = c["order_id"]
                    out[n]["trader"] = HISTORY_TRADER
                    out[n]["flags"] |= TAKER_HISTORY
                    out[n]["remaining"] = lots - part
                    each = price * state.instruments[instrument]["value"]
                    book_fill(state, 0, world, part if side == 0 else -part, each, 0)
                    n += 1
                    lots -= part
                    traded += part
                elif counts_history:
                    lots -= min(lots, here)
                ahead += here
            node = after
        key = below
    return n, lots, traded


@kernel
def _reach_of(terms, side, price):
    """Key up to which an aggressor on `side` with worst `price` reaches; the price need not be on the tick."""
    tick = terms["tick"]
    if side == 0:
        return price // tick
    return ~(-(-price // tick))


@kernel
def _stand(state, out, n, c, slot, lots):
    """History's order in `slot` comes in with `lots` lots: it trades with ours that it crosses, the rest rests."""
    order = state.orders[slot]
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    key = (np.int64(c["price"]) // state.instruments[c["instrument"]]["tick"]) ^ -side
    n, left, traded = _take_ours(state, out, n, c, side, lots, key, False)
    order["price"] = c["price"]
    order["executed"] += np.uint32(traded)
    state.nodes[first_node(state) + slot]["quantity"] = 0
    if left > 0:
        if ~state.ladders[ladder ^ 1]["best"] <= key:
            state.session[0]["crossed"] += left
        rest(state, ladder, key, slot, left)
    return n, left


@kernel
def _new_history(state, c):
    """A slot for an order of history; not yet in any list or table."""
    slot = open_slot(state)
    order = state.orders[slot]
    order["id"] = c["order_id"]
    order["created"] = state.session[0]["seq"]
    order["stop_price"] = 0
    order["quantity"] = c["quantity"]
    order["executed"] = 0
    order["portfolio"] = 0
    order["trader"] = HISTORY_TRADER
    order["place"] = 0
    order["position"] = position_of(state, 0, c["instrument"])
    order["instrument"] = c["instrument"]
    order["side"] = c["side"]
    order["type"] = 1
    order["time_in_force"] = 1
    order["self_trade"] = 0
    order["flags"] = 0
    return slot


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
    if reason == Reason.NONE and c["order_id"] == 0:
        reason = Reason.INVALID_ORDER_ID
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    at = find(state.venue, c["order_id"], c["instrument"])
    if state.venue[at]["slot"] != 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.DUPLICATE_ORDER, c)
    slot = _new_history(state, c)
    put(state.venue, at, c["order_id"], c["instrument"], slot + 1)
    state.orders[slot]["place"] = at
    state.session[0]["known"] += 1
    n, left = _stand(state, out, n, c, slot, c["quantity"])
    return tell_history(state, out, n, Kind.HistoryAdded, c, c["price"], c["quantity"], left, 0)


@kernel
def reveal(state, c, out, n):
    """REVEAL: lots of the published book that we lack join the end of their level, under no id."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    if state.ladders[ladder]["own"] != 0:
        key = (np.int64(c["price"]) // state.instruments[c["instrument"]]["tick"]) ^ -side
        first = first_node(state)
        sentinel = level_list(state, ladder, key)
        node = np.int64(state.nodes[sentinel]["next"])
        while node != sentinel:
            if state.orders[node - first]["trader"] != HISTORY_TRADER and stands_at(state, ladder, sentinel, node, key):
                state.orders[node - first]["flags"] |= ESTIMATED
            node = np.int64(state.nodes[node]["next"])
    slot = _new_history(state, c)
    n, left = _stand(state, out, n, c, slot, c["quantity"])
    if left == 0:
        forget(state, slot)
    if not c["flags"] & OPENING:
        state.session[0]["revealed"] += c["quantity"]
    return tell_history(state, out, n, Kind.HistoryRevealed, c, c["price"], c["quantity"], left, 0)


@kernel
def _lose(state, slot, lots):
    """History's order in `slot` loses up to `lots` of its open lots; returns how many. It stays in its table."""
    here = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    part = min(here, lots)
    if part == here:
        if here > 0:
            leave(state, slot)
            state.nodes[first_node(state) + slot]["quantity"] = 0
    else:
        shrink(state, slot, part)
    return part


@kernel
def _take_level(state, c, lots, anonymous, newest_first):
    """Take `lots` from history's orders at the command's side and price, anonymous or named ones; returns what is missing."""
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    key = (c["price"] // state.instruments[c["instrument"]]["tick"]) ^ -side
    if state.ladders[ladder]["best"] == EMPTY:
        return lots
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    node = np.int64(state.nodes[sentinel]["prev"] if newest_first else state.nodes[sentinel]["next"])
    while node != sentinel and lots > 0:
        after = np.int64(state.nodes[node]["prev"] if newest_first else state.nodes[node]["next"])
        order = state.orders[node - first]
        if order["trader"] == HISTORY_TRADER and (order["id"] == 0) == anonymous and stands_at(state, ladder, sentinel, node, key):
            lots -= _lose(state, node - first, lots)
            if state.nodes[node]["quantity"] == 0:
                forget(state, node - first)
        node = after
    return lots


@kernel
def remove(state, c, out, n):
    """REMOVE: lots that the published book does not hold leave their level, anonymous ones first, then the newest."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    missing = _take_level(state, c, c["quantity"], True, False)
    missing = _take_level(state, c, missing, False, True)
    state.session[0]["removed"] += c["quantity"] - missing
    state.session[0]["unknown"] += missing
    return tell_history(state, out, n, Kind.HistoryRemoved, c, c["price"], c["quantity"] - missing, 0, 0)


@kernel
def reduce_history(state, c, out, n):
    """REDUCE and EXECUTE: an order of history loses lots, clipped to what ours left of it; EXECUTE prints."""
    executes = c["kind"] == Kind.EXECUTE
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    session = state.session[0]
    lots = c["quantity"]
    clipped, open_lots = 0, 0
    slot = np.int64(state.venue[find(state.venue, c["order_id"], c["instrument"])]["slot"]) - 1
    if slot < 0:
        left = _take_level(state, c, lots, True, False)
        left = _take_level(state, c, left, False, not executes)
        session["estimated"] += lots - left
        session["unknown"] += left
    else:
        order = state.orders[slot]
        left = lots - _lose(state, slot, lots)
        clipped = min(left, np.int64(order["executed"]))
        order["executed"] -= np.uint32(clipped)
        session["clipped"] += clipped
        session["unknown"] += left - clipped
        open_lots = np.int64(state.nodes[first_node(state) + slot]["quantity"])
        if open_lots == 0 and order["executed"] == 0:
            forget(state, slot)
    if executes:
        set_last(state, c["instrument"], c["price"], lots)
    kind = Kind.HistoryExecuted if executes else Kind.HistoryReduced
    return tell_history(state, out, n, kind, c, c["price"], lots - left, open_lots, clipped)


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
    if c["price"] == order["price"] and c["side"] == order["side"] and lots <= here + taken:
        if left < here:
            _lose(state, slot, here - left)
        order["executed"] = clipped
    else:
        _lose(state, slot, here)
        order["executed"] = clipped
        order["side"] = c["side"]
        if left > 0:
            n, left = _stand(state, out, n, c, slot, left)
        order["price"] = c["price"]
    return tell_history(state, out, n, Kind.HistoryModified, c, c["price"], lots, left, clipped)


@kernel
def apply_flow(state, c, out, n):
    """FLOW: one aggressor takes from our orders what it would have taken in the merged queue."""
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    reach = _reach_of(state.instruments[c["instrument"]], side, c["price"])
    n, _, traded = _take_ours(state, out, n, c, side, c["quantity"], reach, True)
    state.session[0]["displaced"] += traded
    return tell_history(state, out, n, Kind.FlowApplied, c, c["price"], traded, 0, 0)


@kernel
def print_trade(state, c, out, n):
    """PRINT: a trade of which no order was displayed; it sets the last price and touches nobody."""
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    set_last(state, c["instrument"], c["price"], c["quantity"])
    return tell_history(state, out, n, Kind.TradePrinted, c, c["price"], c["quantity"], 0, 0)

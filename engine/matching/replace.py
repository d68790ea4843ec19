"""REPLACE: another total, price or stop price for an open order; whether it keeps its place."""

import numpy as np

from engine.compiler.kernel import cold_kernel, kernel, lazy_kernel
from engine.compiler.lazy_kernels import STOPS_ENTER, Lazy, call_lazy
from engine.matching.checks import POST_ONLY, REDUCE_ONLY, listed, on_tick, whole_lots
from engine.matching.entry import find_working, is_guarded, reach_of, rest_order, settle_order
from engine.matching.match import end_open, take_back, working_money
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderStatus, Reason
from engine.state.accounts import in_range, notional_of, work
from engine.state.facts import emit_order, refuse
from engine.state.ladder import first_node, shrink
from engine.state.order_types import has_price


@kernel
def _misnamed(state, c, order):
    """First reason against the fields that a REPLACE names, else NONE."""
    terms = state.instruments[order["instrument"]]
    if c["quantity"] != NOT_NAMED and not whole_lots(c["quantity"]):
        return Reason.INVALID_QUANTITY
    if c["price"] != NOT_NAMED and not on_tick(terms, c["price"]):
        return Reason.INVALID_PRICE
    if c["stop_price"] != NOT_NAMED and not on_tick(terms, c["stop_price"]):
        return Reason.INVALID_STOP_PRICE
    if (c["price"] != NOT_NAMED and not has_price(order["type"])) or (c["stop_price"] != NOT_NAMED and order["pending"] == 0):
        return Reason.INVALID_COMBINATION
    return Reason.NONE


@cold_kernel
def _pretrade_refuses(state, slot, total, price, stop_price, worth):
    """What Lazy.PRETRADE says of the order in `slot` as it would be, its open lots worth `worth`, without what it was."""
    order = state.orders[slot]
    executed = np.int64(order["executed"])
    open_lots = np.int64(order["quantity"]) - executed
    wanted = state.wanted[0]
    wanted["kind"] = Kind.REPLACE
    wanted["order_id"] = order["id"]
    wanted["quantity"] = total
    wanted["price"] = price
    wanted["stop_price"] = stop_price
    wanted["instrument"] = order["instrument"]
    wanted["portfolio"] = order["portfolio"]
    wanted["trader"] = order["trader"]
    wanted["side"] = order["side"]
    wanted["type"] = order["type"]
    wanted["flags"] = order["flags"]
    notional = working_money(state, slot, open_lots)
    work(state, order, -open_lots, -notional, 0)
    wanted["row"] = open_lots
    state.session[0]["executed"] = executed
    state.session[0]["value"] = worth
    reason = call_lazy(state.lazy[Lazy.PRETRADE], state, wanted, None, np.int64(order["position"]))
    state.session[0]["executed"] = 0
    work(state, order, open_lots, notional, 0)
    return reason


@kernel
def _refused(state, slot, total, price, stop_price, same):
    """First reason against the order in `slot` as it would be, else NONE."""
    order = state.orders[slot]
    terms = state.instruments[order["instrument"]]
    executed = np.int64(order["executed"])
    released = np.int64(0)
    if order["flags"] & REDUCE_ONLY == 0:
        released = working_money(state, slot, np.int64(order["quantity"]) - executed)
    valued = price if has_price(order["type"]) else stop_price
    worth = notional_of(terms, valued, total - executed)
    if not in_range(state, order["portfolio"], worth, released):
        return Reason.MONEY_RANGE
    if same:
        return Reason.NONE
    if is_guarded(state, order["portfolio"], order["trader"], order["instrument"]):
        reason = _pretrade_refuses(state, slot, total, price, stop_price, worth)
        if reason != Reason.NONE:
            return reason
    best = state.ladders[(2 * np.int64(order["instrument"]) + order["side"]) ^ 1]["best"]
    if order["flags"] & POST_ONLY and order["pending"] == 0 and ~best <= reach_of(state, order, price):
        return Reason.POST_ONLY
    return Reason.NONE


@kernel
def _keep_place(state, out, n, slot, total):
    """Fewer lots, or as many, at the same price: the order stays where it is."""
    order = state.orders[slot]
    lots = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    left = total - np.int64(order["executed"])
    if left < lots:
        work(state, order, left - lots, -working_money(state, slot, lots - left), 0)
        if order["pending"] != 0:
            state.nodes[first_node(state) + slot]["quantity"] = left
        else:
            shrink(state, slot, lots - left)
    order["quantity"] = total
    return emit_order(state, out, n, Kind.OrderReplaced, 0, slot, left, 0)


@kernel
def _move(state, out, n, slot, total, price, stop_price):
    """More lots or another price: the order goes to the back of its new queue, and may trade at once."""
    order = state.orders[slot]
    was_pending = order["pending"] != 0
    take_back(state, out, slot)
    order["quantity"] = total
    order["price"] = price
    order["stop_price"] = stop_price
    order["flags"] &= ~np.uint8(Flag.ESTIMATED)
    left = total - np.int64(order["executed"])
    emit_order(state, out, n, Kind.OrderReplaced, 0, slot, left, 0)
    if was_pending:
        return call_lazy(state.lazy[Lazy.STOPS], state, STOPS_ENTER | slot, out, n + 1)
    reach = reach_of(state, order, price)
    ladder = 2 * np.int64(order["instrument"]) + order["side"]
    if ~state.ladders[ladder ^ 1]["best"] <= reach:
        return settle_order(state, out, n + 1, slot, left, reach, True)
    out[n]["ahead"] = rest_order(state, ladder, reach, slot, left, working_money(state, slot, left))
    return n + 1


@lazy_kernel
def replace(state, c, out, n):
    """REPLACE: refused, or the end of an order that has traded as much, or its new terms."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.ReplaceRejected, Reason.UNKNOWN_INSTRUMENT, c)
    if state.instruments[c["instrument"]]["halted"] != 0:
        return refuse(state, out, n, Kind.ReplaceRejected, Reason.HALTED, c)
    slot, reason = find_working(state, c)
    if slot == 0:
        return refuse(state, out, n, Kind.ReplaceRejected, reason, c)
    order = state.orders[slot]
    reason = _misnamed(state, c, order)
    total = np.int64(order["quantity"]) if c["quantity"] == NOT_NAMED else c["quantity"]
    price = np.int64(order["price"]) if c["price"] == NOT_NAMED else c["price"]
    stop_price = np.int64(order["stop_price"]) if c["stop_price"] == NOT_NAMED else c["stop_price"]
    if reason == Reason.NONE and total <= np.int64(order["executed"]):
        return end_open(state, out, n, slot, Kind.OrderCancelled, Reason.QUANTITY_EXECUTED, OrderStatus.CANCELLED)
    same = price == order["price"] and stop_price == order["stop_price"] and total <= order["quantity"]
    if reason == Reason.NONE:
        reason = _refused(state, slot, total, price, stop_price, same)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.ReplaceRejected, reason, c)
    if same:
        return _keep_place(state, out, n, slot, total)
    return _move(state, out, n, slot, total, price, stop_price)

"""Order entry: the ladder of checks in the order of the reasons, then the book; cancel; replace."""

import numpy as np

from engine.accounts import in_range, notional_of, position_of
from engine.book import first_node, in_ticks, key_of, leave, rest, shrink
from engine.checks import FOK, IOC, MARKET, POST_ONLY, listed, malformed, on_tick, whole_lots
from engine.facts import blank, refuse, reject_order, tell_order
from engine.ids import find, put
from engine.kernel import hot_kernel, kernel, rare_kernel
from engine.matching import ANY_PRICE, end_resting, fillable, finish, match, open_slot, working_money
from engine.state import EMPTY, FINISHED
from engine.vocabulary import NOT_NAMED, Flag, Kind, OrderStatus, Reason


@hot_kernel
def _accept(state, c, out, n, at):
    """The NEW whose id belongs at `at` gets a slot, and its OrderCreated at out[n]; returns the slot."""
    slot = open_slot(state)
    state.session[0]["open_orders"] += 1
    put(state.ids, at, c["order_id"], c["trader"], slot + 1)
    order = state.orders[slot]
    order["id"] = c["order_id"]
    order["created"] = state.session[0]["seq"]
    order["price"] = c["price"] if c["type"] != MARKET else 0
    order["stop_price"] = 0
    order["quantity"] = c["quantity"]
    order["executed"] = 0
    order["portfolio"] = c["portfolio"]
    order["trader"] = c["trader"]
    order["place"] = at
    order["position"] = position_of(state, c["portfolio"], c["instrument"])
    order["instrument"] = c["instrument"]
    order["side"] = c["side"]
    order["type"] = c["type"]
    order["time_in_force"] = c["time_in_force"]
    order["self_trade"] = c["self_trade"]
    order["flags"] = c["flags"]
    blank(state, out, n, Kind.OrderCreated, 0, c["instrument"])
    fact = out[n]
    fact["order_id"] = c["order_id"]
    fact["price"] = order["price"]
    fact["quantity"] = c["quantity"]
    fact["remaining"] = c["quantity"]
    fact["portfolio"] = c["portfolio"]
    fact["trader"] = c["trader"]
    fact["side"] = c["side"]
    fact["type"] = c["type"]
    fact["time_in_force"] = c["time_in_force"]
    fact["flags"] = c["flags"]
    return slot


@hot_kernel
def _reach(state, order, price):
    """Key of `price` on the order's own side; an opposite key k is within reach where ~k <= it."""
    if order["type"] == MARKET:
        return ANY_PRICE
    return key_of(np.int64(order["side"]), in_ticks(state.instruments[order["instrument"]], np.int64(price)))


@hot_kernel
def _rest_order(state, ladder, key, slot, lots, notional):
    """The order in `slot` works from now on; returns the lots ahead of it."""
    state.ladders[ladder]["own"] += 1
    state.portfolios[state.orders[slot]["portfolio"]]["working"] += notional
    return rest(state, ladder, key, slot, lots)


@kernel
def settle_order(state, out, n, slot, remaining, reach, crosses):
    """The order in `slot`, already told, trades what it can; the rest rests or is cancelled."""
    order = state.orders[slot]
    reason = Reason.NONE
    if crosses:
        n, remaining, reason = match(state, out, n, slot, remaining, reach)
    if remaining == 0:
        finish(state, slot, OrderStatus.FILLED)
        return n
    if reason == Reason.NONE:
        if order["type"] == MARKET:
            reason = Reason.NO_LIQUIDITY
        elif order["time_in_force"] >= IOC:
            reason = Reason.UNFILLED
    if reason != Reason.NONE:
        n = tell_order(state, out, n, Kind.OrderCancelled, reason, slot, remaining, 0)
        finish(state, slot, OrderStatus.CANCELLED)
        return n
    ladder = 2 * np.int64(order["instrument"]) + order["side"]
    _rest_order(state, ladder, reach, slot, remaining, working_money(state, slot, remaining))
    return n


@hot_kernel
def _refused(state, c, at, best, reach):
    """First reason against a NEW that is well-formed and whose id belongs at `at`, else NONE."""
    session = state.session[0]
    if state.ids[at]["slot"] != 0:
        return Reason.DUPLICATE_ORDER
    session["used"] += 1
    if session["open_orders"] >= session["orders_max"]:
        return Reason.TOO_MANY_ORDERS
    if c["flags"] & POST_ONLY and ~best <= reach:
        return Reason.POST_ONLY
    if best == EMPTY and c["type"] == MARKET:
        return Reason.NO_LIQUIDITY
    return Reason.NONE


@kernel
def new_order(state, c, out, n):
    """NEW: refused by the first failing check, else accepted, matched, and rested or cancelled."""
    at, ladder, best, reach = 0, 0, EMPTY, 0
    reason, notional = malformed(state, c)
    if reason == Reason.NONE:
        at = find(state.ids, c["order_id"], c["trader"])
        ladder = 2 * np.int64(c["instrument"]) + c["side"]
        best = state.ladders[ladder ^ 1]["best"]
        reach = _reach(state, c, c["price"])
        reason = _refused(state, c, at, best, reach)
        if reason > Reason.DUPLICATE_ORDER:
            put(state.ids, at, c["order_id"], c["trader"], FINISHED | (np.int64(OrderStatus.REJECTED) << 16) | np.int64(c["instrument"]))
    if reason != Reason.NONE:
        return reject_order(state, out, n, reason, c)
    crosses = ~best <= reach
    lots = c["quantity"]
    slot = _accept(state, c, out, n, at)
    if not crosses and c["time_in_force"] < IOC:
        out[n]["ahead"] = _rest_order(state, ladder, reach, slot, lots, notional)
        return n + 1
    n += 1
    if c["time_in_force"] == FOK and not fillable(state, slot, lots, reach):
        n = tell_order(state, out, n, Kind.OrderCancelled, Reason.NOT_FILLABLE, slot, lots, 0)
        finish(state, slot, OrderStatus.CANCELLED)
        return n
    return settle_order(state, out, n, slot, lots, reach, crosses)


@hot_kernel
def find_working(state, c):
    """(slot, NONE) of the trader's unfinished order that a CANCEL or REPLACE names, else (0, reason)."""
    used = np.int64(state.ids[find(state.ids, c["order_id"], c["trader"])]["slot"])
    if used == 0:
        return 0, Reason.UNKNOWN_ORDER
    if used >= FINISHED:
        if (used & 0xFFFF) != c["instrument"]:
            return 0, Reason.UNKNOWN_ORDER
        return 0, ((used - FINISHED) >> 16) - OrderStatus.FILLED + Reason.ORDER_FILLED
    if state.orders[used - 1]["instrument"] != c["instrument"]:
        return 0, Reason.UNKNOWN_ORDER
    return used - 1, Reason.NONE


@kernel
def cancel_order(state, c, out, n):
    """CANCEL: the rest of an order leaves the book; one answer."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CancelRejected, Reason.UNKNOWN_INSTRUMENT, c)
    slot, reason = find_working(state, c)
    if slot == 0:
        return refuse(state, out, n, Kind.CancelRejected, reason, c)
    return end_resting(state, out, n, slot, Kind.OrderCancelled, Reason.REQUESTED, OrderStatus.CANCELLED)


@kernel
def _replace_refused(state, c, slot, total, price):
    """First reason against a REPLACE of the order in `slot`, else NONE; a total that is executed already is no refusal."""
    order = state.orders[slot]
    terms = state.instruments[order["instrument"]]
    if not whole_lots(total):
        return Reason.INVALID_QUANTITY
    if not on_tick(terms, price):
        return Reason.INVALID_PRICE
    if c["stop_price"] != NOT_NAMED:
        return Reason.INVALID_COMBINATION if on_tick(terms, c["stop_price"]) else Reason.INVALID_STOP_PRICE
    executed = np.int64(order["executed"])
    if total <= executed:
        return Reason.NONE
    released = working_money(state, slot, np.int64(order["quantity"]) - executed)
    if not in_range(state, order["portfolio"], notional_of(terms, price, total - executed), released):
        return Reason.MONEY_RANGE
    same = price == order["price"] and total <= order["quantity"]
    best = state.ladders[(2 * np.int64(order["instrument"]) + order["side"]) ^ 1]["best"]
    if order["flags"] & POST_ONLY and not same and ~best <= _reach(state, order, price):
        return Reason.POST_ONLY
    return Reason.NONE


@rare_kernel
def replace_order(state, c, out, n):
    """REPLACE: new total quantity or price; fewer lots at the same price keep the place in the queue."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.ReplaceRejected, Reason.UNKNOWN_INSTRUMENT, c)
    slot, reason = find_working(state, c)
    if slot == 0:
        return refuse(state, out, n, Kind.ReplaceRejected, reason, c)
    order = state.orders[slot]
    total = np.int64(order["quantity"]) if c["quantity"] == NOT_NAMED else c["quantity"]
    price = np.int64(order["price"]) if c["price"] == NOT_NAMED else c["price"]
    reason = _replace_refused(state, c, slot, total, price)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.ReplaceRejected, reason, c)
    executed = np.int64(order["executed"])
    if total <= executed:
        return end_resting(state, out, n, slot, Kind.OrderCancelled, Reason.QUANTITY_EXECUTED, OrderStatus.CANCELLED)
    ladder = 2 * np.int64(order["instrument"]) + order["side"]
    lots = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    account = state.portfolios[order["portfolio"]]
    if price == order["price"] and total <= order["quantity"]:
        if lots > total - executed:
            account["working"] -= working_money(state, slot, lots - (total - executed))
            shrink(state, slot, lots - (total - executed))
        order["quantity"] = total
        return tell_order(state, out, n, Kind.OrderReplaced, 0, slot, total - executed, 0)
    leave(state, slot)
    state.ladders[ladder]["own"] -= 1
    account["working"] -= working_money(state, slot, lots)
    order["quantity"] = total
    order["price"] = price
    order["flags"] &= ~np.uint8(Flag.ESTIMATED)
    reach = _reach(state, order, price)
    tell_order(state, out, n, Kind.OrderReplaced, 0, slot, total - executed, 0)
    if ~state.ladders[ladder ^ 1]["best"] <= reach:
        return settle_order(state, out, n + 1, slot, total - executed, reach, True)
    out[n]["ahead"] = _rest_order(state, ladder, reach, slot, total - executed, working_money(state, slot, total - executed))
    return n + 1

"""Order entry: the checks in the order of the reasons, then the book; and cancel."""

import numpy as np

from engine.compiler.kernel import cold_kernel, hot_kernel, kernel
from engine.compiler.lazy_kernels import STOPS_ENTER, Lazy, call_lazy, not_loaded
from engine.matching.checks import POST_ONLY, REDUCE_ONLY, listed, malformed
from engine.matching.match import ANY_PRICE, end_open, fillable, finish, match, open_slot, working_money
from engine.messages.vocabulary import Kind, OrderStatus, Reason
from engine.state.accounts import against, opened, seek_position, work
from engine.state.arrays import EMPTY, FINISHED
from engine.state.facts import blank, emit_order, move_owner, move_traits, refuse, reject_order
from engine.state.id_table import find, put
from engine.state.ladder import in_ticks, key_of, rest
from engine.state.order_types import FOK, MARKET, has_price, has_stop, rests


@hot_kernel
def _accept(state, c, out, n, at, position):
    """The NEW whose id belongs at `at` gets a slot, and its OrderCreated at out[n]; returns the slot. `position`: of `seek_position`."""
    slot = open_slot(state)
    state.session[0]["open_orders"] += 1
    put(state.ids, at, c["order_id"], c["trader"], slot + 1)
    order = state.orders[slot]
    order["id"] = c["order_id"]
    order["created"] = state.session[0]["seq"]
    order["price"] = c["price"] if has_price(c["type"]) else 0
    order["stop_price"] = c["stop_price"] if has_stop(c["type"]) else 0
    order["quantity"] = c["quantity"]
    order["executed"] = 0
    move_owner(order, c)
    order["place"] = at
    order["position"] = opened(state, position, c["portfolio"], c["instrument"])
    order["instrument"] = c["instrument"]
    move_traits(order, c)
    order["self_trade"] = c["self_trade"]
    order["pending"] = 0
    blank(state, out, n, Kind.OrderCreated, 0, c["instrument"])
    fact = out[n]
    fact["order_id"] = c["order_id"]
    fact["price"] = order["price"]
    fact["stop_price"] = order["stop_price"]
    fact["quantity"] = c["quantity"]
    fact["remaining"] = c["quantity"]
    move_owner(fact, c)
    move_traits(fact, c)
    return slot


@hot_kernel
def reach_of(state, order, price):
    """Key of `price` on the order's own side; an opposite key k is within reach where ~k <= it."""
    if not has_price(order["type"]):
        return ANY_PRICE
    return key_of(np.int64(order["side"]), in_ticks(state.instruments[order["instrument"]], np.int64(price)))


@hot_kernel
def rest_order(state, ladder, key, slot, lots, notional):
    """The order in `slot` works from now on; returns the lots ahead of it."""
    order = state.orders[slot]
    state.ladders[ladder]["own"] += 1
    work(state, order, lots, notional, 1)
    return rest(state, ladder, key, slot, lots)


@kernel
def settle_order(state, out, n, slot, remaining, reach, crosses):
    """The order in `slot`, already reported, trades what it can; what is left rests or is cancelled."""
    order = state.orders[slot]
    reason = Reason.NONE
    if crosses:
        n, remaining, reason = match(state, out, n, slot, remaining, reach)
    if remaining == 0:
        finish(state, slot, OrderStatus.FILLED)
        return n
    if reason == Reason.NONE:
        if not has_price(order["type"]):
            reason = Reason.NO_LIQUIDITY
        elif not rests(order["time_in_force"]):
            reason = Reason.UNFILLED
    if reason != Reason.NONE:
        return cancel_rest(state, out, n, slot, remaining, reason)
    ladder = 2 * np.int64(order["instrument"]) + order["side"]
    rest_order(state, ladder, reach, slot, remaining, working_money(state, slot, remaining))
    return n


@kernel
def cancel_rest(state, out, n, slot, remaining, reason):
    """What is left of an order that rests nowhere is cancelled."""
    n = emit_order(state, out, n, Kind.OrderCancelled, reason, slot, remaining, 0)
    finish(state, slot, OrderStatus.CANCELLED)
    return n


@hot_kernel
def is_guarded(state, portfolio, trader, instrument):
    """Whether something may forbid the order beside the book: a halt, a kill switch, rules, limits."""
    session = state.session[0]
    if session["guarded"] == 0:
        return False
    guards = state.portfolios[portfolio]["guard"] | state.traders[trader]["guard"] | state.instruments[instrument]["halted"]
    return guards != 0 or session["killed"] != 0


@cold_kernel
def refused_by_book(state, order, position, best, reach):
    """First reason of the book against an order that comes in, else NONE."""
    if order["flags"] & REDUCE_ONLY:
        held = state.positions[position]["quantity"] if position >= 0 else 0
        if against(held, order["side"]) == 0:
            state.session[0]["value"] = held
            state.session[0]["limit"] = 0
            return Reason.REDUCE_ONLY
    if order["flags"] & POST_ONLY and ~best <= reach:
        return Reason.POST_ONLY
    if best == EMPTY and not has_price(order["type"]):
        return Reason.NO_LIQUIDITY
    return Reason.NONE


@hot_kernel
def _refused(state, c, at, position, notional, best, reach):
    """First reason against a NEW that is well-formed and whose id belongs at `at`, else NONE."""
    session = state.session[0]
    if state.ids[at]["slot"] != 0:
        return Reason.DUPLICATE_ORDER
    session["used"] += 1
    if session["open_orders"] >= session["orders_max"]:
        return Reason.TOO_MANY_ORDERS
    if is_guarded(state, c["portfolio"], c["trader"], c["instrument"]):
        session["value"] = notional
        reason = call_lazy(state.lazy[Lazy.PRETRADE], state, c, None, position)
        if reason != Reason.NONE:
            return reason
    if c["flags"] != 0 and not has_stop(c["type"]):
        return refused_by_book(state, c, position, best, reach)
    return Reason.NO_LIQUIDITY if best == EMPTY and c["type"] == MARKET else Reason.NONE


@kernel
def new_order(state, c, out, n):
    """NEW: refused by the first failing check, else accepted, matched, and rested or cancelled. -1 where a kernel is not loaded yet."""
    at, position, ladder, best, reach = 0, 0, 0, EMPTY, 0
    reason, notional = malformed(state, c)
    if reason == Reason.NONE:
        if (has_stop(c["type"]) and not_loaded(state, Lazy.STOPS)) or (c["flags"] & REDUCE_ONLY and not_loaded(state, Lazy.AFTER_FILL)):
            return -1
        at = find(state.ids, c["order_id"], c["trader"])
        ladder = 2 * np.int64(c["instrument"]) + c["side"]
        best = state.ladders[ladder ^ 1]["best"]
        reach = reach_of(state, c, c["price"])
        position = seek_position(state, np.int64(c["portfolio"]), np.int64(c["instrument"]))
        reason = _refused(state, c, at, position, notional, best, reach)
        if reason > Reason.DUPLICATE_ORDER:
            put(state.ids, at, c["order_id"], c["trader"], FINISHED | (np.int64(OrderStatus.REJECTED) << 16) | np.int64(c["instrument"]))
    if reason != Reason.NONE:
        return reject_order(state, out, n, reason, c)
    if c["flags"] & REDUCE_ONLY:
        state.session[0]["guarded"] += 1  # a fill of it may emit more than one fact
    crosses = ~best <= reach
    lots = c["quantity"]
    slot = _accept(state, c, out, n, at, position)
    if has_stop(c["type"]):
        return call_lazy(state.lazy[Lazy.STOPS], state, STOPS_ENTER | slot, out, n + 1)
    if not crosses and rests(c["time_in_force"]):
        out[n]["ahead"] = rest_order(state, ladder, reach, slot, lots, notional)
        return n + 1
    n += 1
    if c["time_in_force"] == FOK and not fillable(state, slot, lots, reach):
        return cancel_rest(state, out, n, slot, lots, Reason.NOT_FILLABLE)
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
    return end_open(state, out, n, slot, Kind.OrderCancelled, Reason.REQUESTED, OrderStatus.CANCELLED)

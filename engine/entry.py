"""Order entry: the ladder of checks in the order of the reasons, then the book; cancel; replace."""

import numpy as np

from engine.accounts import in_range, market_value_price, notional_of, position_of
from engine.book import ahead_of, first_node, leave, rest, shrink
from engine.facts import given, refuse, reject_order, tell_order
from engine.ids import find, put
from engine.kernel import hot_kernel, kernel, rare_kernel
from engine.matching import ANY_PRICE, end_resting, fillable, finish, match, open_slot, working_money
from engine.state import EMPTY, FINISHED
from engine.vocabulary import NOT_NAMED, Flag, Kind, OrderStatus, OrderType, Reason, TimeInForce

POST_ONLY = int(Flag.POST_ONLY)
REDUCE_ONLY = int(Flag.REDUCE_ONLY)
LIMIT, STOP, STOP_LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.STOP), int(OrderType.STOP_LIMIT), int(OrderType.MARKET)
IOC, FOK = int(TimeInForce.IOC), int(TimeInForce.FOK)


@hot_kernel
def listed(state, instrument):
    return instrument < len(state.instruments) and state.instruments[instrument]["listed"] != 0


@hot_kernel
def whole_lots(lots):
    return 0 < lots < (1 << 32)


@hot_kernel
def on_tick(terms, price):
    """Whether `price` (units) may stand in the book."""
    if not -(1 << 31) < price < (1 << 31) or (price <= 0 and terms["negative"] == 0):
        return False
    return terms["tick"] == 1 or price % terms["tick"] == 0


@kernel
def on_unit(terms, price):
    """Whether `price` (units) may be printed or marked."""
    return -(1 << 31) < price < (1 << 31) and (price > 0 or terms["negative"] != 0)


@hot_kernel
def _combines(c):
    """Whether the enums of a NEW are known and go together."""
    if c["side"] > 1 or c["type"] > 3 or c["time_in_force"] > 3 or c["self_trade"] > 3 or c["flags"] > 3:
        return False
    if c["flags"] & POST_ONLY and (c["time_in_force"] >= IOC or c["type"] == MARKET or c["type"] == STOP):
        return False
    return not (c["flags"] & REDUCE_ONLY and c["portfolio"] == 0)


@hot_kernel
def _malformed(state, c):
    """First reason why a NEW is malformed, else NONE; its id is not used by this."""
    if not listed(state, c["instrument"]):
        return Reason.UNKNOWN_INSTRUMENT
    if c["portfolio"] >= len(state.portfolios) or state.portfolios[c["portfolio"]]["open"] == 0:
        return Reason.UNKNOWN_PORTFOLIO
    if c["trader"] >= len(state.traders) or state.traders[c["trader"]] == 0:
        return Reason.UNKNOWN_TRADER
    terms = state.instruments[c["instrument"]]
    kind = c["type"]
    if c["order_id"] == 0:
        return Reason.INVALID_ORDER_ID
    if not whole_lots(c["quantity"]):
        return Reason.INVALID_QUANTITY
    if (kind == LIMIT or kind == STOP_LIMIT) and not on_tick(terms, c["price"]):
        return Reason.INVALID_PRICE
    if (kind == STOP or kind == STOP_LIMIT) and not on_tick(terms, c["stop_price"]):
        return Reason.INVALID_STOP_PRICE
    if not _combines(c):
        return Reason.INVALID_COMBINATION
    price = c["stop_price"] if kind == STOP else c["price"]
    if kind == MARKET:
        price = market_value_price(state, c["instrument"], 2 * np.int64(c["instrument"]) + 1 - c["side"])
    if not in_range(state, c["portfolio"], notional_of(terms, price, c["quantity"]), 0):
        return Reason.MONEY_RANGE
    if kind >= STOP or c["flags"] & REDUCE_ONLY:
        return Reason.UNSUPPORTED
    return Reason.NONE


@hot_kernel
def _accept(state, c, at):
    """A slot for the accepted NEW whose id stands at `at`."""
    slot = open_slot(state)
    state.session[0]["open_orders"] += 1
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
    state.ids[at]["slot"] = slot + 1
    return slot


@hot_kernel
def _reach(state, order, price):
    """Key of `price` on the order's own side; an opposite key k is within reach where ~k <= it."""
    if order["type"] == MARKET:
        return ANY_PRICE
    return (np.int64(price) // state.instruments[order["instrument"]]["tick"]) ^ -np.int64(order["side"])


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
    rest(state, ladder, reach, slot, remaining)
    state.ladders[ladder]["own"] += 1
    state.portfolios[order["portfolio"]]["working"] += working_money(state, slot, remaining)
    return n


@kernel
def new_order(state, c, out, n):
    """NEW: refused by the first failing check, else accepted, matched, and rested or cancelled."""
    reason = _malformed(state, c)
    if reason != Reason.NONE:
        return reject_order(state, out, n, reason, c, given(c, reason), 0)
    session = state.session[0]
    at = find(state.ids, c["order_id"], c["trader"])
    if state.ids[at]["slot"] != 0:
        return reject_order(state, out, n, Reason.DUPLICATE_ORDER, c, 0, 0)
    session["used"] += 1
    put(state.ids, at, c["order_id"], c["trader"], FINISHED | (np.int64(OrderStatus.REJECTED) << 16) | np.int64(c["instrument"]))
    if session["open_orders"] >= session["orders_max"]:
        return reject_order(state, out, n, Reason.TOO_MANY_ORDERS, c, session["open_orders"], session["orders_max"])
    ladder = 2 * np.int64(c["instrument"]) + c["side"]
    best = state.ladders[ladder ^ 1]["best"]
    reach = _reach(state, c, c["price"])
    crosses = ~best <= reach
    if c["flags"] & POST_ONLY and crosses:
        return reject_order(state, out, n, Reason.POST_ONLY, c, 0, 0)
    if c["type"] == MARKET and best == EMPTY:
        return reject_order(state, out, n, Reason.NO_LIQUIDITY, c, 0, 0)
    slot = _accept(state, c, at)
    rests = not crosses and c["time_in_force"] < IOC
    n = tell_order(state, out, n, Kind.OrderCreated, 0, slot, c["quantity"], ahead_of(state, ladder, reach) if rests else 0)
    if c["time_in_force"] == FOK and not fillable(state, slot, c["quantity"], reach):
        n = tell_order(state, out, n, Kind.OrderCancelled, Reason.NOT_FILLABLE, slot, c["quantity"], 0)
        finish(state, slot, OrderStatus.CANCELLED)
        return n
    return settle_order(state, out, n, slot, c["quantity"], reach, crosses)


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
    crosses = ~state.ladders[ladder ^ 1]["best"] <= reach
    n = tell_order(state, out, n, Kind.OrderReplaced, 0, slot, total - executed, 0 if crosses else ahead_of(state, ladder, reach))
    return settle_order(state, out, n, slot, total - executed, reach, crosses)

"""Writing facts: each function writes one at out[n], takes the next seq, and returns n + 1."""

import numpy as np

from engine.compiler.intrinsics import mover
from engine.compiler.kernel import cold_kernel, hot_kernel, kernel
from engine.messages.vocabulary import HISTORY, Flag, Kind, Reason
from engine.state.order_types import has_price, has_stop

HISTORY_TRADER = np.uint32(HISTORY)
KEPT_FLAGS = int(Flag.POST_ONLY | Flag.REDUCE_ONLY)
move_owner = mover(portfolio="portfolio", trader="trader")
move_prices = mover(price="price", stop_price="stop_price")
move_traits = mover(side="side", type="type", time_in_force="time_in_force", flags="flags")


@hot_kernel
def blank(state, out, n, kind, reason, instrument):
    """A fact with nothing but its kind; the caller fills in the rest."""
    session = state.session[0]
    seq = session["seq"] + 1
    session["seq"] = seq
    fact = out[n]
    fact["seq"] = seq
    fact["ts"] = session["ts"]
    fact["order_id"] = 0
    fact["maker_order_id"] = 0
    fact["price"] = 0
    fact["stop_price"] = 0
    fact["quantity"] = 0
    fact["remaining"] = 0
    fact["maker_remaining"] = 0
    fact["ahead"] = 0
    fact["portfolio"] = 0
    fact["trader"] = 0
    fact["maker_portfolio"] = 0
    fact["maker_trader"] = 0
    fact["value"] = 0
    fact["limit"] = 0
    fact["instrument"] = instrument
    fact["kind"] = kind
    fact["reason"] = reason
    fact["side"] = 0
    fact["type"] = 0
    fact["time_in_force"] = 0
    fact["flags"] = 0
    return n + 1


@hot_kernel
def emit_order(state, out, n, kind, reason, slot, remaining, ahead):
    """OrderCreated, OrderReplaced, OrderCancelled, OrderExpired: the order as it stands."""
    order = state.orders[slot]
    blank(state, out, n, kind, reason, order["instrument"])
    fact = out[n]
    fact["order_id"] = order["id"]
    move_prices(fact, order)
    fact["quantity"] = order["quantity"]
    fact["remaining"] = remaining
    fact["ahead"] = ahead
    move_owner(fact, order)
    move_traits(fact, order)
    fact["flags"] = order["flags"] & KEPT_FLAGS
    return n + 1


@kernel
def given(c, reason):
    """The field that a command was refused for, as it was given; 0 where it was not a single field."""
    if reason == Reason.UNKNOWN_INSTRUMENT:
        return np.int64(c["instrument"])
    if reason == Reason.INVALID_QUANTITY:
        return c["quantity"]
    if reason == Reason.INVALID_PRICE:
        return c["price"]
    if reason == Reason.INVALID_STOP_PRICE:
        return c["stop_price"]
    return 0


@cold_kernel
def refuse(state, out, n, kind, reason, c):
    """CancelRejected, ReplaceRejected, CommandRejected: the command's names, why, and the offending field as it was given."""
    known = c["instrument"] < len(state.instruments) and state.instruments[c["instrument"]]["listed"] != 0
    blank(state, out, n, kind, reason, c["instrument"] if known else 0)
    fact = out[n]
    fact["order_id"] = c["order_id"]
    fact["portfolio"] = c["portfolio"]
    fact["trader"] = c["trader"]
    fact["value"] = given(c, reason)
    if Reason.RESTRICTED_SYMBOL <= reason <= Reason.REDUCE_ONLY:
        fact["value"] = state.session[0]["value"]
        fact["limit"] = state.session[0]["limit"]
    return n + 1


@kernel
def fits(value, low, high):
    return value if low <= value < high else 0


@cold_kernel
def reject_order(state, out, n, reason, c):
    """OrderRejected: the order as it was asked for; a field that does not fit its place is 0."""
    refuse(state, out, n, Kind.OrderRejected, reason, c)
    fact = out[n]
    fact["price"] = fits(c["price"], -(1 << 31) + 1, 1 << 31) if has_price(c["type"]) else 0
    fact["stop_price"] = fits(c["stop_price"], -(1 << 31) + 1, 1 << 31) if has_stop(c["type"]) else 0
    fact["quantity"] = fits(c["quantity"], 0, 1 << 32)
    fact["side"] = c["side"]
    fact["type"] = c["type"]
    fact["time_in_force"] = c["time_in_force"]
    fact["flags"] = c["flags"] & KEPT_FLAGS
    if reason == Reason.TOO_MANY_ORDERS:
        fact["value"] = state.session[0]["open_orders"]
        fact["limit"] = state.session[0]["orders_max"]
    return n + 1


@kernel
def emit_history(state, out, n, kind, c, price, lots, remaining, clipped):
    """A fact about history's own order: it always takes a seq, and is built only on request (`history_facts`).

    It stands before the trades that the command causes; `amend_history` completes it afterwards.
    """
    session = state.session[0]
    if session["history_facts"] == 0:
        session["seq"] += 1
        return n
    blank(state, out, n, kind, 0, c["instrument"])
    fact = out[n]
    fact["order_id"] = c["order_id"]
    fact["trader"] = HISTORY_TRADER
    fact["price"] = price
    fact["quantity"] = lots
    fact["remaining"] = remaining
    fact["value"] = clipped
    fact["side"] = c["side"]
    fact["flags"] = c["flags"]
    return n + 1


@kernel
def amend_history(state, fact, lots, remaining):
    """Complete the fact that `emit_history` wrote, if it was built."""
    if state.session[0]["history_facts"] != 0:
        fact["quantity"] = lots
        fact["remaining"] = remaining

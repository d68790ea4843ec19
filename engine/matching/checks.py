"""The first check of a command: whether its fields make sense. Nothing here changes the state."""

import numpy as np

from engine.compiler.kernel import hot_kernel, kernel
from engine.messages.vocabulary import Flag, Reason
from engine.state.accounts import in_range, market_value_price, notional_of
from engine.state.order_types import LIMIT, MARKET, STOP_LIMIT, has_price, has_stop, rests

POST_ONLY = int(Flag.POST_ONLY)
REDUCE_ONLY = int(Flag.REDUCE_ONLY)


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
    if c["side"] > 1 or (c["type"] | c["time_in_force"] | c["self_trade"] | c["flags"]) > 3:
        return False
    if c["flags"] == 0:
        return True
    if c["flags"] & POST_ONLY and not (rests(c["time_in_force"]) and has_price(c["type"])):
        return False
    return not (c["flags"] & REDUCE_ONLY and c["portfolio"] == 0)


@kernel
def _value_other(state, c):
    """(reason, price at which it is valued) of a NEW that is no LIMIT order."""
    terms = state.instruments[c["instrument"]]
    if c["type"] > STOP_LIMIT:  # `_combines` refuses it
        return Reason.NONE, 0
    if has_price(c["type"]) and not on_tick(terms, c["price"]):
        return Reason.INVALID_PRICE, 0
    if has_stop(c["type"]) and not on_tick(terms, c["stop_price"]):
        return Reason.INVALID_STOP_PRICE, 0
    if c["type"] == MARKET and c["side"] <= 1:
        return Reason.NONE, market_value_price(state, c["instrument"], 2 * np.int64(c["instrument"]) + 1 - c["side"])
    return Reason.NONE, c["price"] if has_price(c["type"]) else c["stop_price"]


@hot_kernel
def malformed(state, c):
    """(first reason why a NEW is malformed, else NONE; its notional): its id is not used by this."""
    if not listed(state, c["instrument"]):
        return Reason.UNKNOWN_INSTRUMENT, 0
    if c["portfolio"] >= len(state.portfolios) or state.portfolios[c["portfolio"]]["open"] == 0:
        return Reason.UNKNOWN_PORTFOLIO, 0
    if c["trader"] >= len(state.traders) or state.traders[c["trader"]]["admitted"] == 0:
        return Reason.UNKNOWN_TRADER, 0
    terms = state.instruments[c["instrument"]]
    if c["order_id"] == 0:
        return Reason.INVALID_ORDER_ID, 0
    if not whole_lots(c["quantity"]):
        return Reason.INVALID_QUANTITY, 0
    price = c["price"]
    if c["type"] != LIMIT:
        reason, price = _value_other(state, c)
        if reason != Reason.NONE:
            return reason, 0
    elif not on_tick(terms, price):
        return Reason.INVALID_PRICE, 0
    if not _combines(c):
        return Reason.INVALID_COMBINATION, 0
    notional = notional_of(terms, price, c["quantity"])
    if not in_range(state, c["portfolio"], notional, 0):
        return Reason.MONEY_RANGE, 0
    return Reason.NONE, notional

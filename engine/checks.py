"""The first check of a command: whether its fields make sense. Nothing here changes the state."""

import numpy as np

from engine.accounts import in_range, market_value_price, notional_of
from engine.kernel import hot_kernel, kernel
from engine.vocabulary import Flag, OrderType, Reason, TimeInForce

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


@hot_kernel
def in_ticks(terms, price):
    """`price` (units, on the tick) in ticks."""
    return price if terms["tick"] == 1 else price // terms["tick"]


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
    if c["flags"] & POST_ONLY and (c["time_in_force"] >= IOC or c["type"] == MARKET or c["type"] == STOP):
        return False
    return not (c["flags"] & REDUCE_ONLY and c["portfolio"] == 0)


@hot_kernel
def malformed(state, c):
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

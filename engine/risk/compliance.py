"""Compliance: the rules of the trader who sends an order."""

import numpy as np

from engine.compiler.intrinsics import muldiv
from engine.compiler.kernel import kernel
from engine.matching.checks import REDUCE_ONLY
from engine.matching.open_orders import gather_instrument
from engine.messages.vocabulary import NOT_NAMED, Kind, Reason
from engine.risk.limits import TOP, found, in_lots
from engine.state.accounts import notional_of
from engine.state.arrays import RESTRICTS
from engine.state.id_table import find
from engine.state.ladder import first_node
from engine.state.order_types import has_price

COLLAR_PARTS = 10**9
ORDER_PARTS = 10**12
"""Parts of an order in a bucket: one thousandth of an order a second is one part a nanosecond."""


@kernel
def is_restricted(state, trader, instrument):
    """Whether the trader may not trade the instrument."""
    rules = state.traders[trader]
    if rules["restricts"] & RESTRICTS == 0:
        return False
    at = find(state.restricted, restriction(instrument, rules["rules"]), trader)
    return state.restricted[at]["slot"] != 0


@kernel
def restriction(instrument, rules):
    """The id of a restriction: an instrument under the trader's rules of that number."""
    return np.uint64(instrument + 1) | (np.uint64(rules) << np.uint64(32))


@kernel
def _collar_refuses(state, c, rules):
    terms = state.instruments[c["instrument"]]
    if rules["collar"] == NOT_NAMED or not has_price(c["type"]):
        return np.int64(Reason.NONE)
    if terms["referenced"] == 0 and terms["traded"] == 0:
        return np.int64(Reason.NONE)
    middle = terms["reference"] if terms["referenced"] != 0 else terms["last"]
    if float(abs(c["price"] - middle)) * COLLAR_PARTS < 0.999999 * float(abs(middle)) * float(rules["collar"]):
        return np.int64(Reason.NONE)
    width, _ = muldiv(abs(middle), np.int64(rules["collar"]), COLLAR_PARTS)
    if abs(c["price"] - middle) <= width:
        return np.int64(Reason.NONE)
    return found(state, Reason.PRICE_COLLAR, c["price"], middle + width if c["price"] > middle else middle - width)


@kernel
def _outside_sells(state, instrument):
    """Lots of working sells of portfolio 0, which keeps no sums: counted among all open orders of the instrument."""
    lots = np.int64(0)
    for k in range(gather_instrument(state, instrument, 0)):
        slot = np.int64(state.scratch[k])
        if state.orders[slot]["portfolio"] == 0 and state.orders[slot]["side"] == 1:
            lots += np.int64(state.nodes[first_node(state) + slot]["quantity"])
    return lots


@kernel
def _short_refuses(state, c, position, lots):
    if c["side"] == 0 or c["flags"] & REDUCE_ONLY:
        return np.int64(Reason.NONE)
    quantity, selling = np.int64(0), np.int64(0)
    if position >= 0:
        quantity, selling = np.int64(state.positions[position]["quantity"]), np.int64(state.positions[position]["selling"])
    if c["portfolio"] == 0:
        selling = _outside_sells(state, np.int64(c["instrument"]))
        if c["kind"] == Kind.REPLACE:  # what the order was still stands there
            selling -= np.int64(c["row"])
    if selling + lots <= quantity:
        return np.int64(Reason.NONE)
    return found(state, Reason.SHORT_SALE, selling + lots, quantity)


@kernel
def _rate_refuses(state, rules):
    """Take one order out of the trader's bucket, if one is there."""
    rate = np.int64(rules["rate"])
    if rate == NOT_NAMED:
        return np.int64(Reason.NONE)
    most = max(rate, 1000) * (ORDER_PARTS // 1000)
    now, tokens = state.session[0]["ts"], np.int64(rules["tokens"])
    passed = now - rules["filled"]
    if passed < 1 << 29:  # then the product is below 2^63
        tokens = most if passed * rate >= most - tokens else tokens + passed * rate
    else:
        tokens = most if passed > (most - tokens) // rate else tokens + passed * rate
    if tokens < ORDER_PARTS:
        return found(state, Reason.ORDER_RATE, 0, rate)
    rules["tokens"] = tokens - ORDER_PARTS
    rules["filled"] = now
    return np.int64(Reason.NONE)


@kernel
def _whole_notional(state, c, notional):
    """What all of order `c` is worth, at most TOP, where what is open of it is worth `notional`."""
    if state.session[0]["executed"] == 0:
        return notional
    whole = notional_of(state.instruments[c["instrument"]], c["price"] if has_price(c["type"]) else c["stop_price"], c["quantity"])
    return whole if whole >= 0 else TOP


@kernel
def compliance_refuses(state, c, position, notional):
    """First broken rule of the trader of order `c`, whose open lots are worth `notional`; NONE where all hold.

    `position` is the number of the portfolio's position in the instrument, -1 where there is none.
    """
    rules = state.traders[c["trader"]]
    terms = state.instruments[c["instrument"]]
    if is_restricted(state, c["trader"], np.int64(c["instrument"])):
        return found(state, Reason.RESTRICTED_SYMBOL, 0, 0)
    if rules["max_quantity"] != NOT_NAMED:
        most = in_lots(terms, np.int64(rules["max_quantity"]), np.int64(rules["quantity_power"]))
        if c["quantity"] > most:
            return found(state, Reason.MAX_ORDER_QUANTITY, c["quantity"], most)
    if rules["max_notional"] != NOT_NAMED:
        whole = _whole_notional(state, c, notional)
        if whole > rules["max_notional"]:
            return found(state, Reason.MAX_ORDER_NOTIONAL, whole, rules["max_notional"])
    reason = _collar_refuses(state, c, rules)
    if reason == Reason.NONE and rules["no_short"] != 0:
        reason = _short_refuses(state, c, position, c["quantity"] - state.session[0]["executed"])
    return reason if reason != Reason.NONE else _rate_refuses(state, rules)

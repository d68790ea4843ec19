"""What may forbid an order before the book: a halt, a kill switch, compliance, risk; the first that does decides."""

import numpy as np

from engine.accounts import market_value_price, notional_of, seek_position
from engine.checks import MARKET, REDUCE_ONLY, STOP
from engine.compliance import compliance_refuses
from engine.kernel import kernel, room_kernel
from engine.risk import risk_refuses
from engine.state import KILLED, RULED
from engine.vocabulary import Reason


@kernel
def _valued(state, c):
    """The price at which an order is valued: its own, a STOP's stop price, for a MARKET order what the market says."""
    if c["type"] == MARKET:
        return market_value_price(state, c["instrument"], 2 * np.int64(c["instrument"]) + 1 - c["side"])
    return c["stop_price"] if c["type"] == STOP else c["price"]


@room_kernel
def pretrade(state, c, out, n):
    """First reason against the well-formed order `c`, else NONE; what was found goes into the session's `value` and `limit`.

    Of its quantity the session's `executed` lots have traded already. `out` and `n` are not looked at.
    """
    session = state.session[0]
    session["value"] = 0
    session["limit"] = 0
    account, rules = state.portfolios[c["portfolio"]], state.traders[c["trader"]]
    if state.instruments[c["instrument"]]["halted"] != 0:
        return np.int64(Reason.HALTED)
    if session["killed"] != 0 or (account["guard"] | rules["guard"]) & KILLED:
        return np.int64(Reason.KILL_SWITCH)
    lots = c["quantity"] - session["executed"]
    price = _valued(state, c)
    position = seek_position(state, np.int64(c["portfolio"]), np.int64(c["instrument"]))
    if rules["guard"] & RULED:
        reason = compliance_refuses(state, c, position, price, lots)
        if reason != Reason.NONE:
            return reason
    if c["portfolio"] == 0 or c["flags"] & REDUCE_ONLY:
        return np.int64(Reason.NONE)
    return risk_refuses(state, c, position, lots, notional_of(state.instruments[c["instrument"]], price, lots))

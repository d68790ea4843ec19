"""What may forbid an order before the book: a halt, a kill switch, compliance, risk; the first that does decides."""

import numpy as np

from engine.compiler.kernel import lazy_kernel
from engine.matching.checks import REDUCE_ONLY
from engine.messages.vocabulary import Reason
from engine.risk.compliance import compliance_refuses
from engine.risk.limits import risk_refuses
from engine.state.arrays import KILLED, RULED


@lazy_kernel
def pretrade(state, c, nothing, position):
    """First reason against the well-formed order `c`, else NONE; what was found goes into the session's `value` and `limit`.

    Of its quantity the session's `executed` lots have traded already; what is open is worth `value` when this is called.
    `position` is the number of the portfolio's position in the instrument, -1 where there is none. It emits no facts.
    """
    session = state.session[0]
    notional = np.int64(session["value"])
    account, rules = state.portfolios[c["portfolio"]], state.traders[c["trader"]]
    if state.instruments[c["instrument"]]["halted"] != 0:
        return np.int64(Reason.HALTED)
    if session["killed"] != 0 or (account["guard"] | rules["guard"]) & KILLED:
        return np.int64(Reason.KILL_SWITCH)
    if rules["guard"] & RULED:
        reason = compliance_refuses(state, c, position, notional)
        if reason != Reason.NONE:
            return reason
    if c["portfolio"] == 0 or c["flags"] & REDUCE_ONLY:
        return np.int64(Reason.NONE)
    return risk_refuses(state, c, position, notional)

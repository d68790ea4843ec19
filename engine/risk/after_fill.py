"""What follows a fill or a mark: the alarm of a portfolio's daily loss; the end of orders with nothing left to reduce."""

import numpy as np

from engine.compiler.kernel import cold_kernel, hot_kernel, kernel, lazy_kernel
from engine.matching.open_orders import end_gathered, gather_ladder
from engine.messages.vocabulary import Flag, Kind, OrderStatus, Reason
from engine.risk.limits import add, valuation
from engine.state.accounts import against, seek_position
from engine.state.arrays import LOSS_LIMITED
from engine.state.facts import blank

REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@hot_kernel
def judge_loss(state, out, n, portfolio, instrument):
    """RiskLimitBreached where the day's loss of a portfolio has just passed its maximum; armed again once it is back."""
    account = state.portfolios[portfolio]
    if account["guard"] & LOSS_LIMITED == 0:
        return n
    equity, _ = valuation(state, portfolio)
    profit = add(equity, -account["base"])
    breached = profit < -account["max_daily_loss"]
    if breached == (account["breached"] != 0):
        return n
    account["breached"] = breached
    return _emit_loss(state, out, n, portfolio, instrument, profit) if breached else n


@cold_kernel
def _emit_loss(state, out, n, portfolio, instrument, profit):
    blank(state, out, n, Kind.RiskLimitBreached, Reason.DAILY_LOSS_LIMIT, instrument)
    fact = out[n]
    fact["portfolio"] = portfolio
    fact["value"] = profit
    fact["limit"] = -state.portfolios[portfolio]["max_daily_loss"]
    return n + 1


@kernel
def _cancel_reducers(state, out, n, portfolio, instrument):
    """Resting reduce-only orders of a portfolio that its position is no longer against are cancelled."""
    position = seek_position(state, portfolio, instrument)
    if portfolio == 0 or position < 0 or state.positions[position]["reducers"] == 0:
        return n
    quantity = state.positions[position]["quantity"]
    count = 0
    for side in range(2):
        if against(quantity, side) == 0:
            count = gather_ladder(state, 2 * instrument + side, count, False)
    kept = 0
    for k in range(count):
        order = state.orders[state.scratch[k]]
        if order["flags"] & REDUCE_ONLY and order["portfolio"] == portfolio:
            state.scratch[kept] = state.scratch[k]
            kept += 1
    return end_gathered(state, out, n, kept, Kind.OrderCancelled, Reason.REDUCE_ONLY, OrderStatus.CANCELLED)


@lazy_kernel
def after_fill(state, watched, out, n):
    """Alarms and reduce-only orders of the maker's, then the taker's portfolio after the trade at out[n - 1]; `watched`: of `book_fill`."""
    trade = out[n - 1]
    maker, taker = np.int64(trade["maker_portfolio"]), np.int64(trade["portfolio"])
    instrument = np.int64(trade["instrument"])
    if watched & LOSS_LIMITED:
        for k in range(2):
            n = judge_loss(state, out, n, maker if k == 0 else taker, instrument)
    if watched & 1:
        n = _cancel_reducers(state, out, n, maker, instrument)
        n = _cancel_reducers(state, out, n, taker, instrument)
    return n

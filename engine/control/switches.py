"""Control commands: halts, kill switches, limits of portfolios, rules of traders."""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.matching.checks import listed
from engine.matching.open_orders import end_gathered, gather_instrument
from engine.messages.vocabulary import NAMES_PORTFOLIO, NAMES_TRADER, NOT_NAMED, NOT_WHOLE, Kind, OrderStatus, Reason
from engine.risk.compliance import ORDER_PARTS, restriction
from engine.state.arrays import CASH_ACCOUNT, FINISHED, KILLED, LIMITED, LOSS_LIMITED, RESTRICTS, RULED, TURNED_DOWN
from engine.state.facts import blank, refuse
from engine.state.id_table import find, put

POWER_MIN, POWER_MAX = 98, 158
"""Exponents of a limit in units, + 128."""
RATE_MAX = 9 * 10**9


@kernel
def _unknown_name(state, portfolio, trader):
    """First reason against the number of a portfolio or a trader, else NONE."""
    if portfolio >= len(state.portfolios) or state.portfolios[portfolio]["open"] == 0:
        return Reason.UNKNOWN_PORTFOLIO
    if trader >= len(state.traders) or state.traders[trader]["admitted"] == 0:
        return Reason.UNKNOWN_TRADER
    return Reason.NONE


@kernel
def _halt(state, c, out, n):
    """HALT and RESUME."""
    halts = c["kind"] == Kind.HALT
    state.instruments[c["instrument"]]["halted"] = halts
    return blank(state, out, n, Kind.TradingHalted if halts else Kind.TradingResumed, 0, c["instrument"])


@kernel
def _switch(state, c, killed):
    """Set or take back one kill switch."""
    bit = np.uint8(KILLED)
    if c["flags"] == NAMES_PORTFOLIO:
        account = state.portfolios[c["portfolio"]]
        account["guard"] = account["guard"] | bit if killed else account["guard"] & ~bit
    elif c["flags"] == NAMES_TRADER:
        trader = state.traders[c["trader"]]
        trader["guard"] = trader["guard"] | bit if killed else trader["guard"] & ~bit
    else:
        state.session[0]["killed"] = killed


@kernel
def _cancel_killed(state, c, out, n):
    """All open orders of clients that the switch is for are cancelled."""
    count = 0
    for instrument in range(len(state.instruments)):
        count = gather_instrument(state, instrument, count)
    kept = 0
    for k in range(count):
        order = state.orders[state.scratch[k]]
        of_portfolio = c["flags"] == NAMES_PORTFOLIO and order["portfolio"] == c["portfolio"]
        if c["flags"] == 0 or of_portfolio or (c["flags"] == NAMES_TRADER and order["trader"] == c["trader"]):
            state.scratch[kept] = state.scratch[k]
            kept += 1
    return end_gathered(state, out, n, kept, Kind.OrderCancelled, Reason.KILL_SWITCH, OrderStatus.CANCELLED)


@kernel
def _kill(state, c, out, n):
    """KILL and REVIVE of a portfolio, a trader or the session."""
    reason = Reason.NONE
    if c["flags"] & (NAMES_PORTFOLIO | NAMES_TRADER):
        portfolio = c["portfolio"] if c["flags"] & NAMES_PORTFOLIO else 0
        reason = _unknown_name(state, portfolio, c["trader"] if c["flags"] & NAMES_TRADER else 0)
    if reason == Reason.NONE and c["flags"] > NAMES_TRADER:
        reason = Reason.INVALID_COMBINATION
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    killed = c["kind"] == Kind.KILL
    _switch(state, c, killed)
    blank(state, out, n, Kind.TradingKilled if killed else Kind.TradingRevived, 0, 0)
    fact = out[n]
    fact["flags"] = c["flags"]
    fact["portfolio"] = c["portfolio"] if c["flags"] == NAMES_PORTFOLIO else 0
    fact["trader"] = c["trader"] if c["flags"] == NAMES_TRADER else 0
    return _cancel_killed(state, c, out, n + 1) if killed else n + 1


@kernel
def _no_amount(amount):
    """Whether an amount of a limit is neither whole and 0 or more, nor unnamed."""
    return amount == NOT_WHOLE or (amount < 0 and amount != NOT_NAMED)


@kernel
def _bad_terms(c):
    """First reason against the amounts and bits of SET_LIMITS and SET_RULES, else NONE."""
    if _no_amount(c["quantity"]) or _no_amount(c["price"]) or _no_amount(c["stop_price"]) or _no_amount(np.int64(c["order_id"])):
        return Reason.INVALID_QUANTITY
    if c["flags"] > 1 or c["type"] < POWER_MIN or c["type"] > POWER_MAX:
        return Reason.INVALID_COMBINATION
    return Reason.NONE


@kernel
def _emit_terms(state, out, n, kind, c):
    """LimitsSet, RulesSet: the terms as they were given."""
    blank(state, out, n, kind, 0, 0)
    fact = out[n]
    fact["order_id"] = np.uint64(c["quantity"])
    fact["type"] = c["type"]
    fact["value"] = c["price"]
    fact["limit"] = c["stop_price"]
    fact["maker_order_id"] = c["order_id"]
    fact["flags"] = c["flags"]
    return n + 1


@kernel
def _set_limits(state, c, out, n):
    """SET_LIMITS: all risk limits of a portfolio anew."""
    reason = _unknown_name(state, c["portfolio"], 0)
    if reason == Reason.NONE:
        reason = _bad_terms(c)
    if reason == Reason.NONE and c["portfolio"] == 0:
        reason = Reason.INVALID_COMBINATION
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    account = state.portfolios[c["portfolio"]]
    account["max_position"] = c["quantity"]
    account["position_power"] = c["type"]
    account["max_exposure"] = c["price"]
    account["max_daily_loss"] = c["stop_price"]
    account["max_leverage"] = np.int64(c["order_id"])
    guard = (account["guard"] & KILLED) | LIMITED | (CASH_ACCOUNT if c["flags"] != 0 else 0)
    account["guard"] = guard | (LOSS_LIMITED if c["stop_price"] != NOT_NAMED else 0)
    n = _emit_terms(state, out, n, Kind.LimitsSet, c)
    out[n - 1]["portfolio"] = c["portfolio"]
    return n


@kernel
def _set_rules(state, c, out, n):
    """SET_RULES: all rules of a trader anew; no symbol is restricted, but those of the RESTRICT commands that belong to it."""
    reason = _unknown_name(state, 0, c["trader"])
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    rules = state.traders[c["trader"]]
    rate = np.int64(c["order_id"])
    if c["instrument"] != 0 and not listed(state, c["instrument"]):
        reason = Reason.UNKNOWN_INSTRUMENT
    elif rate == 0 or rate >= RATE_MAX:
        reason = Reason.INVALID_QUANTITY
    else:
        reason = _bad_terms(c)
    if reason != Reason.NONE:
        rules["restricts"] |= np.uint8(TURNED_DOWN)
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    rules["max_quantity"] = c["quantity"]
    rules["quantity_power"] = c["type"]
    rules["max_notional"] = c["price"]
    rules["collar"] = c["stop_price"]
    rules["rate"] = rate
    rules["tokens"] = max(rate, 1000) * (ORDER_PARTS // 1000)
    rules["filled"] = state.session[0]["ts"]
    rules["no_short"] = c["flags"]
    rules["restricts"] = 0
    rules["rules"] += 1
    rules["guard"] |= np.uint8(RULED)
    n = _emit_terms(state, out, n, Kind.RulesSet, c)
    out[n - 1]["trader"] = c["trader"]
    return n


@kernel
def _restrict(state, c, out, n):
    """RESTRICT: one symbol more that a trader may not trade."""
    reason = _unknown_name(state, 0, c["trader"])
    if reason == Reason.NONE and state.traders[c["trader"]]["restricts"] & TURNED_DOWN:
        reason = Reason.INVALID_COMBINATION
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    rules = state.traders[c["trader"]]
    if rules["guard"] & RULED == 0:
        _allow_all(rules)
    rules["restricts"] = RESTRICTS
    identity = restriction(np.int64(c["instrument"]), rules["rules"])
    at = find(state.restricted, identity, c["trader"])
    if state.restricted[at]["slot"] == 0:
        put(state.restricted, at, identity, c["trader"], FINISHED)
        state.session[0]["restrictions"] += 1
    blank(state, out, n, Kind.SymbolRestricted, 0, c["instrument"])
    out[n]["trader"] = c["trader"]
    return n + 1


@kernel
def _allow_all(rules):
    """Rules that forbid nothing."""
    rules["max_quantity"] = NOT_NAMED
    rules["max_notional"] = NOT_NAMED
    rules["collar"] = NOT_NAMED
    rules["rate"] = NOT_NAMED
    rules["no_short"] = 0
    rules["guard"] |= np.uint8(RULED)


@lazy_kernel
def switches(state, c, out, n):
    """HALT, RESUME, KILL, REVIVE, SET_LIMITS, SET_RULES, RESTRICT."""
    kind = c["kind"]
    named = kind == Kind.RESTRICT or kind == Kind.HALT or kind == Kind.RESUME
    if named and not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    state.session[0]["guarded"] += 1
    if kind == Kind.SET_LIMITS:
        return _set_limits(state, c, out, n)
    if kind == Kind.SET_RULES:
        return _set_rules(state, c, out, n)
    if kind == Kind.RESTRICT:
        return _restrict(state, c, out, n)
    if kind == Kind.HALT or kind == Kind.RESUME:
        return _halt(state, c, out, n)
    return _kill(state, c, out, n)

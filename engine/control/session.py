"""What opens a session: its limits, names, instruments, cash."""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.control.naming import keep_name, makes_sense, misnamed, opens
from engine.messages.vocabulary import NOT_WHOLE, Flag, Kind, Reason
from engine.risk.limits import add
from engine.state.accounts import new_position
from engine.state.facts import blank, refuse

NEGATIVE = int(Flag.POST_ONLY)
"""Bit 1 of an INSTRUMENT's flags: zero and negative prices are allowed."""


@kernel
def open_session(state, c, out, n):
    """SESSION: decimals of money (`type`) and the limits, once: orders, portfolios, traders, instruments."""
    session = state.session[0]
    session["named"] += 1
    if session["opened"] != 0 or not opens(c):
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_COMBINATION, c)
    session["opened"] = 1
    session["decimals"] = c["type"]
    session["orders_max"] = c["quantity"]
    session["portfolios_max"] = c["price"]
    session["traders_max"] = c["stop_price"]
    session["instruments_max"] = c["order_id"]
    state.portfolios[0]["open"] = 1
    state.traders[0]["admitted"] = 1
    session["portfolios"] = 1
    session["traders"] = 1
    return blank(state, out, n, Kind.SessionOpened, 0, 0)


@kernel
def _name_one(state, c, out, n):
    """SYMBOL, PORTFOLIO, TRADER: the number in `trader` gets the name that the command carries, once."""
    session = state.session[0]
    session["named"] += 1
    number, reason = np.int64(c["trader"]), misnamed(state, c)
    blank(state, out, n, Kind.CommandRejected, reason, 0)
    fact = out[n]
    if c["kind"] == Kind.PORTFOLIO:
        fact["portfolio"] = number
    elif c["kind"] == Kind.TRADER:
        fact["trader"] = number
    else:
        fact["instrument"] = number if number < 1 << 16 else 0
    if reason != Reason.NONE:
        return n + 1
    keep_name(state, c)
    if c["kind"] == Kind.PORTFOLIO:
        fact["kind"] = Kind.PortfolioOpened
        state.portfolios[number]["open"] = 1
        session["portfolios"] += 1
    elif c["kind"] == Kind.TRADER:
        fact["kind"] = Kind.TraderAdmitted
        state.traders[number]["admitted"] = 1
        session["traders"] += 1
    else:
        fact["kind"] = Kind.SymbolNamed
        session["symbols"] = number + 1
    return n + 1


@kernel
def list_instrument(state, c, out, n):
    """INSTRUMENT: tick (`price`), value (`quantity`), fees (`stop_price` maker, `order_id` taker) of the number in `instrument`."""
    session = state.session[0]
    session["named"] += 1
    number = np.int64(c["instrument"])
    if number >= session["instruments_max"]:
        return refuse(state, out, n, Kind.CommandRejected, Reason.TOO_MANY_INSTRUMENTS, c)
    if number != session["instruments"] or not makes_sense(c):
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_COMBINATION, c)
    keep_name(state, c)
    terms = state.instruments[number]
    terms["tick"] = c["price"]
    terms["value"] = c["quantity"]
    terms["reach"] = ((1 << 62) - 1) // c["quantity"]
    terms["maker_fee"] = c["stop_price"]
    terms["taker_fee"] = np.int64(c["order_id"])
    terms["negative"] = c["flags"] & NEGATIVE
    terms["lot"] = c["trader"]
    terms["lot_power"] = c["type"]
    terms["listed"] = 1
    session["instruments"] += 1
    session["symbols"] = max(session["symbols"], number + 1)
    terms["world"] = new_position(state, 0, number)
    return blank(state, out, n, Kind.InstrumentListed, 0, number)


@kernel
def _deposit_cash(state, c, out, n):
    """DEPOSIT: `quantity` money from the outside world; negative is a withdrawal."""
    number = np.int64(c["portfolio"])
    amount = c["quantity"]
    if number >= len(state.portfolios) or state.portfolios[number]["open"] == 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_PORTFOLIO, c)
    if amount == NOT_WHOLE or amount == 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_QUANTITY, c)
    if number == 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_COMBINATION, c)
    account, world = state.portfolios[number], state.portfolios[0]
    top = 1 << 62
    fits = -top < amount < top and abs(account["cash"] + amount) + account["working"] < top
    if not fits or abs(world["cash"] - amount) + world["working"] >= top:
        return refuse(state, out, n, Kind.CommandRejected, Reason.MONEY_RANGE, c)
    account["cash"] += amount
    account["base"] = add(account["base"], amount)
    world["cash"] -= amount
    blank(state, out, n, Kind.CashDeposited, 0, 0)
    out[n]["portfolio"] = number
    out[n]["value"] = amount
    return n + 1


@lazy_kernel
def session(state, c, out, n):
    """SESSION, SYMBOL, INSTRUMENT, PORTFOLIO, TRADER, DEPOSIT."""
    kind = c["kind"]
    if kind == Kind.SESSION:
        return open_session(state, c, out, n)
    if kind == Kind.INSTRUMENT:
        return list_instrument(state, c, out, n)
    if kind == Kind.DEPOSIT:
        return _deposit_cash(state, c, out, n)
    return _name_one(state, c, out, n)

"""Risk of one portfolio: what it is worth, and the limits that an order may break."""

import numpy as np

from engine.compiler.intrinsics import muldiv, wide_product
from engine.compiler.kernel import cold_kernel, hot_kernel, kernel
from engine.messages.vocabulary import NOT_NAMED, Reason
from engine.state.accounts import fee_of
from engine.state.arrays import CASH_ACCOUNT, LIMITED

TOP = (1 << 63) - 1
"""Sums of money end here, and at its negative: nothing wraps."""
HALF = (1 << 32) - 1
LEVERAGE_PARTS = 10**9
POWERS = 10 ** np.arange(19)


@kernel
def _size(lots, price, value):
    """|lots × price × value| in money, as three digits to the base of 2^32; the highest is at most 2^40, as of a lot worth 2^63 or more."""
    lots, price = abs(lots), abs(price)
    each = float(price) * float(value)
    if each * float(lots) < 9.2e18:
        money = lots * price * value
        return money & HALF, money >> 32, 0
    if each >= 9.2e18:
        return 0, 0, 1 << 40
    high, low = wide_product(np.uint64(lots), np.uint64(price * value))
    return np.int64(low) & HALF, np.int64(low >> np.uint64(32)), min(np.int64(high), 1 << 40)


@kernel
def _whole(low, middle, high):
    """The number with these digits, which may be too large or negative, within ± TOP."""
    middle += low >> 32
    high += middle >> 32
    made = (middle & HALF) << 32 | low & HALF
    if high != made >> 63:  # what is above the sign bit is not its copy
        return TOP if high >= 0 else -TOP
    return max(made, -TOP)


@kernel
def add(a, b):
    """a + b, within ± TOP."""
    if b > 0:
        return a + b if a <= TOP - b else TOP
    return a + b if a >= -TOP - b else -TOP


@cold_kernel
def _exactly(state, portfolio):
    """`valuation` where the sums may pass 63 bits on their way."""
    account = state.portfolios[portfolio]
    cash = np.int64(account["cash"])
    low, middle, high = cash & HALF, cash >> 32, np.int64(0)
    gross_low, gross_middle, gross_high = np.int64(0), np.int64(0), np.int64(0)
    number = np.int64(account["first"])
    while number != 0:
        held = state.positions[number - 1]
        lots = np.int64(held["quantity"])
        if lots != 0:
            terms = state.instruments[held["instrument"]]
            first, second, third = _size(lots, np.int64(terms["mark"]), np.int64(terms["value"]))
            sign = 1 if (lots < 0) == (terms["mark"] < 0) else -1
            low += sign * first
            middle += sign * second
            high += sign * third
            gross_low += first
            gross_middle += second
            gross_high += third
        number = np.int64(held["next"])
    return _whole(low, middle, high), _whole(gross_low, gross_middle, gross_high)


@kernel
def valuation(state, portfolio):
    """(equity, Σ |position| × mark) of a portfolio in money; one step for each position that it ever held in the session.

    Equity is cash + Σ position × mark; an instrument that was never marked counts as 0. The sums end within ± TOP, and are
    exact but where a single lot is worth more than that.
    """
    account = state.portfolios[portfolio]
    equity, gross = np.int64(account["cash"]), np.int64(0)
    size = abs(float(equity))
    number = np.int64(account["first"])
    while number != 0:
        held = state.positions[number - 1]
        terms = state.instruments[held["instrument"]]
        size += abs(float(held["quantity"]) * float(terms["mark"]) * float(terms["value"]))
        money = held["quantity"] * terms["mark"] * terms["value"]
        equity += money
        gross += abs(money)
        number = np.int64(held["next"])
    if size < 9.2e18:
        return equity, gross
    return _exactly(state, portfolio)


@hot_kernel
def in_lots(terms, digits, power):
    """`digits` × 10^(power - 128) units in whole lots, rounded down; at most TOP."""
    shift = power - np.int64(terms["lot_power"])
    if 0 <= shift < len(POWERS) and float(digits) * float(POWERS[shift]) < 9.2e18:
        digits *= POWERS[shift]
        return digits if terms["lot"] == 1 else digits // np.int64(terms["lot"])
    return _in_lots(terms, digits, shift)


@cold_kernel
def _in_lots(terms, digits, shift):
    while shift > 0 and digits <= TOP // 10:
        digits *= 10
        shift -= 1
    if shift > 0 and digits > 0:
        return TOP
    while shift < 0 and digits > 0:  # the floor of a floor is the floor
        digits //= 10
        shift += 1
    return digits // np.int64(terms["lot"])


@kernel
def _to_pay(state, portfolio, instrument, notional):
    """Cost and fee of all working buys of a portfolio with `notional` more in `instrument`; a fee is rounded once per instrument."""
    total, number, seen = np.int64(0), np.int64(state.portfolios[portfolio]["first"]), False
    while number != 0:
        held = state.positions[number - 1]
        money = np.int64(held["buying_money"])
        if held["instrument"] == instrument:
            money += notional
            seen = True
        terms = state.instruments[held["instrument"]]
        total = add(total, add(money, fee_of(money, max(0, terms["maker_fee"], terms["taker_fee"]))))
        number = np.int64(held["next"])
    if not seen:
        terms = state.instruments[instrument]
        total = add(total, add(notional, fee_of(notional, max(0, terms["maker_fee"], terms["taker_fee"]))))
    return total


@kernel
def found(state, reason, value, limit):
    """A limit is broken: what was found, and the limit."""
    state.session[0]["value"] = value
    state.session[0]["limit"] = limit
    return np.int64(reason)


@kernel
def _cash_refuses(state, c, quantity, selling, lots, notional):
    """BUYING_POWER of a cash account."""
    if c["side"] == 0:
        cash = state.portfolios[c["portfolio"]]["cash"]
        needed = _to_pay(state, c["portfolio"], c["instrument"], notional)
        return found(state, Reason.BUYING_POWER, needed, cash) if needed > cash else np.int64(Reason.NONE)
    if selling + lots > quantity:
        return found(state, Reason.BUYING_POWER, selling + lots, quantity)
    return np.int64(Reason.NONE)


@kernel
def _value_refuses(state, c, notional):
    """EXPOSURE, DAILY_LOSS, LEVERAGE: the limits that value the whole portfolio."""
    account = state.portfolios[c["portfolio"]]
    equity, gross = valuation(state, c["portfolio"])
    exposure = add(gross, account["working"] + notional)  # these two are below 2^62 together: MONEY_RANGE
    profit = add(equity, -account["base"])
    if account["max_exposure"] != NOT_NAMED and exposure > account["max_exposure"]:
        return found(state, Reason.EXPOSURE_LIMIT, exposure, account["max_exposure"])
    if account["max_daily_loss"] != NOT_NAMED and profit < -account["max_daily_loss"]:
        return found(state, Reason.DAILY_LOSS_LIMIT, profit, -account["max_daily_loss"])
    if account["max_leverage"] != NOT_NAMED:
        return _leverage_refuses(state, exposure, equity, np.int64(account["max_leverage"]))
    return np.int64(Reason.NONE)


@kernel
def _leverage_refuses(state, exposure, equity, most):
    if equity > 0 and float(exposure) * LEVERAGE_PARTS < 0.999999 * float(most) * float(equity):
        return np.int64(Reason.NONE)  # clearly: the exact quotient has a product of 128 bits
    leverage, rest = np.int64(TOP), np.int64(0)
    if equity > 0 and float(exposure) * LEVERAGE_PARTS / float(equity) < 9.2e18:
        leverage, rest = muldiv(exposure, LEVERAGE_PARTS, equity)
    if leverage > most or (leverage == most and rest > 0):  # above it by less than a part
        return found(state, Reason.LEVERAGE_LIMIT, leverage, most)
    return np.int64(Reason.NONE)


@hot_kernel
def risk_refuses(state, c, position, notional):
    """First broken limit of the portfolio of order `c`, whose open lots are worth `notional`; NONE where all hold.

    `position` is the number of the portfolio's position in the instrument, -1 where there is none.
    """
    account = state.portfolios[c["portfolio"]]
    if account["guard"] & LIMITED == 0:
        return np.int64(Reason.NONE)
    lots = c["quantity"] - state.session[0]["executed"]
    quantity, buying, selling = np.int64(0), np.int64(0), np.int64(0)
    if position >= 0:
        held = state.positions[position]
        quantity, buying, selling = np.int64(held["quantity"]), np.int64(held["buying"]), np.int64(held["selling"])
    if account["guard"] & CASH_ACCOUNT:
        reason = _cash_refuses(state, c, quantity, selling, lots, notional)
        if reason != Reason.NONE:
            return reason
    working = (buying if c["side"] == 0 else selling) + lots
    reached = working + (quantity if c["side"] == 0 else -quantity)
    if account["max_position"] != NOT_NAMED:
        most = in_lots(state.instruments[c["instrument"]], np.int64(account["max_position"]), np.int64(account["position_power"]))
        if reached > most:
            return found(state, Reason.POSITION_LIMIT, reached, most)
    if working <= (-quantity if c["side"] == 0 else quantity):  # it only reduces
        return np.int64(Reason.NONE)
    return _value_refuses(state, c, notional)

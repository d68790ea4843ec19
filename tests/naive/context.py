"""Control commands in the twin: days, halts, marks and references, kill switches, cash, limits and rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.messages.vocabulary import NOT_WHOLE, Kind, Reason, TimeInForce
from tests.naive import history, risk
from tests.naive.book import LIVE
from tests.naive.limits import RATE_END, Limits, Rules, invalid, signed
from tests.naive.matching import MONEY_LIMIT

if TYPE_CHECKING:
    from tests.naive.exchange import NaiveExchange

PORTFOLIO, TRADER = 1, 2
"""Flags of KILL and REVIVE: whom they name; without any the whole session."""


# ---------------------------------------------------------------------- an instrument


def on_instrument(handler: Callable[[NaiveExchange, SimpleNamespace], None]) -> Callable[[NaiveExchange, SimpleNamespace], None]:
    def run(ex: NaiveExchange, c: SimpleNamespace) -> None:
        if c.instrument >= len(ex.instruments):
            ex.refuse(c, Reason.UNKNOWN_INSTRUMENT)
        else:
            handler(ex, c)

    return run


def halt(ex: NaiveExchange, c: SimpleNamespace) -> None:
    ex.halted.add(c.instrument)
    ex.emit(Kind.TradingHalted, instrument=c.instrument)


def resume(ex: NaiveExchange, c: SimpleNamespace) -> None:
    ex.halted.discard(c.instrument)
    ex.emit(Kind.TradingResumed, instrument=c.instrument)
    history.uncross(ex, c.instrument)


def end_of_day(ex: NaiveExchange, c: SimpleNamespace) -> None:
    ex.emit(Kind.DayEnded, instrument=c.instrument)
    for order in list(ex.orders.values()):
        if order.instrument == c.instrument and order.status in LIVE and order.time_in_force != TimeInForce.GTC:
            ex.finish(order, Reason.END_OF_DAY, Kind.OrderExpired)


def mark(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if not ex.is_price(c.instrument, c.price, on_tick=False):
        return ex.refuse(c, Reason.INVALID_PRICE)
    ex.marks[c.instrument] = c.price
    ex.emit(Kind.PriceMarked, instrument=c.instrument, price=c.price)
    return risk.judge_holders(ex, c.instrument)


def reference(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if not ex.is_price(c.instrument, c.price, on_tick=False):
        return ex.refuse(c, Reason.INVALID_PRICE)
    ex.references[c.instrument] = c.price
    ex.emit(Kind.ReferenceSet, instrument=c.instrument, price=c.price)
    return None


# ---------------------------------------------------------------------- the session


def start_of_day(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """The day's loss is 0 again, and what is finished is forgotten."""
    ex.emit(Kind.DayStarted)
    ex.orders = {key: order for key, order in ex.orders.items() if order.status in LIVE}
    ex.base = Counter({portfolio: ex.equity(portfolio) for portfolio in ex.cash})
    ex.alarmed.clear()


def kill(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """A switch goes on, and what it stops is cancelled."""
    if not switch(ex, c):
        return
    for order in list(ex.orders.values()):
        hit = c.flags == 0 or (order.portfolio == c.portfolio if c.flags == PORTFOLIO else order.trader == c.trader)
        if hit and order.status in LIVE:
            ex.finish(order, Reason.KILL_SWITCH)


def switch(ex: NaiveExchange, c: SimpleNamespace) -> bool:
    """KILL or REVIVE turns the one switch that it names. False where it is refused."""
    if c.flags & PORTFOLIO and c.portfolio not in ex.cash:
        ex.refuse(c, Reason.UNKNOWN_PORTFOLIO)
        return False
    if c.flags & TRADER and c.trader not in ex.traders:
        ex.refuse(c, Reason.UNKNOWN_TRADER)
        return False
    if c.flags not in (0, PORTFOLIO, TRADER):
        ex.refuse(c, Reason.INVALID_COMBINATION)
        return False
    portfolio, trader = c.portfolio * (c.flags == PORTFOLIO), c.trader * (c.flags == TRADER)
    named = ("portfolio", portfolio) if c.flags == PORTFOLIO else ("trader", trader) if c.flags == TRADER else ("session", 0)
    if c.kind == Kind.KILL:
        ex.killed.add(named)
    else:
        ex.killed.discard(named)
    kind = Kind.TradingKilled if c.kind == Kind.KILL else Kind.TradingRevived
    ex.emit(kind, portfolio=portfolio, trader=trader, flags=c.flags)
    return True


def revive(ex: NaiveExchange, c: SimpleNamespace) -> None:
    switch(ex, c)


# ---------------------------------------------------------------------- a portfolio, a trader


def deposit(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """Money from the outside world to a portfolio; below zero a withdrawal."""
    if c.portfolio not in ex.cash:
        return ex.refuse(c, Reason.UNKNOWN_PORTFOLIO)
    if c.quantity in (0, NOT_WHOLE):
        return ex.refuse(c, Reason.INVALID_QUANTITY)
    if c.portfolio == 0:
        return ex.refuse(c, Reason.INVALID_COMBINATION)
    after = ((c.portfolio, ex.cash[c.portfolio] + c.quantity), (0, ex.cash[0] - c.quantity))
    if abs(c.quantity) >= MONEY_LIMIT or any(abs(cash) + ex.working_notional(owner) >= MONEY_LIMIT for owner, cash in after):
        return ex.refuse(c, Reason.MONEY_RANGE)
    ex.transfer(c.portfolio, c.quantity)
    ex.emit(Kind.CashDeposited, portfolio=c.portfolio, value=c.quantity)
    return None


def set_limits(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.portfolio not in ex.cash:
        return ex.refuse(c, Reason.UNKNOWN_PORTFOLIO)
    reason = invalid(c)
    if not reason and c.portfolio == 0:
        reason = Reason.INVALID_COMBINATION
    if reason:
        return ex.refuse(c, reason)
    ex.limits[c.portfolio] = Limits.of(c)
    ex.emit(Kind.LimitsSet, portfolio=c.portfolio, **as_given(c))
    return None


def set_rules(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.trader not in ex.traders:
        return ex.refuse(c, Reason.UNKNOWN_TRADER)
    reason = invalid(c)
    if reason != Reason.INVALID_QUANTITY and (signed(c.order_id) == 0 or signed(c.order_id) >= RATE_END):
        reason = Reason.INVALID_QUANTITY
    if c.instrument and c.instrument >= len(ex.instruments):
        reason = Reason.UNKNOWN_INSTRUMENT
    if reason:
        ex.turned_down.add(c.trader)
        return ex.refuse(c, reason)
    ex.turned_down.discard(c.trader)
    ex.rules[c.trader] = Rules.of(c)
    ex.restricted = {(trader, instrument) for trader, instrument in ex.restricted if trader != c.trader}
    ex.emit(Kind.RulesSet, trader=c.trader, **as_given(c))
    return None


def restrict(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.trader not in ex.traders:
        return ex.refuse(c, Reason.UNKNOWN_TRADER)
    if c.trader in ex.turned_down:  # it belongs to rules that do not hold
        return ex.refuse(c, Reason.INVALID_COMBINATION)
    ex.restricted.add((c.trader, c.instrument))
    ex.emit(Kind.SymbolRestricted, trader=c.trader, instrument=c.instrument)
    return None


def as_given(c: SimpleNamespace) -> dict[str, int]:
    """The amounts of a SET_LIMITS or SET_RULES in the fields of its fact."""
    mantissa, last = c.quantity % 2**64, c.order_id
    return {"order_id": mantissa, "type": c.type, "value": c.price, "limit": c.stop_price, "maker_order_id": last, "flags": c.flags}


COMMANDS = {
    Kind.DEPOSIT: deposit,
    Kind.SET_LIMITS: set_limits,
    Kind.SET_RULES: set_rules,
    Kind.RESTRICT: on_instrument(restrict),
    Kind.HALT: on_instrument(halt),
    Kind.RESUME: on_instrument(resume),
    Kind.END_OF_DAY: on_instrument(end_of_day),
    Kind.START_OF_DAY: start_of_day,
    Kind.MARK: on_instrument(mark),
    Kind.REFERENCE: on_instrument(reference),
    Kind.KILL: kill,
    Kind.REVIVE: revive,
}

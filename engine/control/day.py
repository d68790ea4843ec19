"""The day of an instrument and of the session: its end, its start, and the prices that are named in between."""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.matching.checks import listed, on_unit
from engine.matching.open_orders import end_gathered, gather_instrument
from engine.messages.vocabulary import Kind, OrderStatus, Reason, TimeInForce
from engine.risk.after_fill import judge_loss
from engine.risk.limits import valuation
from engine.state.accounts import seek_position
from engine.state.arrays import LOSS_LIMITED
from engine.state.facts import blank, refuse
from engine.state.id_table import find, put

GTC = int(TimeInForce.GTC)


@kernel
def _judge_holders(state, out, n, instrument):
    """Alarms of the portfolios that hold the instrument, in the order of their numbers."""
    for portfolio in range(1, len(state.portfolios)):
        if state.portfolios[portfolio]["guard"] & LOSS_LIMITED:
            position = seek_position(state, portfolio, instrument)
            if position >= 0 and state.positions[position]["quantity"] != 0:
                n = judge_loss(state, out, n, portfolio, instrument)
    return n


@kernel
def _set_price(state, c, out, n):
    """MARK: a price to value positions at, until the next trade. REFERENCE: the price around which collars stand."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    terms = state.instruments[c["instrument"]]
    if not on_unit(terms, c["price"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_PRICE, c)
    marks = c["kind"] == Kind.MARK
    if marks:
        terms["mark"] = c["price"]
        terms["marked"] = 1
    else:
        terms["reference"] = c["price"]
        terms["referenced"] = 1
    blank(state, out, n, Kind.PriceMarked if marks else Kind.ReferenceSet, 0, c["instrument"])
    out[n]["price"] = c["price"]
    watched = marks and state.session[0]["guarded"] != 0
    return _judge_holders(state, out, n + 1, np.int64(c["instrument"])) if watched else n + 1


@kernel
def _end_day(state, c, out, n):
    """END_OF_DAY: every open order of the instrument that is not GTC expires, in the order of acceptance."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    n = blank(state, out, n, Kind.DayEnded, 0, c["instrument"])
    count = gather_instrument(state, np.int64(c["instrument"]), 0)
    kept = 0
    for k in range(count):
        if state.orders[state.scratch[k]]["time_in_force"] != GTC:
            state.scratch[kept] = state.scratch[k]
            kept += 1
    return end_gathered(state, out, n, kept, Kind.OrderExpired, Reason.END_OF_DAY, OrderStatus.EXPIRED)


@kernel
def _start_day(state, out, n):
    """START_OF_DAY: finished orders and their ids are forgotten; the day's P&L of every portfolio begins at 0, its alarm is armed."""
    count = 0
    for instrument in range(len(state.instruments)):
        count = gather_instrument(state, instrument, count)
    for at in range(len(state.ids)):
        state.ids[at]["slot"] = 0
    for k in range(count):
        slot = np.int64(state.scratch[k])
        order = state.orders[slot]
        at = find(state.ids, order["id"], order["trader"])
        put(state.ids, at, order["id"], order["trader"], slot + 1)
        order["place"] = at
    state.session[0]["used"] = count
    for portfolio in range(1, len(state.portfolios)):
        account = state.portfolios[portfolio]
        account["base"], _ = valuation(state, portfolio)
        account["breached"] = 0
    return blank(state, out, n, Kind.DayStarted, 0, 0)


@lazy_kernel
def day(state, c, out, n):
    """END_OF_DAY, START_OF_DAY, MARK, REFERENCE."""
    if c["kind"] == Kind.END_OF_DAY:
        return _end_day(state, c, out, n)
    if c["kind"] == Kind.START_OF_DAY:
        return _start_day(state, out, n)
    return _set_price(state, c, out, n)

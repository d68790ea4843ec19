"""What opens a session and keeps its day: limits, names, instruments, cash; marks, the end and the start of a day."""

import numpy as np

from engine.accounts import new_position
from engine.book import first_node, key_below
from engine.checks import listed, on_unit
from engine.facts import blank, refuse
from engine.ids import find, put
from engine.kernel import kernel
from engine.matching import end_resting
from engine.state import EMPTY, MASK, W
from engine.vocabulary import HISTORY, NOT_WHOLE, Flag, Kind, OrderStatus, Reason, TimeInForce

HISTORY_TRADER = np.uint32(HISTORY)
GTC = int(TimeInForce.GTC)
NEGATIVE = int(Flag.POST_ONLY)
"""Bit 1 of an INSTRUMENT's flags: zero and negative prices are allowed."""


@kernel
def open_session(state, c, out, n):
    """SESSION: decimals of money (`type`) and the limits, once: orders, portfolios, traders, instruments."""
    session = state.session[0]
    if session["opened"] != 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_COMBINATION, c)
    session["opened"] = 1
    session["decimals"] = c["type"]
    session["orders_max"] = c["quantity"]
    session["portfolios_max"] = c["price"]
    session["traders_max"] = c["stop_price"]
    session["instruments_max"] = c["order_id"]
    state.portfolios[0]["open"] = 1
    state.traders[0] = 1
    session["portfolios"] = 1
    session["traders"] = 1
    return blank(state, out, n, Kind.SessionOpened, 0, 0)


@kernel
def name_one(state, c, out, n):
    """SYMBOL, PORTFOLIO, TRADER: the number in `trader` gets the name that the command carries."""
    session = state.session[0]
    session["named"] += 1
    number = np.int64(c["trader"])
    kind, reason = Kind.SymbolNamed, Reason.NONE
    if c["kind"] == Kind.PORTFOLIO:
        kind = Kind.PortfolioOpened
        if number >= session["portfolios_max"] or number >= len(state.portfolios):
            reason = Reason.TOO_MANY_PORTFOLIOS
        elif state.portfolios[number]["open"] == 0:
            state.portfolios[number]["open"] = 1
            session["portfolios"] += 1
    elif c["kind"] == Kind.TRADER:
        kind = Kind.TraderAdmitted
        if number >= session["traders_max"] or number >= len(state.traders):
            reason = Reason.TOO_MANY_TRADERS
        elif state.traders[number] == 0:
            state.traders[number] = 1
            session["traders"] += 1
    elif number >= session["instruments_max"] or number >= len(state.instruments):
        reason = Reason.TOO_MANY_INSTRUMENTS
    blank(state, out, n, kind if reason == Reason.NONE else Kind.CommandRejected, reason, 0)
    fact = out[n]
    if c["kind"] == Kind.PORTFOLIO:
        fact["portfolio"] = number
    elif c["kind"] == Kind.TRADER:
        fact["trader"] = number
    else:
        fact["instrument"] = np.uint16(number)
    return n + 1


@kernel
def list_instrument(state, c, out, n):
    """INSTRUMENT: tick (`price`), value (`quantity`), fees (`stop_price` maker, `order_id` taker) of the number in `instrument`."""
    session = state.session[0]
    session["named"] += 1
    number = np.int64(c["instrument"])
    if number >= session["instruments_max"] or number >= len(state.instruments):
        return refuse(state, out, n, Kind.CommandRejected, Reason.TOO_MANY_INSTRUMENTS, c)
    terms = state.instruments[number]
    if terms["listed"] != 0 or c["price"] <= 0 or c["quantity"] <= 0:
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_COMBINATION, c)
    terms["tick"] = c["price"]
    terms["value"] = c["quantity"]
    terms["reach"] = ((1 << 62) - 1) // c["quantity"]
    terms["maker_fee"] = c["stop_price"]
    terms["taker_fee"] = np.int64(c["order_id"])
    terms["negative"] = c["flags"] & NEGATIVE
    terms["listed"] = 1
    session["instruments"] += 1
    terms["world"] = new_position(state, 0, number)
    return blank(state, out, n, Kind.InstrumentListed, 0, number)


@kernel
def deposit_cash(state, c, out, n):
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
    world["cash"] -= amount
    blank(state, out, n, Kind.CashDeposited, 0, 0)
    out[n]["portfolio"] = number
    out[n]["value"] = amount
    return n + 1


@kernel
def mark_price(state, c, out, n):
    """MARK: a price to value positions at, until the next trade."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    terms = state.instruments[c["instrument"]]
    if not on_unit(terms, c["price"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.INVALID_PRICE, c)
    terms["mark"] = c["price"]
    terms["marked"] = 1
    blank(state, out, n, Kind.PriceMarked, 0, c["instrument"])
    out[n]["price"] = c["price"]
    return n + 1


@kernel
def _gather_list(state, sentinel, count, all_of_them):
    """Clients' orders of one list into `scratch`: those that are not GTC, or all."""
    first = first_node(state)
    node = np.int64(state.nodes[sentinel]["next"])
    while node != sentinel:
        order = state.orders[node - first]
        if order["trader"] != HISTORY_TRADER and (all_of_them or order["time_in_force"] != GTC):
            state.scratch[count] = node - first
            count += 1
        node = np.int64(state.nodes[node]["next"])
    return count


@kernel
def gather(state, ladder, count, all_of_them):
    """Clients' orders of one ladder, appended to `scratch`."""
    key = state.ladders[ladder]["best"]
    while key != EMPTY:
        count = _gather_list(state, ladder * W + (key & MASK), count, all_of_them)
        key = key_below(state, ladder, key)
    return _gather_list(state, len(state.ladders) * W + ladder, count, all_of_them)


@kernel
def _sift(state, start, end):
    scratch, orders = state.scratch, state.orders
    root = start
    while 2 * root + 1 < end:
        child = 2 * root + 1
        if child + 1 < end and orders[scratch[child]]["created"] < orders[scratch[child + 1]]["created"]:
            child += 1
        if orders[scratch[root]]["created"] >= orders[scratch[child]]["created"]:
            return
        scratch[root], scratch[child] = scratch[child], scratch[root]
        root = child


@kernel
def sort_by_acceptance(state, count):
    """Heap sort of the first `count` slots of `scratch`, earliest accepted first."""
    for start in range(count // 2 - 1, -1, -1):
        _sift(state, start, count)
    for end in range(count - 1, 0, -1):
        state.scratch[0], state.scratch[end] = state.scratch[end], state.scratch[0]
        _sift(state, 0, end)


@kernel
def end_day(state, c, out, n):
    """END_OF_DAY: every open order of the instrument that is not GTC expires, in the order of acceptance."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    instrument = np.int64(c["instrument"])
    n = blank(state, out, n, Kind.DayEnded, 0, instrument)
    count = gather(state, 2 * instrument, 0, False)
    count = gather(state, 2 * instrument + 1, count, False)
    sort_by_acceptance(state, count)
    for k in range(count):
        n = end_resting(state, out, n, np.int64(state.scratch[k]), Kind.OrderExpired, Reason.END_OF_DAY, OrderStatus.EXPIRED)
    return n


@kernel
def start_day(state, c, out, n):
    """START_OF_DAY: finished orders and their ids are forgotten."""
    count = 0
    for ladder in range(len(state.ladders)):
        count = gather(state, ladder, count, True)
    for at in range(len(state.ids)):
        state.ids[at]["slot"] = 0
    for k in range(count):
        slot = np.int64(state.scratch[k])
        order = state.orders[slot]
        at = find(state.ids, order["id"], order["trader"])
        put(state.ids, at, order["id"], order["trader"], slot + 1)
        order["place"] = at
    state.session[0]["used"] = count
    return blank(state, out, n, Kind.DayStarted, 0, 0)

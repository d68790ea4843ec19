"""Price-time matching: an order takes from the other side, best price first, first in first out within a price."""

import numpy as np

from engine.compiler.intrinsics import mover
from engine.compiler.kernel import cold_kernel, hot_kernel, kernel, rare_kernel
from engine.compiler.lazy_kernels import STOPS_LEAVE, Lazy, call_lazy
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderStatus, Reason, SelfTrade
from engine.state.accounts import against, book_fill, fee_of, too_much, work
from engine.state.arrays import FINISHED, MASK, PIECE, W
from engine.state.facts import blank, emit_order, move_owner
from engine.state.id_table import erase
from engine.state.ladder import first_node, head, leave, shrink
from engine.state.levels import level_list, lose_piece, lower_key, stands_at
from engine.state.order_types import has_price

HISTORY_TRADER = np.uint32(HISTORY)
ESTIMATED = int(Flag.ESTIMATED)
REDUCE_ONLY = int(Flag.REDUCE_ONLY)
MAKER_HISTORY = int(Flag.MAKER_HISTORY)
ANY_PRICE = 1 << 40  # the reach of an order without a price: above every key
_move_maker = mover(maker_portfolio="portfolio", maker_trader="trader")


@hot_kernel
def open_slot(state):
    """A free order slot; the driver keeps at least one."""
    session = state.session[0]
    session["live"] += 1
    slot = session["free"]
    if slot != 0:
        session["free"] = state.orders[slot]["place"]
        return slot
    slot = session["fresh"]
    session["fresh"] = slot + 1
    return slot


@hot_kernel
def close_slot(state, slot):
    """Give a slot back; of a free one `place` is the next free slot."""
    session = state.session[0]
    session["live"] -= 1
    state.orders[slot]["place"] = session["free"]
    session["free"] = slot


@hot_kernel
def finish(state, slot, status):
    """A client's order that rests nowhere any more ends with `status`; its id stays used."""
    order = state.orders[slot]
    state.session[0]["open_orders"] -= 1
    state.ids[order["place"]]["slot"] = FINISHED | (np.int64(status) << 16) | np.int64(order["instrument"])
    close_slot(state, slot)


@rare_kernel
def forget(state, slot):
    """An order of history ends and its id is free again. A level's record and a quote stay: their lots may come back."""
    order = state.orders[slot]
    if order["id"] != 0:
        erase(state.history_ids, np.int64(order["place"]), state.orders)
        state.session[0]["known"] -= 1
    elif order["self_trade"] == PIECE:
        lose_piece(state, order)
    elif order["self_trade"] != 0:
        return
    close_slot(state, slot)


@hot_kernel
def working_money(state, slot, lots):
    """Notional of `lots` lots of the order in `slot`: at its price, a STOP at its stop price."""
    order = state.orders[slot]
    price = np.int64(order["price"] if has_price(order["type"]) else order["stop_price"])
    return abs(price) * lots * state.instruments[order["instrument"]]["value"]


@hot_kernel
def take_back(state, out, slot):
    """A client's open order leaves the book, or the pending stops; returns its open lots."""
    order = state.orders[slot]
    remaining = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    rests = 1 - np.int64(order["pending"])
    if rests == 0:
        call_lazy(state.lazy[Lazy.STOPS], state, STOPS_LEAVE | slot, out, 0)
    else:
        leave(state, slot)
        state.ladders[2 * np.int64(order["instrument"]) + order["side"]]["own"] -= 1
    work(state, order, -remaining, -working_money(state, slot, remaining), -rests)
    return remaining


@hot_kernel
def end_open(state, out, n, slot, kind, reason, status):
    """End a client's open order, with the fact that says why."""
    remaining = take_back(state, out, slot)
    n = emit_order(state, out, n, kind, reason, slot, remaining, 0)
    finish(state, slot, status)
    return n


@hot_kernel
def set_last(state, instrument, price, lots):
    """Every print sets the last trade price and the mark."""
    terms = state.instruments[instrument]
    terms["last"] = price
    terms["mark"] = price
    terms["traded"] = 1
    terms["marked"] = 1
    terms["volume"] += lots


@hot_kernel
def _leave_filled(state, ladder, maker, left, lots):
    """The lots that a maker sold or bought leave the book; with its last ones it goes itself."""
    order = state.orders[maker]
    if left != 0:
        shrink(state, maker, lots)
        return
    leave(state, maker)
    if order["trader"] != HISTORY_TRADER:
        state.ladders[ladder]["own"] -= 1
        finish(state, maker, OrderStatus.FILLED)
    else:  # known until its record ends: later messages are clipped
        state.nodes[first_node(state) + maker]["quantity"] = 0
        if order["id"] == 0:
            forget(state, maker)


@hot_kernel
def book_trade(state, out, n, ladder, maker, price, lots, taker, position, taker_fee):
    """A fill of the order in slot `maker` by portfolio `taker`: its TradeExecuted, but for the taker's names, both accounts, the book.

    Returns what `engine.risk.after_fill` has to check once its fact is complete.
    """
    order = state.orders[maker]
    instrument = ladder >> 1
    terms = state.instruments[instrument]
    left = np.int64(state.nodes[first_node(state) + maker]["quantity"]) - lots
    each = price * terms["value"]
    portfolio = np.int64(order["portfolio"])
    history = order["trader"] == HISTORY_TRADER
    fee = 0 if history else fee_of(each * lots, terms["maker_fee"])
    blank(state, out, n, Kind.TradeExecuted, 0, instrument)
    fact = out[n]
    fact["price"] = price
    fact["quantity"] = lots
    fact["maker_order_id"] = order["id"]
    _move_maker(fact, order)
    fact["maker_remaining"] = left
    fact["maker_fee"] = fee
    fact["fee"] = taker_fee
    fact["portfolio"] = taker
    fact["side"] = 1 - (ladder & 1)
    fact["flags"] = MAKER_HISTORY if history else order["flags"] & ESTIMATED
    order["executed"] += np.uint32(lots)
    set_last(state, instrument, price, lots)
    if not history:
        work(state, order, -lots, -abs(np.int64(order["price"])) * terms["value"] * lots, -1 if left == 0 else 0)
    signed = lots if ladder & 1 == 0 else -lots
    watched = book_fill(state, portfolio, np.int64(order["position"]), fee, taker, position, taker_fee, signed, each)
    _leave_filled(state, ladder, maker, left, lots)
    return watched


@hot_kernel
def self_trade_mode(mode, flags):
    """The mode that holds between two orders of one portfolio, given the flags of both: who may only reduce must not trade with itself."""
    return np.int64(SelfTrade.CANCEL_TAKER) if mode == SelfTrade.NONE and flags & REDUCE_ONLY else np.int64(mode)


@cold_kernel
def reducible(state, slot, lots):
    """`lots` of the order in `slot`, but no more than the position that it may reduce, if that is all it may."""
    order = state.orders[slot]
    if order["flags"] & REDUCE_ONLY:
        return min(lots, against(state.positions[order["position"]]["quantity"], order["side"]))
    return lots


@hot_kernel
def _trade_plainly(state, order, other, money):
    """Whether two orders of different portfolios can trade for `money` without further checks."""
    if order["portfolio"] == other["portfolio"] or (order["flags"] | other["flags"]) & REDUCE_ONLY:
        return False
    return not too_much(state, order, other, money)


@cold_kernel
def _meet(state, out, n, slot, maker, lots, price):
    """Two orders meet, one of them a client's: (n, lots that they trade, reason why the taker stops, else NONE).

    No lots and no reason: the maker was of the taker's own portfolio, and is gone.
    """
    order, other = state.orders[slot], state.orders[maker]
    flags = order["flags"] | other["flags"]
    if order["portfolio"] == other["portfolio"]:
        mode = self_trade_mode(order["self_trade"], flags)
        if mode != SelfTrade.NONE:
            if mode != SelfTrade.CANCEL_TAKER:
                n = end_open(state, out, n, maker, Kind.OrderCancelled, Reason.SELF_TRADE, OrderStatus.CANCELLED)
            return n, 0, np.int64(Reason.NONE if mode == SelfTrade.CANCEL_MAKER else Reason.SELF_TRADE)
    if flags & REDUCE_ONLY:
        lots = reducible(state, maker, reducible(state, slot, lots))
    money = abs(price * state.instruments[order["instrument"]]["value"] * lots)
    return n, lots, np.int64(Reason.MONEY_RANGE if too_much(state, order, other, money) else Reason.NONE)


@kernel
def match(state, out, n, slot, remaining, reach):
    """The client's order in `slot`, in no list, takes up to `remaining` lots at keys within `reach`.

    Returns (n, remaining, reason): reason is SELF_TRADE where its own portfolio stopped it, REDUCE_ONLY where nothing is left to
    reduce, MONEY_RANGE where a fill could pass what an account holds, else NONE.
    """
    order = state.orders[slot]
    instrument = np.int64(order["instrument"])
    opposite = 2 * instrument + 1 - order["side"]
    portfolio = np.int64(order["portfolio"])
    reduces = np.int64(order["flags"] & REDUCE_ONLY)
    ladder = state.ladders[opposite]
    terms = state.instruments[instrument]
    first = first_node(state)
    wanted = remaining
    reason = np.int64(Reason.NONE)
    while remaining > 0 and ~ladder["best"] <= reach:
        best = ladder["best"]
        maker = np.int64(state.nodes[opposite * W + (best & MASK)]["next"]) - first
        lots = min(remaining, np.int64(state.nodes[first + maker]["quantity"]))
        price = (best ^ -(opposite & 1)) * terms["tick"]
        other = state.orders[maker]
        plain = portfolio | np.int64(other["portfolio"]) == 0
        if not (plain or _trade_plainly(state, order, other, abs(price * terms["value"] * lots))):
            n, lots, reason = _meet(state, out, n, slot, maker, lots, price)
            if reason != Reason.NONE:
                break
            if lots == 0:
                continue
        remaining -= lots
        fee = fee_of(price * terms["value"] * lots, terms["taker_fee"])
        watched = book_trade(state, out, n, opposite, maker, price, lots, portfolio, np.int64(order["position"]), fee)
        fact = out[n]
        fact["order_id"] = order["id"]
        move_owner(fact, order)
        fact["remaining"] = remaining
        n += 1
        if watched | reduces != 0:
            n = call_lazy(state.lazy[Lazy.AFTER_FILL], state, watched, out, n)
            if reduces != 0 and reducible(state, slot, 1) == 0:
                reason = Reason.REDUCE_ONLY
                break
    order["executed"] += np.uint32(wanted - remaining)
    return n, remaining, reason


@kernel
def _count_level(state, ladder, key, order, wanted, money):
    """Lots of a level that `order` may trade with, up to `wanted`, when it has spent `money`; (lots, money, stopped).

    It is stopped by its own portfolio, and where an account might not hold all those fills in a row.
    """
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    terms = state.instruments[ladder >> 1]
    each = abs((key ^ -(ladder & 1)) * terms["tick"] * terms["value"])
    lots = 0
    node = head(state, sentinel)
    while node != sentinel and lots < wanted:
        if stands_at(state, ladder, sentinel, node, key):
            maker = state.orders[node - first]
            mode = np.int64(SelfTrade.NONE)
            if maker["portfolio"] == order["portfolio"] and order["portfolio"] != 0:
                mode = self_trade_mode(order["self_trade"], order["flags"] | maker["flags"])
            if mode == SelfTrade.CANCEL_TAKER or mode == SelfTrade.CANCEL_BOTH:
                return lots, money, True
            if mode == SelfTrade.NONE and (maker["flags"] & REDUCE_ONLY == 0 or maker["trader"] == HISTORY_TRADER):
                part = min(wanted - lots, np.int64(state.nodes[node]["quantity"]))
                money = min(money + each * part, 1 << 62)
                if order["portfolio"] | maker["portfolio"] != 0 and (money == 1 << 62 or too_much(state, order, maker, money)):
                    return lots, money, True
                lots += part
        node = np.int64(state.nodes[node]["next"])
    return lots, money, False


@cold_kernel
def fillable(state, slot, wanted, reach):
    """Whether the order in `slot` could fill `wanted` lots at once under its self-trade mode."""
    order = state.orders[slot]
    opposite = 2 * np.int64(order["instrument"]) + 1 - order["side"]
    wanted = reducible(state, slot, wanted)
    key = state.ladders[opposite]["best"]
    lots, money = np.int64(0), np.int64(0)
    stopped = False
    while lots < wanted and not stopped and ~key <= reach:
        more, money, stopped = _count_level(state, opposite, key, order, wanted - lots, money)
        lots += more
        key = lower_key(state, opposite, key)
    return lots >= wanted

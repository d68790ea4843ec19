"""Bars: history as a price path, each PRINT a point of it. Between two points the price goes through all that lie between them.

History quotes the path's price on both sides, by two orders that move with it: what is left there is the share of the bar's volume that
ours may still trade. Our orders that the path reaches trade at their own price, pending stops trigger at theirs; a bar that opens beyond
them fills them at its open.
"""

import numpy as np

from engine.compiler.intrinsics import muldiv
from engine.compiler.kernel import kernel
from engine.compiler.lazy_kernels import STOPS_CASCADE, Lazy, call_lazy
from engine.matching.checks import on_tick
from engine.matching.history_orders import COUNTS_NONE, OWN_PRICE, flag_estimated, lose, new_history, take_ours
from engine.matching.match import close_slot, set_last
from engine.messages.vocabulary import SHARE_PARTS, Flag, Kind
from engine.state.arrays import QUOTE
from engine.state.facts import emit_history
from engine.state.ladder import first_node, in_ticks, key_of, rest

OPENING = int(Flag.OPENING)
MOST = (1 << 32) - 1
"""Lots of an order at most; what is on offer where a bar's volume is not known."""


@kernel
def open_quotes(state, c):
    """The two orders by which history quotes the instrument of `c`; they offer nothing yet."""
    terms = state.instruments[c["instrument"]]
    for side in range(2):
        slot = new_history(state, c)
        order = state.orders[slot]
        order["id"] = 0
        order["side"] = side
        order["price"] = 0
        order["quantity"] = 0
        order["self_trade"] = QUOTE
        state.nodes[first_node(state) + slot]["quantity"] = 0
        if side == 0:
            terms["bid_quote"] = slot
        else:
            terms["ask_quote"] = slot


@kernel
def end_quotes(state, terms):
    """The two orders of an instrument end, where it has them."""
    if terms["bid_quote"] != 0:
        for side in range(2):
            slot = np.int64(terms["bid_quote"] if side == 0 else terms["ask_quote"])
            lose(state, slot, MOST)
            close_slot(state, slot)
        terms["bid_quote"] = 0
        terms["ask_quote"] = 0


@kernel
def _move(state, c, out, n, side, price, lots, jumps):
    """The quote on `side` goes to `price` with `lots`: it trades with ours that it meets, and what is left of it rests.

    Ours trade at their own price where the path went through it, at the quote's where it `jumps`.
    """
    instrument = np.int64(c["instrument"])
    terms = state.instruments[instrument]
    slot = np.int64(terms["bid_quote"] if side == 0 else terms["ask_quote"])
    lose(state, slot, MOST)
    price = price - price % terms["tick"] if side == 0 else price + -price % terms["tick"]
    if lots == 0 or not on_tick(terms, price):
        return n
    key = key_of(side, in_ticks(terms, price))
    n, left, traded = take_ours(state, out, n, c, side, lots, key, COUNTS_NONE, price if jumps else OWN_PRICE)
    state.session[0]["displaced"] += traded
    state.orders[slot]["price"] = price
    if left > 0:
        rest(state, 2 * instrument + side, key, slot, left)
    return n


@kernel
def _go(state, c, out, n, price):
    """The price moves on, through all between the last point and this one."""
    terms = state.instruments[c["instrument"]]
    for side in range(2):
        slot = np.int64(terms["bid_quote"] if side == 0 else terms["ask_quote"])
        n = _move(state, c, out, n, side, price, np.int64(state.nodes[first_node(state) + slot]["quantity"]), False)
    return n


@kernel
def _jump(state, c, out, n):
    """A bar opens: both quotes stand at its open, each with the share of the bar's volume that ours may trade."""
    volume = c["stop_price"]
    lots = np.int64(MOST)
    if volume > 0:
        share, _ = muldiv(volume, np.int64(state.instruments[c["instrument"]]["share"]), SHARE_PARTS)
        lots = min(share, MOST)
    for side in range(2):
        n = _move(state, c, out, n, side, c["price"], lots, True)
    return n


@kernel
def _next_stop(state, instrument, rises, price):
    """The stop price of the pending stop that the path to `price` reaches first; `price` where there is none on the way."""
    terms = state.instruments[instrument]
    slot = np.int64(terms["buy_stop"] if rises else terms["sell_stop"])
    if slot == 0 or terms["halted"] != 0:
        return price
    stop = np.int64(state.orders[slot]["stop_price"])
    return min(stop, price) if rises else max(stop, price)


@kernel
def _pass(state, c, out, n, price, lots):
    """The path has come to `price`, where `lots` were printed."""
    set_last(state, np.int64(c["instrument"]), price, lots)
    return emit_history(state, out, n, Kind.TradePrinted, c, price, lots, 0, 0)


@kernel
def follow_path(state, c, out, n):
    """PRINT of an instrument of bars: the price goes there, or opens there; stops on the way trigger one after the other."""
    instrument, price, start = np.int64(c["instrument"]), np.int64(c["price"]), n
    terms = state.instruments[instrument]
    if c["flags"] & OPENING or terms["traded"] == 0:
        n = _jump(state, c, out, n)
    else:
        rises = price >= terms["last"]
        point = _next_stop(state, instrument, rises, price)
        while point != price:
            n = _go(state, c, out, n, point)
            n = _pass(state, c, out, n, point, 0)
            n = call_lazy(state.lazy[Lazy.STOPS], state, STOPS_CASCADE | instrument, out, n)
            point = _next_stop(state, instrument, rises, price)
        n = _go(state, c, out, n, price)
    flag_estimated(out, start, n)
    return _pass(state, c, out, n, price, c["quantity"])

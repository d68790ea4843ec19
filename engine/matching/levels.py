"""History as trades and levels (L2): how many lots stand at a price, not whose. Our orders stand among them.

`engine.matching.level_lots` keeps the lots of each level among them; `engine.matching.bars` is what a PRINT means where history is bars.
"""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.matching.bars import end_quotes, follow_path, open_quotes
from engine.matching.checks import listed, on_tick
from engine.matching.history import bad_history, reach_of_price
from engine.matching.history_orders import COUNTS_NONE, OWN_PRICE, end_record, flag_estimated, take_ours
from engine.matching.level_lots import join_level, lose_level, lots_of, open_record
from engine.matching.match import set_last
from engine.messages.vocabulary import SHARE_PARTS, Flag, Grain, Kind, QueueModel, Reason
from engine.state.arrays import EMPTY
from engine.state.facts import amend_history, blank, emit_history, refuse
from engine.state.ladder import in_ticks, key_of
from engine.state.levels import find_record

HIDDEN, UNKNOWN_SIDE = int(Flag.HIDDEN), int(Flag.ESTIMATED)
BARS, POWER = int(Grain.BARS), int(QueueModel.POWER)


@kernel
def _bad_level(state, c):
    """First reason against a LEVEL, else NONE: as of other history, but 0 lots are a quantity."""
    if c["quantity"] != 0 or not listed(state, c["instrument"]):
        return bad_history(state, c, True)
    if not on_tick(state.instruments[c["instrument"]], c["price"]):
        return Reason.INVALID_PRICE
    return Reason.INVALID_COMBINATION if c["side"] > 1 else Reason.NONE


@kernel
def _grow(state, c, out, n, ladder, key, record, lots):
    """`lots` come to a level: they trade with ours that they cross, at our price, and what is left of them joins the level."""
    start = n
    n, left, _ = take_ours(state, out, n, c, np.int64(c["side"]), lots, key, COUNTS_NONE, OWN_PRICE)
    flag_estimated(out, start, n)
    if left > 0:
        if ~state.ladders[ladder ^ 1]["best"] <= key:
            state.session[0]["crossed"] += left
        join_level(state, c, ladder, key, record, left)
    return n


@kernel
def set_level(state, c, out, n):
    """LEVEL: history's lots at a price are as many as the venue shows, less those that ours took; of fewer, these go first."""
    reason = _bad_level(state, c)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    instrument, side, price, lots = np.int64(c["instrument"]), np.int64(c["side"]), np.int64(c["price"]), c["quantity"]
    ladder = 2 * instrument + side
    key = key_of(side, in_ticks(state.instruments[instrument], price))
    at = find_record(state, instrument, side, price)
    record = np.int64(state.history_ids[at]["slot"]) - 1
    if record < 0:
        if lots == 0:
            return emit_history(state, out, n, Kind.HistoryLevelSet, c, price, 0, 0, 0)
        record = open_record(state, c, at)
    shown = np.int64(state.orders[record]["quantity"])
    here = lots_of(state, ladder, key, record)
    state.orders[record]["quantity"] = lots
    clipped = max(0, min(shown - lots, shown - here))
    state.session[0]["clipped"] += clipped
    seat = n
    n = emit_history(state, out, n, Kind.HistoryLevelSet, c, price, lots, 0, clipped)
    if lots > shown:
        n = _grow(state, c, out, n, ladder, key, record, lots - shown)
    else:
        lose_level(state, ladder, key, record, shown - lots - clipped, here, False)
    amend_history(state, out[seat], lots, lots_of(state, ladder, key, record))
    if lots == 0:
        end_record(state, record)
    return n


@kernel
def _aggressor(state, c):
    """Side of a TRADE's aggressor; where it was not recorded by the quotes: BUY at the best ask or above, SELL at the best bid or below, -1
    between them."""
    if c["flags"] & UNKNOWN_SIDE == 0:
        return np.int64(c["side"])
    instrument, price = np.int64(c["instrument"]), np.int64(c["price"])
    for side in range(2):
        best = state.ladders[2 * instrument + 1 - side]["best"]
        if best != EMPTY and ~best <= reach_of_price(state.instruments[instrument], side, price):
            return side
    return -1


@kernel
def _take_displayed(state, ladder, price, lots):
    """A trade takes `lots` from the head of the level that it was recorded at; returns how many of them ours had taken before."""
    side = ladder & 1
    record = np.int64(state.history_ids[find_record(state, ladder >> 1, side, price)]["slot"]) - 1
    if record < 0:
        return np.int64(0)
    key = key_of(side, in_ticks(state.instruments[ladder >> 1], price))
    shown = np.int64(state.orders[record]["quantity"])
    here = lots_of(state, ladder, key, record)
    clipped = max(0, min(lots, shown - here))
    part = min(lots - clipped, here)
    lose_level(state, ladder, key, record, part, here, True)
    state.orders[record]["quantity"] = shown - clipped - part
    if shown == clipped + part:
        end_record(state, record)
    state.session[0]["clipped"] += clipped
    return clipped


@kernel
def apply_trade(state, c, out, n):
    """TRADE: its aggressor takes of ours what it would have taken in the merged queue, and from the level at its price what is recorded.

    At better prices than its own it meets ours alone: had history's lots still been there, it would have traded with them.
    """
    reason = bad_history(state, c, False)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side, instrument, price, lots = _aggressor(state, c), np.int64(c["instrument"]), np.int64(c["price"]), c["quantity"]
    terms = state.instruments[instrument]
    traded, clipped, start = np.int64(0), np.int64(0), n
    if side >= 0:
        reach = reach_of_price(terms, side, price)
        displayed = c["flags"] & HIDDEN == 0 and on_tick(terms, price)
        n, _, traded = take_ours(state, out, n, c, side, lots, reach, reach if displayed else COUNTS_NONE, OWN_PRICE)
        flag_estimated(out, start, n)
        if displayed:
            clipped = _take_displayed(state, 2 * instrument + 1 - side, price, lots)
    state.session[0]["displaced"] += traded
    set_last(state, instrument, price, lots)
    seat = n
    n = emit_history(state, out, n, Kind.HistoryTraded, c, price, lots, traded, clipped)
    if n > seat and side >= 0:
        out[seat]["side"] = side
    return n


@kernel
def set_queue(state, c, out, n):
    """SET_QUEUE: what an instrument's history is made of, and the model of its queues."""
    reason = Reason.NONE
    if not listed(state, c["instrument"]):
        reason = Reason.UNKNOWN_INSTRUMENT
    elif c["side"] == BARS and not 0 < c["quantity"] <= SHARE_PARTS:
        reason = Reason.INVALID_QUANTITY
    elif c["side"] > BARS or c["type"] > POWER or (c["type"] == POWER and not 0 < c["stop_price"] < 256):
        reason = Reason.INVALID_COMBINATION
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    terms = state.instruments[c["instrument"]]
    end_quotes(state, terms)
    terms["grain"] = c["side"]
    terms["queue_model"] = c["type"]
    terms["exponent"] = c["stop_price"] if c["type"] == POWER else 0
    terms["share"] = c["quantity"] if c["side"] == BARS else 0
    if c["side"] == BARS:
        open_quotes(state, c)
    blank(state, out, n, Kind.QueueSet, 0, c["instrument"])
    fact = out[n]
    fact["type"] = c["type"]
    fact["remaining"] = c["side"]
    fact["quantity"] = terms["exponent"]
    fact["value"] = terms["share"]
    return n + 1


@lazy_kernel
def levels(state, c, out, n):
    """LEVEL, TRADE, SET_QUEUE, and a PRINT of an instrument of bars."""
    if c["kind"] == Kind.LEVEL:
        return set_level(state, c, out, n)
    if c["kind"] == Kind.TRADE:
        return apply_trade(state, c, out, n)
    if c["kind"] == Kind.SET_QUEUE:
        return set_queue(state, c, out, n)
    return follow_path(state, c, out, n)

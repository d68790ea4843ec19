"""History as trades and levels (L2): how many lots stand at a price, not whose. Our orders stand among them.

A level's lots are orders without an id: the RECORD, which is kept while the venue shows the level, and a PIECE for whatever joined behind
an order of ours. The record knows what the venue shows; what is less in the book than that ours have taken.
"""

import numpy as np

from engine.compiler.kernel import cold_kernel, kernel, lazy_kernel
from engine.matching.bars import end_quotes, follow_path, open_quotes
from engine.matching.checks import listed, on_tick
from engine.matching.history import bad_history, reach_of_price
from engine.matching.history_orders import COUNTS_NONE, OWN_PRICE, end_record, flag_estimated, lose, new_history, take_ours
from engine.matching.match import find_record, forget, level_id, set_last
from engine.matching.queue_models import lost_before
from engine.messages.vocabulary import HISTORY, SHARE_PARTS, Flag, Grain, Kind, QueueModel, Reason
from engine.state.arrays import EMPTY, LEVELS, PIECE, RECORD
from engine.state.facts import amend_history, blank, emit_history, refuse
from engine.state.id_table import put
from engine.state.ladder import add_lots, first_node, in_ticks, key_of, rest
from engine.state.levels import level_list, stands_at

HISTORY_TRADER = np.uint32(HISTORY)
HIDDEN, UNKNOWN_SIDE = int(Flag.HIDDEN), int(Flag.ESTIMATED)
BARS, POWER = int(Grain.BARS), int(QueueModel.POWER)


@kernel
def _is_piece(state, slot):
    """Whether an order stands for lots of a level."""
    order = state.orders[slot]
    return order["trader"] == HISTORY_TRADER and (order["self_trade"] == RECORD or order["self_trade"] == PIECE)


@cold_kernel
def _lots_of_pieces(state, ladder, key):
    """Lots of a level of several pieces that are in the book."""
    first, lots = first_node(state), np.int64(0)
    sentinel = level_list(state, ladder, key)
    node = np.int64(state.nodes[sentinel]["next"])
    while node != sentinel:
        if _is_piece(state, node - first) and stands_at(state, ladder, sentinel, node, key):
            lots += np.int64(state.nodes[node]["quantity"])
        node = np.int64(state.nodes[node]["next"])
    return lots


@kernel
def _lots_of(state, ladder, key, record):
    """Lots of a level that are in the book."""
    if state.orders[record]["stop_price"] == 0:
        return np.int64(state.nodes[first_node(state) + record]["quantity"])
    return _lots_of_pieces(state, ladder, key)


@cold_kernel
def _last_piece(state, ladder, key):
    """Slot of the level's last piece, if no order of ours stands behind it, else 0."""
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    node = np.int64(state.nodes[sentinel]["prev"])
    while node != sentinel:
        if stands_at(state, ladder, sentinel, node, key):
            if _is_piece(state, node - first):
                return node - first
            if state.orders[node - first]["trader"] != HISTORY_TRADER:
                return 0
        node = np.int64(state.nodes[node]["prev"])
    return 0


@kernel
def _join(state, c, ladder, key, record, lots):
    """`lots` join a level behind all that stand there."""
    alone = state.orders[record]["stop_price"] == 0
    there = state.nodes[first_node(state) + record]["quantity"] != 0
    last = record if there else 0
    if state.ladders[ladder]["own"] != 0 or not alone:
        last = _last_piece(state, ladder, key)
    if last != 0:
        node = state.nodes[first_node(state) + last]
        node["quantity"] += np.uint32(lots)
        add_lots(state, np.int64(node["cell"]), lots)
        return
    if there:
        state.orders[record]["stop_price"] += np.int32(1)
        record = new_history(state, c)
        order = state.orders[record]
        order["id"] = 0
        order["price"] = c["price"]
        order["self_trade"] = PIECE
    rest(state, ladder, key, record, lots)


@kernel
def _lose_piece(state, slot, lots):
    """A piece loses lots; one that has none left ends."""
    lose(state, slot, lots)
    if state.nodes[first_node(state) + slot]["quantity"] == 0:
        forget(state, slot)


@cold_kernel
def _lose_among(state, ladder, key, lots, here, by_trade):
    """A level of several pieces, with `here` lots in the book, loses `lots`: by a trade from its head, else as its queue model says."""
    terms = state.instruments[ladder >> 1]
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    node = np.int64(state.nodes[sentinel]["next"])
    before, gone = np.int64(0), np.int64(0)
    while node != sentinel:
        after = np.int64(state.nodes[node]["next"])
        if _is_piece(state, node - first) and stands_at(state, ladder, sentinel, node, key):
            part = np.int64(state.nodes[node]["quantity"])
            before += part
            wanted = lots
            if not by_trade:
                wanted = lost_before(np.int64(terms["queue_model"]), np.int64(terms["exponent"]), before, here - before, lots)
            wanted = max(wanted, lots - (here - before), gone) - gone
            if wanted > 0:
                part = min(part, wanted)
                gone += part
                _lose_piece(state, node - first, part)
        node = after


@kernel
def _lose_level(state, ladder, key, record, lots, here, by_trade):
    """A level with `here` lots in the book loses `lots` of them."""
    if lots > 0:
        if state.orders[record]["stop_price"] == 0:
            lose(state, record, lots)
        else:
            _lose_among(state, ladder, key, lots, here, by_trade)


@kernel
def _open_record(state, c, at):
    """The record of a level that shows nothing yet, at `at` of `history_ids`."""
    record = new_history(state, c)
    order = state.orders[record]
    order["id"] = 0
    order["price"] = c["price"]
    order["quantity"] = 0
    order["place"] = at
    order["self_trade"] = RECORD
    put(state.history_ids, at, level_id(np.int64(c["side"]), np.int64(c["price"])), np.int64(c["instrument"]) | LEVELS, record + 1)
    state.nodes[first_node(state) + record]["quantity"] = 0
    state.session[0]["known"] += 1
    return record


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
        _join(state, c, ladder, key, record, left)
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
        record = _open_record(state, c, at)
    shown = np.int64(state.orders[record]["quantity"])
    here = _lots_of(state, ladder, key, record)
    state.orders[record]["quantity"] = lots
    clipped = max(0, min(shown - lots, shown - here))
    state.session[0]["clipped"] += clipped
    seat = n
    n = emit_history(state, out, n, Kind.HistoryLevelSet, c, price, lots, 0, clipped)
    if lots > shown:
        n = _grow(state, c, out, n, ladder, key, record, lots - shown)
    else:
        _lose_level(state, ladder, key, record, shown - lots - clipped, here, False)
    amend_history(state, out[seat], lots, _lots_of(state, ladder, key, record))
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
    here = _lots_of(state, ladder, key, record)
    clipped = max(0, min(lots, shown - here))
    part = min(lots - clipped, here)
    _lose_level(state, ladder, key, record, part, here, True)
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

"""The lots of a level among our orders: a RECORD, kept while the venue shows the level, and a PIECE for what joined behind one of ours.

Both are orders of history without an id. The record knows what the venue shows; what is less in the book than that ours have taken.
"""

import numpy as np

from engine.compiler.kernel import cold_kernel, kernel
from engine.matching.history_orders import lose, new_history
from engine.matching.match import forget
from engine.matching.queue_models import lost_before
from engine.messages.vocabulary import HISTORY
from engine.state.arrays import LEVELS, PIECE, RECORD
from engine.state.id_table import put
from engine.state.ladder import add_lots, first_node, head, rest, tail
from engine.state.levels import level_id, level_list, stands_at

HISTORY_TRADER = np.uint32(HISTORY)


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
    node = head(state, sentinel)
    while node != sentinel:
        if _is_piece(state, node - first) and stands_at(state, ladder, sentinel, node, key):
            lots += np.int64(state.nodes[node]["quantity"])
        node = np.int64(state.nodes[node]["next"])
    return lots


@kernel
def lots_of(state, ladder, key, record):
    """Lots of a level that are in the book."""
    if state.orders[record]["stop_price"] == 0:
        return np.int64(state.nodes[first_node(state) + record]["quantity"])
    return _lots_of_pieces(state, ladder, key)


@cold_kernel
def _last_piece(state, ladder, key):
    """Slot of the level's last piece, if no order of ours stands behind it, else 0."""
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    node = tail(state, sentinel)
    while node != sentinel:
        if stands_at(state, ladder, sentinel, node, key):
            if _is_piece(state, node - first):
                return node - first
            if state.orders[node - first]["trader"] != HISTORY_TRADER:
                return 0
        node = np.int64(state.nodes[node]["prev"])
    return 0


@kernel
def join_level(state, c, ladder, key, record, lots):
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
def _shorten(state, slot, lots):
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
    node = head(state, sentinel)
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
                _shorten(state, node - first, part)
        node = after


@kernel
def lose_level(state, ladder, key, record, lots, here, by_trade):
    """A level with `here` lots in the book loses `lots` of them."""
    if lots > 0:
        if state.orders[record]["stop_price"] == 0:
            lose(state, record, lots)
        else:
            _lose_among(state, ladder, key, lots, here, by_trade)


@kernel
def open_record(state, c, at):
    """The record of a level that shows nothing yet, at `at` of `history_ids`."""
    record = new_history(state, c)
    order = state.orders[record]
    order["id"] = 0
    order["price"] = c["price"]
    order["quantity"] = 0
    order["place"] = at
    order["queued"] = 0
    order["self_trade"] = RECORD
    put(state.history_ids, at, level_id(np.int64(c["side"]), np.int64(c["price"])), np.int64(c["instrument"]) | LEVELS, record + 1)
    state.nodes[first_node(state) + record]["quantity"] = 0
    state.session[0]["known"] += 1
    return record

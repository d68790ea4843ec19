"""Reading a ladder: its levels from the best down, in the window and parked alike."""

import numpy as np

from engine.compiler.kernel import cold_kernel, hot_kernel, kernel
from engine.state.arrays import EMPTY, LEVELS, MASK, W
from engine.state.id_table import find
from engine.state.ladder import best_parked, first_node, head, key_below, key_of, ticks_of


@hot_kernel
def level_list(state, ladder, key):
    """Node index of the list in which orders at `key` stand: the price's cell, or (outside the window) the list of the parked."""
    base = state.ladders[ladder]["base"]
    if base <= key < base + W:
        return ladder * W + (key & MASK)
    return len(state.ladders) * W + ladder


@hot_kernel
def stands_at(state, ladder, sentinel, node, key):
    """Whether `node` of that list is an order at `key`."""
    return sentinel < len(state.ladders) * W or key_of(ladder & 1, ticks_of(state, node - first_node(state))) == key


@kernel
def lower_key(state, ladder, key):
    """Next key below the occupied `key` at which orders stand, in the window or parked; EMPTY where there is none."""
    found = key_below(state, ladder, key) if key >= state.ladders[ladder]["base"] else EMPTY
    if found != EMPTY or state.ladders[ladder]["parked"] == 0:
        return found
    return best_parked(state, ladder, key)


@kernel
def levels_into(state, ladder, out):
    """Fill int64 rows (price in units, lots, orders) of `out`, best first; returns how many levels there are, at most len(out)."""
    key = state.ladders[ladder]["best"]
    count = 0
    tick = state.instruments[ladder >> 1]["tick"]
    while key != EMPTY and count < len(out):
        sentinel = level_list(state, ladder, key)
        lots, orders = 0, 0
        node = head(state, sentinel)
        while node != sentinel:
            if stands_at(state, ladder, sentinel, node, key):
                lots += np.int64(state.nodes[node]["quantity"])
                orders += 1
            node = np.int64(state.nodes[node]["next"])
        out[count, 0] = key_of(ladder & 1, key) * tick
        out[count, 1] = lots
        out[count, 2] = orders
        count += 1
        key = lower_key(state, ladder, key)
    return count


@hot_kernel
def level_id(side, price):
    """The id under which the record of a level is found."""
    return np.uint64(((price + (1 << 31)) << 1) | side)


@kernel
def find_record(state, instrument, side, price):
    """Index in `history_ids` of a level's record, or of the free entry where it belongs."""
    return find(state.history_ids, level_id(side, price), instrument | LEVELS)


@cold_kernel
def lose_piece(state, order):
    """A level has the PIECE `order` no longer beside its record."""
    at = find_record(state, np.int64(order["instrument"]), np.int64(order["side"]), np.int64(order["price"]))
    state.orders[np.int64(state.history_ids[at]["slot"]) - 1]["stop_price"] -= np.int32(1)

"""Price ladders: where resting orders stand, best price first, first in first out within a price.

A ladder is a ring of W price cells with an occupancy bitmap; what lies outside its window is kept in the ladder's parked list and comes
back before the window could need it. Nothing that a caller can see depends on where the window stands.
"""

import numpy as np

from engine.compiler.intrinsics import leading_zeros
from engine.compiler.kernel import cold_kernel, hot_kernel, kernel
from engine.state.arrays import EMPTY, MASK, NEAR, UNCOUNTED, W


@hot_kernel
def first_node(state):
    """Node index of order slot 0."""
    return len(state.ladders) * (W + 1)


@hot_kernel
def key_of(side, ticks):
    """Ladder key of a price in ticks; its own inverse."""
    return ticks ^ -side


@hot_kernel
def lots_at(state, cell):
    """Lots of a level (or of a parked list)."""
    return state.nodes[cell]["lots"]


@hot_kernel
def add_lots(state, cell, lots):
    """Change a level's lots by `lots`."""
    state.nodes[cell]["lots"] += lots


@hot_kernel
def head(state, cell):
    """The first node of a list; `cell` itself where it is empty."""
    node = np.int64(state.nodes[cell]["next"])
    return node if node != 0 else cell


@hot_kernel
def tail(state, cell):
    """The last node of a list; `cell` itself where it is empty."""
    node = np.int64(state.nodes[cell]["prev"])
    return node if node != 0 else cell


@hot_kernel
def next_key(state, ladder, key):
    """Best occupied key below `key`, whose own bit no longer counts; EMPTY where there is none."""
    at = key & MASK
    word = at >> 6
    first = ladder * 64
    below = state.words[first + word] & ((np.uint64(1) << np.uint64(at & 63)) - np.uint64(1))
    if below != 0:
        return key - ((at & 63) - (63 - leading_zeros(below)))
    summary = state.ladders[ladder]["summary"]
    if summary == 0:
        return EMPTY
    turned = (summary >> np.uint64(word)) | (summary << np.uint64((64 - word) & 63))
    found = (word - 1 - leading_zeros(turned)) & 63
    bits = state.words[first + found]
    if found == word:  # only what stands above `key` in its own word: almost a whole turn away
        bits = bits & ~((np.uint64(2) << np.uint64(at & 63)) - np.uint64(1))
        if bits == 0:
            return EMPTY
    return key - ((at - (found * 64 + 63 - leading_zeros(bits))) & MASK)


@kernel
def key_below(state, ladder, key):
    """Next occupied key of the window below the occupied `key`, without changing anything; EMPTY where there is none."""
    found = next_key(state, ladder, key)
    base = state.ladders[ladder]["base"]
    return found if found >= base and found < key else EMPTY


@hot_kernel
def occupy(state, ladder, key):
    at = key & MASK
    word = at >> 6
    state.words[ladder * 64 + word] |= np.uint64(1) << np.uint64(at & 63)
    state.ladders[ladder]["summary"] |= np.uint64(1) << np.uint64(word)


@hot_kernel
def vacate(state, ladder, key):
    at = key & MASK
    word = at >> 6
    left = state.words[ladder * 64 + word] & ~(np.uint64(1) << np.uint64(at & 63))
    state.words[ladder * 64 + word] = left
    if left == 0:
        state.ladders[ladder]["summary"] &= ~(np.uint64(1) << np.uint64(word))


@hot_kernel
def append(state, cell, node):
    """Put `node` (its quantity is set) at the end of the list of `cell`."""
    nodes = state.nodes
    last = tail(state, cell)
    entry = nodes[node]
    entry["next"] = cell
    entry["prev"] = last
    entry["cell"] = cell
    nodes[last]["next"] = node
    nodes[cell]["prev"] = node
    add_lots(state, cell, np.int64(entry["quantity"]))


@hot_kernel
def take_out(state, node):
    """Take `node` out of its list; True where the list is empty now. Its quantity stays as it is."""
    nodes = state.nodes
    entry = nodes[node]
    before = entry["prev"]
    after = entry["next"]
    add_lots(state, np.int64(entry["cell"]), -np.int64(entry["quantity"]))
    if before == after:
        nodes[before]["next"] = 0
        nodes[before]["prev"] = 0
        return True
    nodes[before]["next"] = after
    nodes[after]["prev"] = before
    return False


@hot_kernel
def in_ticks(terms, price):
    """`price` (units, on the tick) in ticks."""
    return price if terms["tick"] == 1 else price // terms["tick"]


@kernel
def ticks_of(state, slot):
    """Price in ticks of the order in `slot`."""
    order = state.orders[slot]
    return in_ticks(state.instruments[order["instrument"]], np.int64(order["price"]))


@cold_kernel
def _rebase(state, ladder, top):
    """Move the window down or up so that `top` lies in its upper part: park what falls out, bring back what falls in."""
    book = state.ladders[ladder]
    base = top - (W - NEAR)
    park = len(state.ladders) * W + ladder
    first = first_node(state)
    key = book["best"]
    while key != EMPTY:  # cells below the new window go to the parked list, whole levels in their order
        below = key_below(state, ladder, key)
        if key < base or key >= base + W:
            cell = ladder * W + (key & MASK)
            while head(state, cell) != cell:
                node = head(state, cell)
                take_out(state, node)
                append(state, park, node)
                book["parked"] += 1
            vacate(state, ladder, key)
        key = below
    book["base"] = base
    node = head(state, park)
    side = ladder & 1
    while node != park:
        after = np.int64(state.nodes[node]["next"])
        key = key_of(side, ticks_of(state, node - first))
        if key >= base:
            take_out(state, node)
            append(state, ladder * W + (key & MASK), node)
            occupy(state, ladder, key)
            book["parked"] -= 1
        node = after


@cold_kernel
def best_parked(state, ladder, below):
    """Highest key under `below` in the parked list; EMPTY where there is none."""
    park = len(state.ladders) * W + ladder
    first = first_node(state)
    best = EMPTY
    node = head(state, park)
    while node != park:
        key = key_of(ladder & 1, ticks_of(state, node - first))
        if key < below:
            best = max(best, key)
        node = np.int64(state.nodes[node]["next"])
    return best


@cold_kernel
def _settle(state, ladder):
    """After the best fell: bring parked orders back where the window no longer covers what is near."""
    book = state.ladders[ladder]
    best = book["best"]
    if book["parked"] != 0 and (best == EMPTY or best - book["base"] < NEAR):
        if best == EMPTY:
            best = best_parked(state, ladder, -EMPTY)
        _rebase(state, ladder, best)
        book["best"] = best


@hot_kernel
def _join(state, cell, node, best, key):
    """`node` joins the list of `cell`; returns the lots that stood there.

    UNCOUNTED where `key` is NEAR or more below the best, or the lots do not fit 32 bits.
    """
    ahead = min(lots_at(state, cell), UNCOUNTED)
    append(state, cell, node)
    return ahead if best - key < NEAR else UNCOUNTED


@cold_kernel
def _rest_outside(state, ladder, key, node):
    """`rest` where `key` lies outside the window, which moves if it must."""
    book = state.ladders[ladder]
    best = book["best"]
    if best == EMPTY:
        book["base"] = key - (W - NEAR)
    elif key > best or best - key < W - NEAR:
        _rebase(state, ladder, max(key, best))
    book["best"] = max(key, best)
    if key < book["base"]:
        book["parked"] += 1
        return _join(state, len(state.ladders) * W + ladder, node, best, key)
    occupy(state, ladder, key)
    return _join(state, ladder * W + (key & MASK), node, best, key)


@hot_kernel
def rest(state, ladder, key, slot, lots):
    """The order in `slot` joins the end of the level at `key` with `lots` lots; returns the lots ahead of it (see `_join`)."""
    book = state.ladders[ladder]
    node = first_node(state) + slot
    state.nodes[node]["quantity"] = lots
    state.orders[slot]["queued"] = state.session[0]["seq"]
    book["orders"] += 1
    if not 0 <= key - book["base"] < W:
        return _rest_outside(state, ladder, key, node)
    best = book["best"]
    if key > best:
        book["best"] = key
    occupy(state, ladder, key)
    return _join(state, ladder * W + (key & MASK), node, best, key)


@hot_kernel
def leave(state, slot):
    """The order in `slot` leaves its ladder."""
    node = first_node(state) + slot
    cell = np.int64(state.nodes[node]["cell"])
    emptied = take_out(state, node)
    if cell >= len(state.ladders) * W:
        ladder = cell - len(state.ladders) * W
        state.ladders[ladder]["parked"] -= 1
        state.ladders[ladder]["orders"] -= 1
        return
    ladder = cell >> 12
    book = state.ladders[ladder]
    book["orders"] -= 1
    if emptied:
        best = book["best"]
        key = best - ((best - cell) & MASK)
        vacate(state, ladder, key)
        if key == best:
            book["best"] = next_key(state, ladder, key)
            if book["parked"] != 0:
                _settle(state, ladder)


@hot_kernel
def shrink(state, slot, lots):
    """The order in `slot` gives up `lots` lots, fewer than it has, and keeps its place."""
    node = state.nodes[first_node(state) + slot]
    node["quantity"] -= np.uint32(lots)
    add_lots(state, np.int64(node["cell"]), -lots)

"""Open orders of clients, gathered in the order in which they were accepted, for what ends many at once; history's, to clear them."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.matching.match import end_open
from engine.messages.vocabulary import HISTORY, TimeInForce
from engine.state.arrays import EMPTY, MASK, W
from engine.state.ladder import first_node, head, key_below

HISTORY_TRADER = np.uint32(HISTORY)
GTC = int(TimeInForce.GTC)


@kernel
def _gather_list(state, sentinel, count, history):
    """Clients' orders of one list (history's where `history`), appended to the `count` slots of `scratch`; returns the new count."""
    first = first_node(state)
    node = head(state, sentinel)
    while node != sentinel:
        if (state.orders[node - first]["trader"] == HISTORY_TRADER) == history:
            state.scratch[count] = node - first
            count += 1
        node = np.int64(state.nodes[node]["next"])
    return count


@kernel
def gather_ladder(state, ladder, count, history):
    """Clients' orders (history's where `history`) that rest on one side of a book."""
    if state.ladders[ladder]["own"] == (state.ladders[ladder]["orders"] if history else 0):
        return count
    key = state.ladders[ladder]["best"]
    while key != EMPTY:
        count = _gather_list(state, ladder * W + (key & MASK), count, history)
        key = key_below(state, ladder, key)
    return _gather_list(state, len(state.ladders) * W + ladder, count, history)


@kernel
def _gather_heap(state, slot, count):
    """A heap of pending stops from its top `slot` on."""
    if slot == 0:
        return count
    first = first_node(state)
    state.scratch[count] = slot
    at, end = count, count + 1
    while at < end:
        node = state.nodes[first + state.scratch[at]]
        for child in (np.int64(node["next"]), np.int64(node["prev"])):
            if child != 0:
                state.scratch[end] = child - first
                end += 1
        at += 1
    return end


@kernel
def gather_instrument(state, instrument, count):
    """All open orders of clients in an instrument, pending stops too."""
    count = gather_ladder(state, 2 * instrument, count, False)
    count = gather_ladder(state, 2 * instrument + 1, count, False)
    count = _gather_heap(state, np.int64(state.instruments[instrument]["buy_stop"]), count)
    return _gather_heap(state, np.int64(state.instruments[instrument]["sell_stop"]), count)


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
def _sort_by_acceptance(state, count):
    """Heap sort of the first `count` slots of `scratch`, earliest accepted first."""
    for start in range(count // 2 - 1, -1, -1):
        _sift(state, start, count)
    for end in range(count - 1, 0, -1):
        state.scratch[0], state.scratch[end] = state.scratch[end], state.scratch[0]
        _sift(state, 0, end)


@kernel
def end_gathered(state, out, n, count, kind, reason, status):
    """The first `count` orders of `scratch` end, in the order in which they were accepted."""
    _sort_by_acceptance(state, count)
    for k in range(count):
        n = end_open(state, out, n, np.int64(state.scratch[k]), kind, reason, status)
    return n

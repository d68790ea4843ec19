"""History that is reconciled with a published book: what is revealed, what is removed, lots of unknown orders; and cleared books."""

import numpy as np

from engine.compiler.kernel import kernel, lazy_kernel
from engine.matching.checks import listed
from engine.matching.history import bad_history
from engine.matching.history_orders import end_record, lose, new_history, stand, uncross
from engine.matching.match import forget
from engine.matching.open_orders import gather_ladder
from engine.messages.vocabulary import HISTORY, Flag, Kind, Reason
from engine.state.arrays import EMPTY, LEVELS
from engine.state.facts import amend_history, emit_history, fits, refuse
from engine.state.ladder import first_node, head, in_ticks, key_of, tail
from engine.state.levels import level_list, stands_at

HISTORY_TRADER = np.uint32(HISTORY)
OPENING = int(Flag.OPENING)
ESTIMATED = np.uint8(Flag.ESTIMATED)
ANY, ANONYMOUS, NAMED, WHOLE = 0, 1, 2, 3
"""Which orders of a level give up lots; WHOLE: those whose open lots fit as a whole in what is still to be taken."""
ALL = 1 << 32
"""More lots than an order has."""


@kernel
def _take_level(state, c, lots, who, newest_first):
    """Take `lots` from history's orders at the command's side and price; returns what is missing."""
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    key = key_of(side, in_ticks(state.instruments[c["instrument"]], np.int64(c["price"])))
    if state.ladders[ladder]["best"] == EMPTY:
        return lots
    first = first_node(state)
    sentinel = level_list(state, ladder, key)
    node = tail(state, sentinel) if newest_first else head(state, sentinel)
    while node != sentinel and lots > 0:
        after = np.int64(state.nodes[node]["prev"] if newest_first else state.nodes[node]["next"])
        order = state.orders[node - first]
        named = order["id"] != 0
        meant = (who != ANONYMOUS or not named) and (who != NAMED or named) and (who != WHOLE or state.nodes[node]["quantity"] <= lots)
        if meant and order["trader"] == HISTORY_TRADER and stands_at(state, ladder, sentinel, node, key):
            lots -= lose(state, node - first, lots)
            if state.nodes[node]["quantity"] == 0 and (order["executed"] == 0 or not named or order["self_trade"] != 0):
                forget(state, node - first)
        node = after
    return lots


@kernel
def _take_unknown(state, c, lots):
    """Take `lots` of an unknown order: an execution proves that it was at the head, a cancel only that it was there."""
    if c["kind"] == Kind.EXECUTE:
        return _take_level(state, c, lots, ANY, False)
    lots = _take_level(state, c, lots, ANONYMOUS, False)
    return _take_level(state, c, lots, NAMED, False)


@kernel
def reveal(state, c, out, n):
    """REVEAL: lots of the published book that ours lacks join the end of their level, under no id."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    if state.ladders[ladder]["own"] != 0:
        key = key_of(side, in_ticks(state.instruments[c["instrument"]], np.int64(c["price"])))
        first = first_node(state)
        sentinel = level_list(state, ladder, key)
        node = head(state, sentinel)
        while node != sentinel:
            if state.orders[node - first]["trader"] != HISTORY_TRADER and stands_at(state, ladder, sentinel, node, key):
                state.orders[node - first]["flags"] |= ESTIMATED
            node = np.int64(state.nodes[node]["next"])
    slot = new_history(state, c)
    state.orders[slot]["id"] = 0  # whatever the command says
    seat = n
    n = emit_history(state, out, n, Kind.HistoryRevealed, c, c["price"], c["quantity"], 0, 0)
    n, left = stand(state, out, n, c, slot, c["quantity"])
    amend_history(state, out[seat], c["quantity"], left)
    if left == 0:
        forget(state, slot)
    if not c["flags"] & OPENING:
        state.session[0]["revealed"] += c["quantity"]
    return n


@kernel
def remove(state, c, out, n):
    """REMOVE: lots that the published book does not hold leave their level: the newest orders that fit as a whole, then the newest."""
    reason = bad_history(state, c, True)
    if reason != Reason.NONE:
        return refuse(state, out, n, Kind.CommandRejected, reason, c)
    missing = _take_level(state, c, c["quantity"], WHOLE, True)
    missing = _take_level(state, c, missing, ANY, True)
    state.session[0]["removed"] += c["quantity"] - missing
    state.session[0]["unknown"] += missing
    return emit_history(state, out, n, Kind.HistoryRemoved, c, c["price"], c["quantity"] - missing, 0, 0)


@kernel
def _forget_ids(state, instrument):
    """History's orders of an instrument that have an id end, those that ours consumed, too, and its levels; none is in a list any more."""
    for at in range(len(state.history_ids)):
        entry = state.history_ids[at]
        while entry["slot"] != 0 and np.int64(entry["owner"]) & ~LEVELS == instrument:  # another one may move to the place
            if entry["owner"] == instrument:
                forget(state, np.int64(entry["slot"]) - 1)
            else:
                end_record(state, np.int64(entry["slot"]) - 1)


@kernel
def clear(state, c, out, n):
    """CLEAR: history's orders of an instrument leave the book and their ids are free again, ours stay; it is counted as nothing."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    instrument = np.int64(c["instrument"])
    count = gather_ladder(state, 2 * instrument, 0, True)
    count = gather_ladder(state, 2 * instrument + 1, count, True)
    lots = np.int64(0)
    for k in range(count):
        slot = np.int64(state.scratch[k])
        lots += lose(state, slot, ALL)
        if state.orders[slot]["id"] == 0:
            forget(state, slot)
    _forget_ids(state, instrument)
    state.instruments[instrument]["swept"] = 0
    seat = n
    n = emit_history(state, out, n, Kind.HistoryCleared, c, 0, 0, 0, lots)
    if n > seat:
        out[seat]["order_id"] = 0
        out[seat]["side"] = 0
        out[seat]["flags"] = 0
    return n


@kernel
def _notice(state, c, out, n):
    """NOTICE: a status row of the venue (its code is in `price`); nothing changes."""
    if not listed(state, c["instrument"]):
        return refuse(state, out, n, Kind.CommandRejected, Reason.UNKNOWN_INSTRUMENT, c)
    return emit_history(state, out, n, Kind.NoticeGiven, c, fits(c["price"], -(1 << 31) + 1, 1 << 31), 0, 0, 0)


@lazy_kernel
def reconcile(state, c, out, n):
    """REVEAL, REMOVE, CLEAR, NOTICE, and a RESUME that was carried out: the new n.

    REDUCE, EXECUTE: of `n` lots of an unknown order, those that are missing.
    """
    if c["kind"] == Kind.REVEAL:
        return reveal(state, c, out, n)
    if c["kind"] == Kind.REMOVE:
        return remove(state, c, out, n)
    if c["kind"] == Kind.CLEAR:
        return clear(state, c, out, n)
    if c["kind"] == Kind.NOTICE:
        return _notice(state, c, out, n)
    if c["kind"] == Kind.RESUME:
        return uncross(state, out, n, np.int64(c["instrument"]))
    return _take_unknown(state, c, n)

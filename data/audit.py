"""What a replay proves, row by row: the published book against ours, executions against the queue, aggressors against our matching.

An aggressor is *seen* where every order it could meet is one whose place we know: it has an id, and since it came its price was never
outside the published window, where orders come and go untold.
"""

from typing import Any, ClassVar

import numpy as np

from engine.book import first_node, key_of, level_list, lower_key, stands_at
from engine.handle import Handle
from engine.ids import find
from engine.kernel import kernel
from engine.state import EMPTY
from engine.vocabulary import Flag, Kind

HIDDEN = int(Flag.HIDDEN)
COUNTS = (
    "contradictions",  # sides of rows where only an error can explain the difference
    "crossed",  # rows with a best bid at or above the best ask
    "executions",
    "head_executions",  # of the first order in the queue at the best price
    "aggressors",  # with at least one displayed execution
    "identical",  # of them: price-time matching fills the same orders and sizes
    "seen",
    "seen_identical",
    "messages",
)
COUNTERS = np.dtype([(name, "<i8") for name in COUNTS])
WINDOWS = 1 << 14
"""Windows remembered a side; beyond that, older ones count as narrow as the widest kept."""


class Audit(Handle):
    """Counters, the published row before the next message, and per side the windows that no later one was narrower than."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "counts": COUNTERS,  # one
        "before": np.dtype(np.int64),  # 4 × levels; empty where nothing is published
        "kept": np.dtype(np.int64),  # two: windows kept of bids and asks
        "window_seq": np.dtype(np.int64),  # seq of a message, two sides of WINDOWS
        "window_key": np.dtype(np.int64),  # key (higher is better) of the worst published level after it
    }
    counts: Any
    before: Any
    kept: Any
    window_seq: Any
    window_key: Any


def empty_audit(levels: int) -> Audit:
    """An audit before the first message of a feed whose published book has `levels` levels."""
    return Audit(
        counts=np.zeros(1, COUNTERS),
        before=np.zeros(4 * levels, np.int64),
        kept=np.zeros(2, np.int64),
        window_seq=np.zeros(2 * WINDOWS, np.int64),
        window_key=np.zeros(2 * WINDOWS, np.int64),
    )


@kernel
def window_key_of(row, side, tick):  # type: ignore[no-untyped-def]
    """Key of the worst level that the published `row` shows of a side; EMPTY where the side is shown whole."""
    last = len(row) - 4 + (0 if side == 1 else 2)
    if last < 0 or row[last + 1] == 0:
        return EMPTY
    return key_of(side, row[last] // tick)


@kernel
def keep_window(audit, side, seq, key):  # type: ignore[no-untyped-def]
    """Remember the window after a message; those before it that were no narrower can no longer matter."""
    first, kept = side * WINDOWS, audit.kept[side]
    while kept > 0 and audit.window_key[first + kept - 1] <= key:
        kept -= 1
    if kept == WINDOWS:
        kept -= 1
        key = audit.window_key[first + kept]
    audit.window_seq[first + kept] = seq
    audit.window_key[first + kept] = key
    audit.kept[side] = kept + 1


@kernel
def narrowest_since(audit, side, seq):  # type: ignore[no-untyped-def]
    """The highest worst key that was published since `seq`: an order that came then and is better was never out of sight."""
    first = side * WINDOWS
    low, high = 0, audit.kept[side]
    while low < high:
        middle = (low + high) // 2
        if audit.window_seq[first + middle] < seq:
            low = middle + 1
        else:
            high = middle
    return audit.window_key[first + low] if low < audit.kept[side] else EMPTY


@kernel
def _is_of(c, flow):  # type: ignore[no-untyped-def]
    """Whether `c` is a row of the aggressor of `flow`: its displayed or hidden execution."""
    if c["ts"] != flow["ts"]:
        return False
    if c["kind"] == Kind.EXECUTE:
        return c["side"] == 1 - flow["side"]
    return c["kind"] == Kind.PRINT and c["side"] == flow["side"] and c["flags"] & HIDDEN != 0


@kernel
def _next_row(commands, i, flow):  # type: ignore[no-untyped-def]
    """Index of the aggressor's next displayed execution after `i`; -1 where there is none."""
    for k in range(i + 1, len(commands)):
        c = commands[k]
        if c["row"] == 0:
            if c["kind"] == Kind.FLOW:
                return -1
            continue
        if not _is_of(c, flow):
            return -1
        if c["kind"] == Kind.EXECUTE:
            return k
    return -1


@kernel
def _displayed(commands, i, side, tick):  # type: ignore[no-untyped-def]
    """(lots, worst key) of what the aggressor of the FLOW at `i` took from displayed orders of `side`."""
    lots, worst = np.int64(0), -EMPTY
    k = _next_row(commands, i, commands[i])
    while k >= 0:
        lots += commands[k]["quantity"]
        worst = min(worst, key_of(side, commands[k]["price"] // tick))
        k = _next_row(commands, k, commands[i])
    return lots, worst


@kernel
def _is_seen(state, audit, ladder, worst):  # type: ignore[no-untyped-def]
    """Whether we know the place of every order from the best to the `worst` key."""
    side = ladder & 1
    if worst < window_key_of(audit.before, side, state.instruments[ladder >> 1]["tick"]):
        return False
    first = first_node(state)
    key = state.ladders[ladder]["best"]
    while key != EMPTY and key >= worst:
        sentinel = level_list(state, ladder, key)
        node = np.int64(state.nodes[sentinel]["next"])
        while node != sentinel:
            order = state.orders[node - first]
            if stands_at(state, ladder, sentinel, node, key) and (order["id"] == 0 or key < narrowest_since(audit, side, order["queued"])):
                return False
            node = np.int64(state.nodes[node]["next"])
        key = lower_key(state, ladder, key)
    return True


@kernel
def _is_identical(state, ladder, commands, i, lots):  # type: ignore[no-untyped-def]
    """Walk the queue as a taker of `lots` would: whether it fills the record's orders in its sizes. Nothing is changed."""
    tick = state.instruments[ladder >> 1]["tick"]
    first = first_node(state)
    row = _next_row(commands, i, commands[i])
    of_row = commands[row]["quantity"]
    key = state.ladders[ladder]["best"]
    while key != EMPTY and lots > 0:
        sentinel = level_list(state, ladder, key)
        node = np.int64(state.nodes[sentinel]["next"])
        while node != sentinel and lots > 0:
            order = state.orders[node - first]
            here = min(np.int64(state.nodes[node]["quantity"]), lots) if stands_at(state, ladder, sentinel, node, key) else 0
            lots -= here
            while here > 0:  # the rows of one order are added up; an anonymous order may be several of the record's
                c = commands[row]
                named = state.venue[find(state.venue, c["order_id"], c["instrument"])]["slot"] != 0
                if order["id"] != (c["order_id"] if named else 0) or key != key_of(ladder & 1, c["price"] // tick):
                    return False
                part = min(here, of_row)
                here -= part
                of_row -= part
                if of_row == 0 and lots + here > 0:
                    row = _next_row(commands, row, commands[i])
                    of_row = commands[row]["quantity"]
            node = np.int64(state.nodes[node]["next"])
        key = lower_key(state, ladder, key)
    return lots == 0


@kernel
def audit_aggressor(state, audit, commands, i):  # type: ignore[no-untyped-def]
    """Count the aggressor of the FLOW at `i`, if it took anything displayed."""
    flow = commands[i]
    ladder = 2 * np.int64(flow["instrument"]) + 1 - np.int64(flow["side"])
    lots, worst = _displayed(commands, i, ladder & 1, state.instruments[flow["instrument"]]["tick"])
    if lots == 0:
        return
    identical = _is_identical(state, ladder, commands, i, lots)
    seen = _is_seen(state, audit, ladder, worst)
    counts = audit.counts[0]
    counts["aggressors"] += 1
    counts["identical"] += identical
    counts["seen"] += seen
    counts["seen_identical"] += identical and seen


@kernel
def audit_execution(state, audit, c):  # type: ignore[no-untyped-def]
    """Count an EXECUTE, before it is carried out, and whether its order is the first at the best price."""
    counts = audit.counts[0]
    counts["executions"] += 1
    ladder = 2 * np.int64(c["instrument"]) + np.int64(c["side"])
    best = state.ladders[ladder]["best"]
    if best == EMPTY or best != key_of(ladder & 1, c["price"] // state.instruments[c["instrument"]]["tick"]):
        return
    head = state.orders[np.int64(state.nodes[level_list(state, ladder, best)]["next"]) - first_node(state)]
    named = state.venue[find(state.venue, c["order_id"], c["instrument"])]["slot"] != 0
    counts["head_executions"] += head["id"] == c["order_id"] if named else head["id"] == 0


@kernel
def _side_contradicted(before, now, ours, first, sign):  # type: ignore[no-untyped-def]
    edge = before[len(before) - 4 + first] * sign
    for at in range(first, len(now), 4):
        if now[at] != ours[at] or now[at + 1] != ours[at + 1]:
            return not (now[at] * sign > edge and (ours[at] * sign > edge or ours[at + 1] == 0))
    return False


@kernel
def audit_row(state, audit, published, ours):  # type: ignore[no-untyped-def]
    """Compare the published row after a message with ours; then it is the row before the next one."""
    counts = audit.counts[0]
    counts["crossed"] += ours[1] > 0 and ours[3] > 0 and ours[2] >= ours[0]
    counts["messages"] += 1
    if len(audit.before) == 0:
        return
    if counts["messages"] > 1:
        counts["contradictions"] += _side_contradicted(audit.before, published, ours, 0, 1)
        counts["contradictions"] += _side_contradicted(audit.before, published, ours, 2, -1)
    for k in range(len(published)):
        audit.before[k] = published[k]
    seq = state.session[0]["seq"]
    tick = state.instruments[0]["tick"]
    for side in range(2):
        keep_window(audit, side, seq, window_key_of(audit.before, side, tick))

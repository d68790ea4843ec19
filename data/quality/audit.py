"""What a replay proves, row by row: the published book against ours, executions against the queue, aggressors against our matching.

Price-time matching takes from the head of the best level. An aggressor is therefore filled identically where each of its executions is
of the first order of the best level, for no more lots than that order has; what came before is then as matching would have left it.

An aggressor is *seen* where every order it could meet is one whose place we know: it has an id, and since it came its price was never
outside the published window, where orders come and go untold.
"""

from typing import Any, ClassVar

import numpy as np

from engine.compiler.handle import Handle
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Flag
from engine.state.arrays import EMPTY
from engine.state.id_table import find
from engine.state.ladder import first_node, head, key_of
from engine.state.levels import level_list, lower_key, stands_at

HIDDEN, CONTINUED = int(Flag.HIDDEN), int(Flag.CONTINUED)
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
AGGRESSOR = np.dtype([("waiting", "<i8"), ("identical", "<i8"), ("seen", "<i8")])
"""The aggressor under way: `waiting` until its first displayed execution, `identical` so far."""
VIOLATION = np.dtype(
    [
        ("row", "<i8"),  # of the source file; 0: nothing noted here
        ("ts", "<i8"),
        ("side", "<i8"),  # of the resting orders
        ("order_id", "<u8"),  # executed by the record
        ("price", "<i8"),
        ("lots", "<i8"),
        ("head_id", "<u8"),  # whom price-time matching would have taken; 0: nobody, or an order without a name
        ("head_price", "<i8"),
        ("head_lots", "<i8"),  # that stood there under this id; 0: nobody rests on that side
    ]
)
SHOWN = 5
"""Violations kept."""
WINDOWS = 1 << 14
"""Windows remembered a side; beyond that, older ones count as narrow as the widest kept."""


class Audit(Handle):
    """Counters, the published row before the next message, and per side the windows that no later one was narrower than."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "counts": COUNTERS,  # one; none: nothing is judged
        "aggressor": AGGRESSOR,  # one
        "violations": VIOLATION,  # the first ones
        "contradicted": np.dtype(np.int64),  # rows of the source file: the first ones; 0: nothing noted here
        "crossings": np.dtype(np.int64),  # likewise, with a crossed book
        "before": np.dtype(np.int64),  # 4 × levels; empty where nothing is published
        "kept": np.dtype(np.int64),  # two: windows kept of bids and asks
        "window_seq": np.dtype(np.int64),  # seq of a message, two sides of WINDOWS
        "window_key": np.dtype(np.int64),  # key (higher is better) of the worst published level after it
    }
    counts: Any
    aggressor: Any
    violations: Any
    contradicted: Any
    crossings: Any
    before: Any
    kept: Any
    window_seq: Any
    window_key: Any


def empty_audit(levels: int, judges: bool = True) -> Audit:
    """An audit before the first message of a feed whose published book has `levels` levels; one that counts only where it `judges`."""
    return Audit(
        counts=np.zeros(int(judges), COUNTERS),
        aggressor=np.zeros(1, AGGRESSOR),
        violations=np.zeros(SHOWN, VIOLATION),
        contradicted=np.zeros(SHOWN, np.int64),
        crossings=np.zeros(SHOWN, np.int64),
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
def _is_seen(state, audit, ladder, worst):  # type: ignore[no-untyped-def]
    """Whether we know the place of every order from the best to the `worst` key."""
    side = ladder & 1
    if worst < window_key_of(audit.before, side, state.instruments[ladder >> 1]["tick"]):
        return False
    first = first_node(state)
    key = state.ladders[ladder]["best"]
    while key != EMPTY and key >= worst:
        sentinel = level_list(state, ladder, key)
        node = head(state, sentinel)
        while node != sentinel:
            order = state.orders[node - first]
            if stands_at(state, ladder, sentinel, node, key) and (order["id"] == 0 or key < narrowest_since(audit, side, order["queued"])):
                return False
            node = np.int64(state.nodes[node]["next"])
        key = lower_key(state, ladder, key)
    return True


@kernel
def audit_flow(state, audit, c):  # type: ignore[no-untyped-def]
    """A FLOW opens an aggressor, which may go on in another; it counts from its first displayed execution on."""
    if c["flags"] & CONTINUED:
        return
    aggressor = audit.aggressor[0]
    aggressor["waiting"] = c["flags"] & HIDDEN == 0
    if aggressor["waiting"]:
        ladder = 2 * np.int64(c["instrument"]) + 1 - np.int64(c["side"])
        worst = key_of(ladder & 1, c["price"] // state.instruments[c["instrument"]]["tick"])
        aggressor["seen"] = _is_seen(state, audit, ladder, worst)


@kernel
def _head_lots(state, ladder, best):  # type: ignore[no-untyped-def]
    """(id, lots) at the head of the best level; orders without a name that follow each other count as one."""
    first = first_node(state)
    sentinel = level_list(state, ladder, best)
    node = head(state, sentinel)
    identity = state.orders[node - first]["id"]
    lots = np.int64(state.nodes[node]["quantity"])
    node = np.int64(state.nodes[node]["next"])
    while identity == 0 and node != sentinel and state.orders[node - first]["id"] == 0:
        lots += np.int64(state.nodes[node]["quantity"])
        node = np.int64(state.nodes[node]["next"])
    return identity, lots


@kernel
def _note_violation(audit, c, identity, price, lots):  # type: ignore[no-untyped-def]
    for k in range(len(audit.violations)):
        noted = audit.violations[k]
        if noted["row"] == 0:
            noted["row"] = c["row"]
            noted["ts"] = c["ts"]
            noted["side"] = c["side"]
            noted["order_id"] = c["order_id"]
            noted["price"] = c["price"]
            noted["lots"] = c["quantity"]
            noted["head_id"] = identity
            noted["head_price"] = price
            noted["head_lots"] = lots
            return


@kernel
def audit_execution(state, audit, c):  # type: ignore[no-untyped-def]
    """Count an EXECUTE before it is carried out: is its order the head of the best level, and does matching fill its aggressor so."""
    ladder = 2 * np.int64(c["instrument"]) + np.int64(c["side"])
    tick = state.instruments[c["instrument"]]["tick"]
    best = state.ladders[ladder]["best"]
    identity, lots, price = np.uint64(0), np.int64(0), np.int64(0)
    if best != EMPTY:
        identity, lots = _head_lots(state, ladder, best)
        price = key_of(ladder & 1, best) * tick
    named = state.history_ids[find(state.history_ids, c["order_id"], c["instrument"])]["slot"] != 0
    is_head = lots > 0 and price == c["price"] and (identity == c["order_id"] if named else identity == 0)
    counts, aggressor = audit.counts[0], audit.aggressor[0]
    counts["executions"] += 1
    counts["head_executions"] += is_head
    if aggressor["waiting"]:
        aggressor["waiting"], aggressor["identical"] = 0, 1
        counts["aggressors"] += 1
        counts["identical"] += 1
        counts["seen"] += aggressor["seen"]
        counts["seen_identical"] += aggressor["seen"]
    if aggressor["identical"] and not (is_head and lots >= c["quantity"]):
        aggressor["identical"] = 0
        counts["identical"] -= 1
        counts["seen_identical"] -= aggressor["seen"]
        _note_violation(audit, c, identity, price, lots)


@kernel
def _note_row(noted, row):  # type: ignore[no-untyped-def]
    for k in range(len(noted)):
        if noted[k] == 0:
            noted[k] = row
            return


@kernel
def _side_contradicted(before, now, ours, first, sign):  # type: ignore[no-untyped-def]
    edge = before[len(before) - 4 + first] * sign
    for at in range(first, len(now), 4):
        if now[at] != ours[at] or now[at + 1] != ours[at + 1]:
            return not (now[at] * sign > edge and (ours[at] * sign > edge or ours[at + 1] == 0))
    return False


@kernel
def audit_row(state, audit, row, published, ours):  # type: ignore[no-untyped-def]
    """Compare the published row after a message (`row` of the source file) with ours, and keep its window."""
    counts = audit.counts[0]
    if ours[1] > 0 and ours[3] > 0 and ours[2] >= ours[0]:
        counts["crossed"] += 1
        _note_row(audit.crossings, row)
    counts["messages"] += 1
    if len(audit.before) == 0:
        return
    if counts["messages"] > 1:
        asks = _side_contradicted(audit.before, published, ours, 0, 1)
        bids = _side_contradicted(audit.before, published, ours, 2, -1)
        if asks or bids:
            counts["contradictions"] += np.int64(asks) + np.int64(bids)
            _note_row(audit.contradicted, row)
    seq = state.session[0]["seq"]
    tick = state.instruments[0]["tick"]
    for side in range(2):
        keep_window(audit, side, seq, window_key_of(published, side, tick))


@kernel
def remember_row(audit, published):  # type: ignore[no-untyped-def]
    """The published row after a message is the one before the next."""
    for k in range(len(audit.before)):
        audit.before[k] = published[k]

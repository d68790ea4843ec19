"""The book with hindsight: what later rows of a file prove about lots that came and went outside its published window.

A strategy must not know it, and the exchange's own replay does not. An audit may: whether the market kept price-time priority can only
be judged with the market's own queue. Later rows prove that an order was there, and at least how many lots it had. Where a price comes
back into the window its level is built again, of the published lots:

- orders that a later row names stand in order of their ids (given in order of arrival, as NASDAQ does), those whose ADD nobody saw too;
- the other lots, which no later row names, stand behind them without a name.

In sight, the level follows its rows: an order that comes, stays and is passed over is never taken for gone.
"""

from typing import Any, ClassVar

import numpy as np

from data.feed import Feed
from data.quality.audit import window_key_of
from engine.compiler.handle import Handle
from engine.compiler.kernel import kernel
from engine.matching.history import add_history
from engine.matching.history_orders import lose
from engine.matching.match import forget
from engine.matching.reconcile import reveal
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from engine.state.arrays import EMPTY
from engine.state.id_table import find
from engine.state.ladder import first_node, head, key_of
from engine.state.levels import level_list, lower_key, stands_at

NO_ID, ALL_IDS = np.uint64(0), np.uint64(2**64 - 1)
IN_SIGHT = -1
"""In place of a level's lots: it never left the window, and has those that it has."""
_NAMING = (Kind.REDUCE, Kind.EXECUTE, Kind.MODIFY)


class Hindsight(Handle):
    """What the rows still to come say, and scratch for the level being built."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "ids": np.dtype(np.uint64),  # orders that some row takes lots from, sorted; none: no hindsight
        "due": np.dtype(np.int64),  # lots that rows still to come take from each
        "places": np.dtype(np.int64),  # 2 × price + side of the orders that no ADD announced, sorted, then by id
        "strangers": np.dtype(np.int64),  # their index in `ids`
        "alive": np.dtype(np.int64),  # where a place begins: where those of its strangers begin whom later rows still name
        "opening": np.dtype(np.uint8),  # named before their price first left the window: they stood in the opening book
        "added": np.dtype(np.uint64),  # ids of all ADDs, in order
        "passed": np.dtype(np.int64),  # one: ADDs carried out
        "latest": np.dtype(np.uint64),  # one: the highest id that is known to have arrived
        "chosen_ids": np.dtype(np.uint64),
        "chosen_lots": np.dtype(np.int64),
        "command": COMMAND,  # one
    }
    ids: Any
    due: Any
    places: Any
    strangers: Any
    alive: Any
    opening: Any
    added: Any
    passed: Any
    latest: Any
    chosen_ids: Any
    chosen_lots: Any
    command: Any

    def room(self, levels: int) -> int:
        """Orders that one message may bring in, where each side of the published book has so many levels."""
        widest = int(np.unique(self.places, return_counts=True)[1].max(initial=0))
        return 1 + 2 * levels + min(2 * levels * widest, len(self.strangers))


def no_hindsight() -> Hindsight:
    """For a replay that knows nothing of later rows."""
    return Hindsight(**{name: np.zeros(0, dtype) for name, dtype in Hindsight.FIELDS.items()})


def learn(feed: Feed) -> Hindsight:
    """Read a one-instrument feed once, for what its rows prove about the time before them."""
    parts, added, edges = [], [np.zeros(0, np.uint64)], np.full(2, EMPTY)
    for commands, published in feed.reconciled():
        added.append(commands["order_id"][commands["kind"] == Kind.ADD])
        in_sight, edges = _in_sight(commands, published, edges)
        naming = np.isin(commands["kind"], _NAMING)
        found = commands[naming]
        parts.append((found["order_id"], found["quantity"], 2 * found["price"] + found["side"], in_sight[naming]))
    named, lots, places, seen = (np.concatenate(column) for column in zip(*parts)) if parts else (np.zeros(0, np.int64),) * 4
    ids, firsts, which = np.unique(named.astype(np.uint64), return_index=True, return_inverse=True)
    strangers = np.flatnonzero(~np.isin(ids, np.concatenate(added)))
    strangers = strangers[np.argsort(places[firsts][strangers], kind="stable")]
    return no_hindsight().replaced(
        ids=ids,
        due=np.bincount(which, lots, len(ids)).astype(np.int64),
        places=places[firsts][strangers].astype(np.int64),
        strangers=strangers,
        alive=np.arange(len(strangers)),
        opening=seen[firsts][strangers].astype(np.uint8),
        added=np.concatenate(added),
        passed=np.zeros(1, np.int64),
        latest=np.zeros(1, np.uint64),
        chosen_ids=np.zeros(len(ids), np.uint64),
        chosen_lots=np.zeros(len(ids), np.int64),
        command=np.zeros(1, COMMAND),
    )


def _in_sight(commands: np.ndarray, published: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each command whether its price never left the window before it; and the narrowest windows (bids, asks) so far.

    A window is the worst published price, of asks its negative, so that higher is narrower.
    """
    sides = [(published[:, -2], published[:, -1], 1), (published[:, -4], published[:, -3], -1)]
    worst = [np.where(lots > 0, sign * price, EMPTY) for price, lots, sign in sides]
    narrowest = np.maximum.accumulate(np.vstack([edges, np.stack(worst, axis=1)]), axis=0)
    before = np.maximum(np.cumsum(commands["row"] > 0) - 1, 0)
    side = np.minimum(commands["side"], 1)
    key = np.where(side == 1, -commands["price"], commands["price"])
    return key >= narrowest[before, side], narrowest[-1]


@kernel
def orders_left(state):  # type: ignore[no-untyped-def]
    """Orders of history that certainly fit the arrays."""
    session = state.session[0]
    return min(len(state.orders) - 2 - session["live"], len(state.history_ids) // 2 - session["known"])


@kernel
def _index_of(sorted_ids, identity):  # type: ignore[no-untyped-def]
    """Index of the first entry that is not below `identity`."""
    low, high = 0, len(sorted_ids)
    while low < high:
        middle = (low + high) // 2
        if sorted_ids[middle] < identity:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _due_of(hindsight, identity):  # type: ignore[no-untyped-def]
    at = _index_of(hindsight.ids, identity)
    return hindsight.due[at] if at < len(hindsight.ids) and hindsight.ids[at] == identity else 0


@kernel
def _choose(hindsight, n, identity, lots):  # type: ignore[no-untyped-def]
    """Put an order among the `n` that are to stand at the level, by its id, unless it is there; returns how many there are."""
    at = n
    while at > 0 and hindsight.chosen_ids[at - 1] > identity:
        at -= 1
    if at > 0 and hindsight.chosen_ids[at - 1] == identity:
        return n
    for k in range(n, at, -1):
        hindsight.chosen_ids[k] = hindsight.chosen_ids[k - 1]
        hindsight.chosen_lots[k] = hindsight.chosen_lots[k - 1]
    hindsight.chosen_ids[at] = identity
    hindsight.chosen_lots[at] = lots
    return n + 1


@kernel
def _clear(state, hindsight, side, key, returns):  # type: ignore[no-untyped-def]
    """Take every order of a level out and choose those that a later row names.

    Where the level `returns` into the window they have the lots that later rows take from them. Returns (chosen, lots of the level).
    """
    n, held = 0, np.int64(0)
    best = state.ladders[side]["best"]
    if best == EMPTY or key > best:
        return n, held
    first = first_node(state)
    sentinel = level_list(state, side, key)
    node = head(state, sentinel)
    while node != sentinel:
        after = np.int64(state.nodes[node]["next"])
        if stands_at(state, side, sentinel, node, key):
            identity, lots = state.orders[node - first]["id"], np.int64(state.nodes[node]["quantity"])
            held += lots
            kept = min(lots, _due_of(hindsight, identity)) if returns else lots
            if identity != 0 and kept > 0:
                n = _choose(hindsight, n, identity, kept)
            lose(state, node - first, lots)
            forget(state, node - first)
        node = after
    return n, held


@kernel
def _choose_strangers(hindsight, n, place, until, opens):  # type: ignore[no-untyped-def]
    """Choose the orders of a `place` whose ADD nobody saw: of an opening level those that are known to be there, else ids below `until`."""
    begin = _index_of(hindsight.places, place)
    last = len(hindsight.places) - 1
    if begin > last or hindsight.places[begin] != place:
        return n
    at = hindsight.alive[begin]
    while at < last and hindsight.places[at + 1] == place and hindsight.due[hindsight.strangers[at]] == 0:
        at += 1
    hindsight.alive[begin] = at
    while at <= last and hindsight.places[at] == place and (opens or hindsight.ids[hindsight.strangers[at]] < until):
        which = hindsight.strangers[at]
        if hindsight.due[which] > 0 and (not opens or hindsight.opening[at] != 0):
            n = _choose(hindsight, n, hindsight.ids[which], hindsight.due[which])
            if opens:
                hindsight.latest[0] = max(hindsight.latest[0], hindsight.ids[which])
        at += 1
    return n


@kernel
def build_level(state, hindsight, facts, side, price, lots, until, opens):  # type: ignore[no-untyped-def]
    """Build a level again, of `lots` lots in all; IN_SIGHT: it keeps its orders, and those below `until` that we missed get their place."""
    n, held = _clear(state, hindsight, side, key_of(side, price // state.instruments[0]["tick"]), lots != IN_SIGHT)
    left = held if lots == IN_SIGHT else lots
    n = _choose_strangers(hindsight, n, 2 * price + side, until, opens)
    c = hindsight.command[0]
    c["side"] = side
    c["price"] = price
    for k in range(n):
        part = min(hindsight.chosen_lots[k], left)
        if part > 0:
            c["order_id"] = hindsight.chosen_ids[k]
            c["quantity"] = part
            add_history(state, c, facts, 0)
            left -= part
    if left > 0:
        c["order_id"] = 0
        c["quantity"] = left
        reveal(state, c, facts, 0)


@kernel
def _arrived(hindsight):  # type: ignore[no-untyped-def]
    """Ids below this have arrived: a price in the window cannot leave it, nor an order come there unseen, before the next ADD."""
    at = hindsight.passed[0]
    following = hindsight.added[at] if at < len(hindsight.added) else ALL_IDS
    return max(following, hindsight.latest[0])


@kernel
def name_stranger(state, hindsight, facts, c):  # type: ignore[no-untyped-def]
    """Before a row that takes lots of an order that we do not know: it stood at its level, in its place by id."""
    takes = c["kind"] == Kind.REDUCE or c["kind"] == Kind.EXECUTE
    known = not takes or state.history_ids[find(state.history_ids, c["order_id"], 0)]["slot"] != 0
    if not known:
        until = max(_arrived(hindsight), c["order_id"] + np.uint64(1))
        build_level(state, hindsight, facts, np.int64(c["side"]), c["price"], IN_SIGHT, until, False)


@kernel
def pass_row(state, hindsight, facts, c):  # type: ignore[no-untyped-def]
    """After a row: its lots are no longer due, and an order that is older than one we know takes its place by id."""
    kind = c["kind"]
    if kind == Kind.ADD:
        hindsight.passed[0] += 1
        if c["order_id"] < hindsight.latest[0]:
            build_level(state, hindsight, facts, np.int64(c["side"]), c["price"], IN_SIGHT, _arrived(hindsight), False)
    elif kind == Kind.REDUCE or kind == Kind.EXECUTE or kind == Kind.MODIFY:
        hindsight.due[_index_of(hindsight.ids, c["order_id"])] -= c["quantity"]
    else:
        return
    hindsight.latest[0] = max(hindsight.latest[0], c["order_id"])


@kernel
def _lots_shown(row, first, price):  # type: ignore[no-untyped-def]
    lots = np.int64(0)
    for at in range(first, len(row), 4):
        if row[at] == price:
            lots = row[at + 1]
    return lots


@kernel
def build_returned(state, hindsight, facts, side, before, row):  # type: ignore[no-untyped-def]
    """Build the levels of a side that the published `row` shows and the one `before` did not reach."""
    tick = state.instruments[0]["tick"]
    edge, worst = window_key_of(before, side, tick), window_key_of(row, side, tick)
    if worst >= edge:
        return
    first, until = 0 if side == 1 else 2, _arrived(hindsight)
    key = state.ladders[side]["best"]
    while key != EMPTY and key >= worst:
        below = lower_key(state, side, key)
        price = key_of(side, key) * tick
        if key < edge and _lots_shown(row, first, price) == 0:
            build_level(state, hindsight, facts, side, price, 0, until, False)
        key = below
    for at in range(first, len(row), 4):
        if row[at + 1] > 0 and key_of(side, row[at] // tick) < edge:
            build_level(state, hindsight, facts, side, row[at], row[at + 1], until, False)

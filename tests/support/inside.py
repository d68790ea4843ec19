"""What must hold inside the state between two commands: counts and sums are those of what they count, and the book stands as it says."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from engine.messages.vocabulary import HISTORY, Flag, OrderType
from engine.state.arrays import EMPTY, MASK, NEAR, State, W


class Working(Protocol):
    """An open order of a client, as its facts show it."""

    portfolio: int
    instrument: int
    side: int
    type: int
    flags: int
    price: int
    stop_price: int
    pending: bool
    open: int


def hold(state: State, working: Mapping[tuple[int, int], Working]) -> None:
    """Everything below. `working`: open orders of clients, pending stops among them, by (trader, id)."""
    ladders = len(state.ladders)
    resting = sum(ladder_is_whole(state, ladder) for ladder in range(ladders))
    pending = sum(
        heap_is_whole(state, int(terms[top]), side) for terms in state.instruments for side, top in enumerate(("buy_stop", "sell_stop"))
    )
    session = state.session[0]
    assert session["open_orders"] == len(working), "open orders are miscounted"
    assert session["pending"] == pending == sum(order.pending for order in working.values()), "pending stops are miscounted"
    assert resting + pending == len(working), "an open order is nowhere"
    for table, count in (("ids", "used"), ("history_ids", "known"), ("restricted", "restrictions")):
        assert np.count_nonzero(getattr(state, table)["slot"]) == session[count], f"{count}: miscounted"
    no_slot_is_lost(state)
    working_orders_are_summed(state, working)


def no_slot_is_lost(state: State) -> None:
    """Each slot that was ever used holds an order, or is in the list of free ones."""
    session, free = state.session[0], 0
    slot = int(session["free"])
    while slot:
        free, slot = free + 1, int(state.orders[slot]["place"])
    assert free + session["live"] == session["fresh"] - 1, "a slot for an order was lost"
    standing = sum(int(book["orders"]) for book in state.ladders) + int(session["pending"])
    kept = sum(
        1 for used in state.history_ids["slot"] if used and state.nodes["quantity"][len(state.ladders) * (W + 1) + int(used) - 1] == 0
    )
    quotes = sum(
        1 for terms in state.instruments for side in ("bid_quote", "ask_quote") if terms[side] and not _stands(state, int(terms[side]))
    )
    assert standing + kept + quotes == session["live"], "a slot holds an order that stands nowhere and that nobody knows"


def _stands(state: State, slot: int) -> bool:
    return bool(state.nodes["quantity"][len(state.ladders) * (W + 1) + slot])


# ---------------------------------------------------------------------- ladders


def members(state: State, sentinel: int) -> Iterator[int]:
    """Slots of a list, first to last."""
    first, before = len(state.ladders) * (W + 1), sentinel
    node = int(state.nodes["next"][sentinel]) or sentinel
    while node != sentinel:
        assert state.nodes["prev"][node] == before, "a list has lost its way back"
        assert state.nodes["cell"][node] == sentinel, "an order stands in another list than it says"
        yield node - first
        before, node = node, int(state.nodes["next"][node])
    assert (int(state.nodes["prev"][sentinel]) or sentinel) == before, "a list has lost its end"


def ladder_is_whole(state: State, ladder: int) -> int:
    """One side of a book; returns how many of its orders are clients'."""
    book, first, park = state.ladders[ladder], len(state.ladders) * (W + 1), len(state.ladders) * W + ladder
    cells = range(ladder * W, (ladder + 1) * W)
    occupied = np.flatnonzero(state.nodes["next"][cells.start : cells.stop])
    keys: dict[int, list[int]] = {}
    slots: list[int] = []
    for sentinel in (*(occupied + cells.start).tolist(), park):
        here = list(members(state, sentinel))
        slots += here
        lots = sum(int(state.nodes["quantity"][first + slot]) for slot in here)
        assert state.nodes["lots"][sentinel] == lots, "lots of a level are miscounted"
        for slot in here:
            key = key_of(state, slot, ladder)
            keys.setdefault(key, []).append(slot)
            in_window = book["base"] <= key < book["base"] + W
            assert (sentinel == park) == (not in_window), "an order is on the wrong side of the window"
            assert in_window <= (sentinel == park or (key & MASK) == sentinel - cells.start), "an order stands at another price"
    best = max(keys, default=EMPTY)
    assert book["best"] == best, "the best price is not the best"
    assert all(book["base"] <= key < book["base"] + W for key in keys if best - key < NEAR), "an order near the best is parked"
    for level in keys.values():
        assert all(np.diff(state.orders["queued"][level]) >= 0), "a later order stands before an earlier one"
    words = state.words[64 * ladder : 64 * ladder + 64]
    assert np.array_equal(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")), occupied), "the bitmap is wrong"
    assert book["summary"] == sum(1 << int(word) for word in np.flatnonzero(words)), "the summary of the bitmap is wrong"
    assert book["orders"] == len(slots), "orders are miscounted"
    assert book["parked"] == len(list(members(state, park))), "parked orders are miscounted"
    own = int(np.count_nonzero(state.orders["trader"][slots] != HISTORY))
    assert book["own"] == own, "clients' orders are miscounted"
    return own


def key_of(state: State, slot: int, ladder: int) -> int:
    order = state.orders[slot]
    assert 2 * order["instrument"] + order["side"] == ladder, "an order stands in another book"
    return int(order["price"]) // int(state.instruments[ladder >> 1]["tick"]) ^ -(ladder & 1)


def heap_is_whole(state: State, top: int, side: int) -> int:
    """Pending stops, from the slot of the first on; returns how many. None stands above one that triggers earlier."""
    first, count, open_nodes = len(state.ladders) * (W + 1), 0, [(top, 0)] if top else []
    while open_nodes:
        slot, parent = open_nodes.pop()
        node, order = state.nodes[first + slot], state.orders[slot]
        count += 1
        assert order["pending"], "a stop that is not pending is among those that are"
        assert order["side"] == side, "a stop is pending on the other side"
        assert node["cell"] == (parent and first + parent), "a stop does not know its parent"
        if parent:
            above = state.orders[parent]
            urgent, due = ((int(o["stop_price"]) * (1 if side == 0 else -1), int(o["queued"])) for o in (above, order))
            assert urgent <= due, "a stop is pending behind a later one"
        open_nodes += [(int(node[child]) - first, slot) for child in ("next", "prev") if node[child]]
    return count


# ---------------------------------------------------------------------- sums


def working_orders_are_summed(state: State, working: Mapping[tuple[int, int], Working]) -> None:
    """By position: lots bought and sold, money of buys, reduce-only orders that rest; by portfolio: money."""
    sums: Counter[tuple[str, int, int]] = Counter()
    for order in working.values():
        where = order.portfolio, order.instrument
        if order.flags & Flag.REDUCE_ONLY:
            sums["reducers", *where] += not order.pending
            continue
        price = order.stop_price if order.type == OrderType.STOP else order.price
        money = abs(price) * order.open * int(state.instruments[order.instrument]["value"])
        sums["working", order.portfolio, 0] += money
        sums["buying" if order.side == 0 else "selling", *where] += order.open
        sums["buying_money", *where] += money if order.side == 0 else 0
    for number, account in enumerate(state.portfolios):
        assert account["working"] == sums["working", number, 0], "money of working orders is miscounted"
    for held in state.positions[: state.session[0]["positions"]]:
        if held["portfolio"]:
            for what in ("buying", "selling", "buying_money", "reducers"):
                assert held[what] == sums[what, int(held["portfolio"]), int(held["instrument"])], f"{what}: working orders are miscounted"

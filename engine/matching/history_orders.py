"""History's orders in the book beside ours: how they come in, lose lots, and meet what is ours."""

import numpy as np

from engine.compiler.kernel import cold_kernel, kernel
from engine.compiler.lazy_kernels import Lazy, call_lazy
from engine.matching.match import ANY_PRICE, book_trade, close_slot, forget, open_slot, reducible
from engine.messages.vocabulary import HISTORY, NOT_NAMED, Flag, Kind, OrderType, TimeInForce
from engine.state.accounts import overflows
from engine.state.arrays import EMPTY
from engine.state.id_table import erase
from engine.state.ladder import first_node, head, in_ticks, key_of, leave, rest, shrink, ticks_of
from engine.state.levels import level_list, lower_key, stands_at

HISTORY_TRADER = np.uint32(HISTORY)
TAKER_HISTORY = int(Flag.TAKER_HISTORY)
ESTIMATED = np.uint8(Flag.ESTIMATED)
COUNTS_ALL, COUNTS_NONE = -(1 << 62), 1 << 62
"""From which price on an aggressor meets history's orders: from every one, from none."""
OWN_PRICE = NOT_NAMED
"""Where our orders trade with an aggressor: at their own prices."""


@cold_kernel
def _behind(state, ladder, key, queued):
    """The first node of a level that joined it after `queued`; the end of its list where there is none."""
    sentinel = level_list(state, ladder, key)
    node = head(state, sentinel)
    while node != sentinel:
        if state.orders[node - first_node(state)]["queued"] > queued and stands_at(state, ladder, sentinel, node, key):
            return node
        node = np.int64(state.nodes[node]["next"])
    return sentinel


@kernel
def take_ours(state, out, n, c, side, lots, reach, counted, at):
    """An aggressor of history on `side` fills our resting orders within `reach`, in the merged queue.

    History's orders use up its quantity only at prices that are `counted` (a reach of the aggressor's side) or worse for it. Ours trade
    at the price `at`, at their own where it is OWN_PRICE. In a halt nothing matches. Returns (n, lots left, lots of ours).
    """
    instrument = np.int64(c["instrument"])
    ladder = 2 * instrument + 1 - side
    if state.ladders[ladder]["own"] == 0 or state.instruments[instrument]["halted"] != 0:
        return n, lots, 0
    first = first_node(state)
    world = state.instruments[instrument]["world"]
    traded = 0
    key = state.ladders[ladder]["best"]
    while lots > 0 and ~key <= reach:
        below = lower_key(state, ladder, key)
        sentinel = level_list(state, ladder, key)
        counts_history = ~key >= counted
        ahead = 0
        node = head(state, sentinel)
        while node != sentinel and lots > 0:
            after = np.int64(state.nodes[node]["next"])
            if stands_at(state, ladder, sentinel, node, key):
                here = np.int64(state.nodes[node]["quantity"])
                if state.orders[node - first]["trader"] != HISTORY_TRADER:
                    part = reducible(state, node - first, min(lots, here))
                    price = np.int64(state.orders[node - first]["price"]) if at == OWN_PRICE else at
                    owner = np.int64(state.orders[node - first]["portfolio"])
                    money = abs(price * state.instruments[instrument]["value"] * part)
                    held = np.int64(state.orders[node - first]["position"])
                    if owner != 0 and (overflows(state, owner, held, money) or overflows(state, 0, world, money)):
                        return n, lots, traded
                    queued = state.orders[node - first]["queued"]
                    watched = book_trade(state, out, n, ladder, node - first, price, part, 0, world, 0)
                    fact = out[n]
                    fact["order_id"] = (
                        c["order_id"] if c["kind"] <= Kind.MODIFY else np.uint64(0)
                    )  # what has no id shows none, whatever it says
                    fact["trader"] = HISTORY_TRADER
                    fact["flags"] |= TAKER_HISTORY
                    fact["remaining"] = lots - part
                    fact["ahead"] = min(ahead, 0xFFFFFFFF) if counts_history else 0
                    n += 1
                    lots -= part
                    traded += part
                    if watched != 0:  # orders behind it may have gone, and the window may have moved
                        n = call_lazy(state.lazy[Lazy.AFTER_FILL], state, watched, out, n)
                        after = _behind(state, ladder, key, queued)
                        sentinel = level_list(state, ladder, key)
                elif counts_history:
                    lots -= min(lots, here)
                ahead += here
            node = after
        key = below
    return n, lots, traded


@kernel
def flag_estimated(out, start, end):
    """Our fills by history among out[start:end] rest on an estimated place in the queue."""
    for k in range(start, end):
        if out[k]["kind"] == Kind.TradeExecuted and out[k]["flags"] & TAKER_HISTORY:
            out[k]["flags"] |= ESTIMATED


@kernel
def stand(state, out, n, c, slot, lots):
    """History's order in `slot` comes in with `lots` lots: it trades with ours that it crosses, the rest rests."""
    order = state.orders[slot]
    side = np.int64(c["side"])
    ladder = 2 * np.int64(c["instrument"]) + side
    key = key_of(side, in_ticks(state.instruments[c["instrument"]], np.int64(c["price"])))
    n, left, traded = take_ours(state, out, n, c, side, lots, key, COUNTS_NONE, OWN_PRICE)
    order["price"] = c["price"]
    order["executed"] += np.uint32(traded)
    state.nodes[first_node(state) + slot]["quantity"] = 0
    if left > 0:
        if ~state.ladders[ladder ^ 1]["best"] <= key:
            state.session[0]["crossed"] += left
        rest(state, ladder, key, slot, left)
    return n, left


@kernel
def new_history(state, c):
    """A slot for an order of history; not yet in any list or table."""
    slot = open_slot(state)
    order = state.orders[slot]
    order["id"] = c["order_id"]
    order["created"] = state.session[0]["seq"]
    order["stop_price"] = 0
    order["quantity"] = c["quantity"]
    order["executed"] = 0
    order["portfolio"] = 0
    order["trader"] = HISTORY_TRADER
    order["place"] = 0
    order["position"] = state.instruments[c["instrument"]]["world"]
    order["instrument"] = c["instrument"]
    order["side"] = c["side"]
    order["type"] = OrderType.LIMIT
    order["time_in_force"] = TimeInForce.GTC
    order["self_trade"] = 0
    order["flags"] = 0
    order["pending"] = 0
    return slot


@kernel
def lose(state, slot, lots):
    """History's order in `slot` loses up to `lots` of its open lots; returns how many. It stays in its table."""
    here = np.int64(state.nodes[first_node(state) + slot]["quantity"])
    part = min(here, lots)
    if part == here:
        if here > 0:
            leave(state, slot)
            state.nodes[first_node(state) + slot]["quantity"] = 0
    else:
        shrink(state, slot, part)
    return part


@cold_kernel
def end_record(state, slot):
    """A level's record ends: nothing of it is in a list any more."""
    erase(state.history_ids, np.int64(state.orders[slot]["place"]), state.orders)
    state.session[0]["known"] -= 1
    close_slot(state, slot)


@cold_kernel
def _best_own(state, ladder):
    """Key of the best level at which an order of ours stands; EMPTY where none does."""
    key = state.ladders[ladder]["best"] if state.ladders[ladder]["own"] != 0 else EMPTY
    while key != EMPTY:
        sentinel = level_list(state, ladder, key)
        node = head(state, sentinel)
        while node != sentinel:
            if state.orders[node - first_node(state)]["trader"] != HISTORY_TRADER and stands_at(state, ladder, sentinel, node, key):
                return key
            node = np.int64(state.nodes[node]["next"])
        key = lower_key(state, ladder, key)
    return EMPTY


@cold_kernel
def _next_of_history(state, ladder, reach, key, queued):
    """Slot of history's order, at `reach` or better, that stands next behind the one which joined `key` at `queued`; 0 where none does."""
    level = state.ladders[ladder]["best"]
    while level != EMPTY and level >= reach:
        if level <= key:
            sentinel = level_list(state, ladder, level)
            node = _behind(state, ladder, level, queued if level == key else -1)
            while node != sentinel:
                slot = node - first_node(state)
                if state.orders[slot]["trader"] == HISTORY_TRADER and stands_at(state, ladder, sentinel, node, level):
                    return slot
                node = np.int64(state.nodes[node]["next"])
        level = lower_key(state, ladder, level)
    return 0


@cold_kernel
def _cross(state, out, n, slot, key):
    """History's resting order in `slot`, at `key`, trades with ours that it crosses, and keeps its place with what is left of it."""
    order, c = state.orders[slot], state.wanted[0]
    c["kind"] = Kind.ADD
    c["instrument"] = order["instrument"]
    c["order_id"] = order["id"]
    lots, start = np.int64(state.nodes[first_node(state) + slot]["quantity"]), n
    n, left, traded = take_ours(state, out, n, c, np.int64(order["side"]), lots, key, COUNTS_NONE, OWN_PRICE)
    if traded > 0:
        if order["self_trade"] != 0:
            flag_estimated(out, start, n)
        order["executed"] += np.uint32(traded)
        lose(state, slot, traded)
        if left == 0 and order["id"] == 0:
            forget(state, slot)
    return n


@cold_kernel
def uncross(state, out, n, instrument):
    """After a halt: history's orders that crossed ours meanwhile trade with them, as if they came now: its bids first, then its asks, each
    the best priced first and at one price the oldest; ours best price first, first in first out, at our price."""
    for side in range(2):
        ladder = 2 * instrument + side
        key, queued = np.int64(ANY_PRICE), np.int64(-1)
        slot = _next_of_history(state, ladder, ~_best_own(state, ladder ^ 1), key, queued)
        while slot != 0:
            key = key_of(side, ticks_of(state, slot))
            queued = np.int64(state.orders[slot]["queued"])
            n = _cross(state, out, n, slot, key)
            slot = _next_of_history(state, ladder, ~_best_own(state, ladder ^ 1), key, queued)
    return n

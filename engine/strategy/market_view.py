"""What a strategy is shown: books as of now, its own orders and positions as far as their facts have reached it."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Kind
from engine.state.arrays import EMPTY, MASK, W
from engine.state.ladder import key_of, lots_at
from engine.state.levels import lower_key
from engine.strategy.loop_state import Wake


@kernel
def look(state, instrument, touch):
    """Write the best prices (ticks) and lots of `instrument`, its last price and volume into `touch`."""
    bid = state.ladders[2 * instrument]["best"]
    ask = state.ladders[2 * instrument + 1]["best"]
    touch["has_bid"] = bid != EMPTY
    touch["has_ask"] = ask != EMPTY
    touch["bid"] = bid if bid != EMPTY else 0
    touch["bid_lots"] = lots_at(state, 2 * instrument * W + (bid & MASK)) if bid != EMPTY else 0
    touch["ask"] = ~ask if ask != EMPTY else 0
    touch["ask_lots"] = lots_at(state, (2 * instrument + 1) * W + (ask & MASK)) if ask != EMPTY else 0
    terms = state.instruments[instrument]
    touch["last"] = terms["last"] / terms["tick"]
    touch["has_last"] = terms["traded"]
    touch["volume"] = terms["volume"]


@kernel
def differs(state, instrument, touch):
    """Whether the best prices or their lots are others than in `touch`."""
    bid = state.ladders[2 * instrument]["best"]
    ask = state.ladders[2 * instrument + 1]["best"]
    if (bid != EMPTY) != (touch["has_bid"] != 0) or (ask != EMPTY) != (touch["has_ask"] != 0):
        return True
    if bid != EMPTY and (bid != touch["bid"] or lots_at(state, 2 * instrument * W + (bid & MASK)) != touch["bid_lots"]):
        return True
    return ask != EMPTY and (~ask != touch["ask"] or lots_at(state, (2 * instrument + 1) * W + (ask & MASK)) != touch["ask_lots"])


@kernel
def show_levels(state, world, instrument):
    """Write the first `depth` levels of both sides into world.levels; what is missing has 0 lots."""
    depth = world.clock[0]["depth"]
    for side in range(2):
        ladder = 2 * instrument + side
        key = state.ladders[ladder]["best"]
        for k in range(depth):
            level = world.levels[ladder * depth + k]
            if key == EMPTY:
                level["price"] = 0
                level["lots"] = 0
            else:
                level["price"] = key_of(side, key)
                level["lots"] = lots_at(state, ladder * W + (key & MASK))
                key = lower_key(state, ladder, key)


@kernel
def show_books(state, world):
    """Bring the strategy's books up to now."""
    for instrument in range(len(world.touches)):
        if differs(state, instrument, world.touches[instrument]) or world.clock[0]["depth"] > 1:
            show_levels(state, world, instrument)
        look(state, instrument, world.touches[instrument])


@kernel
def find_own(world, order_id):
    """Row of an open order among world.own, newest first; -1 where it is not open."""
    for row in range(world.clock[0]["open"] - 1, -1, -1):
        if world.own[row]["order_id"] == order_id:
            return row
    return -1


@kernel
def drop_own(world, row):
    """An order is no longer open; the others keep their order."""
    clock = world.clock[0]
    for k in range(row, clock["open"] - 1):
        world.own[k] = world.own[k + 1]
    clock["open"] -= 1


@kernel
def _own_side(world, fact):
    """(is ours as maker, is ours as taker) of a TradeExecuted."""
    trader = world.clock[0]["trader"]
    return fact["maker_trader"] == trader, fact["trader"] == trader


@kernel
def _filled(world, order_id, remaining, lots, side, instrument):
    """One side of a fill reaches the strategy."""
    world.touches[instrument]["position"] += lots if side == 0 else -lots
    row = find_own(world, order_id)
    if row >= 0:
        world.own[row]["remaining"] = remaining
        if remaining == 0:
            drop_own(world, row)


@kernel
def learn(state, world, fact):
    """A fact of ours reaches the strategy: its orders, positions and `event` change. Returns the Wake it is, 0 for none."""
    kind = fact["kind"]
    instrument = np.int64(fact["instrument"])
    event = world.event[0]
    event["instrument"] = instrument
    event["ts"] = fact["ts"]
    event["order_id"] = np.int64(fact["order_id"])
    event["price"] = fact["price"] / state.instruments[instrument]["tick"]
    event["quantity"] = fact["quantity"]
    event["remaining"] = fact["remaining"]
    event["side"] = fact["side"]
    event["reason"] = fact["reason"]
    event["ahead"] = fact["ahead"]
    row = find_own(world, np.int64(fact["order_id"]))
    if kind == Kind.TradeExecuted:
        made, took = _own_side(world, fact)
        lots = np.int64(fact["quantity"])
        if took:
            _filled(world, np.int64(fact["order_id"]), np.int64(fact["remaining"]), lots, np.int64(fact["side"]), instrument)
        if made:
            event["order_id"] = np.int64(fact["maker_order_id"])
            event["remaining"] = fact["maker_remaining"]
            event["side"] = 1 - np.int64(fact["side"])
            _filled(
                world, np.int64(fact["maker_order_id"]), np.int64(fact["maker_remaining"]), lots, 1 - np.int64(fact["side"]), instrument
            )
        return Wake.FILL if made or took else 0
    if kind == Kind.OrderCreated:
        if row >= 0:
            world.own[row]["accepted"] = 1
        return Wake.ACCEPTED
    if kind == Kind.OrderReplaced:
        if row >= 0:
            world.own[row]["price"] = np.int64(fact["price"]) // state.instruments[instrument]["tick"]
            world.own[row]["quantity"] = fact["quantity"]
            world.own[row]["remaining"] = fact["remaining"]
        return Wake.REPLACED
    if kind == Kind.OrderRejected or kind == Kind.OrderCancelled or kind == Kind.OrderExpired:
        if row >= 0:
            drop_own(world, row)
        return Wake.REJECTED if kind == Kind.OrderRejected else Wake.CANCELLED
    if kind == Kind.CancelRejected or kind == Kind.ReplaceRejected:
        return Wake.REJECTED
    return 0

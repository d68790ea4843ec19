"""What a strategy knows of itself: orders, positions and money, from the facts that have reached it, never read from the exchange."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.loop.latency import latency_at
from engine.loop.loop_state import Wake
from engine.messages.vocabulary import NOT_NAMED, Kind
from engine.state.accounts import book_cost


@kernel
def concerns(mine, fact):
    """Whether a fact reaches this strategy: it names its trader, or moves its portfolio's cash."""
    clock = mine.clock[0]
    if fact["kind"] == Kind.TradeExecuted:
        return fact["trader"] == clock["trader"] or fact["maker_trader"] == clock["trader"]
    if fact["kind"] == Kind.CashDeposited:
        return fact["portfolio"] == clock["portfolio"]
    return fact["trader"] == clock["trader"]


@kernel
def next_own(mine, out, n):
    """Whether there is a fact that has yet to reach the strategy; others' facts before it are passed over."""
    clock = mine.clock[0]
    while clock["seen"] < n and not concerns(mine, out[clock["seen"]]):
        clock["seen"] += 1
    return clock["seen"] < n


@kernel
def due(mine, fact):
    """Exchange time at which a fact has reached the strategy: with the feed, or later where the response is slower."""
    clock = mine.clock[0]
    feed = mine.feed[latency_at(mine.feed, clock["seen_feed"], fact["ts"])]["value"]
    response = mine.response[latency_at(mine.response, clock["seen_response"], fact["ts"])]["value"]
    return max(clock["seen_due"], fact["ts"] + max(0, response - feed))


@kernel
def find_own(mine, order_id):
    """Row of an open order among `mine.own`, newest first; -1 where it is not open."""
    for row in range(mine.clock[0]["open"] - 1, -1, -1):
        if mine.own[row]["order_id"] == order_id:
            return row
    return -1


@kernel
def _drop_own(mine, row):
    """An order is no longer open; the others keep their order."""
    clock = mine.clock[0]
    for k in range(row, clock["open"] - 1):
        mine.own[k] = mine.own[k + 1]
    clock["open"] -= 1


@kernel
def _learn_fill(mine, fact, order_id, remaining, side, fee):
    """One side of a fill: order, position and cash change, and `event` tells of it."""
    instrument = np.int64(fact["instrument"])
    lots = np.int64(fact["quantity"]) * (1 - 2 * side)
    held, clock, event = mine.holdings[instrument], mine.clock[0], mine.event[0]
    each = np.int64(fact["price"]) * held["value"]
    book_cost(held, held["quantity"], lots, each)
    held["quantity"] += lots
    clock["cash"] -= each * lots + fee
    clock["fees"] += fee
    event["order_id"] = order_id
    event["remaining"] = remaining
    event["side"] = side
    event["fee"] = fee
    row = find_own(mine, order_id)
    if row >= 0:
        mine.own[row]["remaining"] = remaining
        if remaining == 0:
            _drop_own(mine, row)


@kernel
def _learn_trade(mine, fact):
    """A fill: the side as maker first; where the strategy is both, the side as taker is a call of its own. Returns whether it is done."""
    clock, event, side = mine.clock[0], mine.event[0], np.int64(fact["side"])
    made, took = fact["maker_trader"] == clock["trader"], fact["trader"] == clock["trader"]
    event["maker"] = made and clock["seen_maker"] == 0
    if event["maker"]:
        _learn_fill(mine, fact, np.int64(fact["maker_order_id"]), np.int64(fact["maker_remaining"]), 1 - side, fact["maker_fee"])
        clock["seen_maker"] = took
        return not took
    _learn_fill(mine, fact, np.int64(fact["order_id"]), np.int64(fact["remaining"]), side, fact["fee"])
    clock["seen_maker"] = 0
    return True


@kernel
def _learn_replace(mine, row, fact, tick):
    own = mine.own[row]
    own["price"] = np.int64(fact["price"]) // tick
    if own["stop_price"] != NOT_NAMED:
        own["stop_price"] = np.int64(fact["stop_price"]) // tick
    own["quantity"] = fact["quantity"]
    own["remaining"] = fact["remaining"]


@kernel
def _learn_order(mine, fact, tick):
    """A fact about one order; the Wake it is, 0 for none."""
    kind = fact["kind"]
    row = find_own(mine, np.int64(fact["order_id"]))
    if kind == Kind.OrderCreated:
        if row >= 0:
            mine.own[row]["accepted"] = 1
        return Wake.ACCEPTED
    if kind == Kind.OrderReplaced:
        if row >= 0:
            _learn_replace(mine, row, fact, tick)
        return Wake.REPLACED
    if kind == Kind.OrderRejected or kind == Kind.OrderCancelled or kind == Kind.OrderExpired:
        if row >= 0:
            _drop_own(mine, row)
        return Wake.REJECTED if kind == Kind.OrderRejected else Wake.CANCELLED
    if kind == Kind.CancelRejected or kind == Kind.ReplaceRejected:
        return Wake.REJECTED
    return 0


@kernel
def learn(state, mine, out):
    """The next fact reaches the strategy: its orders, positions, cash and `event` change. Returns the Wake it is, 0 for none."""
    clock, event = mine.clock[0], mine.event[0]
    fact = out[clock["seen"]]
    clock["seen_due"] = due(mine, fact)
    clock["seen_feed"] = latency_at(mine.feed, clock["seen_feed"], fact["ts"])
    clock["seen_response"] = latency_at(mine.response, clock["seen_response"], fact["ts"])
    if fact["kind"] == Kind.CashDeposited:
        clock["cash"] += fact["value"]
        clock["deposits"] += fact["value"]
        clock["seen"] += 1
        return 0
    instrument = np.int64(fact["instrument"])
    tick = state.instruments[instrument]["tick"] if instrument < len(state.instruments) else 1
    event["instrument"] = instrument
    event["ts"] = fact["ts"]
    event["order_id"] = np.int64(fact["order_id"])
    event["price"] = fact["price"] / tick
    event["quantity"] = fact["quantity"]
    event["remaining"] = fact["remaining"]
    event["side"] = fact["side"]
    event["reason"] = fact["reason"]
    event["ahead"] = fact["ahead"]
    event["fee"] = 0
    event["maker"] = 0
    if fact["kind"] == Kind.TradeExecuted:
        if _learn_trade(mine, fact):
            clock["seen"] += 1
        return Wake.FILL
    clock["seen"] += 1
    return _learn_order(mine, fact, tick)

"""What a compiled strategy may look at and send: the words of `Strategy`, as functions of its `context`.

Prices are ticks, quantities lots, an instrument is its number. A missing price (of an empty side) is NO_PRICE, which the exchange refuses.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.compiler.kernel import inlined_kernel, kernel
from engine.loop.loop_state import COMMANDS_PER_CALL
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, SelfTrade, TimeInForce

MARKET = NOT_NAMED
"""The price of an order that takes what there is."""
NO_PRICE = 1 << 62
BUY, SELL = 0, 1
DAY, CANCEL_TAKER = int(TimeInForce.DAY), int(SelfTrade.CANCEL_TAKER)
POST_ONLY, REDUCE_ONLY = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)


class Book(NamedTuple):
    """The best of a book, in ticks and lots; NO_PRICE where a side is empty, NaN where nothing traded yet."""

    bid: Any
    bid_lots: Any
    ask: Any
    ask_lots: Any
    last: Any
    volume: Any


@kernel
def why(context):
    """The Wake that this call is for."""
    return context.event[0]["kind"]


@kernel
def event(context):
    """What this call is for (EVENT): price in ticks, fee in money units; of an alarm `order_id` is its number."""
    return context.event[0]


@kernel
def now(context):
    """The strategy's time, ns UTC: exchange time + feed latency."""
    return context.clock[0]["time"]


@kernel
def two_sided(context, instrument=0):
    """Whether there are a bid and an ask."""
    return context.touches[instrument]["has_bid"] != 0 and context.touches[instrument]["has_ask"] != 0


@kernel
def book(context, instrument=0):
    """The best of a book."""
    touch = context.touches[instrument]
    return Book(
        touch["bid"] if touch["has_bid"] != 0 else NO_PRICE,
        touch["bid_lots"],
        touch["ask"] if touch["has_ask"] != 0 else NO_PRICE,
        touch["ask_lots"],
        touch["last"] if touch["has_last"] != 0 else np.nan,
        touch["volume"],
    )


@inlined_kernel
def levels(context, side, instrument=0):
    """The first `depth` levels of a side (LEVEL: price, lots), best first; a level that is missing has 0 lots."""
    depth = context.clock[0]["depth"]
    first = (2 * instrument + side) * depth
    return context.levels[first : first + depth]


@kernel
def position(context, instrument=0):
    """Own position in lots, as far as fills have reached the strategy."""
    return context.holdings[instrument]["quantity"]


@kernel
def average_price(context, instrument=0):
    """Average price of the position in ticks; NaN where it is flat."""
    held = context.holdings[instrument]
    return held["cost"] / (held["quantity"] * held["value"] * held["tick"]) if held["quantity"] != 0 else np.nan


@inlined_kernel
def orders(context):
    """Own open orders (OWN), oldest first, those on their way too."""
    return context.own[: context.clock[0]["open"]]


@kernel
def cash(context):
    """Currency in the portfolio, net of fees."""
    return context.clock[0]["cash"] / context.clock[0]["unit"]


@kernel
def _equity(context):
    total = context.clock[0]["cash"]
    for instrument in range(len(context.holdings)):
        held = context.holdings[instrument]
        total += held["quantity"] * held["value"] * context.touches[instrument]["mark"]
    return total


@kernel
def equity(context):
    """Cash + Σ position × mark, in currency."""
    return _equity(context) / context.clock[0]["unit"]


@kernel
def pnl(context):
    """Realised and unrealised P&L less fees, in currency, since the start: equity less deposits."""
    return (_equity(context) - context.clock[0]["deposits"]) / context.clock[0]["unit"]


@kernel
def fees(context):
    """Fees paid so far, in currency; negative where rebates were more."""
    return context.clock[0]["fees"] / context.clock[0]["unit"]


@kernel
def _next_row(context):
    clock = context.clock[0]
    if clock["sent"] - clock["stamped"] >= COMMANDS_PER_CALL:
        clock["overflow"] = 1
        return context.commands[clock["sent"] - 1]
    clock["sent"] += 1
    return context.commands[clock["sent"] - 1]


@kernel
def _enter(context, side, quantity, price, stop_price, instrument, time_in_force, flags, self_trade):
    clock = context.clock[0]
    c = _next_row(context)
    c["order_id"] = np.uint64(clock["next_id"])
    c["quantity"] = quantity
    c["price"] = price if price != MARKET else 0
    c["stop_price"] = stop_price
    c["instrument"] = instrument
    c["portfolio"] = clock["portfolio"]
    c["trader"] = clock["trader"]
    c["kind"] = Kind.NEW
    c["side"] = side
    c["type"] = (1 if price != MARKET else 0) + (2 if stop_price != NOT_NAMED else 0)
    c["time_in_force"] = time_in_force
    c["self_trade"] = self_trade
    c["flags"] = flags
    clock["next_id"] += 1
    return clock["next_id"] - 1


@kernel
def _flags(post_only, reduce_only):
    return (POST_ONLY if post_only else 0) | (REDUCE_ONLY if reduce_only else 0)


@kernel
def buy(context, quantity, price=MARKET, instrument=0, time_in_force=DAY, post_only=False, reduce_only=False, self_trade=CANCEL_TAKER):
    """Send an order to buy: LIMIT where a price is given, else MARKET. Returns its id."""
    return _enter(context, BUY, quantity, price, NOT_NAMED, instrument, time_in_force, _flags(post_only, reduce_only), self_trade)


@kernel
def sell(context, quantity, price=MARKET, instrument=0, time_in_force=DAY, post_only=False, reduce_only=False, self_trade=CANCEL_TAKER):
    """Send an order to sell, as `buy`."""
    return _enter(context, SELL, quantity, price, NOT_NAMED, instrument, time_in_force, _flags(post_only, reduce_only), self_trade)


@kernel
def stop(context, side, quantity, stop_price, instrument=0, time_in_force=DAY, reduce_only=False, self_trade=CANCEL_TAKER):
    """Send a STOP: a MARKET order once the last trade is at `stop_price` or through it. Returns its id."""
    return _enter(context, side, quantity, MARKET, stop_price, instrument, time_in_force, _flags(False, reduce_only), self_trade)


@kernel
def stop_limit(
    context,
    side,
    quantity,
    price,
    stop_price,
    instrument=0,
    time_in_force=DAY,
    post_only=False,
    reduce_only=False,
    self_trade=CANCEL_TAKER,
):
    """Send a STOP_LIMIT: a LIMIT order at `price` once the last trade is at `stop_price` or through it. Returns its id."""
    return _enter(context, side, quantity, price, stop_price, instrument, time_in_force, _flags(post_only, reduce_only), self_trade)


@kernel
def _change(context, kind, order_id, instrument, quantity, price, stop_price):
    """Send a CANCEL or REPLACE."""
    c = _next_row(context)
    c["order_id"] = np.uint64(order_id)
    c["quantity"] = quantity
    c["price"] = price
    c["stop_price"] = stop_price
    c["instrument"] = instrument
    c["portfolio"] = 0
    c["trader"] = context.clock[0]["trader"]
    c["kind"] = kind
    c["side"] = 0
    c["type"] = 0
    c["time_in_force"] = 0
    c["self_trade"] = 0
    c["flags"] = 0


@kernel
def _sent_to(context, order_id):
    """The instrument that an order was sent for; 0 where there was none of that id. Of what is not open all commands are searched."""
    for row in range(context.clock[0]["open"]):
        if context.own[row]["order_id"] == order_id:
            return np.int64(context.own[row]["instrument"])
    for row in range(context.clock[0]["sent"] - 1, -1, -1):
        if context.commands[row]["kind"] == Kind.NEW and np.int64(context.commands[row]["order_id"]) == order_id:
            return np.int64(context.commands[row]["instrument"])
    return np.int64(0)


@kernel
def cancel(context, order_id):
    """Ask to cancel an order; without effect where a cancel is on its way. The exchange refuses what is not open (Wake.REJECTED)."""
    for row in range(context.clock[0]["open"]):
        own = context.own[row]
        if own["order_id"] == order_id:
            if own["cancelling"] == 0:
                _change(context, Kind.CANCEL, order_id, own["instrument"], NOT_NAMED, NOT_NAMED, NOT_NAMED)
                own["cancelling"] = 1
            return
    _change(context, Kind.CANCEL, order_id, _sent_to(context, order_id), NOT_NAMED, NOT_NAMED, NOT_NAMED)


@kernel
def cancel_all(context):
    """Ask to cancel every open order that no cancel is on its way for."""
    for row in range(context.clock[0]["open"]):
        cancel(context, context.own[row]["order_id"])


@kernel
def replace(context, order_id, quantity=NOT_NAMED, price=NOT_NAMED, stop_price=NOT_NAMED):
    """Ask for a new total quantity, price or stop price of an order; what is not named stays. The exchange refuses what is not open."""
    _change(context, Kind.REPLACE, order_id, _sent_to(context, order_id), quantity, price, stop_price)


@kernel
def at(context, time):
    """Be called once (Wake.ALARM) at `time`, ns UTC. Returns the alarm's number."""
    clock = context.clock[0]
    clock["alarm_last"] += 1
    if clock["alarms"] == len(context.alarms):
        clock["overflow"] = 1
        return clock["alarm_last"]
    alarm = context.alarms[clock["alarms"]]
    alarm["ts"] = time
    alarm["number"] = clock["alarm_last"]
    clock["alarms"] += 1
    clock["alarm_next"] = min(clock["alarm_next"], time)
    return clock["alarm_last"]


@kernel
def after(context, delay):
    """Be called once (Wake.ALARM) when `delay` ns have passed. Returns the alarm's number."""
    return at(context, context.clock[0]["time"] + max(1, delay))


@kernel
def log(context, value):
    """Write a number into the run's log, with the time."""
    clock = context.clock[0]
    if clock["notes"] == len(context.notes):
        clock["overflow"] = 1
        return
    note = context.notes[clock["notes"]]
    note["ts"] = clock["time"]
    note["value"] = value
    clock["notes"] += 1

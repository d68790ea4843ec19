"""What a compiled strategy may do at its desk: look, and put orders into the buffer. Prices in ticks, quantities in lots.

`desk` is what the function is called with; `k` is the number of an instrument (0 where there is one).
"""

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, TimeInForce
from engine.strategy.loop_state import COMMANDS_PER_CALL

POST_ONLY = int(Flag.POST_ONLY)
DAY, IOC = int(TimeInForce.DAY), int(TimeInForce.IOC)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)


@kernel
def why(desk):
    """The Wake that this call is for."""
    return desk.event[0]["kind"]


@kernel
def clock(desk):
    """The strategy's time, ns UTC: exchange time + feed latency."""
    return desk.clock[0]["time"]


@kernel
def two_sided(desk, k):
    """Whether there are a bid and an ask."""
    return desk.touches[k]["has_bid"] != 0 and desk.touches[k]["has_ask"] != 0


@kernel
def bid(desk, k):
    """Best bid in ticks."""
    return desk.touches[k]["bid"]


@kernel
def ask(desk, k):
    """Best ask in ticks."""
    return desk.touches[k]["ask"]


@kernel
def lots_of(desk, k, side, levels):
    """Lots of the first `levels` levels of a side (0 bids, 1 asks), at most as many as the strategy's `depth`."""
    depth = desk.clock[0]["depth"]
    total = 0
    for level in range(min(levels, depth)):
        total += desk.levels[(2 * k + side) * depth + level]["lots"]
    return total


@kernel
def position(desk, k):
    """Own position in lots, as far as fills have reached the strategy."""
    return desk.touches[k]["position"]


@kernel
def open_orders(desk):
    """How many orders are open or on their way; they are the first rows of desk.own."""
    return desk.clock[0]["open"]


@kernel
def _next_row(desk):
    clock = desk.clock[0]
    if clock["sent"] - clock["stamped"] >= COMMANDS_PER_CALL:
        clock["overflow"] = 1
        return desk.commands[clock["sent"] - 1]
    clock["sent"] += 1
    return desk.commands[clock["sent"] - 1]


@kernel
def order(desk, k, side, lots, ticks, order_type, time_in_force, flags):
    """Send an order; returns its id."""
    clock = desk.clock[0]
    c = _next_row(desk)
    c["order_id"] = np.uint64(clock["next_id"])
    c["quantity"] = lots
    c["price"] = ticks
    c["stop_price"] = NOT_NAMED
    c["instrument"] = k
    c["portfolio"] = clock["portfolio"]
    c["trader"] = clock["trader"]
    c["kind"] = Kind.NEW
    c["side"] = side
    c["type"] = order_type
    c["time_in_force"] = time_in_force
    c["self_trade"] = 0
    c["flags"] = flags
    clock["next_id"] += 1
    return clock["next_id"] - 1


@kernel
def buy(desk, k, lots, ticks):
    """Send a LIMIT order to buy; returns its id."""
    return order(desk, k, 0, lots, ticks, LIMIT, DAY, 0)


@kernel
def sell(desk, k, lots, ticks):
    """Send a LIMIT order to sell; returns its id."""
    return order(desk, k, 1, lots, ticks, LIMIT, DAY, 0)


@kernel
def _change(desk, kind, own, lots, ticks):
    """Send a CANCEL or REPLACE of an open order."""
    c = _next_row(desk)
    c["order_id"] = np.uint64(own["order_id"])
    c["quantity"] = lots
    c["price"] = ticks
    c["stop_price"] = NOT_NAMED
    c["instrument"] = own["instrument"]
    c["portfolio"] = 0
    c["trader"] = desk.clock[0]["trader"]
    c["kind"] = kind
    c["side"] = 0
    c["type"] = 0
    c["time_in_force"] = 0
    c["self_trade"] = 0
    c["flags"] = 0


@kernel
def cancel(desk, order_id):
    """Ask to cancel an open order of ours; without effect where it is not open or a cancel is on its way."""
    for row in range(desk.clock[0]["open"]):
        own = desk.own[row]
        if own["order_id"] == order_id and own["cancelling"] == 0:
            _change(desk, Kind.CANCEL, own, NOT_NAMED, NOT_NAMED)
            own["cancelling"] = 1


@kernel
def replace(desk, order_id, lots, ticks):
    """Ask for a new total quantity and price of an open order; NOT_NAMED leaves one as it is."""
    for row in range(desk.clock[0]["open"]):
        if desk.own[row]["order_id"] == order_id:
            _change(desk, Kind.REPLACE, desk.own[row], lots, ticks)


@kernel
def cancel_all(desk):
    """Ask to cancel every open order that no cancel is on its way for."""
    for row in range(desk.clock[0]["open"]):
        cancel(desk, desk.own[row]["order_id"])

"""What a strategy sends: latencies, and the time at which each command reaches the exchange."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.loop.loop_state import NEVER
from engine.messages.vocabulary import Kind


@kernel
def latency_at(series, at, now):
    """Index of the step of a latency series that holds at `now`."""
    while at + 1 < len(series) and series[at + 1]["ts"] <= now:
        at += 1
    return at


@kernel
def update_latencies(mine, now):
    """The feed and order latency of a strategy that hold now."""
    clock = mine.clock[0]
    clock["feed_at"] = latency_at(mine.feed, clock["feed_at"], now)
    clock["order_at"] = latency_at(mine.order, clock["order_at"], now)
    clock["feed"] = mine.feed[clock["feed_at"]]["value"]
    clock["order"] = mine.order[clock["order_at"]]["value"]


@kernel
def next_feed_step(mine):
    """Exchange time at which the feed latency changes next."""
    at = mine.clock[0]["feed_at"] + 1
    return mine.feed[at]["ts"] if at < len(mine.feed) else NEVER


@kernel
def _note_order(mine, c):
    """What a strategy sent is known to it at once: a new order on its way, a cancel asked for."""
    clock = mine.clock[0]
    if c["kind"] == Kind.NEW:
        own = mine.own[clock["open"]]
        clock["open"] += 1
        own["order_id"] = np.int64(c["order_id"])
        own["instrument"] = c["instrument"]
        own["side"] = c["side"]
        own["price"] = c["price"]
        own["stop_price"] = c["stop_price"]
        own["type"] = c["type"]
        own["quantity"] = c["quantity"]
        own["remaining"] = c["quantity"]
        own["accepted"] = 0
        own["cancelling"] = 0
    elif c["kind"] == Kind.CANCEL:
        for row in range(clock["open"]):
            if mine.own[row]["order_id"] == np.int64(c["order_id"]):
                mine.own[row]["cancelling"] = 1


@kernel
def _in_units(ticks, tick):
    """A price in ticks as price units; what no price can be stays as it is, and is refused."""
    return ticks * tick if -(1 << 31) < ticks < (1 << 31) else ticks


@kernel
def stamp(state, mine):
    """Give what the strategy sent just now its time of arrival, and prices their units (a strategy names ticks)."""
    clock = mine.clock[0]
    for k in range(clock["stamped"], clock["sent"]):
        c = mine.commands[k]
        _note_order(mine, c)
        arrival = clock["time"] + clock["order"]
        if k > 0:
            arrival = max(arrival, mine.sent[k - 1]["arrival"])  # one connection: nothing overtakes
        mine.sent[k]["arrival"] = arrival
        mine.sent[k]["time"] = clock["time"]
        c["ts"] = arrival
        if c["instrument"] < len(state.instruments):
            tick = state.instruments[c["instrument"]]["tick"]
            c["price"] = _in_units(c["price"], tick)
            c["stop_price"] = _in_units(c["stop_price"], tick)
    clock["stamped"] = clock["sent"]

"""What the strategy sends: latencies, and the time at which each command reaches the exchange."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Kind
from engine.strategy.loop_state import NEVER


@kernel
def latency_at(series, at, now):
    """Index of the step of a latency series that holds at `now`."""
    while at + 1 < len(series) and series[at + 1]["ts"] <= now:
        at += 1
    return at


@kernel
def tell_latencies(world):
    """The feed and order latency that hold now."""
    clock = world.clock[0]
    clock["feed_at"] = latency_at(world.feed, clock["feed_at"], clock["now"])
    clock["order_at"] = latency_at(world.order, clock["order_at"], clock["now"])
    clock["feed"] = world.feed[clock["feed_at"]]["value"]
    clock["order"] = world.order[clock["order_at"]]["value"]


@kernel
def next_feed_step(world):
    """Exchange time at which the feed latency changes next."""
    at = world.clock[0]["feed_at"] + 1
    return world.feed[at]["ts"] if at < len(world.feed) else NEVER


@kernel
def _note_order(world, c):
    """What we sent is known to us at once: a new order on its way, a cancel asked for."""
    clock = world.clock[0]
    if c["kind"] == Kind.NEW:
        own = world.own[clock["open"]]
        clock["open"] += 1
        own["order_id"] = np.int64(c["order_id"])
        own["instrument"] = c["instrument"]
        own["side"] = c["side"]
        own["price"] = c["price"]
        own["quantity"] = c["quantity"]
        own["remaining"] = c["quantity"]
        own["accepted"] = 0
        own["cancelling"] = 0
    elif c["kind"] == Kind.CANCEL:
        for row in range(clock["open"]):
            if world.own[row]["order_id"] == np.int64(c["order_id"]):
                world.own[row]["cancelling"] = 1


@kernel
def stamp(state, world):
    """Give what the strategy sent just now its time of arrival, and prices their units (a strategy names ticks)."""
    clock = world.clock[0]
    for k in range(clock["stamped"], clock["sent"]):
        c = world.commands[k]
        _note_order(world, c)
        arrival = clock["time"] + clock["order"]
        if k > 0:
            arrival = max(arrival, world.sent[k - 1]["arrival"])  # one connection: nothing overtakes
        world.sent[k]["arrival"] = arrival
        c["ts"] = arrival
        if -(1 << 31) < c["price"] < (1 << 31) and c["instrument"] < len(state.instruments):
            c["price"] *= state.instruments[c["instrument"]]["tick"]
    clock["stamped"] = clock["sent"]

"""The FLOW of one aggressor, written before the rows that it executed: one time, one side, one instrument."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Flag, Kind, Side

PRICE_MAX = 2**31
HIDDEN, CONTINUED = int(Flag.HIDDEN), int(Flag.CONTINUED)


@kernel
def _next_hidden(reading, out, beyond, sign):  # type: ignore[no-untyped-def]
    """(price × sign, lots) of the aggressor's best hidden executions that are worse than `beyond`; a lower one is better."""
    best, lots = PRICE_MAX, np.int64(0)
    for k in range(reading["flow"] + 1, reading["n"]):
        c = out[k]
        price = sign * c["price"]
        if c["kind"] == Kind.PRINT and c["flags"] & HIDDEN and beyond < price <= best:
            lots = c["quantity"] + (lots if price == best else 0)
            best = price
    return best, lots


@kernel
def end_aggressor(reading, out):  # type: ignore[no-untyped-def]
    """No more rows of the open FLOW. Each price better than its worst at which it took hidden lots gets a FLOW of its own before it.

    Those lots stood behind what was displayed at their price: so much of the aggressor came no further. `reading` (a record) has `n`,
    the commands written to `out`; `flow`, the index of the open FLOW, else -1; `hidden`, its hidden executions so far.
    """
    first = reading["flow"]
    reading["flow"] = -1
    if first < 0 or reading["hidden"] == 0:
        return
    reading["hidden"] = 0
    sign = 1 if out[first]["side"] == Side.BUY else -1
    worst = sign * out[first]["price"]
    reading["flow"] = first
    price, lots = _next_hidden(reading, out, -PRICE_MAX, sign)
    while price < worst:
        for k in range(reading["n"], reading["flow"], -1):
            out[k] = out[k - 1]
        reading["n"] += 1
        step = out[reading["flow"]]
        step["price"] = sign * price
        step["flags"] |= CONTINUED
        reading["flow"] += 1
        out[reading["flow"]]["quantity"] -= lots
        price, lots = _next_hidden(reading, out, price, sign)
    reading["flow"] = -1


@kernel
def write_flow(reading, ts, instrument, side, price, lots, hidden, out):  # type: ignore[no-untyped-def]
    """Open the FLOW of a new aggressor of the side `side`, or add this execution to the open one."""
    flow = out[max(reading["flow"], 0)]
    if reading["flow"] < 0 or flow["ts"] != ts or flow["side"] != side or flow["instrument"] != instrument:
        end_aggressor(reading, out)
        reading["flow"] = reading["n"]
        reading["n"] += 1
        flow = out[reading["flow"]]
        flow["ts"] = ts
        flow["kind"] = Kind.FLOW
        flow["instrument"] = instrument
        flow["side"] = side
        flow["price"] = price
        flow["flags"] = HIDDEN if hidden else 0
    flow["quantity"] += lots
    flow["price"] = max(flow["price"], price) if side == Side.BUY else min(flow["price"], price)
    if hidden:
        reading["hidden"] += 1
    else:
        flow["flags"] = 0

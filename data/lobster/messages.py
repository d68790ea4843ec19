"""What each LOBSTER message becomes: its command, and before those of one aggressor the FLOW that it was."""

from enum import IntEnum

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Flag, Kind, Side

PRICE_MAX = 2**31
HIDDEN, CONTINUED = int(Flag.HIDDEN), int(Flag.CONTINUED)


class Message(IntEnum):
    """LOBSTER's message types, and where a parsed message's fields lie in its array (the order of the columns)."""

    ADD = 1
    CANCEL = 2
    DELETE = 3
    EXECUTE = 4
    EXECUTE_HIDDEN = 5
    CROSS = 6
    HALT = 7


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

    Those lots stood behind what was displayed at their price: so much of the aggressor came no further.
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
def _write_flow(reading, message, ts, side, out):  # type: ignore[no-untyped-def]
    """Open the FLOW of a new aggressor of the side `side`, or add this row to the open one."""
    flow = out[max(reading["flow"], 0)]
    hidden = message[1] == Message.EXECUTE_HIDDEN
    if reading["flow"] < 0 or flow["ts"] != ts or flow["side"] != side:
        end_aggressor(reading, out)
        reading["flow"] = reading["n"]
        reading["n"] += 1
        flow = out[reading["flow"]]
        flow["ts"] = ts
        flow["kind"] = Kind.FLOW
        flow["side"] = side
        flow["price"] = message[4]
        flow["flags"] = HIDDEN if hidden else 0
    flow["quantity"] += message[3]
    flow["price"] = max(flow["price"], message[4]) if side == Side.BUY else min(flow["price"], message[4])
    if hidden:
        reading["hidden"] += 1
    else:
        flow["flags"] = 0


@kernel
def _leave_cross(reading, lots, out):  # type: ignore[no-untyped-def]
    """A cross prints what its executions, which are messages of their own at its time, do not; nothing left is a NOTICE."""
    c = out[reading["cross"]]
    part = min(lots, c["quantity"])
    c["quantity"] -= part
    reading["executed"] -= part
    if c["quantity"] == 0:
        c["kind"] = Kind.NOTICE
        c["side"] = 0
        reading["cross"] = -1


@kernel
def _status_of(code):  # type: ignore[no-untyped-def]
    """What a HALT message's price means: -1 halted, 1 trading resumes; 0, only quoting resumes."""
    return Kind.HALT if code == -1 else (Kind.RESUME if code == 1 else Kind.NOTICE)


@kernel
def _write_print(reading, message, resting, out):  # type: ignore[no-untyped-def]
    """Finish the command at the end as the PRINT of a hidden execution or a cross."""
    c = out[reading["n"] - 1]
    c["kind"] = Kind.PRINT
    c["side"] = 1 - resting
    if message[1] == Message.EXECUTE_HIDDEN:
        c["flags"] = HIDDEN
        return
    reading["cross"] = reading["n"] - 1
    if reading["executed"] > 0:
        _leave_cross(reading, reading["executed"], out)


@kernel
def write_message(reading, message, ts, out):  # type: ignore[no-untyped-def]
    """The command of one message row, with the FLOW of its aggressor before it."""
    kind = message[1]
    resting = Side.BUY if message[5] == 1 else Side.SELL
    if message[0] != reading["last"]:
        reading["cross"], reading["executed"] = -1, 0
    executes = kind == Message.EXECUTE or kind == Message.EXECUTE_HIDDEN
    if executes:
        _write_flow(reading, message, ts, 1 - resting, out)
        reading["executed"] += message[3]
        if reading["cross"] >= 0:
            _leave_cross(reading, message[3], out)
    else:
        end_aggressor(reading, out)
    c = out[reading["n"]]
    reading["n"] += 1
    c["ts"] = ts
    c["row"] = reading["rows"] + 1
    if kind == Message.HALT:
        c["kind"] = _status_of(message[4])
        c["price"] = message[4] if c["kind"] == Kind.NOTICE else 0
        return
    c["price"] = message[4]
    c["quantity"] = message[3]
    if kind == Message.EXECUTE_HIDDEN or kind == Message.CROSS:
        _write_print(reading, message, resting, out)
        return
    c["order_id"] = message[2]
    c["side"] = resting
    c["kind"] = Kind.ADD if kind == Message.ADD else (Kind.EXECUTE if kind == Message.EXECUTE else Kind.REDUCE)

"""What each LOBSTER message becomes: its command, and before those of one aggressor the FLOW that it was."""

from enum import IntEnum

from data.orders.aggressor import HIDDEN, end_aggressor, write_flow
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Kind, Side


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
        write_flow(reading, ts, 0, 1 - resting, message[4], message[3], kind == Message.EXECUTE_HIDDEN, out)
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

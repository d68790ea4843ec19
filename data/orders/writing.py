"""Messages about orders into commands of history, each held against the order that it names. For every order-by-order format.

A message is checked before anything is written. What does not hold is a fault: the reader stops there, or, where it repairs, the message
is mended as `data.orders.faults` says and counted.
"""

import numpy as np

from data.orders.aggressor import HIDDEN, PRICE_MAX, end_aggressor, write_flow
from data.orders.faults import Fault
from data.orders.table import drop_order, find_order, put_order
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Kind, Side

LOTS_MAX = 2**32
FAULTS = int(max(Fault)) + 1

WRITING = np.dtype(
    [
        ("n", "<i8"),  # commands written
        ("rows", "<i8"),  # messages decoded, all of the file
        ("last", "<i8"),  # ns UTC, of the message before
        ("flow", "<i8"),  # index of the FLOW whose aggressor may go on, else -1
        ("hidden", "<i8"),  # its hidden executions so far
        ("orders", "<i8"),  # open orders
        ("fault", "<i8"),
        ("value", "<i8"),  # the value at fault
        ("field", "<i8"),  # number of the field at fault, as the format counts
        ("repair", "<i8"),  # 1: faults are mended and counted
        ("unknown", "<i8"),  # the first message, from 1, about an order that is not open; 0: there is none
        ("adopt", "<i8"),  # 1: a MODIFY of an order that is not open is an ADD
        ("checked", "<i8"),  # executions that match the order they name
        ("at", "<i8"),  # position in the input
        ("end", "<i8"),
    ]
)
"""Where a decoder stands; each format keeps what it needs besides in arrays of its own."""

TERMS = np.dtype([("tick", "<i8"), ("signed", "<i8"), ("halted", "<i8"), ("last", "<i8")])
"""Of an instrument: price units of a tick; 1 where prices may be zero or negative; 1 while it is halted; the last trade's price."""


@kernel
def fail(w, counts, fault, value, field):  # type: ignore[no-untyped-def]
    """A fault: True where it is to be mended, False where the decoder stops.

    An order that is not open is always counted and told: it came before the data begin, or the data have a gap; nothing else hangs on it.
    """
    counts[fault] += 1
    if fault == Fault.UNKNOWN and w["unknown"] == 0:
        w["unknown"] = w["rows"] + 1
    if w["repair"] != 0 or fault == Fault.UNKNOWN:
        return True
    w["fault"] = fault
    w["value"] = value
    w["field"] = field
    return False


@kernel
def checked_time(w, counts, ts, field):  # type: ignore[no-untyped-def]
    """The time at which a message is written; -1 where the decoder stops."""
    if ts < w["last"]:
        if not fail(w, counts, Fault.TIME_BACK, ts, field):
            return np.int64(-1)
        return np.int64(w["last"])
    w["last"] = ts
    return np.int64(ts)


@kernel
def _command(w, out, ts, kind, instrument, side, price, lots):  # type: ignore[no-untyped-def]
    """The next command, begun; it has the number of the message."""
    c = out[w["n"]]
    w["n"] += 1
    c["ts"] = ts
    c["kind"] = kind
    c["instrument"] = instrument
    c["side"] = side
    c["price"] = price
    c["quantity"] = lots
    c["row"] = w["rows"] + 1


@kernel
def bad_price(terms, instrument, price, displayed):  # type: ignore[no-untyped-def]
    """The fault of a price, else NONE."""
    if abs(price) >= PRICE_MAX or (price <= 0 and terms[instrument]["signed"] == 0):
        return Fault.PRICE
    if displayed and price % terms[instrument]["tick"] != 0:
        return Fault.OFF_TICK
    return Fault.NONE


@kernel
def write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots):  # type: ignore[no-untyped-def]
    """A new order. False where the decoder stops."""
    end_aggressor(w, out)
    fault = np.int64(bad_price(terms, instrument, price, True))
    if fault != 0:
        return fail(w, counts, fault, price, 5)
    if lots <= 0 or lots >= LOTS_MAX:
        return fail(w, counts, Fault.SIZE, lots, 4)
    if side > 1:
        return fail(w, counts, Fault.SIDE, side, 3)
    if order_id == 0:
        return fail(w, counts, Fault.ORDER_ID, 0, 2)
    at = find_order(table, order_id, instrument)
    if table[at]["taken"] != 0:
        if not fail(w, counts, Fault.DUPLICATE, np.int64(order_id), 2):
            return False
        _gone(w, table, out, ts, at, np.int64(table[at]["lots"]), Kind.REDUCE)
        out[w["n"] - 1]["row"] = 0
        at = find_order(table, order_id, instrument)
    put_order(table, at, order_id, instrument, side, price, lots)
    w["orders"] += 1
    _command(w, out, ts, Kind.ADD, instrument, side, price, lots)
    out[w["n"] - 1]["order_id"] = order_id
    return True


@kernel
def _gone(w, table, out, ts, at, lots, kind):  # type: ignore[no-untyped-def]
    """Lots of the order at `at` go, by a REDUCE or an EXECUTE."""
    order = table[at]
    _command(w, out, ts, kind, order["instrument"], order["side"], order["price"], lots)
    out[w["n"] - 1]["order_id"] = order["order_id"]
    left = np.int64(order["lots"]) - lots
    order["lots"] = left
    if left == 0:
        drop_order(table, at)
        w["orders"] -= 1


@kernel
def known_lots(w, counts, table, at, order_id, lots):  # type: ignore[no-untyped-def]
    """How many lots of the order at `at` a message is about; 0: none, it is left out; -1: the decoder stops."""
    if table[at]["taken"] == 0:
        return np.int64(0) if fail(w, counts, Fault.UNKNOWN, np.int64(order_id), 2) else np.int64(-1)
    if lots <= 0:
        return np.int64(0) if fail(w, counts, Fault.SIZE, lots, 4) else np.int64(-1)
    if lots > table[at]["lots"]:
        return np.int64(table[at]["lots"]) if fail(w, counts, Fault.TOO_MANY, lots, 4) else np.int64(-1)
    return np.int64(lots)


@kernel
def write_reduce(w, counts, table, out, ts, instrument, order_id, lots):  # type: ignore[no-untyped-def]
    """A cancel of some lots, or of all (`lots` is -1). False where the decoder stops."""
    end_aggressor(w, out)
    at = find_order(table, order_id, instrument)
    wanted = np.int64(table[at]["lots"]) if lots == -1 and table[at]["taken"] != 0 else max(np.int64(lots), np.int64(1))
    wanted = np.int64(0) if lots == 0 else wanted
    found = known_lots(w, counts, table, at, order_id, wanted)
    if found > 0:
        _gone(w, table, out, ts, at, found, Kind.REDUCE)
    return found >= 0


@kernel
def write_replace(w, counts, terms, table, out, ts, instrument, order_id, new_id, price, lots):  # type: ignore[no-untyped-def]
    """An order goes and another one comes, at the back of its level, on the same side. False where the decoder stops."""
    end_aggressor(w, out)
    at = find_order(table, order_id, instrument)
    if table[at]["taken"] == 0:
        return fail(w, counts, Fault.UNKNOWN, np.int64(order_id), 2)
    owner, side = np.int64(table[at]["instrument"]), np.int64(table[at]["side"])
    _gone(w, table, out, ts, at, np.int64(table[at]["lots"]), Kind.REDUCE)
    out[w["n"] - 1]["row"] = 0
    return write_add(w, counts, terms, table, out, ts, owner, new_id, side, price, lots)


@kernel
def write_modify(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots):  # type: ignore[no-untyped-def]
    """An order has a new price or new open lots; fewer lots at the same price keep its place. False where the decoder stops."""
    end_aggressor(w, out)
    at = find_order(table, order_id, instrument)
    if table[at]["taken"] == 0:
        return fail(w, counts, Fault.UNKNOWN, np.int64(order_id), 2)
    fault = np.int64(bad_price(terms, instrument, price, True))
    if fault != 0:
        return fail(w, counts, fault, price, 5)
    if lots <= 0 or lots >= LOTS_MAX:
        return fail(w, counts, Fault.SIZE, lots, 4)
    order = table[at]
    _command(w, out, ts, Kind.MODIFY, instrument, side, price, lots)
    out[w["n"] - 1]["order_id"] = order_id
    order["price"] = price
    order["side"] = side
    order["lots"] = lots
    return True


@kernel
def write_execute(w, counts, terms, table, out, ts, instrument, order_id, lots, price, printed):  # type: ignore[no-untyped-def]
    """An execution of a displayed order at its price (`price` is -1) or another; `printed` is 0 where a cross reports it.

    One at its price is an EXECUTE behind its aggressor's FLOW. One at another price is a FLOW, a REDUCE and a PRINT. One that a cross
    reports is a REDUCE: crosses fill no orders of ours. False where the decoder stops.
    """
    at = find_order(table, order_id, instrument)
    found = known_lots(w, counts, table, at, order_id, lots)
    if found <= 0:
        return found == 0
    order = table[at]
    owner, side, own_price = np.int64(order["instrument"]), np.int64(order["side"]), np.int64(order["price"])
    w["checked"] += 1 if found == lots else 0
    if printed == 0:
        end_aggressor(w, out)
        _gone(w, table, out, ts, at, found, Kind.REDUCE)
        return True
    paid = own_price if price == -1 else np.int64(price)
    fault = np.int64(bad_price(terms, owner, paid, False))
    if fault != 0:
        return fail(w, counts, fault, paid, 5)
    write_flow(w, ts, owner, 1 - side, paid, found, False, out)
    _gone(w, table, out, ts, at, found, Kind.EXECUTE if paid == own_price else Kind.REDUCE)
    terms[owner]["last"] = paid
    if paid != own_price:
        out[w["n"] - 1]["row"] = 0
        _command(w, out, ts, Kind.PRINT, owner, 1 - side, paid, found)
    return True


@kernel
def write_hidden(w, counts, terms, out, ts, instrument, resting, price, lots):  # type: ignore[no-untyped-def]
    """An execution of a hidden order of the side `resting`; -1 where the venue does not say it. False where the decoder stops.

    Of an unknown side it belongs to the open aggressor of its time; alone, it is an aggressor of either side, a FLOW each: a bid of
    ours at its price or above, an offer at it or below, would have traded whichever side was hidden. Its PRINT has the side that the
    last price suggests.
    """
    fault = np.int64(bad_price(terms, instrument, price, False))
    if fault != 0:
        return fail(w, counts, fault, price, 5)
    if lots <= 0 or lots >= LOTS_MAX:
        return fail(w, counts, Fault.SIZE, lots, 4)
    taker = np.int64(1 - resting) if resting >= 0 else np.int64(-1)
    if taker < 0 and w["flow"] >= 0 and out[w["flow"]]["ts"] == ts and out[w["flow"]]["instrument"] == instrument:
        taker = np.int64(out[w["flow"]]["side"])
    if taker >= 0:
        write_flow(w, ts, instrument, taker, price, lots, True, out)
    else:
        end_aggressor(w, out)
        for side in range(2):
            _command(w, out, ts, Kind.FLOW, instrument, side, price, lots)
            out[w["n"] - 1]["flags"] = HIDDEN
            out[w["n"] - 1]["row"] = 0
        taker = np.int64(Side.BUY if price >= terms[instrument]["last"] else Side.SELL)
    _command(w, out, ts, Kind.PRINT, instrument, taker, price, lots)
    out[w["n"] - 1]["flags"] = HIDDEN
    terms[instrument]["last"] = price
    return True


@kernel
def write_other(w, out, ts, kind, instrument, price, lots):  # type: ignore[no-untyped-def]
    """A HALT, RESUME, NOTICE, CLEAR, or the PRINT of a cross."""
    end_aggressor(w, out)
    _command(w, out, ts, kind, instrument, 0, price, lots)


@kernel
def clear_orders(w, table, instrument):  # type: ignore[no-untyped-def]
    """Forget the open orders of an instrument."""
    k = np.int64(0)
    while k < len(table):
        if table[k]["taken"] != 0 and table[k]["instrument"] == instrument:
            drop_order(table, k)
            w["orders"] -= 1
        else:
            k += 1

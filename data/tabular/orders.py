"""Rows about orders into commands of history: tables and records of every origin whose rows are actions on orders."""

import numpy as np

from data.orders.faults import Fault
from data.orders.table import find_order
from data.orders.writing import (
    checked_time,
    clear_orders,
    fail,
    write_add,
    write_execute,
    write_hidden,
    write_modify,
    write_other,
    write_reduce,
    write_replace,
)
from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Kind

ADD, REDUCE, DELETE, MODIFY, EXECUTE, HIDDEN, CLEAR, REPLACE, NOTHING = range(9)
ROOM = 16


@kernel
def _act(w, counts, terms, table, out, ts, instrument, action, order_id, new_id, side, price, lots):  # type: ignore[no-untyped-def]
    """One row. False where the decoder stops."""
    if action == ADD:
        return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    if action == REDUCE:
        return write_reduce(w, counts, table, out, ts, instrument, order_id, lots if lots > 0 else -1)
    if action == DELETE:
        return write_reduce(w, counts, table, out, ts, instrument, order_id, -1)
    if action == EXECUTE:
        at = find_order(table, order_id, instrument)
        differs = table[at]["taken"] != 0 and side < 2 and np.int64(table[at]["side"]) != side
        if differs and not fail(w, counts, Fault.ORDER_DIFFERS, side, 3):
            return False
        return write_execute(w, counts, terms, table, out, ts, instrument, order_id, lots, price if price > 0 else -1, 1)
    if action == HIDDEN:
        return write_hidden(w, counts, terms, out, ts, instrument, side if side < 2 else -1, price, lots)
    if action == MODIFY:
        at = find_order(table, order_id, instrument)
        if table[at]["taken"] == 0 and side < 2 and w["adopt"] != 0:
            return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
        return write_modify(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    if action == REPLACE:
        return write_replace(w, counts, terms, table, out, ts, instrument, order_id, new_id, price, lots)
    if action == CLEAR:
        clear_orders(w, table, instrument)
        write_other(w, out, ts, Kind.CLEAR, instrument, 0, 0)
    return True


@entry_kernel
def decode_orders(writings, counts, terms, table, out, ts, instrument, action, order_id, new_id, side, price, lots):  # type: ignore[no-untyped-def]
    """Rows (arrays of one length) from `at` to `end` into commands at out[n:], until they end, there is no room, or a fault."""
    w = writings[0]
    w["fault"] = Fault.NONE
    while w["at"] < w["end"]:
        if w["n"] + w["hidden"] + ROOM > len(out) or 2 * (w["orders"] + 2) > len(table):
            w["fault"] = Fault.ROOM
            return
        k = w["at"]
        one, do, when = np.int64(instrument[k]), np.int64(action[k]), np.int64(ts[k])
        if do != NOTHING:
            when = checked_time(w, counts, when, 1)
            sd, px, q = np.int64(side[k]), np.int64(price[k]), np.int64(lots[k])
            if when < 0 or not _act(w, counts, terms, table, out, when, one, do, order_id[k], new_id[k], sd, px, q):
                return
        w["rows"] += 1
        w["at"] += 1

"""Databento's market by order into commands of history.

A fill (F) is told first, what it took from its order after it (C, or on CME M with what is left): the order keeps count of what was
filled and not taken away yet, so nothing goes twice. A trade (T) is the aggressor; the part of it that no fill names, such as of hidden or
implied orders, is a hidden print.
"""

import numpy as np

from data.orders.aggressor import end_aggressor, write_flow
from data.orders.faults import Fault
from data.orders.table import drop_order, find_order
from data.orders.writing import (
    bad_price,
    checked_time,
    clear_orders,
    fail,
    known_lots,
    write_add,
    write_hidden,
    write_modify,
    write_other,
    write_reduce,
)
from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Kind

ROOM = 24
A, C, M, R, T, F, BID, ASK = (ord(letter) for letter in "ACMRTFBA")
SNAPSHOT = 32
PENDING = np.dtype([("lots", "<i8"), ("price", "<i8"), ("ts", "<i8"), ("side", "<i8"), ("instrument", "<i8")])
"""The trade whose fills may still come."""


@kernel
def settle(w, counts, terms, out, pending):  # type: ignore[no-untyped-def]
    """The part of the last trade that no fill named is a hidden print. False where the decoder stops."""
    lots = pending["lots"]
    pending["lots"] = 0
    if lots <= 0:
        return True
    resting = 1 - pending["side"] if pending["side"] < 2 else -1
    return write_hidden(w, counts, terms, out, pending["ts"], pending["instrument"], resting, pending["price"], lots)


@kernel
def _fill(w, counts, terms, table, out, pending, ts, instrument, order_id, side, price, lots):  # type: ignore[no-untyped-def]
    """A fill of a resting order. False where the decoder stops."""
    pending["lots"] -= min(lots, pending["lots"])
    at = find_order(table, order_id, instrument)
    found = known_lots(w, counts, table, at, order_id, lots)
    if found <= 0:
        if found == 0 and side < 2 and bad_price(terms, instrument, price, False) == Fault.NONE and lots > 0:
            return write_hidden(w, counts, terms, out, ts, instrument, side, price, lots)
        return found == 0
    order = table[at]
    if np.int64(order["side"]) != side and not fail(w, counts, Fault.ORDER_DIFFERS, side, 3):
        return False
    w["checked"] += 1
    own_side, own_price = np.int64(order["side"]), np.int64(order["price"])
    write_flow(w, ts, instrument, 1 - own_side, price, found, False, out)
    c = out[w["n"]]
    w["n"] += 1
    c["ts"] = ts
    c["kind"] = Kind.EXECUTE if price == own_price else Kind.REDUCE
    c["instrument"] = instrument
    c["side"] = own_side
    c["price"] = own_price
    c["quantity"] = found
    c["order_id"] = order_id
    c["row"] = w["rows"] + 1
    order["lots"] -= found
    order["more"] += found
    terms[instrument]["last"] = price
    return True


@kernel
def _cancel(w, counts, table, out, ts, instrument, order_id, lots):  # type: ignore[no-untyped-def]
    """A cancel: first of what was filled, then of what is open. False where the decoder stops."""
    at = find_order(table, order_id, instrument)
    if table[at]["taken"] == 0:
        return fail(w, counts, Fault.UNKNOWN, np.int64(order_id), 2)
    order = table[at]
    filled = min(lots, np.int64(order["more"]))
    order["more"] -= filled
    if lots > filled:
        return write_reduce(w, counts, table, out, ts, instrument, order_id, lots - filled)
    if order["lots"] == 0 and order["more"] == 0:
        drop_order(table, at)
        w["orders"] -= 1
    return True


@kernel
def _modify(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots):  # type: ignore[no-untyped-def]
    """An order as it is from now on; one that is not open is new. False where the decoder stops."""
    at = find_order(table, order_id, instrument)
    if table[at]["taken"] == 0:
        return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    order = table[at]
    order["more"] = 0
    if order["lots"] == lots and order["price"] == price and order["side"] == side:
        return True
    if order["lots"] == 0:  # filled whole, and there again
        drop_order(table, at)
        w["orders"] -= 1
        return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    return write_modify(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)


@kernel
def _clear(w, table, out, ts, instrument):  # type: ignore[no-untyped-def]
    """The book is gone; at the beginning, where there is none, nothing is."""
    before = w["orders"]
    clear_orders(w, table, instrument)
    if w["orders"] != before:
        write_other(w, out, ts, Kind.CLEAR, instrument, 0, 0)


@entry_kernel
def decode_mbo(rows, writings, counts, terms, numbers, units, table, out, pendings, names):  # type: ignore[no-untyped-def]
    """Records (MBOMsg) from `at` on into commands at out[n:], until they end, there is no room, or a fault.

    `names`: ids of the instruments that were chosen, sorted; `numbers`: their places; `units`: nano-units of price of each price unit.
    """
    w, pending = writings[0], pendings[0]
    w["fault"] = Fault.NONE
    while w["at"] < len(rows):
        if w["n"] + w["hidden"] + ROOM > len(out) or 2 * (w["orders"] + 2) > len(table):
            w["fault"] = Fault.ROOM
            return
        r = rows[w["at"]]
        k = np.searchsorted(names, r["instrument_id"])
        if k < len(names) and names[k] == r["instrument_id"]:
            one = np.int64(numbers[k])
            action, letter = np.int64(r["action"]), np.int64(r["side"])
            side = np.int64(0) if letter == BID else (np.int64(1) if letter == ASK else np.int64(2))
            told = np.int64(r["ts_recv"]) if r["flags"] & SNAPSHOT else np.int64(r["ts_event"])
            ts = max(told, np.int64(w["last"]))
            ts = checked_time(w, counts, ts, 1)
            price, lots = np.int64(r["price"]), np.int64(r["size"])
            priced = action != R and action != C
            if priced and price % units[one] != 0:
                if not fail(w, counts, Fault.PRICE, price, 5):
                    return
            else:
                price = price // units[one] if priced else np.int64(0)
                over = pending["lots"] > 0 and (action != F or pending["ts"] != ts or pending["instrument"] != one)
                if over and not settle(w, counts, terms, out, pending):
                    return
                if not _record(w, counts, terms, table, out, pending, ts, one, action, r["order_id"], side, price, lots):
                    return
        w["rows"] += 1
        w["at"] += 1


@kernel
def _record(w, counts, terms, table, out, pending, ts, instrument, action, order_id, side, price, lots):  # type: ignore[no-untyped-def]
    """One record. False where the decoder stops."""
    if action == A:
        return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    if action == C:
        return _cancel(w, counts, table, out, ts, instrument, order_id, lots)
    if action == M:
        return _modify(w, counts, terms, table, out, ts, instrument, order_id, side, price, lots)
    if action == F:
        return _fill(w, counts, terms, table, out, pending, ts, instrument, order_id, side, price, lots)
    if action == T:
        pending["lots"] = lots
        pending["price"] = price
        pending["ts"] = ts
        pending["side"] = side
        pending["instrument"] = instrument
    elif action == R:
        end_aggressor(w, out)
        _clear(w, table, out, ts, instrument)
    return True


@entry_kernel
def settle_last(writings, counts, terms, out, pendings):  # type: ignore[no-untyped-def]
    """The data end: the last trade is told."""
    settle(writings[0], counts, terms, out, pendings[0])

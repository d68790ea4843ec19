"""ITCH 5.0 into commands of history: one compiled pass over the bytes, for all symbols that were chosen."""

import numpy as np

from data.itch.messages import be16, be32, be48, be64
from data.orders.faults import Fault
from data.orders.writing import (
    checked_time,
    fail,
    write_add,
    write_execute,
    write_hidden,
    write_other,
    write_reduce,
    write_replace,
)
from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Kind, Side

DAY = 200_000 * 10**9
UNWANTED = -1
ROOM = 16
"""Commands that one message may write, but for those of an open aggressor's hidden executions."""
S, R, H, OPERATIONAL = ord("S"), ord("R"), ord("H"), ord("h")
A, F, E, C, X, D, U, P, Q, B = (ord(letter) for letter in "AFECXDUPQB")
BUY, SELL, NO, T, QUOTE_ONLY = ord("B"), ord("S"), ord("N"), ord("T"), ord("Q")
NASDAQ = ord("Q")


@kernel
def _side(letter):  # type: ignore[no-untyped-def]
    """Side of an order's letter; 2 for another letter."""
    if letter == BUY:
        return np.int64(Side.BUY)
    return np.int64(Side.SELL) if letter == SELL else np.int64(2)


@kernel
def _order_id(text, at):  # type: ignore[no-untyped-def]
    """An order's reference. Some tools count from 0, which is not an id to the exchange: it becomes 2^64 - 1."""
    found = be64(text, at)
    return found if found != np.uint64(0) else ~np.uint64(0)


@kernel
def _trading_state(w, terms, out, ts, instrument, state):  # type: ignore[no-untyped-def]
    """A HALT or a RESUME where the state changes; a period of quoting only is a NOTICE."""
    halted = terms[instrument]["halted"]
    if state == T:
        if halted != 0:
            write_other(w, out, ts, Kind.RESUME, instrument, 0, 0)
        terms[instrument]["halted"] = 0
    elif state == QUOTE_ONLY:
        write_other(w, out, ts, Kind.NOTICE, instrument, 0, 0)
    else:
        if halted == 0:
            write_other(w, out, ts, Kind.HALT, instrument, 0, 0)
        terms[instrument]["halted"] = 1


@kernel
def _cross(w, counts, out, ts, instrument, text, m):  # type: ignore[no-untyped-def]
    """A cross prints all its shares; one without shares is a NOTICE."""
    shares, price = be64(text, m + 11), be32(text, m + 27)
    if shares == 0 or price == 0:
        write_other(w, out, ts, Kind.NOTICE, instrument, 0, 0)
        return True
    if shares >= np.uint64(2**32) or price >= 2**31:
        return fail(w, counts, Fault.SIZE, np.int64(shares), 4)
    write_other(w, out, ts, Kind.PRINT, instrument, price, np.int64(shares))
    return True


@kernel
def _order_message(w, counts, terms, table, out, ts, instrument, kind, text, m):  # type: ignore[no-untyped-def]
    """A message about an order. False where the decoder stops."""
    order_id = _order_id(text, m + 11)
    if kind == E:
        return write_execute(w, counts, terms, table, out, ts, instrument, order_id, be32(text, m + 19), -1, 1)
    if kind == C:
        printed = 0 if text[m + 31] == NO else 1
        return write_execute(w, counts, terms, table, out, ts, instrument, order_id, be32(text, m + 19), be32(text, m + 32), printed)
    if kind == X:
        return write_reduce(w, counts, table, out, ts, instrument, order_id, be32(text, m + 19))
    if kind == D:
        return write_reduce(w, counts, table, out, ts, instrument, order_id, -1)
    new_id = _order_id(text, m + 19)
    return write_replace(w, counts, terms, table, out, ts, instrument, order_id, new_id, be32(text, m + 31), be32(text, m + 27))


@kernel
def _message(w, counts, terms, stocks, table, out, ts, instrument, kind, text, m, sided):  # type: ignore[no-untyped-def]
    """One message of a chosen symbol. False where the decoder stops."""
    if kind == A or kind == F:
        if be64(text, m + 24) != stocks[instrument]:
            return fail(w, counts, Fault.INSTRUMENT, np.int64(be64(text, m + 24)), 6)
        order_id, side = _order_id(text, m + 11), _side(text[m + 19])
        return write_add(w, counts, terms, table, out, ts, instrument, order_id, side, be32(text, m + 32), be32(text, m + 20))
    if kind == E or kind == C or kind == X or kind == D or kind == U:
        return _order_message(w, counts, terms, table, out, ts, instrument, kind, text, m)
    if kind == P:
        side = _side(text[m + 19])
        resting = side if side == Side.SELL or sided != 0 else np.int64(-1)
        return write_hidden(w, counts, terms, out, ts, instrument, resting, be32(text, m + 32), be32(text, m + 20))
    if kind == H:
        _trading_state(w, terms, out, ts, instrument, text[m + 19])
    elif kind == OPERATIONAL and text[m + 19] == NASDAQ:
        _trading_state(w, terms, out, ts, instrument, text[m + 20])
    elif kind == Q:
        return _cross(w, counts, out, ts, instrument, text, m)
    elif kind == B:
        write_other(w, out, ts, Kind.NOTICE, instrument, 0, 0)
    return True


@entry_kernel
def decode(text, writings, counts, types, lengths, numbers, stocks, terms, table, out, prefix, midnight, sided):  # type: ignore[no-untyped-def]
    """Decode whole messages of `text` (uint8) from `at` to `end` into commands at out[n:], until they end, there is no room, or a fault.

    `numbers` (int64, 65536): the instrument of each locate code, UNWANTED where it was not chosen. `stocks`: their symbols, packed.
    `prefix`: bytes before each message, 0 or 2. `sided`: 1 where a hidden trade says its side (before 14 July 2014). `out` comes zeroed.
    """
    w = writings[0]
    w["fault"] = Fault.NONE
    while w["at"] + prefix < w["end"]:
        at = np.int64(w["at"])
        m = at + prefix
        kind = np.int64(text[m])
        size = lengths[kind]
        told = be16(text, at) if prefix == 2 else np.int64(0)
        if size == 0 or (told != 0 and told != size):
            fault, value = (Fault.TYPE, kind) if size == 0 else (Fault.FRAME, told)
            if not fail(w, counts, fault, value, 0 if size == 0 else 7) or told == 0:
                w["fault"] = fault
                w["value"] = value
                w["field"] = 0 if size == 0 else 7
                return
            if at + prefix + told > w["end"]:
                counts[fault] -= 1
                return
            w["at"] = at + prefix + told
            w["rows"] += 1
            continue
        if m + size > w["end"]:
            return
        if w["n"] + w["hidden"] + ROOM > len(out) or 2 * (w["orders"] + 2) > len(table):
            w["fault"] = Fault.ROOM
            return
        instrument = numbers[be16(text, m + 1)]
        if instrument >= 0:
            since = be48(text, m + 5)
            if since >= DAY:
                if not fail(w, counts, Fault.TIME_RANGE, since, 1):
                    return
            else:
                ts = checked_time(w, counts, midnight + since, 1)
                if ts < 0 or not _message(w, counts, terms, stocks, table, out, ts, instrument, kind, text, m, sided):
                    return
        types[kind] += 1
        w["rows"] += 1
        w["at"] = m + size


@entry_kernel
def survey(text, writings, types, lengths, found, prefix):  # type: ignore[no-untyped-def]
    """Which symbols there are: `found` (int64, 65536 × 4) has, of each locate code, its symbol packed, orders and trades, those whose
    price is not a whole cent, and whether the directory names it. Stops at what is no message, as `decode` does."""
    w = writings[0]
    w["fault"] = Fault.NONE
    while w["at"] + prefix < w["end"]:
        m = np.int64(w["at"]) + prefix
        kind = np.int64(text[m])
        size = lengths[kind]
        told = be16(text, w["at"]) if prefix == 2 else np.int64(0)
        if size == 0 or (told != 0 and told != size):
            size = told
            if told == 0:
                w["fault"] = Fault.TYPE
                return
        if m + size > w["end"]:
            return
        one = found[be16(text, m + 1)]
        if kind == R:
            one[0] = np.int64(be64(text, m + 11))
            one[3] = 1
        elif kind == A or kind == F:
            one[1] += 1
            one[2] += 1 if be32(text, m + 32) % 100 != 0 else 0
            if one[0] == 0:
                one[0] = np.int64(be64(text, m + 24))
        elif kind == U:
            one[2] += 1 if be32(text, m + 31) % 100 != 0 else 0
        elif kind == P or kind == Q:
            one[1] += 1
        types[kind] += 1
        w["rows"] += 1
        w["at"] = m + size

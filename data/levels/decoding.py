"""Arrays of levels, trades and windows of books into commands of history."""

import numpy as np

from data.levels.ladders import find_level, set_level
from data.levels.writing import OPENING, end_event, level_fault, write_level, write_trade
from data.orders.faults import Fault
from engine.compiler.kernel import entry_kernel, kernel

SNAPSHOT, EVENT_END, TRADE, CLEAR, HIDDEN_TRADE = 1, 2, 4, 8, 16
"""Marks of a row: of a full picture of the book; the last of its event; a trade and no level; the book is gone; nothing shown was taken."""
SLACK = 16
HIDDEN = 16  # Flag.HIDDEN


@kernel
def _fail(w, counts, fault, value, field):  # type: ignore[no-untyped-def]
    counts[fault] += 1
    if w["repair"] != 0:
        return True
    w["fault"] = fault
    w["value"] = value
    w["field"] = field
    return False


@kernel
def _at_time(w, counts, ladders, out, ts):  # type: ignore[no-untyped-def]
    """The time of a row; an event of an earlier time ends. -1 where the decoder stops."""
    if ts < w["last"]:
        if not _fail(w, counts, Fault.TIME_BACK, ts, 0):
            return np.int64(-1)
        return np.int64(w["last"])
    if ts > w["last"]:
        end_event(w, ladders, out)
        w["last"] = ts
    return np.int64(ts)


@kernel
def _forget(ladders, first):  # type: ignore[no-untyped-def]
    ladders.count[first] = 0
    ladders.count[first + 1] = 0


@kernel
def adopt(w, ladders, fresh, out, ts, instrument):  # type: ignore[no-untyped-def]
    """The book is what `fresh` (two ladders, emptied here) holds from now on: the levels that differ are written."""
    empty = ladders.count[2 * instrument] == 0 and ladders.count[2 * instrument + 1] == 0
    flags = OPENING if empty else 0
    for side in range(2):
        ladder = 2 * instrument + side
        k = ladders.count[ladder] - 1
        while k >= 0:
            key = ladders.keys[ladder, k]
            at = find_level(fresh, side, key)
            if at < 0 or fresh.keys[side, at] != key:
                write_level(w, ladders, out, ts, instrument, side, -key if side else key, np.int64(0), 0)
            k -= 1
        for k in range(fresh.count[side] - 1, -1, -1):
            key = fresh.keys[side, k]
            write_level(w, ladders, out, ts, instrument, side, -key if side else key, fresh.lots[side, k], flags)
    _forget(fresh, 0)


@kernel
def _full(w, ladders, fresh, out, instrument):  # type: ignore[no-untyped-def]
    held = max(ladders.count[2 * instrument], ladders.count[2 * instrument + 1])
    new = max(fresh.count[0], fresh.count[1])
    short = w["n"] + 2 * (held + new) + SLACK > len(out)
    return short or held + new + SLACK > ladders.keys.shape[1] or new + SLACK > fresh.keys.shape[1]


@entry_kernel
def decode_rows(levelings, counts, terms, ladders, fresh, out, ts, instrument, side, price, lots, marks):  # type: ignore[no-untyped-def]
    """Rows (arrays of one length) from `at` on into out[n:], until they end, there is no room, or a fault. `levelings`: LEVELING, one.

    `side` (0, 1; of a trade 2: not known), `price` (price units), `lots` (of a level its new total), `marks`: see above. Rows marked
    SNAPSHOT that follow each other are one picture of the book: what it does not name is gone.
    """
    w = levelings[0]
    w["fault"] = Fault.NONE
    while w["at"] < len(ts):
        k = w["at"]
        one, mark, sd, px, q = np.int64(instrument[k]), np.int64(marks[k]), np.int64(side[k]), np.int64(price[k]), np.int64(lots[k])
        if _full(w, ladders, fresh, out, one):
            w["fault"] = Fault.ROOM
            return
        when = _at_time(w, counts, ladders, out, ts[k])
        if when < 0:
            return
        trade = mark & TRADE
        fault = np.int64(level_fault(terms, one, px, q, 0 if trade else 1)) if mark & CLEAR == 0 else np.int64(0)
        if fault == 0 and not trade and sd > 1:
            fault = np.int64(Fault.SIDE)
        if fault != 0:
            value = sd if fault == Fault.SIDE else (q if fault == Fault.SIZE else px)
            field = 3 if fault == Fault.SIDE else (4 if fault == Fault.SIZE else 5)
            if not _fail(w, counts, fault, value, field):
                return
        elif trade:
            write_trade(w, out, when, one, sd, px, q, HIDDEN if mark & HIDDEN_TRADE else 0)
            terms[one]["last"] = px
        elif mark & SNAPSHOT:
            set_level(fresh, sd, px, q)
        elif mark & CLEAR == 0:
            write_level(w, ladders, out, when, one, sd, px, q, 0)
        whole = mark & SNAPSHOT and (k + 1 == len(ts) or marks[k + 1] & SNAPSHOT == 0 or instrument[k + 1] != one or ts[k + 1] != ts[k])
        if whole or mark & CLEAR:
            adopt(w, ladders, fresh, out, when, one)
        if mark & EVENT_END:
            end_event(w, ladders, out)
        w["rows"] += 1
        w["at"] += 1


@kernel
def _window(terms, fresh, instrument, prices, lots):  # type: ignore[no-untyped-def]
    """A window (2 × K) into `fresh`. Fault, field and value of what is wrong in it; fault NONE where nothing is."""
    for side in range(2):
        for level in range(prices.shape[1]):
            if lots[side, level] != 0:
                fault = np.int64(level_fault(terms, instrument, prices[side, level], lots[side, level], 1))
                if fault != 0:
                    return fault, np.int64(8 + 2 * level + side), np.int64(prices[side, level])
                set_level(fresh, side, prices[side, level], lots[side, level])
    return np.int64(0), np.int64(0), np.int64(0)


@entry_kernel
def decode_windows(levelings, counts, terms, ladders, fresh, out, ts, instrument, prices, lots, trades):  # type: ignore[no-untyped-def]
    """Windows of books: of each row the best K levels, `prices` and `lots` (int64, rows × 2 × K: bids, asks; 0 lots: no level).

    `trades` (int64, rows × 3): price, lots and side of the trade that the row tells besides, 0 lots: none. 4 is added to the side where the
    row has no window, 8 where the window is of the moment before the trade. A level that leaves the window is gone: it is not known any
    more.
    """
    w = levelings[0]
    w["fault"] = Fault.NONE
    depth = prices.shape[2]
    while w["at"] < len(ts):
        k = w["at"]
        one = np.int64(instrument[k])
        if _full(w, ladders, fresh, out, one) or w["n"] + 6 * depth + SLACK > len(out):
            w["fault"] = Fault.ROOM
            return
        when = _at_time(w, counts, ladders, out, ts[k])
        if when < 0:
            return
        fault, field, value = np.int64(0), np.int64(5), np.int64(trades[k, 0])
        how = np.int64(trades[k, 2])
        if trades[k, 1] != 0 or how & 4:
            fault = np.int64(level_fault(terms, one, trades[k, 0], trades[k, 1], 0))
        if fault == 0 and how & 4 == 0:
            fault, field, value = _window(terms, fresh, one, prices[k], lots[k])
        if fault == 0:
            if trades[k, 1] != 0 and how & 8 == 0:
                write_trade(w, out, when, one, how & 3, trades[k, 0], trades[k, 1], 0)
            if how & 4 == 0:
                adopt(w, ladders, fresh, out, when, one)
            if trades[k, 1] != 0 and how & 8:
                end_event(w, ladders, out)
                write_trade(w, out, when, one, how & 3, trades[k, 0], trades[k, 1], 0)
        _forget(fresh, 0)
        if fault != 0 and not _fail(w, counts, fault, value, field):
            return
        w["rows"] += 1
        w["at"] += 1


@entry_kernel
def close_event(levelings, ladders, out):  # type: ignore[no-untyped-def]
    """The data end: so does the open event."""
    end_event(levelings[0], ladders, out)

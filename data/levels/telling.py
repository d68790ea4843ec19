"""History's orders, event by event, into the trades and levels that a venue's L2 stream tells: one pass, compiled."""

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Flag, Kind
from engine.state.levels import levels_into
from engine.step import commands_left, needs_row, step, worst_case

DONE, OUT, FACTS, STATE = range(4)
"""Why `tell` came back: all told, or room is needed: for what it writes, for facts, in the exchange's state (or a kernel that it lacks)."""
TELLING = np.dtype(
    [
        ("n", "<i8"),  # commands written
        ("at", "<i8"),  # next row that the exchange takes
        ("event", "<i8"),  # first row of the event that is open
        ("number", "<i8"),  # of the event, from 1: what was met in it is stamped with it
        ("touched", "<i8"),  # instruments whose book the event may have changed
        ("need", "<i8"),
    ]
)
_HIDDEN = int(Flag.HIDDEN)


@kernel
def _is_passed_on(kind):  # type: ignore[no-untyped-def]
    stands = kind == Kind.HALT or kind == Kind.RESUME or kind == Kind.NOTICE or kind == Kind.CLEAR or kind == Kind.PRINT
    return stands or kind == Kind.END_OF_DAY or kind == Kind.START_OF_DAY or kind == Kind.MARK or kind == Kind.REFERENCE


@kernel
def _is_of_book(kind):  # type: ignore[no-untyped-def]
    known = kind == Kind.ADD or kind == Kind.REDUCE or kind == Kind.MODIFY or kind == Kind.EXECUTE
    return known or kind == Kind.REVEAL or kind == Kind.REMOVE or kind == Kind.CLEAR


@kernel
def _write(out, n, ts, kind, instrument, side, price, lots, flags, row):  # type: ignore[no-untyped-def]
    c = out[n]
    c["ts"] = ts
    c["kind"] = kind
    c["instrument"] = instrument
    c["side"] = side
    c["price"] = price
    c["quantity"] = lots
    c["flags"] = flags
    c["row"] = row


@kernel
def _write_trade(w, out, c, side, flags):  # type: ignore[no-untyped-def]
    """A trade, together with the one before where that is of the same aggressor at the same price."""
    n = w["n"]
    lots = np.int64(c["quantity"])
    if n > 0:
        b = out[n - 1]
        same = b["ts"] == c["ts"] and b["kind"] == Kind.TRADE and b["instrument"] == c["instrument"] and b["side"] == side
        if same and b["price"] == c["price"] and b["flags"] == flags:
            n -= 1
            lots += b["quantity"]
    _write(out, n, c["ts"], Kind.TRADE, c["instrument"], side, c["price"], lots, flags, c["row"])
    w["n"] = n + 1


@kernel
def _rank(before, lots):  # type: ignore[no-untyped-def]
    """In which turn a change is told: 0 a level that is gone, 1 one that fell, 2 one that grew or is new."""
    return 2 if lots > before else (1 if lots > 0 else 0)


@kernel
def _lots_at(levels, count, price):  # type: ignore[no-untyped-def]
    for k in range(count):
        if levels[k, 0] == price:
            return levels[k, 1]
    return np.int64(0)


@kernel
def _tell_levels(w, shown, counts, now, found, out, ts, instrument, row):  # type: ignore[no-untyped-def]
    """The levels of an instrument that are no longer as they were told; then they are."""
    for turn in range(3):
        for side in range(2):
            ladder = 2 * instrument + side
            for k in range(counts[ladder]):
                price, before = shown[ladder, k, 0], shown[ladder, k, 1]
                lots = _lots_at(now[side], found[side], price)
                if lots != before and _rank(before, lots) == turn:
                    _write(out, w["n"], ts, Kind.LEVEL, instrument, side, price, lots, 0, row)
                    w["n"] += 1
            for k in range(found[side] if turn == 2 else 0):
                if _lots_at(shown[ladder], counts[ladder], now[side, k, 0]) == 0:
                    _write(out, w["n"], ts, Kind.LEVEL, instrument, side, now[side, k, 0], now[side, k, 1], 0, row)
                    w["n"] += 1
    for side in range(2):
        ladder = 2 * instrument + side
        counts[ladder] = found[side]
        for k in range(found[side]):
            shown[ladder, k, 0] = now[side, k, 0]
            shown[ladder, k, 1] = now[side, k, 1]


@kernel
def _tell_rows(w, commands, stamps, touched, counts, out, end):  # type: ignore[no-untyped-def]
    """The trades of an event, and what is passed on; notes which books it may have changed, in ascending order."""
    number = w["number"]
    for k in range(w["event"], end):
        if commands[k]["kind"] == Kind.FLOW:
            stamps[2 * np.int64(commands[k]["instrument"]) + np.int64(commands[k]["side"] & 1), 0] = number
    for k in range(w["event"], end):
        c = commands[k]
        kind, one = np.int64(c["kind"]), np.int64(c["instrument"])
        side = np.int64(c["side"])
        if kind == Kind.EXECUTE:
            _write_trade(w, out, c, 1 - side, 0)
        elif kind == Kind.PRINT and stamps[2 * one + (side & 1), 0] == number:
            _write_trade(w, out, c, side, _HIDDEN)
        elif _is_passed_on(kind):
            _write(out, w["n"], c["ts"], kind, one, side, c["price"], c["quantity"], c["flags"], c["row"])
            w["n"] += 1
        if kind == Kind.CLEAR:
            counts[2 * one] = 0
            counts[2 * one + 1] = 0
        if _is_of_book(kind) and stamps[2 * one, 1] != number:
            stamps[2 * one, 1] = number
            at = w["touched"]
            while at > 0 and touched[at - 1] > one:
                touched[at] = touched[at - 1]
                at -= 1
            touched[at] = one
            w["touched"] += 1


@entry_kernel
def tell(state, tellings, shown, counts, stamps, touched, now, found, commands, out, facts):  # type: ignore[no-untyped-def]
    """Whole events of `commands` from `at` on through the exchange `state`, and what is told of them into out[n:].

    `shown` (int64, 2 × instruments, depth, 2): price and lots of the levels as they were told, `counts` of them. Room to work in: `stamps`
    (int64, 2 × instruments, 2), `touched` (int64, instruments + 1), `now` (int64, 2, depth, 3), `found` (int64, 2). Returns why it is back.
    """
    w = tellings[0]
    while w["event"] < len(commands):
        end = w["event"]
        while end < len(commands) and commands[end]["ts"] == commands[w["event"]]["ts"]:
            end += 1
        while w["at"] < end:
            c = commands[w["at"]]
            w["need"] = worst_case(state, c)
            if w["need"] > len(facts):
                return FACTS
            if commands_left(state) < 1 or needs_row(state, c) or step(state, c, facts, 0) < 0:
                return STATE
            w["at"] += 1
        books = min(end - w["event"], len(counts) // 2)
        if w["n"] + end - w["event"] + 4 * now.shape[1] * books > len(out):
            w["need"] = end - w["event"] + 4 * now.shape[1] * books
            return OUT
        w["number"] += 1
        w["touched"] = 0
        _tell_rows(w, commands, stamps, touched, counts, out, end)
        row = np.int64(0)
        for k in range(w["event"], end):
            row = max(row, np.int64(commands[k]["row"]))
        for k in range(w["touched"]):
            for side in range(2):
                found[side] = levels_into(state, 2 * touched[k] + side, now[side])
            _tell_levels(w, shown, counts, now, found, out, commands[w["event"]]["ts"], touched[k], row)
        w["event"] = end
    return DONE

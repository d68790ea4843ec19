"""Level sums of a replayed book, and the commands that bring it to a published row.

Message rows alone determine the lots of every price, so that much of the book is kept here: two ladders of (key, lots), side 0 bids
and side 1 asks, where the key is the price of a bid and minus the price of an ask. They are sorted, best last: what happens, happens
near the end. A published row is right about every price from its best to its worst; beyond it we hold what we last knew.
"""

from data.levels.ladders import delete_level, insert_level
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Flag, Kind

OPENING = int(Flag.OPENING)


@kernel
def change_level(ladders, side, price, lots):  # type: ignore[no-untyped-def]
    """A message adds `lots` at `price`, or takes them away (as far as there are any)."""
    key = -price if side == 1 else price
    keys, sums = ladders.keys[side], ladders.lots[side]
    at = ladders.count[side] - 1
    while at >= 0 and keys[at] > key:
        at -= 1
    if at >= 0 and keys[at] == key:
        sums[at] += lots
        if sums[at] <= 0:
            delete_level(ladders, side, at)
    elif lots > 0:
        insert_level(ladders, side, at + 1, key, lots)


@kernel
def write_level(out, n, kind, ts, side, key, lots, flags):  # type: ignore[no-untyped-def]
    """A REVEAL or REMOVE at out[n]; returns n + 1."""
    c = out[n]
    c["ts"] = ts
    c["kind"] = kind
    c["side"] = side
    c["price"] = -key if side == 1 else key
    c["quantity"] = lots
    c["flags"] = flags
    return n + 1


@kernel
def _remove_level(ladders, side, at, ts, out, n):  # type: ignore[no-untyped-def]
    n = write_level(out, n, Kind.REMOVE, ts, side, ladders.keys[side, at], ladders.lots[side, at], 0)
    delete_level(ladders, side, at)
    return n


@kernel
def _reconcile_side(ladders, side, row, levels, ts, out, n):  # type: ignore[no-untyped-def]
    keys, sums = ladders.keys[side], ladders.lots[side]
    first = 0 if side == 1 else 2
    at = ladders.count[side] - 1
    for level in range(levels):
        lots = row[4 * level + first + 1]
        if lots == 0:  # the whole side is published: what we hold beyond it is gone
            while at >= 0:
                n = _remove_level(ladders, side, at, ts, out, n)
                at -= 1
            return n
        price = row[4 * level + first]
        key = -price if side == 1 else price
        while at >= 0 and keys[at] > key:
            n = _remove_level(ladders, side, at, ts, out, n)
            at -= 1
        if at >= 0 and keys[at] == key:
            if sums[at] != lots:
                kind = Kind.REVEAL if sums[at] < lots else Kind.REMOVE
                n = write_level(out, n, kind, ts, side, key, abs(lots - sums[at]), 0)
                sums[at] = lots
            at -= 1
        else:
            insert_level(ladders, side, at + 1, key, lots)
            n = write_level(out, n, Kind.REVEAL, ts, side, key, lots, 0)
    return n


@kernel
def reconcile(ladders, row, levels, ts, out, n):  # type: ignore[no-untyped-def]
    """Write the commands that bring the book to the published `row` (int64, 4 × levels, LOBSTER's order) at out[n:]; returns the new n."""
    n = _reconcile_side(ladders, 0, row, levels, ts, out, n)
    return _reconcile_side(ladders, 1, row, levels, ts, out, n)


@kernel
def open_book(ladders, row, levels, side, price, undone, ts, out, n):  # type: ignore[no-untyped-def]
    """Write the opening REVEALs: the first published row with its message (`undone` lots put on the level at `price`) taken back."""
    for of in range(2):
        first = 0 if of == 1 else 2
        for level in range(levels):
            if row[4 * level + first + 1] == 0:
                break
            change_level(ladders, of, row[4 * level + first], row[4 * level + first + 1])
    if undone != 0:
        change_level(ladders, side, price, -undone)
    for of in range(2):
        for at in range(ladders.count[of] - 1, -1, -1):
            n = write_level(out, n, Kind.REVEAL, ts, of, ladders.keys[of, at], ladders.lots[of, at], OPENING)
    return n

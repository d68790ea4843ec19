"""Level sums of books: ladders of (key, lots), two an instrument, where the key is the price of a bid and minus the price of an ask.

They are sorted, best last: what happens, happens near the end.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.compiler.kernel import kernel


class Ladders(NamedTuple):
    """Level sums: arrays of shape (ladders, room), int64, and how many levels each has. Ladder 2k is the bids of instrument k."""

    keys: Any
    lots: Any
    count: Any

    def grown(self, room: int) -> "Ladders":
        """The same levels with room for more."""
        made = empty_ladders(room, len(self.count))._replace(count=self.count)
        old = self.keys.shape[1]
        made.keys[:, :old] = self.keys
        made.lots[:, :old] = self.lots
        return made


def empty_ladders(room: int, ladders: int = 2) -> Ladders:
    """Ladders without a level."""
    return Ladders(np.zeros((ladders, room), np.int64), np.zeros((ladders, room), np.int64), np.zeros(ladders, np.int64))


@kernel
def insert_level(ladders, ladder, at, key, lots):  # type: ignore[no-untyped-def]
    """Put a level at index `at`; the better ones move up."""
    keys, sums = ladders.keys[ladder], ladders.lots[ladder]
    k = ladders.count[ladder]
    while k > at:
        keys[k] = keys[k - 1]
        sums[k] = sums[k - 1]
        k -= 1
    keys[at] = key
    sums[at] = lots
    ladders.count[ladder] += 1


@kernel
def delete_level(ladders, ladder, at):  # type: ignore[no-untyped-def]
    """Take the level at index `at` out; the better ones move down."""
    keys, sums = ladders.keys[ladder], ladders.lots[ladder]
    last = ladders.count[ladder] - 1
    for k in range(at, last):
        keys[k] = keys[k + 1]
        sums[k] = sums[k + 1]
    ladders.count[ladder] = last


@kernel
def find_level(ladders, ladder, key):  # type: ignore[no-untyped-def]
    """Index of the best level whose key is `key` or worse; -1 where all are better. Looks from the best on, then by halves."""
    keys = ladders.keys[ladder]
    high = ladders.count[ladder] - 1
    step = 8
    while step > 0 and high >= 0 and keys[high] > key:
        high -= 1
        step -= 1
    if high < 0 or keys[high] <= key:
        return high
    low = np.int64(-1)
    while low < high:
        middle = (low + high + 1) >> 1
        if keys[middle] <= key:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def set_level(ladders, ladder, price, lots):  # type: ignore[no-untyped-def]
    """A level has `lots` from now on, 0: it is gone. Returns what it had. There must be room for one more."""
    key = -price if ladder & 1 else price
    at = find_level(ladders, ladder, key)
    if at >= 0 and ladders.keys[ladder, at] == key:
        before = ladders.lots[ladder, at]
        if lots == 0:
            delete_level(ladders, ladder, at)
        else:
            ladders.lots[ladder, at] = lots
        return before
    if lots > 0:
        insert_level(ladders, ladder, at + 1, key, lots)
    return np.int64(0)


@kernel
def best_key(ladders, ladder):  # type: ignore[no-untyped-def]
    """Key of the best level, -2^62 where there is none."""
    count = ladders.count[ladder]
    return ladders.keys[ladder, count - 1] if count > 0 else np.int64(-(2**62))

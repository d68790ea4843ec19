"""Tables of sparse 64-bit ids: open addressing, four entries a cache line, so that ids given in order lie in order."""

import numpy as np

from engine.compiler.intrinsics import leading_zeros
from engine.compiler.kernel import hot_kernel, kernel, rare_kernel


@hot_kernel
def home(table, identity, owner):
    """Where the search for (identity, owner) begins: Fibonacci hash of the line, low two bits within it. A table has 8 entries or more."""
    line = (identity >> np.uint64(2)) ^ (np.uint64(owner) << np.uint64(40))
    shift = np.uint64(leading_zeros(np.uint64(len(table) - 1)) + 2)
    return np.int64(((line * np.uint64(0x9E3779B97F4A7C15)) >> shift) << np.uint64(2) | (identity & np.uint64(3)))


@hot_kernel
def find(table, identity, owner):
    """Index of (identity, owner), or of the free entry where it belongs."""
    last = len(table) - 1
    at = home(table, identity, owner)
    while table[at]["slot"] != 0 and (table[at]["id"] != identity or table[at]["owner"] != owner):
        at = (at + 1) & last
    return at


@hot_kernel
def put(table, at, identity, owner, slot):
    """Write an entry at the place that `find` gave."""
    entry = table[at]
    entry["id"] = identity
    entry["owner"] = owner
    entry["slot"] = slot


@rare_kernel
def erase(table, at, orders):
    """Take the entry at `at` out and close the gap; orders that move get their new `place`."""
    last = len(table) - 1
    gap = at
    at = (at + 1) & last
    while table[at]["slot"] != 0:
        first = home(table, table[at]["id"], table[at]["owner"])
        if ((at - first) & last) >= ((at - gap) & last):
            put(table, gap, table[at]["id"], table[at]["owner"], table[at]["slot"])
            orders[np.int64(table[gap]["slot"]) - 1]["place"] = gap
            gap = at
        at = (at + 1) & last
    table[gap]["slot"] = 0


@kernel
def rehash(old, new, orders, finished):
    """Move all entries to a larger table; slots from `finished` on are no orders."""
    for k in range(len(old)):
        if old[k]["slot"] != 0:
            at = find(new, old[k]["id"], old[k]["owner"])
            put(new, at, old[k]["id"], old[k]["owner"], old[k]["slot"])
            if old[k]["slot"] < finished:
                orders[np.int64(old[k]["slot"]) - 1]["place"] = at

"""Bars made of trades, one pass over whole numbers: where each begins and ends, and what its trades say."""

import numpy as np

from engine.compiler.kernel import entry_kernel

TIME, TICKS, VOLUME, NOTIONAL, IMBALANCE = range(5)
"""What ends a bar."""


@entry_kernel
def build(ts, price, lots, aggressor, anchor, rule, size, made, times):  # type: ignore[no-untyped-def]
    """Bars of trades in time order, all int64. `aggressor`: 0 buy, 1 sell, 2 not known (then the tick rule says it: up is a buy, down a
    sell, the same price as before; Lee and Ready 1991). `anchor`: from when bars in time are counted (ns); a bar ends where it changes.
    `size`: ns of a bar in time, else the trades, lots, price units × lots or lots of imbalance that end a bar, the trade that reaches it
    included. Fills `made` (bars, 6): open, high, low, close, lots, trades; and `times`: of a bar in time its beginning, else that of its
    last trade. Returns the number of bars; an unfinished one at the end of all is not counted, but for bars in time."""
    n, inside, reached = 0, False, np.int64(0)
    before, sign = np.int64(0), np.int64(0)
    for k in range(len(ts)):
        begin = ts[k] - (ts[k] - anchor[k]) % size if rule == TIME else np.int64(0)
        if inside and ((rule == TIME and begin != times[n]) or anchor[k] != anchor[k - 1]):
            n += 1
            inside = False
        p, q = price[k], lots[k]
        if aggressor[k] < 2:
            sign = 1 - 2 * aggressor[k]
        elif before != 0 and p != before:
            sign = np.int64(1) if p > before else np.int64(-1)
        before = p
        if not inside:
            inside, reached = True, np.int64(0)
            for column in range(4):
                made[n, column] = p
            made[n, 4] = 0
            made[n, 5] = 0
        made[n, 1] = max(made[n, 1], p)
        made[n, 2] = min(made[n, 2], p)
        made[n, 3] = p
        made[n, 4] += q
        made[n, 5] += 1
        times[n] = begin if rule == TIME else ts[k]
        if rule == TICKS:
            reached += 1
        elif rule == VOLUME:
            reached += q
        elif rule == NOTIONAL:
            reached += p * q
        elif rule == IMBALANCE:
            reached += sign * q
        if rule != TIME and abs(reached) >= size:
            n += 1
            inside = False
    return n + 1 if inside and rule == TIME else n

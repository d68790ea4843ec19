"""The kernels that pick orders: open ones and a trader's by lists of their own, others row by row; they end where enough are found."""

import numpy as np

from engine.compiler.kernel import entry_kernel, hot_kernel, kernel


@hot_kernel
def _fits(order, trader, portfolio, instrument):
    """Whether an order is asked for; -1 asks for any."""
    if (trader >= 0 and order["trader"] != trader) or (portfolio >= 0 and order["portfolio"] != portfolio):
        return False
    return instrument < 0 or order["instrument"] == instrument


@kernel
def _first_from(models, seq):
    """The first row that entered at `seq` or later."""
    low, high = np.int64(0), np.int64(models.head[0]["orders"])
    while low < high:
        middle = (low + high) >> 1
        if models.orders[middle]["seq"] < seq:
            low = middle + 1
        else:
            high = middle
    return low


@entry_kernel
def newest_orders(models, trader, portfolio, instrument, active, before, out):
    """Rows of orders that entered before the seq `before`, newest first, as many as `out` (int64) holds; returns how many."""
    found = 0
    if active != 0:
        k = np.int64(models.head[0]["newest_open"]) - 1
    elif trader >= 0:
        k = np.int64(models.traders[trader]["newest"]) - 1
    else:
        k = _first_from(models, before) - 1
    while k >= 0 and found < len(out):
        order = models.orders[k]
        if order["seq"] < before and _fits(order, trader, portfolio, instrument):
            out[found] = k
            found += 1
        if active != 0:
            k = np.int64(order["older"]) - 1
        else:
            k = np.int64(order["previous"]) - 1 if trader >= 0 else k - 1
    return found


@entry_kernel
def oldest_orders(models, trader, portfolio, instrument, active, before, out):
    """As `newest_orders`, oldest first."""
    found, end = 0, _first_from(models, before)
    k = np.int64(models.head[0]["oldest_open"]) - 1 if active != 0 else np.int64(0)
    while 0 <= k < end and found < len(out):
        order = models.orders[k]
        if _fits(order, trader, portfolio, instrument):
            out[found] = k
            found += 1
        k = np.int64(order["newer"]) - 1 if active != 0 else k + 1
    return found

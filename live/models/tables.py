"""Finding rows of the read models by what names them: open addressing over row numbers."""

import numpy as np

from engine.compiler.kernel import entry_kernel, hot_kernel, kernel
from engine.state.accounts import spread
from engine.state.id_table import home


@hot_kernel
def order_place(index, orders, identity, owner):
    """Place in `index` of the order (id, trader), or the free one where it belongs."""
    last = len(index) - 1
    at = home(index, identity, owner)
    while index[at] != 0:
        order = orders[np.int64(index[at]) - 1]
        if order["order_id"] == identity and order["trader"] == owner:
            break
        at = (at + 1) & last
    return at


@hot_kernel
def find_order(models, identity, owner):
    """Row of the trader's newest order of that id; -1 where there is none."""
    return np.int64(models.index[order_place(models.index, models.orders, identity, owner)]) - 1


@kernel
def holding_of(models, portfolio, instrument):
    """Row of a portfolio's holding in an instrument, opened where there was none. The caller has made room."""
    index, rows = models.holdings_index, models.holdings
    at = spread(portfolio, instrument, len(index))
    while index[at] != 0:
        k = np.int64(index[at]) - 1
        if rows[k]["portfolio"] == portfolio and rows[k]["instrument"] == instrument:
            return k
        at = (at + 1) & (len(index) - 1)
    k = np.int64(models.head[0]["holdings"])
    models.head[0]["holdings"] = k + 1
    index[at] = k + 1
    rows[k]["portfolio"] = portfolio
    rows[k]["instrument"] = instrument
    if portfolio == 0:
        models.markets[instrument]["world"] = k + 1
    return k


@kernel
def clear_sums(row):
    """A row of SUMS is as new."""
    row["orders"] = 0
    row["executions"] = 0
    row["bought"] = 0
    row["sold"] = 0
    row["paid_high"] = 0
    row["paid_low"] = 0
    row["turned_high"] = 0
    row["turned_low"] = 0
    row["fees_high"] = 0
    row["fees_low"] = 0


@kernel
def sums_of(models, trader, instrument):
    """Row of the day's sums of a trader in an instrument, begun where there was none. The caller has made room."""
    index, rows = models.sums_index, models.sums
    at = spread(trader, instrument, len(index))
    while index[at] != 0:
        k = np.int64(index[at]) - 1
        if rows[k]["trader"] == trader and rows[k]["instrument"] == instrument:
            return k
        at = (at + 1) & (len(index) - 1)
    k = np.int64(models.head[0]["sums"])
    models.head[0]["sums"] = k + 1
    index[at] = k + 1
    clear_sums(rows[k])
    rows[k]["trader"] = trader
    rows[k]["instrument"] = instrument
    return k


@kernel
def _enter_pair(index, first, second, k):
    at = spread(first, second, len(index))
    while index[at] != 0:
        at = (at + 1) & (len(index) - 1)
    index[at] = k + 1


@entry_kernel
def index_orders(models):
    """Write `index`, which is all zeros, and the lists of each trader's orders anew."""
    for trader in range(len(models.traders)):
        models.traders[trader]["newest"] = 0
    for k in range(models.head[0]["orders"]):
        order = models.orders[k]
        models.index[order_place(models.index, models.orders, order["order_id"], np.int64(order["trader"]))] = k + 1
        trader = models.traders[order["trader"]]
        order["previous"] = trader["newest"]
        trader["newest"] = k + 1


@entry_kernel
def index_pairs(models):
    """Write `sums_index` and `holdings_index`, which are all zeros, anew."""
    for k in range(models.head[0]["sums"]):
        _enter_pair(models.sums_index, np.int64(models.sums[k]["trader"]), np.int64(models.sums[k]["instrument"]), k)
    for k in range(models.head[0]["holdings"]):
        _enter_pair(models.holdings_index, np.int64(models.holdings[k]["portfolio"]), np.int64(models.holdings[k]["instrument"]), k)


@entry_kernel
def locate(models, identity, owner):
    """`find_order` for Python; `identity` is a uint64."""
    return find_order(models, identity, owner)

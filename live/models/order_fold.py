"""What a fact about an order changes: its row, and what its portfolio has at work."""

import numpy as np

from engine.compiler.kernel import entry_kernel, hot_kernel, kernel
from engine.messages.vocabulary import Flag, Kind, OrderStatus, Reason
from engine.state.accounts import fee_of
from engine.state.order_types import has_price, has_stop
from live.models.tables import find_order, holding_of, order_place

REDUCE_ONLY = int(Flag.REDUCE_ONLY)
ACTIVE = int(OrderStatus.PARTIALLY_FILLED)
"""Largest status of an open order."""


@hot_kernel
def work(models, order, sign):
    """Add (`sign` 1) or take back (-1) what an order has at work: nothing where it is finished, or may only reduce."""
    if order["status"] > ACTIVE or order["flags"] & REDUCE_ONLY != 0:
        return
    market = models.markets[order["instrument"]]
    account = models.accounts[order["portfolio"]]
    lots = np.int64(order["quantity"]) - np.int64(order["traded"])
    price = np.int64(order["price"] if has_price(order["type"]) else order["stop_price"])
    notional = abs(price) * lots * market["value"]
    account["working"] += sign * notional
    held = models.holdings[order["holding"]]
    if order["side"] == 0:
        held["buying"] += sign * lots
        account["buying"] += sign * (notional + fee_of(notional, market["rate"]))
    else:
        held["selling"] += sign * lots


@hot_kernel
def open_order(models, k):
    """The order in row `k` is the newest open one."""
    head, order = models.head[0], models.orders[k]
    last = np.int64(head["newest_open"])
    order["older"] = last
    order["newer"] = 0
    if last == 0:
        head["oldest_open"] = k + 1
    else:
        models.orders[last - 1]["newer"] = k + 1
    head["newest_open"] = k + 1


@hot_kernel
def close_order(models, k):
    """The order in row `k` is no longer open."""
    head, order = models.head[0], models.orders[k]
    older, newer = np.int64(order["older"]), np.int64(order["newer"])
    order["older"] = 0
    order["newer"] = 0
    if older == 0:
        head["oldest_open"] = newer
    else:
        models.orders[older - 1]["newer"] = newer
    if newer == 0:
        head["newest_open"] = older
    else:
        models.orders[newer - 1]["older"] = older


@entry_kernel
def list_open(models):
    """Write the list of open orders anew."""
    models.head[0]["oldest_open"] = 0
    models.head[0]["newest_open"] = 0
    for k in range(models.head[0]["orders"]):
        if models.orders[k]["status"] <= ACTIVE:
            open_order(models, k)


@hot_kernel
def show(order, fact):
    """The terms and times of an order as a fact about it tells them."""
    order["price"] = fact["price"]
    order["stop_price"] = fact["stop_price"]
    order["quantity"] = fact["quantity"]
    order["reason"] = fact["reason"]
    order["updated"] = fact["ts"]
    order["last"] = fact["seq"]


@hot_kernel
def enter_order(models, fact):
    """OrderCreated, or an OrderRejected that used its id: a new row. The caller has made room."""
    head = models.head[0]
    k = np.int64(head["orders"])
    head["orders"] = k + 1
    order = models.orders[k]
    order["order_id"] = fact["order_id"]
    order["seq"] = fact["seq"]
    order["created"] = fact["ts"]
    order["paid"] = 0
    order["traded"] = 0
    order["portfolio"] = fact["portfolio"]
    order["trader"] = fact["trader"]
    order["holding"] = 0
    order["sums"] = 0
    order["instrument"] = fact["instrument"]
    order["type"] = fact["type"]
    order["side"] = fact["side"]
    order["time_in_force"] = fact["time_in_force"]
    order["flags"] = fact["flags"]
    order["older"] = 0
    order["newer"] = 0
    order["spare"] = 0
    show(order, fact)
    trader = models.traders[fact["trader"]]
    order["previous"] = trader["newest"]
    trader["newest"] = k + 1
    trader["highest"] = max(trader["highest"], fact["order_id"])
    models.index[order_place(models.index, models.orders, fact["order_id"], np.int64(fact["trader"]))] = k + 1
    if fact["kind"] == Kind.OrderRejected:
        order["status"] = OrderStatus.REJECTED
        return
    order["status"] = OrderStatus.PENDING if has_stop(fact["type"]) else OrderStatus.NEW
    order["holding"] = holding_of(models, np.int64(fact["portfolio"]), np.int64(fact["instrument"]))
    open_order(models, k)
    work(models, order, 1)


@kernel
def change_order(models, fact):
    """OrderTriggered, OrderReplaced, OrderCancelled, OrderExpired."""
    k = find_order(models, fact["order_id"], np.int64(fact["trader"]))
    if k < 0:
        return
    order = models.orders[k]
    was = np.int64(order["status"])
    work(models, order, -1)
    show(order, fact)
    kind = fact["kind"]
    if kind == Kind.OrderCancelled:
        order["status"] = OrderStatus.CANCELLED
    elif kind == Kind.OrderExpired:
        order["status"] = OrderStatus.EXPIRED
    elif kind == Kind.OrderTriggered and was == OrderStatus.PENDING:
        order["status"] = OrderStatus.NEW
    if was <= ACTIVE and order["status"] > ACTIVE:
        close_order(models, k)
    work(models, order, 1)


@hot_kernel
def uses_id(reason):
    """Whether an OrderRejected for `reason` is an order: it used its id."""
    return reason > Reason.DUPLICATE_ORDER and reason < Reason.UNKNOWN_PORTFOLIO

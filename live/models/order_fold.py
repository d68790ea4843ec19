"""What a fact about an order changes: its row, and what its portfolio has at work."""

import numpy as np

from engine.compiler.kernel import hot_kernel, kernel
from engine.messages.vocabulary import Flag, Kind, OrderStatus, Reason
from engine.state.accounts import fee_of
from engine.state.order_types import has_price, has_stop
from live.models.tables import find_order, holding_of, order_place

REDUCE_ONLY = int(Flag.REDUCE_ONLY)
ACTIVE = int(OrderStatus.PARTIALLY_FILLED)
"""Largest status of an open order."""


@hot_kernel
def work(models, order, sign):
    """Add (`sign` 1) or take back (-1) what an order has at work: nothing where it is finished."""
    if order["status"] > ACTIVE:
        return
    reduces = order["flags"] & REDUCE_ONLY
    if reduces != 0 and order["portfolio"] != 0:
        return
    market = models.markets[order["instrument"]]
    account = models.accounts[order["portfolio"]]
    lots = np.int64(order["quantity"]) - np.int64(order["traded"])
    price = np.int64(order["price"] if has_price(order["type"]) else order["stop_price"])
    notional = abs(price) * lots * market["value"]
    account["working"] += sign * notional
    if reduces != 0:
        return
    held = models.holdings[order["holding"]]
    if order["side"] == 0:
        held["buying"] += sign * lots
        account["buying"] += sign * (notional + fee_of(notional, market["rate"]))
    else:
        held["selling"] += sign * lots


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
    work(models, order, 1)


@kernel
def change_order(models, fact):
    """OrderTriggered, OrderReplaced, OrderCancelled, OrderExpired."""
    k = find_order(models, fact["order_id"], np.int64(fact["trader"]))
    if k < 0:
        return
    order = models.orders[k]
    work(models, order, -1)
    show(order, fact)
    kind = fact["kind"]
    if kind == Kind.OrderCancelled:
        order["status"] = OrderStatus.CANCELLED
    elif kind == Kind.OrderExpired:
        order["status"] = OrderStatus.EXPIRED
    elif kind == Kind.OrderTriggered and order["status"] == OrderStatus.PENDING:
        order["status"] = OrderStatus.NEW
    work(models, order, 1)


@hot_kernel
def uses_id(reason):
    """Whether an OrderRejected for `reason` is an order: it used its id."""
    return reason > Reason.DUPLICATE_ORDER and reason < Reason.UNKNOWN_PORTFOLIO

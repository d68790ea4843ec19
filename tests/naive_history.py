"""History's commands in the twin: what a venue's file says happened, in a book in which our orders stand too.

History's orders never trade with each other and keep in step with their record. Of each the twin knows `open` (lots in the book) and
`taken` (lots that our takers took and the record has not yet accounted for): open + taken is the size the record believes in.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.vocabulary import HISTORY, Flag, Kind, OrderStatus, Reason, Side
from tests.naive_book import Order

if TYPE_CHECKING:
    from tests.naive import NaiveExchange

OFF_TICK = (Kind.FLOW, Kind.PRINT)  # a hidden order may trade between the ticks
PRICELESS = (Kind.REDUCE, Kind.REMOVE)  # nothing rests at a wrong price: nothing is found there


def refusal(ex: NaiveExchange, c: SimpleNamespace) -> Reason:
    if c.instrument >= len(ex.instruments):
        return Reason.UNKNOWN_INSTRUMENT
    if c.kind == Kind.NOTICE:
        return Reason.NONE
    if c.kind == Kind.ADD and c.order_id == 0:
        return Reason.INVALID_ORDER_ID
    if not 0 < c.quantity < 2**32:
        return Reason.INVALID_QUANTITY
    if c.kind not in PRICELESS and not ex.is_price(c.instrument, c.price, on_tick=c.kind not in OFF_TICK):
        return Reason.INVALID_PRICE
    if c.side not in set(Side):
        return Reason.INVALID_COMBINATION
    if c.kind == Kind.ADD and c.order_id in ex.history[c.instrument]:
        return Reason.DUPLICATE_ORDER
    if c.kind == Kind.MODIFY and c.order_id not in ex.history[c.instrument]:
        ex.counts["unknown"] += c.quantity
        return Reason.UNKNOWN_ORDER
    return Reason.NONE


def tell(ex: NaiveExchange, kind: Kind, c: SimpleNamespace, quantity: int) -> dict[str, int]:
    price = c.price if abs(c.price) < 2**31 else 0
    return ex.tell(kind, instrument=c.instrument, order_id=c.order_id, side=c.side, price=price, quantity=quantity)


def fresh(c: SimpleNamespace, order_id: int, price: int) -> Order:
    return Order(order_id, HISTORY, 0, c.instrument, c.side, price, c.quantity)


def rest(ex: NaiveExchange, order: Order) -> None:
    """Trade with those of our orders that it crosses, at our prices; what is left goes to the end of the queue."""
    book = ex.books[order.instrument]
    order.status = OrderStatus.NEW
    ex.match(order, [maker for maker in book.facing(order.side, order.price) if not maker.is_history])
    if order.open:
        book.join(order)


def shrink(ex: NaiveExchange, order: Order, lots: int) -> int:
    """The record takes `lots` off one order: first what is in the book, then what we had taken. Returns the lots that left the book."""
    applied = min(lots, order.open)
    order.open -= applied
    order.taken -= min(lots - applied, order.taken)
    if not order.open:
        ex.books[order.instrument].leave(order)
        if not order.taken:
            ex.history[order.instrument].pop(order.id, None)
    return applied


def take_from_level(ex: NaiveExchange, c: SimpleNamespace, newest_first: bool) -> int:
    """The record takes lots from nobody it can name: from anonymous orders (oldest first), then from named ones."""
    queue = [o for o in ex.books[c.instrument].queue(c.side, c.price) if o.is_history]
    named = [o for o in queue if o.id]
    left = c.quantity
    for order in [o for o in queue if not o.id] + (named[::-1] if newest_first else named):
        left -= shrink(ex, order, min(left, order.open)) if left else 0
    return c.quantity - left


def add(ex: NaiveExchange, c: SimpleNamespace) -> None:
    order = fresh(c, c.order_id, c.price)
    fact = tell(ex, Kind.HistoryAdded, c, c.quantity)
    ex.history[c.instrument][order.id] = order
    rest(ex, order)
    fact["remaining"] = order.open


def reveal(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """An anonymous order at the end of the level: behind ours, who knows where it really stood?"""
    order = fresh(c, 0, c.price)
    fact = tell(ex, Kind.HistoryRevealed, c, c.quantity)
    rest(ex, order)
    fact["remaining"] = order.open
    for ours in ex.books[c.instrument].queue(c.side, c.price):
        if not ours.is_history:
            ours.flags |= Flag.ESTIMATED


def reduce(ex: NaiveExchange, c: SimpleNamespace) -> None:
    lessen(ex, c, Kind.HistoryReduced, newest_first=True)


def execute(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """Our fills came with the FLOW before; here X follows its record, whatever we took."""
    lessen(ex, c, Kind.HistoryExecuted, newest_first=False)
    ex.printed(c.instrument, c.price)


def lessen(ex: NaiveExchange, c: SimpleNamespace, kind: Kind, newest_first: bool) -> None:
    order = ex.history[c.instrument].get(c.order_id)
    if order:
        applied = shrink(ex, order, c.quantity)
        ex.counts["clipped"] += c.quantity - applied
    else:
        applied = take_from_level(ex, c, newest_first)
        ex.counts["estimated"] += applied
        ex.counts["unknown"] += c.quantity - applied
    fact = tell(ex, kind, c, applied)
    fact["remaining"] = order.open if order else 0
    fact["value"] = c.quantity - applied


def remove(ex: NaiveExchange, c: SimpleNamespace) -> None:
    applied = take_from_level(ex, c, newest_first=True)
    fact = tell(ex, Kind.HistoryRemoved, c, applied)
    fact["value"] = c.quantity - applied


def modify(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """X has another size or price in the record; what we took of it stays taken."""
    order, book = ex.history[c.instrument][c.order_id], ex.books[c.instrument]
    keeps = c.price == order.price and c.side == order.side and c.quantity <= order.open + order.taken
    order.taken = min(order.taken, c.quantity)
    was_in_book, order.open = order.open > 0, c.quantity - order.taken
    fact = tell(ex, Kind.HistoryModified, c, order.open)
    fact["value"] = order.taken
    ex.counts["clipped"] += order.taken
    if was_in_book and not (keeps and order.open):
        book.leave(order)
    if not keeps:
        order.side, order.price = c.side, c.price
        if order.open:
            rest(ex, order)
    fact["remaining"] = order.open


def flow(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """One aggressor of the record: ours are filled for what it would have taken of ours in the merged queue."""
    aggressor = fresh(c, 0, c.price)
    fact = tell(ex, Kind.FlowApplied, c, c.quantity)
    book = ex.books[c.instrument]
    meetings = [(maker, book.ahead(maker)) for maker in book.facing(c.side, c.price)]
    for maker, ahead in meetings:
        lots = min(aggressor.open, maker.open)
        if lots and maker.is_history:
            aggressor.open -= lots
        elif lots:
            ex.trade(aggressor, maker, lots, ahead)
            ex.counts["displaced"] += lots
    fact["remaining"] = 0


def print_trade(ex: NaiveExchange, c: SimpleNamespace) -> None:
    ex.printed(c.instrument, c.price)
    tell(ex, Kind.TradePrinted, c, c.quantity)


def notice(ex: NaiveExchange, c: SimpleNamespace) -> None:
    tell(ex, Kind.NoticeGiven, c, 0)


def checked(handler: Callable[[NaiveExchange, SimpleNamespace], None]) -> Callable[[NaiveExchange, SimpleNamespace], None]:
    def run(ex: NaiveExchange, c: SimpleNamespace) -> None:
        reason = refusal(ex, c)
        if reason:
            ex.refuse(c, reason)
        else:
            handler(ex, c)

    return run


COMMANDS = {
    Kind.ADD: checked(add),
    Kind.REDUCE: checked(reduce),
    Kind.MODIFY: checked(modify),
    Kind.EXECUTE: checked(execute),
    Kind.FLOW: checked(flow),
    Kind.PRINT: checked(print_trade),
    Kind.NOTICE: checked(notice),
    Kind.REVEAL: checked(reveal),
    Kind.REMOVE: checked(remove),
}

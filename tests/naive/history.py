"""History's commands in the twin: what a venue's file says happened, in a book in which our orders stand too.

History's orders never trade with each other and keep in step with their record. Of each the twin knows `open` (lots in the book) and
`taken` (lots that our takers took and the record has not yet accounted for): open + taken is the size the record believes in.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderStatus, Reason, Side
from tests.naive import bars
from tests.naive.book import Order
from tests.naive.matching import MONEY_LIMIT

if TYPE_CHECKING:
    from tests.naive.exchange import NaiveExchange

OFF_TICK = (Kind.FLOW, Kind.PRINT, Kind.TRADE)  # a hidden order may trade between the ticks


def refusal(ex: NaiveExchange, c: SimpleNamespace) -> Reason:
    if c.instrument >= len(ex.instruments):
        return Reason.UNKNOWN_INSTRUMENT
    if c.kind in (Kind.NOTICE, Kind.CLEAR):
        return Reason.NONE
    if c.kind == Kind.ADD and c.order_id == 0:
        return Reason.INVALID_ORDER_ID
    if not 0 < c.quantity < 2**32 and not (c.kind == Kind.LEVEL and c.quantity == 0):
        return Reason.INVALID_QUANTITY
    if not ex.is_price(c.instrument, c.price, on_tick=c.kind not in OFF_TICK):
        return Reason.INVALID_PRICE
    if c.side not in set(Side):
        return Reason.INVALID_COMBINATION
    if ex.notional(c.instrument, c.price, c.quantity) >= MONEY_LIMIT:
        return Reason.MONEY_RANGE
    if c.kind == Kind.ADD and c.order_id in ex.history[c.instrument]:
        return Reason.DUPLICATE_ORDER
    if c.kind == Kind.MODIFY and c.order_id not in ex.history[c.instrument]:
        ex.counts["unknown"] += c.quantity
        return Reason.UNKNOWN_ORDER
    return Reason.NONE


def emit(ex: NaiveExchange, kind: Kind, c: SimpleNamespace, quantity: int, remaining: int = 0, clipped: int = 0) -> dict[str, int]:
    """Its own fact, before the trades that it causes."""
    price = c.price if abs(c.price) < 2**31 else 0
    fields = {"order_id": c.order_id, "side": c.side, "price": price, "quantity": quantity, "remaining": remaining, "value": clipped}
    return ex.emit(kind, instrument=c.instrument, trader=HISTORY, flags=c.flags, **fields)


def fresh(c: SimpleNamespace, order_id: int, price: int) -> Order:
    return Order(order_id, HISTORY, 0, c.instrument, c.side, price, c.quantity)


def rest(ex: NaiveExchange, order: Order) -> None:
    """Trade with those of our orders that it crosses, at our prices; what is left goes to the end of the queue."""
    book = ex.books[order.instrument]
    order.status = OrderStatus.NEW
    if order.instrument not in ex.halted:
        ex.match(order, [maker for maker in book.facing(order.side, order.price) if not maker.is_history])
    if order.open:
        ex.counts["crossed"] += order.open if book.facing(order.side, order.price) else 0
        book.join(order)


def uncross(ex: NaiveExchange, instrument: int) -> None:
    """A halt is over: history's orders that crossed ours meanwhile trade with them, its bids first, then its asks, each in its queue."""
    book = ex.books[instrument]
    for side in Side:
        for order in [order for price in book.prices(side) for order in book.queue(side, price) if order.is_history]:
            ex.match(order, [maker for maker in book.facing(side, order.price) if not maker.is_history])
            if not order.open:
                book.leave(order)


def shrink(ex: NaiveExchange, order: Order, lots: int) -> tuple[int, int]:
    """The record takes `lots` off one order: first what is in the book, then what we had taken. Returns both: applied, clipped."""
    applied = min(lots, order.open)
    clipped = min(lots - applied, order.taken)
    order.open -= applied
    order.taken -= clipped
    ex.counts["clipped"] += clipped
    if not order.open:
        ex.books[order.instrument].leave(order)
        if not order.taken:
            ex.history[order.instrument].pop(order.id, None)
    return applied, clipped


def history_at(ex: NaiveExchange, c: SimpleNamespace) -> list[Order]:
    return [o for o in ex.books[c.instrument].queue(c.side, c.price) if o.is_history]


def take_from(ex: NaiveExchange, orders: list[Order], lots: int) -> int:
    """The record takes `lots` from these orders, in turn; returns what is missing."""
    for order in orders:
        lots -= shrink(ex, order, min(lots, order.open))[0] if lots else 0
    return lots


def take_unknown(ex: NaiveExchange, c: SimpleNamespace, lots: int) -> int:
    """Lots of an unknown order: an execution proves that it was at the head, a cancel only that it was there."""
    queue = history_at(ex, c)
    if c.kind == Kind.EXECUTE:
        return take_from(ex, queue, lots)
    return take_from(ex, [o for o in queue if not o.id] + [o for o in queue if o.id], lots)


def add(ex: NaiveExchange, c: SimpleNamespace) -> None:
    order = fresh(c, c.order_id, c.price)
    ex.history[c.instrument][order.id] = order
    fact = emit(ex, Kind.HistoryAdded, c, c.quantity)
    rest(ex, order)
    fact["remaining"] = order.open


def reveal(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """An anonymous order at the end of the level: behind ours, who knows where it really stood?"""
    order = fresh(c, 0, c.price)
    fact = emit(ex, Kind.HistoryRevealed, c, c.quantity)
    rest(ex, order)
    ex.counts["revealed"] += 0 if c.flags & Flag.OPENING else c.quantity
    fact["remaining"] = order.open
    for ours in ex.books[c.instrument].queue(c.side, c.price):
        if not ours.is_history:
            ours.estimated = True


def reduce(ex: NaiveExchange, c: SimpleNamespace) -> None:
    lessen(ex, c, Kind.HistoryReduced)


def execute(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """Our fills came with the FLOW before; here X follows its record, whatever we took."""
    lessen(ex, c, Kind.HistoryExecuted)
    ex.printed(c.instrument, c.price)


def lessen(ex: NaiveExchange, c: SimpleNamespace, kind: Kind) -> None:
    """What X no longer has although ours did not take it comes from the others at its price: the level's sum follows the record."""
    order = ex.history[c.instrument].get(c.order_id)
    applied, clipped = shrink(ex, order, c.quantity) if order else (0, 0)
    others = c.quantity - applied - clipped
    missing = take_unknown(ex, c, others)
    ex.counts["estimated"] += others - missing
    ex.counts["unknown"] += missing
    emit(ex, kind, c, c.quantity - clipped - missing, order.open if order else 0, clipped)


def remove(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """The newest that fit as a whole, then the newest."""
    left = c.quantity
    for order in history_at(ex, c)[::-1]:
        if order.open <= left:
            left = take_from(ex, [order], left)
    left = take_from(ex, history_at(ex, c)[::-1], left)
    emit(ex, Kind.HistoryRemoved, c, c.quantity - left)
    ex.counts["removed"] += c.quantity - left
    ex.counts["unknown"] += left


def modify(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """X has another size or price in the record; what we took of it stays taken."""
    order, book = ex.history[c.instrument][c.order_id], ex.books[c.instrument]
    keeps = c.price == order.price and c.side == order.side and c.quantity <= order.open + order.taken
    order.taken = clipped = min(order.taken, c.quantity)
    was_in_book, order.open = order.open > 0, c.quantity - order.taken
    ex.counts["clipped"] += clipped
    fact = emit(ex, Kind.HistoryModified, c, c.quantity, clipped=clipped)
    if was_in_book and not (keeps and order.open):
        book.leave(order)
    if not keeps:
        order.side, order.price = c.side, c.price
        if order.open:
            rest(ex, order)
    fact["remaining"] = order.open


def flow(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """One aggressor of the record: ours are filled for what it would have taken of ours in the merged queue.

    Past hidden lots it goes on in another FLOW, which starts at the head again: what it took of ours so far has gone from there.
    """
    aggressor = fresh(c, 0, c.price)
    aggressor.open = max(0, c.quantity - ex.swept[c.instrument])
    fact = emit(ex, Kind.FlowApplied, c, 0)
    fact["quantity"] = sweep(ex, c, aggressor, lambda price: True)
    ex.counts["displaced"] += fact["quantity"]
    ex.swept[c.instrument] = ex.swept[c.instrument] + fact["quantity"] if c.flags & Flag.CONTINUED else 0


def sweep(ex: NaiveExchange, c: SimpleNamespace, aggressor: Order, counts: Callable[[int], bool]) -> int:
    """It takes what it meets of ours in the merged queue; history's orders use it up at prices that count. Returns lots of ours."""
    book, traded = ex.books[c.instrument], 0
    passed: dict[int, int] = {}  # lots at each price that stood before the next maker there
    for maker in book.facing(aggressor.side, c.price) if c.instrument not in ex.halted else []:
        ahead = passed.get(maker.price, 0)
        passed[maker.price] = min(ahead + maker.open, 2**32 - 1)
        lots = min(aggressor.open, ex.most(maker)) if maker.open else 0
        if lots and not maker.is_history and ex.overflows(aggressor, maker, ex.notional(maker.instrument, maker.price, lots)):
            break
        if lots and maker.is_history:
            aggressor.open -= lots if counts(maker.price) else 0
        elif lots:
            ex.trade(aggressor, maker, lots, ahead if counts(maker.price) else 0)
            traded += lots
    return traded


def print_trade(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.instrument in ex.quotes:
        bars.follow_path(ex, c)
    ex.printed(c.instrument, c.price)
    emit(ex, Kind.TradePrinted, c, c.quantity)


def notice(ex: NaiveExchange, c: SimpleNamespace) -> None:
    emit(ex, Kind.NoticeGiven, c, 0)


def clear(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """History's orders are gone as if they had never been; ours stay where they stand."""
    book = ex.books[c.instrument]
    gone = [order for queues in book.queues.values() for queue in queues.values() for order in queue if order.is_history]
    for order in gone:
        book.leave(order)
    ex.history[c.instrument].clear()
    ex.levels[c.instrument].clear()
    ex.swept[c.instrument] = 0
    ex.emit(Kind.HistoryCleared, instrument=c.instrument, trader=HISTORY, value=sum(order.open for order in gone))
    for order in gone:
        order.open = 0


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
    Kind.CLEAR: checked(clear),
}

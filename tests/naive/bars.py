"""Bars in the twin: history quotes the price of a path, and moves along it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.messages.vocabulary import HISTORY, SHARE_PARTS, Flag, Kind, OrderStatus, Side
from tests.naive.book import Order

if TYPE_CHECKING:
    from tests.naive.exchange import NaiveExchange

MOST = 2**32 - 1


def quotes(instrument: int) -> tuple[Order, Order]:
    """A bid and an offer that offer nothing yet."""
    bid, ask = (Order(0, HISTORY, 0, instrument, side, 0, 0, estimated=True) for side in Side)
    return bid, ask


def follow_path(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """A bar opens at a price, or the price goes there and triggers stops on the way, one stop price after the other."""
    if c.flags & Flag.OPENING or c.instrument not in ex.last:
        offered = min(c.stop_price * ex.queues[c.instrument][3] // SHARE_PARTS, MOST) if c.stop_price > 0 else MOST
        for quote in ex.quotes[c.instrument]:
            move(ex, quote, c.price, offered, jumps=True)
        return
    rises = c.price >= ex.last[c.instrument]
    while (point := next_stop(ex, c.instrument, rises, c.price)) != c.price:
        go(ex, c.instrument, point)
        ex.printed(c.instrument, point)
        ex.emit(Kind.TradePrinted, instrument=c.instrument, trader=HISTORY, order_id=c.order_id, side=c.side, price=point, flags=c.flags)
        ex.cascade(c.instrument)
    go(ex, c.instrument, c.price)


def next_stop(ex: NaiveExchange, instrument: int, rises: bool, price: int) -> int:
    """The stop price that the path to `price` reaches first, else `price`."""
    if instrument in ex.halted:
        return price
    stops = [order.stop_price for order in ex.stops[instrument] if order.side == (Side.BUY if rises else Side.SELL)]
    return min([*stops, price]) if rises else max([*stops, price])


def go(ex: NaiveExchange, instrument: int, price: int) -> None:
    for quote in ex.quotes[instrument]:
        move(ex, quote, price, quote.open, jumps=False)


def move(ex: NaiveExchange, quote: Order, price: int, lots: int, jumps: bool) -> None:
    """Away from where it stands, to `price` (of the bid rounded down to the tick, of the offer up): ours that it meets trade with it."""
    book, tick = ex.books[quote.instrument], ex.instruments[quote.instrument].tick_units
    book.leave(quote)
    quote.open, quote.status = 0, OrderStatus.NEW
    price = price // tick * tick if quote.side == Side.BUY else -(-price // tick) * tick
    if not lots or not ex.is_price(quote.instrument, price):
        return
    quote.price, quote.open = price, lots
    if quote.instrument not in ex.halted:
        ours = [maker for maker in book.facing(quote.side, price) if not maker.is_history]
        ex.match(quote, ours, price if jumps else None)
    ex.counts["displaced"] += lots - quote.open
    if quote.open:
        book.join(quote)

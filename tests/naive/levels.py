"""Trades and levels in the twin: how many lots the venue shows at a price, as pieces among our orders."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.messages.vocabulary import SHARE_PARTS, Flag, Grain, Kind, QueueModel, Reason, Side
from tests.naive import bars
from tests.naive.book import Order, opposite
from tests.naive.history import checked, emit, fresh, sweep

if TYPE_CHECKING:
    from tests.naive.exchange import NaiveExchange


def pieces(ex: NaiveExchange, instrument: int, side: int, price: int) -> list[Order]:
    return [order for order in ex.books[instrument].queue(side, price) if order.is_piece]


def level(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """The venue shows so many lots at a price; those that ours took are not there, and are the first to leave."""
    shown = ex.levels[c.instrument].pop((c.side, c.price), 0)
    if not shown + c.quantity:
        emit(ex, Kind.HistoryLevelSet, c, 0)
        return
    ex.levels[c.instrument] |= {(c.side, c.price): c.quantity} if c.quantity else {}
    here = sum(piece.open for piece in pieces(ex, c.instrument, c.side, c.price))
    clipped = max(0, min(shown - c.quantity, shown - here))
    ex.counts["clipped"] += clipped
    fact = emit(ex, Kind.HistoryLevelSet, c, c.quantity, clipped=clipped)
    if c.quantity > shown:
        grow(ex, c, c.quantity - shown)
    else:
        shorten(ex, c.instrument, c.side, c.price, shown - c.quantity - clipped, by_trade=False)
    fact["remaining"] = sum(piece.open for piece in pieces(ex, c.instrument, c.side, c.price))


def grow(ex: NaiveExchange, c: SimpleNamespace, lots: int) -> None:
    """Lots join behind all that stand there, once they have traded with ours that they cross."""
    order, book = fresh(c, 0, c.price), ex.books[c.instrument]
    order.open, order.is_piece, order.estimated = lots, True, True
    if c.instrument not in ex.halted:
        ex.match(order, [maker for maker in book.facing(c.side, c.price) if not maker.is_history])
    if not order.open:
        return
    ex.counts["crossed"] += order.open if book.facing(c.side, c.price) else 0
    last = next((o for o in book.queue(c.side, c.price)[::-1] if o.is_piece or not o.is_history), order)
    if last.is_piece and last is not order:
        last.open += order.open
    else:
        book.join(order)


def shorten(ex: NaiveExchange, instrument: int, side: int, price: int, lots: int, by_trade: bool) -> None:
    """A level loses lots: by a trade from its head, else before and behind each place as many as the queue model says."""
    _, model, exponent, _ = ex.queues.get(instrument, (0, 0, 0, 0))
    queue = pieces(ex, instrument, side, price)
    here = sum(piece.open for piece in queue)
    before, gone = 0, 0
    for piece in queue:
        before += piece.open
        wanted = lots if by_trade else lost_before(model, exponent, before, here - before, lots)
        part = min(piece.open, max(wanted, lots - (here - before), gone) - gone)
        gone += part
        piece.open -= part
        if not piece.open:
            ex.books[instrument].leave(piece)


def lost_before(model: int, exponent: int, before: int, behind: int, lots: int) -> int:
    """Of `lots` that left, those that stood before a place."""
    if model == QueueModel.RISK_AVERSE or not before:
        return 0
    if model == QueueModel.PROPORTIONAL:
        return lots * before // (before + behind)
    first, second = power(float(before), exponent), power(float(behind), exponent)
    return int(lots * (first / (first + second)))


def power(base: float, exponent: int) -> float:
    """base^(exponent / 16), step by step as IEEE numbers round."""
    made = 1.0
    for _ in range(exponent // 16):
        made *= base
    root = base
    for bit in (8, 4, 2, 1):
        root = math.sqrt(root)
        made *= root if exponent & bit else 1.0
    return made


def trade(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """A print with its aggressor: it takes from ours, and from the level at its price."""
    side = aggressor_side(ex, c)
    traded = clipped = 0
    if side is not None:
        aggressor = fresh(c, 0, c.price)
        aggressor.side, aggressor.estimated = side, True
        displayed = not c.flags & Flag.HIDDEN
        traded = sweep(ex, c, aggressor, lambda price: displayed and price == c.price)
        if displayed:
            clipped = take_displayed(ex, c.instrument, opposite(side), c.price, c.quantity)
    ex.counts["displaced"] += traded
    ex.printed(c.instrument, c.price)
    fact = emit(ex, Kind.HistoryTraded, c, c.quantity, traded, clipped)
    fact["side"] = c.side if side is None else side


def aggressor_side(ex: NaiveExchange, c: SimpleNamespace) -> int | None:
    """As recorded; where it was not, a buyer at the best offer or above, a seller at the best bid or below, nobody between them."""
    if not c.flags & Flag.ESTIMATED:
        return int(c.side)
    return next((side for side in Side if ex.books[c.instrument].facing(side, c.price)), None)


def take_displayed(ex: NaiveExchange, instrument: int, side: int, price: int, lots: int) -> int:
    """The level loses what was traded there, first what ours had taken; returns that."""
    shown = ex.levels[instrument].pop((side, price), 0)
    here = sum(piece.open for piece in pieces(ex, instrument, side, price))
    clipped = max(0, min(lots, shown - here))
    part = min(lots - clipped, here)
    shorten(ex, instrument, side, price, part, by_trade=True)
    if shown > clipped + part:
        ex.levels[instrument][side, price] = shown - clipped - part
    ex.counts["clipped"] += clipped
    return clipped


def set_queue(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.instrument >= len(ex.instruments):
        return ex.refuse(c, Reason.UNKNOWN_INSTRUMENT)
    if c.side == Grain.BARS and not 0 < c.quantity <= SHARE_PARTS:
        return ex.refuse(c, Reason.INVALID_QUANTITY)
    powers = c.type == QueueModel.POWER
    if c.side not in set(Grain) or c.type not in set(QueueModel) or (powers and not 0 < c.stop_price < 256):
        return ex.refuse(c, Reason.INVALID_COMBINATION)
    exponent, share = c.stop_price if powers else 0, c.quantity if c.side == Grain.BARS else 0
    for quote in ex.quotes.pop(c.instrument, ()):
        ex.books[c.instrument].leave(quote)
    ex.queues[c.instrument] = (c.side, c.type, exponent, share)
    if c.side == Grain.BARS:
        ex.quotes[c.instrument] = bars.quotes(c.instrument)
    ex.emit(Kind.QueueSet, instrument=c.instrument, type=c.type, remaining=c.side, quantity=exponent, value=share)
    return None


COMMANDS = {Kind.LEVEL: checked(level), Kind.TRADE: checked(trade), Kind.SET_QUEUE: set_queue}

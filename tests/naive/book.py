"""The twin's nouns: an order, a book (price, then time), a position."""

from dataclasses import dataclass, field

from engine.messages.vocabulary import HISTORY, Flag, OrderStatus, OrderType, SelfTrade, Side, TimeInForce

LIVE = (OrderStatus.NEW, OrderStatus.PENDING, OrderStatus.PARTIALLY_FILLED)


@dataclass(eq=False)
class Order:
    """A client's order, or one of history (trader HISTORY, portfolio 0; id 0 when nobody knows its name)."""

    id: int
    trader: int
    portfolio: int
    instrument: int
    side: int
    price: int  # price units; 0 where its type has none
    quantity: int  # lots, the total
    type: int = OrderType.LIMIT
    time_in_force: int = TimeInForce.DAY
    self_trade: int = SelfTrade.CANCEL_TAKER
    flags: int = 0
    stop_price: int = 0
    status: OrderStatus = OrderStatus.NEW
    executed: int = 0
    open: int = field(default=-1)  # lots still working
    estimated: bool = False  # its place in the queue is no longer exact; of history, ours that it takes have no exact place
    taken: int = 0  # history: lots that client orders took and its own record has not yet accounted for
    is_piece: bool = False  # history: lots of a level, nobody knows whose

    def __post_init__(self) -> None:
        if self.open < 0:
            self.open = self.quantity

    @property
    def is_history(self) -> bool:
        return self.trader == HISTORY

    @property
    def is_stop(self) -> bool:
        return self.type in (OrderType.STOP, OrderType.STOP_LIMIT)

    @property
    def reduces_only(self) -> bool:
        return bool(self.flags & Flag.REDUCE_ONLY)

    @property
    def worst_price(self) -> int | None:
        """The worst price at which it may trade; None: any."""
        return None if self.type in (OrderType.MARKET, OrderType.STOP) else self.price

    def fill(self, quantity: int) -> None:
        self.open -= quantity
        self.executed += quantity
        self.taken += quantity
        self.status = OrderStatus.PARTIALLY_FILLED if self.open else OrderStatus.FILLED


def opposite(side: int) -> int:
    return Side.SELL if side == Side.BUY else Side.BUY


class Book:
    """What rests in one instrument: for each side a queue of orders at each price."""

    def __init__(self) -> None:
        self.queues: dict[int, dict[int, list[Order]]] = {Side.BUY: {}, Side.SELL: {}}

    def join(self, order: Order) -> None:
        """To the end of the queue at its price."""
        self.queues[order.side].setdefault(order.price, []).append(order)

    def leave(self, order: Order) -> None:
        queue = self.queue(order.side, order.price)
        if order in queue:
            queue.remove(order)
        if not queue:
            self.queues[order.side].pop(order.price, None)

    def holds(self, order: Order) -> bool:
        return order in self.queue(order.side, order.price)

    def queue(self, side: int, price: int) -> list[Order]:
        return self.queues[side].get(price, [])

    def prices(self, side: int) -> list[int]:
        """Best first."""
        return sorted(self.queues[side], reverse=side == Side.BUY)

    def best(self, side: int) -> int | None:
        return next(iter(self.prices(side)), None)

    def facing(self, side: int, worst: int | None) -> list[Order]:
        """The orders that a taker of `side` meets, in the order in which it meets them."""
        prices = self.prices(opposite(side))
        if worst is not None:
            prices = [p for p in prices if (p <= worst if side == Side.BUY else p >= worst)]
        return [order for p in prices for order in self.queue(opposite(side), p)]

    def ahead(self, order: Order) -> int:
        """Lots before `order` in the queue at its price; of an order that is not there yet, the whole queue. At most 2^32 - 1."""
        queue = self.queue(order.side, order.price)
        before = queue[: queue.index(order)] if order in queue else queue
        return min(sum(other.open for other in before), 2**32 - 1)

    def levels(self) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(bids, asks), best first: (price, quantity, number of orders)."""
        bids, asks = ([(p, sum(o.open for o in q), len(q)) for p in self.prices(side) for q in [self.queue(side, p)]] for side in Side)
        return bids, asks


@dataclass
class Position:
    """Lots held and what they cost; the average-cost method, through zero."""

    quantity: int = 0
    cost: int = 0  # money; below zero for a short position
    realized: int = 0  # money, before fees
    fees: int = 0

    def trade(self, lots: int, lot_price: int) -> None:
        """Buy `lots` (below zero: sell) at `lot_price` money each: first what closes, then what opens."""
        closing = min(abs(lots), abs(self.quantity)) if lots * self.quantity < 0 else 0
        if closing:
            leaving = abs(self.cost) * closing // abs(self.quantity) * (1 if self.cost > 0 else -1)  # truncated toward zero
            signed = closing if lots > 0 else -closing
            self.realized += -signed * lot_price - leaving
            self.cost -= leaving
            self.quantity += signed
            lots -= signed
        self.cost += lots * lot_price
        self.quantity += lots

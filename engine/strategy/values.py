"""What a strategy is shown: prices in ticks, quantities in lots, times ns UTC."""

from typing import NamedTuple

from engine.messages.vocabulary import OrderType, Reason, Side


class Touch(NamedTuple):
    """The best of a book, in ticks and lots; a price is None where the side is empty. `last` may be half a tick."""

    bid: int | None
    bid_lots: int
    ask: int | None
    ask_lots: int
    last: float | None
    volume: int

    @property
    def mid(self) -> float | None:
        """Middle of bid and ask; None unless both are there."""
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


class OwnOrder(NamedTuple):
    """An open order as the strategy knows it; `accepted` is False while it is on its way, `cancelling` True once a cancel was sent."""

    order_id: int
    instrument: int
    side: Side
    price: int
    quantity: int
    remaining: int
    accepted: bool
    cancelling: bool
    type: OrderType = OrderType.LIMIT
    stop_price: int | None = None


class Event(NamedTuple):
    """What a strategy is called for: a trade of the market, or a fact of its own. `ts` is exchange time; of a fill `fee` is in currency
    (negative is a rebate), and `is_maker` says whether the order rested."""

    instrument: int
    ts: int
    order_id: int
    price: float
    quantity: int
    remaining: int
    side: Side
    reason: Reason
    ahead: int
    fee: float = 0.0
    is_maker: bool = False


class Bar(NamedTuple):
    """Trades of an interval: prices in ticks, volume in lots; volume 0 where nothing traded."""

    open: float
    high: float
    low: float
    close: float
    volume: int

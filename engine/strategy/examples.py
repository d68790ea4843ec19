"""Two strategies to start from, each as a class and as a compiled function: a market maker and a taker on imbalance."""

from typing import Any, ClassVar

from engine.compiler.kernel import kernel
from engine.loop.loop_state import Want
from engine.messages.vocabulary import Side, TimeInForce
from engine.strategy import context as c
from engine.strategy.parameters import Parameter
from engine.strategy.strategy import Strategy

IOC = int(TimeInForce.IOC)


class MarketMaker(Strategy):
    """Quotes both sides around the middle, moved against the inventory: the longer it is, the lower both quotes."""

    spread = Parameter(2, low=0, high=1_000, doc="ticks between the touch's middle and each quote, times two")
    size = Parameter(100, low=1, doc="lots a quote")
    limit = Parameter(500, low=1, doc="largest position in lots, either way")
    skew = Parameter(2.0, low=0.0, doc="ticks that both quotes move at the largest position")
    every = "1s"

    def on_timer(self) -> None:
        book = self.book()
        self.cancel_all()
        if book.bid is None or book.ask is None:
            return
        position = self.position()
        center = book.bid + book.ask - 2.0 * self.skew * position / self.limit
        bid = min(int((center - self.spread) // 2), book.ask - 1)
        ask = max(int(-((-center - self.spread) // 2)), book.bid + 1)
        if position < self.limit:
            self.buy(self.size, bid, post_only=True)
        if position > -self.limit:
            self.sell(self.size, ask, post_only=True)


@kernel
def make_market(context: Any, p: Any) -> None:
    """MarketMaker as one compiled function."""
    book, position = c.book(context), c.position(context)
    c.cancel_all(context)
    if not c.two_sided(context):
        return
    center = book.bid + book.ask - 2.0 * p.skew * position / p.limit
    bid = min(int((center - p.spread) // 2), book.ask - 1)
    ask = max(int(-((-center - p.spread) // 2)), book.bid + 1)
    if position < p.limit:
        c.buy(context, p.size, bid, post_only=True)
    if position > -p.limit:
        c.sell(context, p.size, ask, post_only=True)


class FastMarketMaker(MarketMaker):
    """MarketMaker, compiled."""

    function = make_market
    wants: ClassVar[Want] = Want.TIMER


class ImbalanceTaker(Strategy):
    """Takes the side that the book leans to, and gives the position back when the book leans the other way."""

    threshold = Parameter(0.6, low=0.0, high=1.0, doc="imbalance (bids − asks) / (bids + asks) of the visible levels to act on")
    size = Parameter(100, low=1, doc="lots an order")
    limit = Parameter(100, low=1, doc="largest position in lots, either way")
    every = "500ms"
    depth = 3

    def on_timer(self) -> None:
        bids = sum(lots for _, lots in self.levels(Side.BUY))
        asks = sum(lots for _, lots in self.levels(Side.SELL))
        if self.orders or not bids or not asks:
            return
        book, lean, position = self.book(), (bids - asks) / (bids + asks), self.position()
        if lean > self.threshold and position < self.limit:
            self.buy(self.size, book.ask, time_in_force=TimeInForce.IOC)
        elif lean < -self.threshold and position > -self.limit:
            self.sell(self.size, book.bid, time_in_force=TimeInForce.IOC)


@kernel
def take_imbalance(context: Any, p: Any) -> None:
    """ImbalanceTaker as one compiled function."""
    bids, asks = 0, 0
    for level in c.levels(context, c.BUY):
        bids += level["lots"]
    for level in c.levels(context, c.SELL):
        asks += level["lots"]
    if len(c.orders(context)) > 0 or bids == 0 or asks == 0:
        return
    book, lean, position = c.book(context), (bids - asks) / (bids + asks), c.position(context)
    if lean > p.threshold and position < p.limit:
        c.buy(context, p.size, book.ask, time_in_force=IOC)
    elif lean < -p.threshold and position > -p.limit:
        c.sell(context, p.size, book.bid, time_in_force=IOC)


class FastImbalanceTaker(ImbalanceTaker):
    """ImbalanceTaker, compiled."""

    function = take_imbalance
    wants: ClassVar[Want] = Want.TIMER

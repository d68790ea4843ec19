"""Two strategies to start from, each as a class and as a compiled function: a market maker and a taker on imbalance."""

from typing import Any, ClassVar

from engine.compiler.kernel import kernel
from engine.messages.vocabulary import OrderType, Side, TimeInForce
from engine.strategy import context as d
from engine.strategy.loop_state import Want
from engine.strategy.parameters import Parameter
from engine.strategy.strategy import Strategy

LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
DAY, IOC = int(TimeInForce.DAY), int(TimeInForce.IOC)


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
def make_market(desk: Any, p: Any) -> None:
    """MarketMaker as one compiled function."""
    d.cancel_all(desk)
    if not d.two_sided(desk, 0):
        return
    position = d.position(desk, 0)
    center = d.bid(desk, 0) + d.ask(desk, 0) - 2.0 * p.skew * position / p.limit
    bid = min(int((center - p.spread) // 2), d.ask(desk, 0) - 1)
    ask = max(int(-((-center - p.spread) // 2)), d.bid(desk, 0) + 1)
    if position < p.limit:
        d.order(desk, 0, 0, p.size, bid, LIMIT, DAY, d.POST_ONLY)
    if position > -p.limit:
        d.order(desk, 0, 1, p.size, ask, LIMIT, DAY, d.POST_ONLY)


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
def take_imbalance(desk: Any, p: Any) -> None:
    """ImbalanceTaker as one compiled function."""
    bids = d.lots_of(desk, 0, 0, 3)
    asks = d.lots_of(desk, 0, 1, 3)
    if d.open_orders(desk) > 0 or bids == 0 or asks == 0:
        return
    lean = (bids - asks) / (bids + asks)
    position = d.position(desk, 0)
    if lean > p.threshold and position < p.limit:
        d.order(desk, 0, 0, p.size, d.ask(desk, 0), LIMIT, IOC, 0)
    elif lean < -p.threshold and position > -p.limit:
        d.order(desk, 0, 1, p.size, d.bid(desk, 0), LIMIT, IOC, 0)


class FastImbalanceTaker(ImbalanceTaker):
    """ImbalanceTaker, compiled."""

    function = take_imbalance
    wants: ClassVar[Want] = Want.TIMER

"""The strategies of the demo: one quotes, one follows the book, one leans against what has just been paid."""

from engine.messages.vocabulary import Side, TimeInForce
from engine.strategy.parameters import Parameter
from engine.strategy.strategy import Strategy
from engine.strategy.values import Event


class Maker(Strategy):
    """Quotes both sides of one instrument, lower the more of it it holds."""

    instrument_number = Parameter(0, low=0, doc="the instrument that it quotes")
    edge = Parameter(1, low=0, doc="ticks from the middle to each quote")
    size = Parameter(50, low=1, doc="lots a quote")
    limit = Parameter(400, low=1, doc="largest position in lots, either way")
    every = "500ms"

    def on_timer(self) -> None:
        k = self.instrument_number
        book, position = self.book(k), self.position(k)
        self.cancel_all()
        if book.bid is None or book.ask is None:
            return
        lean = round(2 * position / self.limit)
        if position < self.limit:
            self.buy(self.size, min(book.bid + 1 - self.edge - lean, book.ask - 1), k, post_only=True)
        if position > -self.limit:
            self.sell(self.size, max(book.ask - 1 + self.edge - lean, book.bid + 1), k, post_only=True)


class Follower(Strategy):
    """Buys where the bids outweigh the asks, sells where the asks do."""

    instrument_number = Parameter(1, low=0, doc="the instrument that it trades")
    threshold = Parameter(0.5, low=0.0, high=1.0, doc="imbalance of the visible levels to act on")
    size = Parameter(20, low=1, doc="lots an order")
    limit = Parameter(200, low=1, doc="largest position in lots, either way")
    every = "400ms"
    depth = 3

    def on_timer(self) -> None:
        k = self.instrument_number
        bids, asks = (sum(lots for _, lots in self.levels(side, k)) for side in (Side.BUY, Side.SELL))
        book, position = self.book(k), self.position(k)
        if not bids or not asks or book.ask is None or book.bid is None:
            return
        lean = (bids - asks) / (bids + asks)
        if lean > self.threshold and position < self.limit:
            self.buy(self.size, book.ask, k, time_in_force=TimeInForce.IOC)
        elif lean < -self.threshold and position > -self.limit:
            self.sell(self.size, book.bid, k, time_in_force=TimeInForce.IOC)


class Contrarian(Strategy):
    """Sells into rising prints and buys into falling ones, a few ticks away."""

    instrument_number = Parameter(2, low=0, doc="the instrument that it trades")
    away = Parameter(2, low=1, doc="ticks from the last print to its order")
    size = Parameter(20, low=1, doc="lots an order")
    limit = Parameter(200, low=1, doc="largest position in lots, either way")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.last = 0.0

    def on_trade(self, trade: Event) -> None:
        k = self.instrument_number
        if trade.instrument != k:
            return
        rising, self.last = trade.price > self.last, trade.price
        if len(self.orders) >= 4:
            self.cancel(self.orders[0])
        elif rising and self.position(k) > -self.limit:
            self.sell(self.size, int(trade.price) + self.away, k)
        elif not rising and self.position(k) < self.limit:
            self.buy(self.size, max(1, int(trade.price) - self.away), k)

"""Stops in the twin: they stay outside the book until the last trade price reaches their stop price."""

from engine.messages.vocabulary import Kind, OrderStatus, Side
from tests.naive.book import Order
from tests.naive.matching import Matching


class Stops(Matching):
    def is_through(self, order: Order) -> bool:
        last = self.last.get(order.instrument)
        return last is not None and (last >= order.stop_price if order.side == Side.BUY else last <= order.stop_price)

    def await_trigger(self, order: Order) -> None:
        """A stop that is accepted, or comes back with other terms: it triggers at once, or is pending behind those at its stop price."""
        order.status = OrderStatus.PENDING
        if self.is_through(order):
            self.trigger(order)
        else:
            self.stops[order.instrument].append(order)

    def trigger(self, order: Order) -> None:
        self.withdraw(order)
        order.status = OrderStatus.NEW
        fact = self.emit_order(Kind.OrderTriggered, order, remaining=order.open)
        refused = self.refused_by_book(order)
        if refused:
            self.finish(order, refused.reason)
        else:
            self.start(order, fact)

    def cascade(self, instrument: int) -> None:
        """Triggered stops enter one at a time, each looked for with the last price that the one before left."""
        while instrument not in self.halted and (stop := self.next_triggered(instrument)):
            self.trigger(stop)

    def next_triggered(self, instrument: int) -> Order | None:
        """Buys by rising stop price before sells by falling stop price; at one price the first that came."""
        triggered = [order for order in self.stops[instrument] if self.is_through(order)]
        return min(triggered, key=lambda o: (o.side, o.stop_price if o.side == Side.BUY else -o.stop_price), default=None)

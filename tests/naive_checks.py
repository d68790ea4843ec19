"""The twin's ladder of refusals: the first check that fails is the reason."""

from types import SimpleNamespace

from engine.vocabulary import NOT_NAMED, Flag, OrderStatus, OrderType, Reason, SelfTrade, Side, TimeInForce
from tests.naive_book import LIVE, Order, opposite
from tests.naive_matching import Matching

MONEY_LIMIT = 2**62
ENUMS = {"side": Side, "type": OrderType, "time_in_force": TimeInForce, "self_trade": SelfTrade}
FINISHED = {
    OrderStatus.FILLED: Reason.ORDER_FILLED,
    OrderStatus.CANCELLED: Reason.ORDER_CANCELLED,
    OrderStatus.REJECTED: Reason.ORDER_REJECTED,
    OrderStatus.EXPIRED: Reason.ORDER_EXPIRED,
}


def uses_price(c: SimpleNamespace) -> bool:
    return c.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)


def waits(c: SimpleNamespace) -> bool:
    return c.type in (OrderType.STOP, OrderType.STOP_LIMIT)


def combines(c: SimpleNamespace) -> bool:
    """Every enum byte is a member, and the instructions fit together."""
    if any(getattr(c, name) not in set(enum) for name, enum in ENUMS.items()) or c.flags & ~(Flag.POST_ONLY | Flag.REDUCE_ONLY):
        return False
    if c.flags & Flag.POST_ONLY and (c.time_in_force in (TimeInForce.IOC, TimeInForce.FOK) or not uses_price(c)):
        return False
    return not (c.flags & Flag.REDUCE_ONLY and c.portfolio == 0)


class Checks(Matching):
    """What may come in, judged on the state as it is."""

    def is_price(self, instrument: int, price: int, on_tick: bool = True) -> bool:
        listed = self.instruments[instrument]
        return abs(price) < 2**31 and price % (listed.tick_units if on_tick else 1) == 0 and (price > 0 or listed.negative_prices)

    def malformed(self, c: SimpleNamespace) -> Reason:
        """The first check that a new order fails while its id stays unused."""
        if c.instrument >= len(self.instruments):
            return Reason.UNKNOWN_INSTRUMENT
        if c.portfolio not in self.cash:
            return Reason.UNKNOWN_PORTFOLIO
        if c.trader not in self.traders:
            return Reason.UNKNOWN_TRADER
        if c.order_id == 0:
            return Reason.INVALID_ORDER_ID
        if not 0 < c.quantity < 2**32:
            return Reason.INVALID_QUANTITY
        if uses_price(c) and not self.is_price(c.instrument, c.price):
            return Reason.INVALID_PRICE
        if waits(c) and not self.is_price(c.instrument, c.stop_price):
            return Reason.INVALID_STOP_PRICE
        if not combines(c):
            return Reason.INVALID_COMBINATION
        if self.beyond_money(c.portfolio, c.instrument, self.valuation(c), c.quantity):
            return Reason.MONEY_RANGE
        if waits(c) or c.flags & Flag.REDUCE_ONLY:
            return Reason.UNSUPPORTED
        return Reason.NONE

    def valuation(self, c: SimpleNamespace) -> int:
        """The price at which a new order counts: its own, else the opposite best, else the mark, else 0."""
        if c.type != OrderType.MARKET:
            return c.stop_price if c.type == OrderType.STOP else c.price
        best = self.books[c.instrument].best(opposite(c.side))
        return best if best is not None else self.marks.get(c.instrument, 0)

    def beyond_money(self, portfolio: int, instrument: int, price: int, lots: int, but: Order | None = None) -> bool:
        """MONEY_RANGE: the order's notional, and |cash| + working notional + its own, stay below 2^62."""
        own = self.notional(instrument, price, lots)
        return own >= MONEY_LIMIT or abs(self.cash[portfolio]) + self.working(portfolio, but) + own >= MONEY_LIMIT

    def working(self, portfolio: int, but: Order | None = None) -> int:
        """Notional of a portfolio's live orders, less one of them."""
        live = [o for o in self.orders.values() if o.portfolio == portfolio and o.status in LIVE and o is not but]
        return sum(self.notional(o.instrument, o.price, o.open) for o in live)

    def named(self, c: SimpleNamespace) -> Order | None:
        """The trader's own order that a cancel or replace names, under the symbol under which it was entered."""
        order = self.orders.get((c.trader, c.order_id))
        return order if order and order.instrument == c.instrument else None

    def unchangeable(self, c: SimpleNamespace) -> Reason:
        """Why there is nothing to cancel or replace."""
        if c.instrument >= len(self.instruments):
            return Reason.UNKNOWN_INSTRUMENT
        order = self.named(c)
        return FINISHED.get(order.status, Reason.NONE) if order else Reason.UNKNOWN_ORDER

    def unreplaceable(self, c: SimpleNamespace) -> Reason:
        reason = self.unchangeable(c)
        if reason:
            return reason
        if c.quantity != NOT_NAMED and not 0 < c.quantity < 2**32:
            return Reason.INVALID_QUANTITY
        if c.price != NOT_NAMED and not self.is_price(c.instrument, c.price):
            return Reason.INVALID_PRICE
        if c.stop_price != NOT_NAMED and not self.is_price(c.instrument, c.stop_price):
            return Reason.INVALID_STOP_PRICE
        if c.stop_price != NOT_NAMED:
            return Reason.INVALID_COMBINATION
        return Reason.NONE

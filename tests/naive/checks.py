"""The twin's ladder of refusals: the first check that fails is the reason."""

from types import SimpleNamespace

from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderStatus, OrderType, Reason, SelfTrade, Side, TimeInForce
from tests.naive import compliance, risk
from tests.naive.accounts import Refusal
from tests.naive.book import LIVE, Order
from tests.naive.matching import MONEY_LIMIT
from tests.naive.stops import Stops

ENUMS = {"side": Side, "type": OrderType, "time_in_force": TimeInForce, "self_trade": SelfTrade}
FINISHED = {
    OrderStatus.FILLED: Reason.ORDER_FILLED,
    OrderStatus.CANCELLED: Reason.ORDER_CANCELLED,
    OrderStatus.REJECTED: Reason.ORDER_REJECTED,
    OrderStatus.EXPIRED: Reason.ORDER_EXPIRED,
}


def uses_price(c: SimpleNamespace) -> bool:
    return c.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)


def has_stop(c: SimpleNamespace) -> bool:
    return c.type in (OrderType.STOP, OrderType.STOP_LIMIT)


def combines(c: SimpleNamespace) -> bool:
    """Every enum byte is a member, and the instructions fit together."""
    if any(getattr(c, name) not in set(enum) for name, enum in ENUMS.items()) or c.flags & ~(Flag.POST_ONLY | Flag.REDUCE_ONLY):
        return False
    if c.flags & Flag.POST_ONLY and (c.time_in_force in (TimeInForce.IOC, TimeInForce.FOK) or not uses_price(c)):
        return False
    return not (c.flags & Flag.REDUCE_ONLY and c.portfolio == 0)


def as_order(c: SimpleNamespace) -> Order:
    """The order that a NEW asks for; a price that its type does not use is 0."""
    same = ("trader", "portfolio", "instrument", "side", "quantity", "type", "time_in_force", "self_trade", "flags")
    prices = {"price": c.price if uses_price(c) else 0, "stop_price": c.stop_price if has_stop(c) else 0}
    return Order(id=c.order_id, **prices, **{name: getattr(c, name) for name in same})


class Checks(Stops):
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
        if has_stop(c) and not self.is_price(c.instrument, c.stop_price):
            return Reason.INVALID_STOP_PRICE
        if not combines(c):
            return Reason.INVALID_COMBINATION
        return Reason.MONEY_RANGE if self.beyond_money(as_order(c)) else Reason.NONE

    def beyond_money(self, order: Order, but: Order | None = None) -> bool:
        """MONEY_RANGE: the order's notional, and |cash| + working notional + its own, stay below 2^62."""
        own = self.open_notional(order)
        return own >= MONEY_LIMIT or abs(self.cash[order.portfolio]) + self.working_notional(order.portfolio, but) + own >= MONEY_LIMIT

    def refused_new(self, order: Order) -> Refusal | None:
        """Why a new order is refused although its id is good: it must not be among the orders yet."""
        live = sum(other.status in LIVE for other in self.orders.values())
        if live >= self.orders_max:
            return Refusal(Reason.TOO_MANY_ORDERS, live, self.orders_max)
        if order.instrument in self.halted:
            return Refusal(Reason.HALTED)
        return self.refused_by_desk(order) or (None if order.is_stop else self.refused_by_book(order))

    def refused_by_desk(self, order: Order, but: Order | None = None) -> Refusal | None:
        """Kill switch, compliance, risk; `but`: a replaced order as it was."""
        if self.killed & {("session", 0), ("portfolio", order.portfolio), ("trader", order.trader)}:
            return Refusal(Reason.KILL_SWITCH)
        return compliance.refusal(self, order, but) or risk.refusal(self, order, but)

    def refused_change(self, wanted: Order, order: Order) -> Refusal | None:
        """Why an order cannot become `wanted`, which is well-formed."""
        if self.beyond_money(wanted, but=order):
            return Refusal(Reason.MONEY_RANGE)
        if (wanted.price, wanted.stop_price) == (order.price, order.stop_price) and wanted.quantity <= order.quantity:
            return None
        refused = self.refused_by_desk(wanted, but=order)
        if refused or order.status == OrderStatus.PENDING or not order.flags & Flag.POST_ONLY:
            return refused
        return Refusal(Reason.POST_ONLY) if self.books[order.instrument].facing(order.side, wanted.price) else None

    def named(self, c: SimpleNamespace) -> Order | None:
        """The trader's own order that a cancel or replace names, under the symbol under which it was entered."""
        order = self.orders.get((c.trader, c.order_id))
        return order if order and order.instrument == c.instrument else None

    def unchangeable(self, c: SimpleNamespace) -> Reason:
        """Why there is nothing to cancel or replace."""
        if c.instrument >= len(self.instruments):
            return Reason.UNKNOWN_INSTRUMENT
        if c.kind == Kind.REPLACE and c.instrument in self.halted:
            return Reason.HALTED
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
        order = self.orders[c.trader, c.order_id]
        priceless, pending = order.type == OrderType.STOP, order.status == OrderStatus.PENDING
        if (c.price != NOT_NAMED and priceless) or (c.stop_price != NOT_NAMED and not pending):
            return Reason.INVALID_COMBINATION
        return Reason.NONE

"""Compliance rules in the twin: what a trader may order. A replace is looked at with its new total."""

from engine.messages.vocabulary import OrderType, Reason, Side
from tests.naive.accounts import Accounts, Refusal, clamped
from tests.naive.book import Order
from tests.naive.limits import RATIO, Rules
from tests.naive.risk import uncovered


def refusal(ex: Accounts, order: Order, but: Order | None = None) -> Refusal | None:
    """The first rule that an order fails. One that passes is counted by the trader's order rate."""
    if (order.trader, order.instrument) in ex.restricted:
        return Refusal(Reason.RESTRICTED_SYMBOL)
    rules = ex.rules.get(order.trader)
    if rules is None:
        return None
    return (
        max_order_quantity(ex, order, rules)
        or max_order_notional(ex, order, rules)
        or price_collar(ex, order, rules)
        or short_sale(ex, order, but, rules)
        or order_rate(ex, rules)
    )


def max_order_quantity(ex: Accounts, order: Order, rules: Rules) -> Refusal | None:
    if rules.max_order_quantity is None:
        return None
    most = int(rules.max_order_quantity / ex.lot(order.instrument))
    return Refusal(Reason.MAX_ORDER_QUANTITY, order.quantity, clamped(most)) if order.quantity > most else None


def max_order_notional(ex: Accounts, order: Order, rules: Rules) -> Refusal | None:
    notional, most = ex.notional(order.instrument, ex.valuation(order), order.quantity), rules.max_order_notional
    return Refusal(Reason.MAX_ORDER_NOTIONAL, clamped(notional), most) if most is not None and notional > most else None


def price_collar(ex: Accounts, order: Order, rules: Rules) -> Refusal | None:
    """A price too far from the last REFERENCE, else from the last trade; the limit is the nearest price still allowed."""
    reference = ex.references.get(order.instrument, ex.last.get(order.instrument))
    if rules.price_collar is None or reference is None or order.type not in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        return None
    width = abs(reference) * rules.price_collar // RATIO
    nearest = max(reference - width, min(order.price, reference + width))
    return Refusal(Reason.PRICE_COLLAR, order.price, nearest) if order.price != nearest else None


def short_sale(ex: Accounts, order: Order, but: Order | None, rules: Rules) -> Refusal | None:
    if rules.short_sale or order.side == Side.BUY or order.reduces_only:
        return None
    return uncovered(ex, order, but, Reason.SHORT_SALE)


def order_rate(ex: Accounts, rules: Rules) -> Refusal | None:
    return None if rules.count(ex.ts) else Refusal(Reason.ORDER_RATE, 0, rules.order_rate or 0)

"""Which topics a fact goes to, and under which key: one table, which the encoder follows."""

from typing import NamedTuple

from engine.messages.vocabulary import Kind

ORDERS_EVENTS, TRADES, RISK_EVENTS, COMPLIANCE_EVENTS = "orders.events", "trades", "risk.events", "compliance.events"
PORTFOLIO_EVENTS, DEAD_LETTERS = "portfolio.events", "dead-letters"
ORDERS_EVENTS_PACKED, MARKET_HISTORY = "orders.events.packed", "market-history"


class Route(NamedTuple):
    """A topic, and what keys the records that go there."""

    topic: str
    by_portfolio: bool
    """Whether the key is the portfolio's name; else it is the symbol. Where there is none the key is empty."""


_TO_OWNER = Route(ORDERS_EVENTS, True)
HISTORYS_OWN = [kind for kind in Kind if kind >= Kind.HistoryAdded]
"""Facts about history's own orders: they go nowhere."""

ORDER_KINDS = (
    Kind.OrderCreated,
    Kind.OrderTriggered,
    Kind.OrderReplaced,
    Kind.OrderCancelled,
    Kind.OrderRejected,
    Kind.OrderExpired,
    Kind.CancelRejected,
    Kind.ReplaceRejected,
)
"""Facts that an order's owner is told, beside its trades."""
OWNED: tuple[Route, ...] = (_TO_OWNER,)
"""Of every fact that `ROUTES` does not name."""
FILLED, REFUSED_BY_RISK, REFUSED_BY_COMPLIANCE = "OrderFilled", "refused by risk", "refused by compliance"
ROUTES: dict[str, tuple[Route, ...]] = {
    Kind.TradeExecuted.name: (_TO_OWNER, Route(TRADES, False)),
    FILLED: (_TO_OWNER,),
    Kind.RiskLimitBreached.name: (_TO_OWNER, Route(RISK_EVENTS, False)),
    REFUSED_BY_RISK: (Route(RISK_EVENTS, False),),
    REFUSED_BY_COMPLIANCE: (Route(COMPLIANCE_EVENTS, False),),
    **{kind.name: () for kind in HISTORYS_OWN},
}
"""Where the object of each event goes. A trade is one TradeExecuted and an OrderFilled for each side of ours; an order or replace that a
limit or a rule refused goes to `orders.events` as the refusal that it is, and once more, as RiskLimitBreached or ComplianceCheckFailed."""

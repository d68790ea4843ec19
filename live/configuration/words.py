"""The facts and alerts that a rule of notifications may name, and the fields by which it may choose among them."""

from engine.messages.vocabulary import Kind
from live.wire.control_json import SHOWS

_KINDS = {kind.name: (int(kind),) for kind in Kind if Kind.OrderCreated <= kind < Kind.HistoryAdded}
_REFUSALS = (int(Kind.OrderRejected), int(Kind.ReplaceRejected))
STREAM_ALERTS = ("ANOMALY_DETECTED", "SPREAD_ANOMALY", "VOLUME_ANOMALY")
"""What the streams notice in the market."""
ALERTS = frozenset(
    (
        *("StrategyStopped", "TraderSilent", "MessagesRemoved", "ServiceFailed", "DeadLetter"),
        *("SurveillanceCase", "SettlementFailed", "SettlementCompensated"),
        *(*STREAM_ALERTS, "StreamsStopped", "TicksRemoved", "BadTicks", "MarksRefused"),
        *("ClockBehind", "EarlierMessages", "ModelsNotKept"),
    )
)
"""What the session and its services notice themselves."""
FACTS: dict[str, tuple[int, ...]] = {
    **_KINDS,
    "OrderFilled": (int(Kind.TradeExecuted),),
    "RiskLimitBreached": (int(Kind.RiskLimitBreached), *_REFUSALS),
    "ComplianceCheckFailed": _REFUSALS,
}
"""Each name, and the kinds of the facts that may give an object of that name."""
WHEN = frozenset(FACTS) | ALERTS

_ORDER = (
    "order_id symbol portfolio trader type side quantity price stop_price time_in_force post_only reduce_only remaining reason value limit"
)
_TRADE = (
    "maker_order_id taker_order_id maker_portfolio taker_portfolio taker_side maker_trader taker_trader maker_fee taker_fee "
    "maker_remaining taker_remaining fee liquidity day status event"
)
_ALERT = (
    "strategy failure at seconds cancelled source service rule first_seq last_seq threshold facts text instruction date amount close "
    "change usual bid ask spread volume topic count"
)
FIELDS = frozenset(" ".join((_ORDER, _TRADE, _ALERT, *SHOWS.values())).split())
"""Fields of their objects, beside session, seq, ts and kind."""

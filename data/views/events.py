"""The views of events, one each; breaches of risk limits and failed compliance checks, refusals among them."""

from data.views.columns import (
    LISTED,
    OWNERS,
    PORTFOLIO,
    PRICED,
    STOPS,
    TRADER,
    called,
    flag,
    kinds,
    money,
    named,
    one_of,
    price,
    quantity,
    ticks,
    time_of,
    word,
)
from engine.messages.records import FACT_COLUMNS
from engine.messages.vocabulary import Flag, Kind, OrderType, Reason, Side, TimeInForce

COMPLIANCE = one_of(range(Reason.RESTRICTED_SYMBOL, Reason.ORDER_RATE + 1))
RISK = one_of(range(Reason.BUYING_POWER, Reason.LEVERAGE_LIMIT + 1))
_IN_LOTS = one_of([Reason.MAX_ORDER_QUANTITY, Reason.SHORT_SALE, Reason.POSITION_LIMIT])
_IN_MONEY = one_of([Reason.MAX_ORDER_NOTIONAL, Reason.EXPOSURE_LIMIT, Reason.DAILY_LOSS_LIMIT])
_REFUSALS = kinds(Kind.OrderRejected, Kind.ReplaceRejected)
_NO_BOUND = 2**63 - 1


def order_event(kind: Kind) -> str:
    """The order as each fact of a kind shows it; of an unknown instrument nothing can be said in units."""
    refusal = ", f.fee AS value_raw, f.maker_fee AS limit_raw" if kind == Kind.OrderRejected else ""
    known = f"LEFT JOIN instruments i ON i.session = f.session AND i.number = f.instrument AND f.reason <> {Reason.UNKNOWN_INSTRUMENT:d}"
    return f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, f.order_id, i.symbol, {PORTFOLIO} AS portfolio, {TRADER} AS trader,
    {word("f.type", OrderType)} AS type, {word("f.side", Side)} AS side, {quantity("f.quantity")} AS quantity,
    CASE WHEN f.type IN {PRICED} THEN {price("f.price")} END AS price,
    CASE WHEN f.type IN {STOPS} THEN {price("f.stop_price")} END AS stop_price, {word("f.time_in_force", TimeInForce)} AS time_in_force,
    {flag(Flag.POST_ONLY)} AS post_only, {flag(Flag.REDUCE_ONLY)} AS reduce_only, {quantity("f.remaining")} AS remaining,
    {word("NULLIF(f.reason, 0)", Reason)} AS reason, CASE WHEN f.type IN {PRICED} THEN {ticks("f.price::BIGINT")} END AS price_ticks,
    CASE WHEN f.type IN {STOPS} THEN {ticks("f.stop_price::BIGINT")} END AS stop_price_ticks, f.quantity::BIGINT AS quantity_lots,
    f.remaining::BIGINT AS remaining_lots{refusal}
FROM facts f {known} {OWNERS} WHERE f.kind = {kind:d} ORDER BY f.session, f.seq
"""


ORDER_FILLED = """
SELECT *, CASE remaining_lots WHEN 0 THEN 'FILLED' ELSE 'PARTIALLY_FILLED' END AS status FROM executions ORDER BY session, seq, liquidity
"""

TRADE_EXECUTED = f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, i.symbol, {price("f.price")} AS price, {quantity("f.quantity")} AS quantity,
    f.maker_order_id, f.order_id AS taker_order_id, {called("m", "f.maker_portfolio")} AS maker_portfolio,
    {PORTFOLIO} AS taker_portfolio, {word("f.side", Side)} AS taker_side, {ticks("f.price")} AS price_ticks,
    f.quantity::BIGINT AS quantity_lots, {called("n", "f.maker_trader")} AS maker_trader, {TRADER} AS taker_trader,
    {money("f.maker_fee")} AS maker_fee, {money("f.fee")} AS taker_fee, {quantity("f.maker_remaining")} AS maker_remaining,
    {quantity("f.remaining")} AS taker_remaining, f.maker_fee AS maker_fee_raw, f.fee AS taker_fee_raw,
    f.maker_remaining::BIGINT AS maker_remaining_lots, f.remaining::BIGINT AS taker_remaining_lots
FROM facts f {LISTED} {OWNERS} {named("portfolio", "f.maker_portfolio", "m")} {named("trader", "f.maker_trader", "n")}
WHERE f.kind = {Kind.TradeExecuted:d} ORDER BY f.session, f.seq
"""

# A ReplaceRejected does not say portfolio and side; the OrderCreated of its order does.
_CREATED = f"SELECT session, seq, trader, order_id, portfolio, side FROM facts WHERE kind = {Kind.OrderCreated:d}"
_AS_TOLD = ", ".join(f'r."{name}"' for name in ("session", *FACT_COLUMNS) if name not in ("portfolio", "side"))
_OWNED = f"""
    SELECT {_AS_TOLD}, CASE r.kind WHEN {Kind.ReplaceRejected:d} THEN coalesce(c.portfolio, 0) ELSE r.portfolio END AS portfolio,
        CASE r.kind WHEN {Kind.ReplaceRejected:d} THEN coalesce(c.side, 0) ELSE r.side END AS side
    FROM facts r ASOF LEFT JOIN ({_CREATED}) c
    ON c.session = r.session AND c.trader = r.trader AND c.order_id = r.order_id AND c.seq <= r.seq
"""


def _measured(raw: str, empty: str) -> str:
    """A refusal's value or limit in the unit in which people count it. BUYING_POWER counts money for a buy, lots for a sale."""
    return f"""CASE
        WHEN f.reason IN {empty} OR (f.reason = {Reason.LEVERAGE_LIMIT:d} AND {raw} = {_NO_BOUND}) THEN NULL
        WHEN f.reason IN {_IN_MONEY} OR (f.reason = {Reason.BUYING_POWER:d} AND f.side = {Side.BUY:d}) THEN {money(raw)}
        WHEN f.reason IN {_IN_LOTS} OR f.reason = {Reason.BUYING_POWER:d} THEN {quantity(raw)}
        WHEN f.reason = {Reason.PRICE_COLLAR:d} THEN {price(raw)}
        WHEN f.reason = {Reason.ORDER_RATE:d} THEN {raw} / 1000
        ELSE {raw} / {10**9} END"""


def _judged(reasons: str, alarms: str) -> str:
    asked, alarm = f"f.kind = {Kind.OrderRejected:d}", f"f.kind = {Kind.RiskLimitBreached:d}"
    return f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, {word("f.kind", Kind)} AS event, {word("f.reason", Reason)} AS reason,
    {PORTFOLIO} AS portfolio, CASE WHEN NOT {alarm} THEN {TRADER} END AS trader, CASE WHEN NOT {alarm} THEN f.order_id END AS order_id,
    i.symbol, CASE WHEN NOT {alarm} THEN {word("f.side", Side)} END AS side,
    CASE WHEN {asked} THEN {quantity("f.quantity")} END AS quantity,
    CASE WHEN {asked} AND f.type IN {PRICED} THEN {price("f.price")} END AS price,
    {_measured("f.fee", one_of([Reason.RESTRICTED_SYMBOL, Reason.ORDER_RATE]))} AS value,
    {_measured("f.maker_fee", one_of([Reason.RESTRICTED_SYMBOL]))} AS limit_value, f.fee AS value_raw, f.maker_fee AS limit_raw
FROM ({_OWNED}) f {LISTED} {OWNERS}
WHERE (f.kind IN {_REFUSALS} AND f.reason IN {reasons}){alarms} ORDER BY f.session, f.seq
"""


BREACHES = _judged(RISK, f" OR f.kind = {Kind.RiskLimitBreached:d}")
COMPLIANCE_FAILURES = _judged(COMPLIANCE, "")

EVENTS = {
    **{
        kind.name: order_event(kind)
        for kind in (
            *(Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled, Kind.OrderExpired, Kind.OrderRejected),
        )
    },
    "OrderFilled": ORDER_FILLED,
    "TradeExecuted": TRADE_EXECUTED,
    "RiskLimitBreached": "SELECT * FROM breaches ORDER BY session, seq",
    "ComplianceCheckFailed": "SELECT * FROM compliance_failures ORDER BY session, seq",
}
"""The view of each event."""

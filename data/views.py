"""SQL views over the event log: names for numbers, decimals beside exact integers. Every view is told from the facts alone.

Prices, quantities and money are DOUBLE, each the double nearest to the exact decimal (a whole number divided once); the columns that end in
`_ticks`, `_lots` and `_raw` (money in 10^-decimals) are exact. Times are TIMESTAMP_NS in UTC. NULL where there is nothing.
"""

import hashlib
from enum import IntEnum

from engine.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce

# A NEW that is refused for one of these leaves its id unused, or used by the order before it: it is no order.
_NO_ORDER = [*range(Reason.DUPLICATE_ORDER + 1), int(Reason.UNKNOWN_PORTFOLIO), int(Reason.UNKNOWN_TRADER)]


def _named(column: str, words: type[IntEnum]) -> str:
    cases = " ".join(f"WHEN {int(word)} THEN '{word.name}'" for word in words)
    return f"CASE {column} {cases} END"


def time_of(column: str) -> str:
    """A time as TIMESTAMP_NS; NULL for the two that DuckDB keeps for infinity."""
    return f"make_timestamp_ns(CASE WHEN abs({column}::HUGEINT) < {2**63 - 1} THEN {column} END)"


def _kinds(*kinds: Kind) -> str:
    return f"({', '.join(str(int(kind)) for kind in kinds)})"


def _price(units: str) -> str:
    return f"{units}::DOUBLE * i.price_numerator / i.price_denominator"


def _ticks(units: str) -> str:
    return f"CASE WHEN {units} % i.tick_units = 0 THEN {units} // i.tick_units END"


def _quantity(lots: str) -> str:
    return f"{lots}::DOUBLE * i.lot_numerator / i.lot_denominator"


def _money(raw: str) -> str:
    return f"{raw}::DOUBLE / (10 ** i.decimals)"


_LISTED = "LEFT JOIN instruments i ON i.session = f.session AND i.number = f.instrument"


def _joined(kind: str, column: str, alias: str) -> str:
    return f"LEFT JOIN names {alias} ON {alias}.session = f.session AND {alias}.kind = '{kind}' AND {alias}.number = {column}"


def _called(alias: str, column: str) -> str:
    """A portfolio's or trader's name; number 0 is "", which nobody has to name."""
    return f"COALESCE({alias}.name, CASE {column} WHEN 0 THEN '' END)"


# Every fact about a client's order as seen from that order; a trade between two clients stands here twice.
_ORDER_FACTS = f"""
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, type, time_in_force, price, stop_price, quantity,
        remaining, 0 AS traded, 0 AS fee, NULL AS liquidity
    FROM facts
    WHERE kind IN {_kinds(Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled, Kind.OrderExpired)}
        OR (kind = {Kind.OrderRejected:d} AND reason NOT IN ({", ".join(map(str, _NO_ORDER))}))
    UNION ALL
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, type, time_in_force, price, 0, 0,
        remaining, quantity, fee, 'TAKER'
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.TAKER_HISTORY:d} = 0
    UNION ALL
    SELECT session, seq, ts, kind, reason, maker_trader, maker_order_id, maker_portfolio, instrument, 1 - side, type, time_in_force,
        price, 0, 0, maker_remaining, quantity, maker_fee, 'MAKER'
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.MAKER_HISTORY:d} = 0
"""

# An id may live again after START_OF_DAY: each OrderCreated or OrderRejected begins a life.
_LIVES = f"""
    SELECT *, count(*) FILTER (kind IN {_kinds(Kind.OrderCreated, Kind.OrderRejected)})
        OVER (PARTITION BY session, trader, order_id ORDER BY seq) AS life
    FROM ({_ORDER_FACTS})
"""

_TERMS = f"FILTER (kind IN {_kinds(Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderRejected)})"
_BIRTH = f"FILTER (kind IN {_kinds(Kind.OrderCreated, Kind.OrderRejected)})"
_END = f"FILTER (kind IN {_kinds(Kind.OrderCancelled, Kind.OrderExpired, Kind.OrderRejected)})"
_STOPS = f"({OrderType.STOP:d}, {OrderType.STOP_LIMIT:d})"
_PRICED = f"({OrderType.LIMIT:d}, {OrderType.STOP_LIMIT:d})"

_STATES = f"""
    SELECT session, trader, order_id, min(seq) AS seq, min(ts) AS created, max(ts) AS updated,
        max(portfolio) {_BIRTH} AS portfolio, max(instrument) {_BIRTH} AS instrument, max(side) {_BIRTH} AS side,
        max(type) {_BIRTH} AS type, max(time_in_force) {_BIRTH} AS time_in_force,
        arg_max(quantity, seq) {_TERMS} AS quantity, arg_max(price, seq) {_TERMS} AS price,
        arg_max(stop_price, seq) {_TERMS} AS stop_price, max(kind) {_END} AS ended, max(reason) {_END} AS reason,
        bool_or(kind = {Kind.OrderTriggered:d}) AS triggered, sum(traded)::BIGINT AS executed, sum(price::HUGEINT * traded) AS cost,
        bool_or(traded > 0 AND remaining = 0) AS filled
    FROM ({_LIVES}) WHERE life > 0 GROUP BY session, trader, order_id, life
"""

_STATUS = f"""CASE
        WHEN ended = {Kind.OrderRejected:d} THEN '{OrderStatus.REJECTED.name}'
        WHEN ended = {Kind.OrderExpired:d} THEN '{OrderStatus.EXPIRED.name}'
        WHEN ended = {Kind.OrderCancelled:d} THEN '{OrderStatus.CANCELLED.name}'
        WHEN filled THEN '{OrderStatus.FILLED.name}'
        WHEN executed > 0 THEN '{OrderStatus.PARTIALLY_FILLED.name}'
        WHEN f.type IN {_STOPS} AND NOT triggered THEN '{OrderStatus.PENDING.name}'
        ELSE '{OrderStatus.NEW.name}' END"""

ORDERS = f"""
SELECT f.session, f.order_id, i.symbol, {_called("p", "f.portfolio")} AS portfolio, {_called("t", "f.trader")} AS trader,
    {_named("f.type", OrderType)} AS type, {_named("f.side", Side)} AS side, {_quantity("f.quantity")} AS quantity,
    CASE WHEN f.type IN {_PRICED} THEN {_price("f.price")} END AS price,
    CASE WHEN f.type IN {_STOPS} THEN {_price("f.stop_price")} END AS stop_price,
    {_named("f.time_in_force", TimeInForce)} AS time_in_force, {_STATUS} AS status, {_quantity("executed")} AS executed_quantity,
    CASE WHEN executed > 0 THEN cost::DOUBLE * i.price_numerator / (executed::DOUBLE * i.price_denominator) END AS average_price,
    {time_of("created")} AS created, {time_of("updated")} AS updated, {_named("NULLIF(f.reason, 0)", Reason)} AS reason,
    f.seq, CASE WHEN f.type IN {_PRICED} THEN {_ticks("f.price")} END AS price_ticks,
    CASE WHEN f.type IN {_STOPS} THEN {_ticks("f.stop_price")} END AS stop_price_ticks,
    f.quantity::BIGINT AS quantity_lots, executed AS executed_lots
FROM ({_STATES}) f {_LISTED} {_joined("portfolio", "f.portfolio", "p")} {_joined("trader", "f.trader", "t")}
ORDER BY f.session, f.seq
"""

EXECUTIONS = f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, f.order_id, i.symbol, {_called("p", "f.portfolio")} AS portfolio,
    {_called("t", "f.trader")} AS trader, {_named("f.side", Side)} AS side, {_price("f.price")} AS price,
    {_quantity("f.traded")} AS quantity, {_money("f.fee")} AS fee, f.liquidity,
    {_ticks("f.price")} AS price_ticks, f.traded::BIGINT AS quantity_lots, f.fee::BIGINT AS fee_raw
FROM ({_ORDER_FACTS}) f {_LISTED} {_joined("portfolio", "f.portfolio", "p")} {_joined("trader", "f.trader", "t")}
WHERE f.liquidity IS NOT NULL ORDER BY f.session, f.seq, f.liquidity
"""

TRADES = f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, i.symbol, {_price("f.price")} AS price, {_quantity("f.quantity")} AS quantity,
    f.maker_order_id, f.order_id AS taker_order_id, {_called("m", "f.maker_portfolio")} AS maker_portfolio,
    {_called("t", "f.portfolio")} AS taker_portfolio, {_named("f.side", Side)} AS taker_side, {_ticks("f.price")} AS price_ticks,
    f.quantity::BIGINT AS quantity_lots
FROM facts f {_LISTED} {_joined("portfolio", "f.maker_portfolio", "m")} {_joined("portfolio", "f.portfolio", "t")}
WHERE f.kind = {Kind.TradeExecuted:d} ORDER BY f.session, f.seq
"""

# Both sides of every fill, history's too: it is the outside world, portfolio "", so that quantities add up to zero.
_SIDES = f"""
    SELECT session, portfolio, instrument, side, quantity::HUGEINT AS lots, price::HUGEINT AS price, fee
    FROM facts WHERE kind = {Kind.TradeExecuted:d}
    UNION ALL
    SELECT session, maker_portfolio, instrument, 1 - side, quantity, price, maker_fee
    FROM facts WHERE kind = {Kind.TradeExecuted:d}
"""

_SUMS = f"""
    SELECT s.session, s.portfolio, s.instrument, coalesce(sum(lots) FILTER (side = {Side.BUY:d}), 0) AS bought,
        coalesce(sum(lots) FILTER (side = {Side.SELL:d}), 0) AS sold, sum(lots * abs(price) * i.value) AS notional, sum(fee) AS fees,
        sum(CASE side WHEN {Side.BUY:d} THEN -1 ELSE 1 END * lots * price * i.value) - sum(fee) AS cash_flow
    FROM ({_SIDES}) s LEFT JOIN instruments i ON i.session = s.session AND i.number = s.instrument
    GROUP BY s.session, s.portfolio, s.instrument
"""

POSITIONS = f"""
SELECT f.session, {_called("p", "f.portfolio")} AS portfolio, i.symbol, {_quantity("(bought - sold)")} AS quantity,
    {_quantity("bought")} AS bought, {_quantity("sold")} AS sold, {_money("notional")} AS notional, {_money("fees")} AS fees,
    {_money("cash_flow")} AS cash_flow, (bought - sold)::BIGINT AS quantity_lots, bought::BIGINT AS bought_lots, sold::BIGINT AS sold_lots,
    TRY_CAST(notional AS BIGINT) AS notional_raw, TRY_CAST(fees AS BIGINT) AS fees_raw, TRY_CAST(cash_flow AS BIGINT) AS cash_flow_raw
FROM ({_SUMS}) f {_LISTED} {_joined("portfolio", "f.portfolio", "p")}
ORDER BY f.session, f.portfolio, f.instrument
"""

VIEWS = {"orders": ORDERS, "executions": EXECUTIONS, "trades": TRADES, "positions": POSITIONS}
"""Name of each view and its query."""

VIEWS_DIGEST = hashlib.sha256(repr(VIEWS).encode()).hexdigest()
"""Tells a log whose views an older Tapebook made."""

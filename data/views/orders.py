"""The views of orders: where each stands, which are active, how deep the book is."""

from data.views.columns import LISTED, OWNERS, PORTFOLIO, PRICED, STOPS, TRADER, flag, kinds, one_of, price, quantity, ticks, time_of, word
from engine.messages.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce

# A NEW that is refused for one of these leaves its id unused, or used by the order before it: it is not an order.
_NO_ORDER = [*range(Reason.DUPLICATE_ORDER + 1), int(Reason.UNKNOWN_PORTFOLIO), int(Reason.UNKNOWN_TRADER)]

# Every fact about a client's order as seen from that order; a trade between two clients stands here twice.
ORDER_FACTS = f"""
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, type, time_in_force, flags, price, stop_price,
        quantity, remaining, 0 AS traded, 0 AS fee, NULL AS liquidity
    FROM facts
    WHERE kind IN {kinds(Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled, Kind.OrderExpired)}
        OR (kind = {Kind.OrderRejected:d} AND reason NOT IN {one_of(_NO_ORDER)})
    UNION ALL
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, type, time_in_force, 0, price, 0, 0,
        remaining, quantity, fee, 'TAKER'
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.TAKER_HISTORY:d} = 0
    UNION ALL
    SELECT session, seq, ts, kind, reason, maker_trader, maker_order_id, maker_portfolio, instrument, 1 - side, type, time_in_force, 0,
        price, 0, 0, maker_remaining, quantity, maker_fee, 'MAKER'
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.MAKER_HISTORY:d} = 0
"""

# An id may live again after START_OF_DAY: each OrderCreated or OrderRejected begins a life.
_LIVES = f"""
    SELECT *, count(*) FILTER (kind IN {kinds(Kind.OrderCreated, Kind.OrderRejected)})
        OVER (PARTITION BY session, trader, order_id ORDER BY seq) AS life
    FROM ({ORDER_FACTS})
"""

_TERMS = f"FILTER (kind <> {Kind.TradeExecuted:d})"
_BIRTH = f"FILTER (kind IN {kinds(Kind.OrderCreated, Kind.OrderRejected)})"
_END = f"FILTER (kind IN {kinds(Kind.OrderCancelled, Kind.OrderExpired, Kind.OrderRejected)})"

STATES = f"""
    SELECT session, trader, order_id, min(seq) AS seq, min(ts) AS created, max(ts) AS updated,
        max(portfolio) {_BIRTH} AS portfolio, max(instrument) {_BIRTH} AS instrument, max(side) {_BIRTH} AS side,
        max(type) {_BIRTH} AS type, max(time_in_force) {_BIRTH} AS time_in_force, max(flags) {_BIRTH} AS flags,
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
        WHEN f.type IN {STOPS} AND NOT triggered THEN '{OrderStatus.PENDING.name}'
        ELSE '{OrderStatus.NEW.name}' END"""

ORDERS = f"""
SELECT f.session, f.order_id, i.symbol, {PORTFOLIO} AS portfolio, {TRADER} AS trader,
    {word("f.type", OrderType)} AS type, {word("f.side", Side)} AS side, {quantity("f.quantity")} AS quantity,
    CASE WHEN f.type IN {PRICED} THEN {price("f.price")} END AS price,
    CASE WHEN f.type IN {STOPS} THEN {price("f.stop_price")} END AS stop_price,
    {word("f.time_in_force", TimeInForce)} AS time_in_force, {_STATUS} AS status, {quantity("executed")} AS executed_quantity,
    CASE WHEN executed > 0 THEN cost::DOUBLE * i.price_numerator / (executed::DOUBLE * i.price_denominator) END AS average_price,
    {time_of("created")} AS created, {time_of("updated")} AS updated, {word("NULLIF(f.reason, 0)", Reason)} AS reason,
    f.seq, CASE WHEN f.type IN {PRICED} THEN {ticks("f.price")} END AS price_ticks,
    CASE WHEN f.type IN {STOPS} THEN {ticks("f.stop_price")} END AS stop_price_ticks,
    f.quantity::BIGINT AS quantity_lots, executed AS executed_lots,
    {flag(Flag.POST_ONLY)} AS post_only, {flag(Flag.REDUCE_ONLY)} AS reduce_only
FROM ({STATES}) f {LISTED} {OWNERS}
ORDER BY f.session, f.seq
"""

ACTIVE_ORDERS = """
SELECT * FROM orders WHERE status IN ('NEW', 'PENDING', 'PARTIALLY_FILLED') ORDER BY session, seq
"""

_OF_HISTORY = kinds(Kind.HistoryAdded, Kind.HistoryModified, Kind.HistoryReduced, Kind.HistoryExecuted)

# History's orders by their ids, as far as their facts were built; the side of a fill is the other one.
_HISTORY = f"""
    SELECT session, instrument, arg_max(side, seq) FILTER (placed) AS side, arg_max(price, seq) FILTER (placed) AS price,
        arg_max(remaining, seq) AS lots
    FROM (
        SELECT session, seq, instrument, order_id, side, price, remaining,
            kind IN {kinds(Kind.HistoryAdded, Kind.HistoryModified)} AS placed, kind = {Kind.HistoryAdded:d} AS born
        FROM facts WHERE kind IN {_OF_HISTORY}
        UNION ALL
        SELECT session, seq, instrument, maker_order_id, 1 - side, price, maker_remaining, false, false
        FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.MAKER_HISTORY:d} <> 0 AND maker_order_id <> 0
    ) GROUP BY session, instrument, order_id HAVING bool_or(born)
"""

# What stands in the book: orders of clients and of history. What a REVEAL or a REMOVE did is not recorded order by order; a book that was
# reconciled so is known by `Exchange.depth` (of `EventLog.state`) alone.
DEPTH = f"""
SELECT f.session, i.symbol, {word("f.side", Side)} AS side,
    row_number() OVER (PARTITION BY f.session, f.instrument, f.side ORDER BY CASE f.side WHEN 0 THEN -f.price ELSE f.price END) AS level,
    {price("f.price")} AS price, {quantity("f.lots")} AS quantity, f.orders, {ticks("f.price")} AS price_ticks,
    f.lots AS quantity_lots
FROM (
    SELECT session, instrument, side, price::BIGINT AS price, sum(lots)::BIGINT AS lots, count(*) AS orders FROM (
        SELECT session, instrument, side, price, quantity - executed AS lots
        FROM ({STATES}) WHERE ended IS NULL AND NOT filled AND (triggered OR type NOT IN {STOPS})
        UNION ALL SELECT * FROM ({_HISTORY}) WHERE lots > 0
    ) GROUP BY ALL
) f {LISTED} ORDER BY f.session, f.instrument, f.side, level
"""

"""The views of trades: each once, each side of ours, what they come to, and the positions that they leave."""

from data.views.columns import LISTED, OWNERS, PORTFOLIO, TRADER, called, money, named, price, quantity, ticks, time_of, word
from data.views.orders import ORDER_FACTS
from engine.messages.vocabulary import Kind, Side

TRADES = f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, i.symbol, {price("f.price")} AS price, {quantity("f.quantity")} AS quantity,
    f.maker_order_id, f.order_id AS taker_order_id, {called("m", "f.maker_portfolio")} AS maker_portfolio,
    {called("p", "f.portfolio")} AS taker_portfolio, {word("f.side", Side)} AS taker_side, {ticks("f.price")} AS price_ticks,
    f.quantity::BIGINT AS quantity_lots
FROM facts f {LISTED} {named("portfolio", "f.maker_portfolio", "m")} {named("portfolio", "f.portfolio", "p")}
WHERE f.kind = {Kind.TradeExecuted:d} ORDER BY f.session, f.seq
"""

_DAYS = f"""
    SELECT session, seq, 1 + row_number() OVER (PARTITION BY session ORDER BY seq) AS day FROM facts WHERE kind = {Kind.DayStarted:d}
"""
# The day of a fact: a number from 1; a START_OF_DAY begins the next.
_DAY = f"ASOF LEFT JOIN ({_DAYS}) d ON d.session = f.session AND d.seq < f.seq"

EXECUTIONS = f"""
SELECT f.session, f.seq, {time_of("f.ts")} AS ts, f.order_id, i.symbol, {PORTFOLIO} AS portfolio,
    {TRADER} AS trader, {word("f.side", Side)} AS side, {price("f.price")} AS price,
    {quantity("f.traded")} AS quantity, {money("f.fee")} AS fee, f.liquidity,
    {ticks("f.price")} AS price_ticks, f.traded::BIGINT AS quantity_lots, f.fee::BIGINT AS fee_raw,
    coalesce(d.day, 1) AS day, {quantity("f.remaining")} AS remaining, f.remaining::BIGINT AS remaining_lots
FROM (SELECT * FROM ({ORDER_FACTS}) WHERE liquidity IS NOT NULL) f {_DAY} {LISTED} {OWNERS}
ORDER BY f.session, f.seq, f.liquidity
"""

_SUMMED = f"""
    SELECT f.session, coalesce(d.day, 1) AS day, f.trader, f.instrument, count(DISTINCT f.order_id) AS orders, count(*) AS executions,
        coalesce(sum(f.traded) FILTER (f.side = {Side.BUY:d}), 0) AS bought,
        coalesce(sum(f.traded) FILTER (f.side = {Side.SELL:d}), 0) AS sold,
        sum(f.price::HUGEINT * f.traded) AS paid, sum(abs(f.price)::HUGEINT * f.traded) AS turned, sum(f.fee) AS fees
    FROM (SELECT * FROM ({ORDER_FACTS}) WHERE liquidity IS NOT NULL) f {_DAY}
    GROUP BY f.session, coalesce(d.day, 1), f.trader, f.instrument
"""

EXECUTION_SUMMARY = f"""
SELECT f.session, f.day, {TRADER} AS trader, i.symbol, f.orders, f.executions, {quantity("(bought + sold)")} AS volume,
    paid::DOUBLE * i.price_numerator / ((bought + sold)::DOUBLE * i.price_denominator) AS vwap,
    {quantity("bought")} AS bought, {quantity("sold")} AS sold, {money("(turned * i.value)")} AS notional, {money("fees")} AS fees,
    (bought + sold)::BIGINT AS volume_lots, bought::BIGINT AS bought_lots, sold::BIGINT AS sold_lots,
    TRY_CAST(turned * i.value AS BIGINT) AS notional_raw, TRY_CAST(fees AS BIGINT) AS fees_raw
FROM ({_SUMMED}) f {LISTED} {named("trader", "f.trader", "t")}
ORDER BY f.session, f.day, trader, i.symbol
"""

# Both sides of every fill, history's too: it is the outside world, portfolio "", so that quantities add up to zero.
SIDES = f"""
    SELECT session, seq, portfolio, instrument, side, quantity::HUGEINT AS lots, price::HUGEINT AS price, fee
    FROM facts WHERE kind = {Kind.TradeExecuted:d}
    UNION ALL
    SELECT session, seq, maker_portfolio, instrument, 1 - side, quantity, price, maker_fee
    FROM facts WHERE kind = {Kind.TradeExecuted:d}
"""

_SUMS = f"""
    SELECT s.session, s.portfolio, s.instrument, coalesce(sum(lots) FILTER (side = {Side.BUY:d}), 0) AS bought,
        coalesce(sum(lots) FILTER (side = {Side.SELL:d}), 0) AS sold, sum(lots * abs(price) * i.value) AS notional, sum(fee) AS fees,
        sum(CASE side WHEN {Side.BUY:d} THEN -1 ELSE 1 END * lots * price * i.value) - sum(fee) AS cash_flow
    FROM ({SIDES}) s LEFT JOIN instruments i ON i.session = s.session AND i.number = s.instrument
    GROUP BY s.session, s.portfolio, s.instrument
"""

POSITIONS = f"""
SELECT f.session, {PORTFOLIO} AS portfolio, i.symbol, {quantity("(bought - sold)")} AS quantity,
    {quantity("bought")} AS bought, {quantity("sold")} AS sold, {money("notional")} AS notional, {money("fees")} AS fees,
    {money("cash_flow")} AS cash_flow, (bought - sold)::BIGINT AS quantity_lots, bought::BIGINT AS bought_lots, sold::BIGINT AS sold_lots,
    TRY_CAST(notional AS BIGINT) AS notional_raw, TRY_CAST(fees AS BIGINT) AS fees_raw, TRY_CAST(cash_flow AS BIGINT) AS cash_flow_raw
FROM ({_SUMS}) f {LISTED} {named("portfolio", "f.portfolio", "p")}
ORDER BY f.session, f.portfolio, f.instrument
"""

"""The view of risk limits: what each portfolio uses of them, computed from the facts alone.

Marks are those that the facts give: where history prints, its facts must have been built.
"""

from data.views.columns import called, kinds, named, word
from data.views.orders import STATES
from data.views.trades import SIDES
from engine.messages.instrument import FEE_PARTS
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, Reason, Side

_PRINTS = kinds(Kind.TradeExecuted, Kind.PriceMarked, Kind.HistoryExecuted, Kind.TradePrinted, Kind.HistoryTraded)
_POWERS = f"[{', '.join(f'{10**n}::HUGEINT' for n in range(31))}]"
_BITS = NOT_NAMED + 2**64  # of an order_id that stands for an int64

# The newest LimitsSet of each portfolio; `value` and `limit` share their columns with the fees.
_SET = f"""
    SELECT session, portfolio, flags, fee AS max_exposure, maker_fee AS max_daily_loss, maker_order_id AS max_leverage,
        order_id AS digits, type::INTEGER - 128 AS power
    FROM facts WHERE kind = {Kind.LimitsSet:d} QUALIFY row_number() OVER (PARTITION BY session, portfolio ORDER BY seq DESC) = 1
"""

_OPENED = f"SELECT session, max(seq) AS opened FROM facts WHERE kind = {Kind.DayStarted:d} GROUP BY session"

_MARKS = f"""
    SELECT f.session, f.instrument, arg_max(price, seq) AS mark, arg_max(price, seq) FILTER (seq < opened) AS early_mark
    FROM facts f LEFT JOIN day d ON d.session = f.session WHERE kind IN {_PRINTS} GROUP BY f.session, f.instrument
"""

# Positions now and when the day began, with the cash that they cost.
_HELD = f"""
    SELECT s.session, s.portfolio, s.instrument, sum(signed) AS lots, sum(flow) AS flow,
        coalesce(sum(signed) FILTER (s.seq < opened), 0) AS early_lots, coalesce(sum(flow) FILTER (s.seq < opened), 0) AS early_flow
    FROM (
        SELECT s.*, CASE side WHEN {Side.BUY:d} THEN lots ELSE -lots END AS signed, -signed * price * i.value - fee AS flow
        FROM ({SIDES}) s LEFT JOIN instruments i ON i.session = s.session AND i.number = s.instrument
    ) s LEFT JOIN day d ON d.session = s.session GROUP BY s.session, s.portfolio, s.instrument
"""

_WORTH = """
    SELECT h.session, h.portfolio, sum(flow) AS flow, sum(lots * coalesce(mark, 0) * i.value) AS worth,
        sum(abs(lots * coalesce(mark, 0) * i.value)) AS size,
        sum(early_flow + early_lots * coalesce(early_mark, 0) * i.value) AS early
    FROM held h LEFT JOIN marks m ON m.session = h.session AND m.instrument = h.instrument
    LEFT JOIN instruments i ON i.session = h.session AND i.number = h.instrument GROUP BY h.session, h.portfolio
"""

_NOTIONAL = f"abs(CASE type WHEN {OrderType.STOP:d} THEN stop_price ELSE price END)::HUGEINT * (f.quantity - executed) * i.value"
_RATE = f"(greatest(i.maker_fee::DECIMAL(38, 12), i.taker_fee::DECIMAL(38, 12), 0) * {FEE_PARTS})::HUGEINT"

# What counts as working: active orders, waiting stops too, without reduce-only ones; a buy keeps the higher fee, rounded half up.
_WORKING = f"""
    SELECT session, portfolio, instrument, sum(notional) AS notional,
        coalesce(sum(lots) FILTER (side = {Side.BUY:d}), 0) AS buys, coalesce(sum(lots) FILTER (side = {Side.SELL:d}), 0) AS sells,
        coalesce(sum(notional + (2 * notional * rate + {FEE_PARTS}) // {2 * FEE_PARTS}) FILTER (side = {Side.BUY:d}), 0) AS buying
    FROM (
        SELECT f.session, portfolio, instrument, side, f.quantity - executed AS lots, {_NOTIONAL} AS notional, {_RATE} AS rate
        FROM ({STATES}) f LEFT JOIN instruments i ON i.session = f.session AND i.number = f.instrument
        WHERE ended IS NULL AND NOT filled AND flags & {Flag.REDUCE_ONLY:d} = 0
    ) GROUP BY session, portfolio, instrument
"""

_DEPOSITS = f"SELECT session, portfolio, sum(fee) AS deposits FROM facts WHERE kind = {Kind.CashDeposited:d} GROUP BY session, portfolio"

_ACCOUNTS = """
    SELECT s.*, coalesce(deposits, 0) + coalesce(w.flow, 0) AS cash, cash + coalesce(w.worth, 0) AS equity,
        coalesce(w.size, 0) + coalesce(k.notional, 0) AS exposure, coalesce(k.buying, 0) AS buying,
        coalesce(w.early, 0) - coalesce(w.flow, 0) - coalesce(w.worth, 0) AS loss
    FROM set_limits s LEFT JOIN deposited d ON d.session = s.session AND d.portfolio = s.portfolio
    LEFT JOIN worth w ON w.session = s.session AND w.portfolio = s.portfolio
    LEFT JOIN (SELECT session, portfolio, sum(notional) AS notional, sum(buying) AS buying FROM working GROUP BY session, portfolio) k
        ON k.session = s.session AND k.portfolio = s.portfolio
"""

_SIDES = """
    SELECT coalesce(h.session, w.session) AS session, coalesce(h.portfolio, w.portfolio) AS portfolio,
        coalesce(h.instrument, w.instrument) AS instrument,
        greatest(coalesce(lots, 0) + coalesce(buys, 0), coalesce(sells, 0) - coalesce(lots, 0)) AS worst
    FROM held h FULL JOIN working w ON w.session = h.session AND w.portfolio = h.portfolio AND w.instrument = h.instrument
    WHERE coalesce(lots, 0) <> 0 OR coalesce(buys, 0) <> 0 OR coalesce(sells, 0) <> 0
"""

# digits × 10^power units in whole lots, downwards; NULL where that is more than there are numbers for.
_MOST = f"""CASE WHEN power < 0
        THEN coalesce(TRY(digits::HUGEINT * coalesce(i.lot_denominator, 1) // ({_POWERS}[1 - power] * coalesce(i.lot_numerator, 1))), 0)
        ELSE TRY(digits::HUGEINT * {_POWERS}[1 + power] * coalesce(i.lot_denominator, 1) // coalesce(i.lot_numerator, 1)) END"""


def _of(limit: Reason, maximum: str, used: str, where: str) -> str:
    scale = "1e9" if limit == Reason.LEVERAGE_LIMIT else "10.0 ** (SELECT any_value(decimals) FROM sessions x WHERE x.session = a.session)"
    return f"""
    SELECT session, portfolio, {limit:d} AS reason, NULL AS instrument, NULL AS symbol, {maximum} AS maximum, {used} AS used,
        1 AS numerator, {scale} AS denominator FROM accounts a WHERE {where}"""


_ROWS = f"""
    {_of(Reason.BUYING_POWER, "cash", "buying", "flags & 1 <> 0")}
    UNION ALL
    SELECT a.session, a.portfolio, {Reason.POSITION_LIMIT:d}, s.instrument, i.symbol, {_MOST}, coalesce(s.worst, 0),
        coalesce(i.lot_numerator, 1), coalesce(i.lot_denominator, 1)
    FROM accounts a LEFT JOIN sides s ON s.session = a.session AND s.portfolio = a.portfolio
    LEFT JOIN instruments i ON i.session = s.session AND i.number = s.instrument WHERE digits <> {_BITS}
    UNION ALL {_of(Reason.EXPOSURE_LIMIT, "max_exposure", "exposure", f"max_exposure <> {NOT_NAMED}")}
    UNION ALL {_of(Reason.DAILY_LOSS_LIMIT, "max_daily_loss", "loss", f"max_daily_loss <> {NOT_NAMED}")}
    UNION ALL {
    _of(Reason.LEVERAGE_LIMIT, "max_leverage", f"CASE WHEN equity > 0 THEN exposure * {10**9} // equity END", f"max_leverage <> {_BITS}")
}
"""

LIMITS = f"""
WITH set_limits AS ({_SET}), day AS ({_OPENED}), marks AS ({_MARKS}), held AS ({_HELD}), worth AS ({_WORTH}), working AS ({_WORKING}),
    deposited AS ({_DEPOSITS}), accounts AS ({_ACCOUNTS}), sides AS ({_SIDES}),
    exact AS (SELECT * REPLACE (TRY_CAST(maximum AS BIGINT) AS maximum)
        FROM (SELECT * REPLACE (TRY_CAST(used AS BIGINT) AS used) FROM ({_ROWS})))
SELECT f.session, {called("p", "f.portfolio")} AS portfolio, {word("f.reason", Reason)} AS limit_name, f.symbol,
    maximum::DOUBLE * numerator / denominator AS maximum, used::DOUBLE * numerator / denominator AS used,
    (maximum::HUGEINT - used)::DOUBLE * numerator / denominator AS headroom,
    f.maximum AS maximum_raw, f.used AS used_raw, TRY_CAST(f.maximum::HUGEINT - f.used AS BIGINT) AS headroom_raw
FROM exact f {named("portfolio", "f.portfolio", "p")}
ORDER BY f.session, f.portfolio, f.reason, f.instrument
"""

"""Every event of every order of ours, from the facts of a log, in the columns of a regulator's order records.

`cat`: after the Consolidated Audit Trail's specifications for industry members (SEC rule 613). `rts24`: after Delegated Regulation (EU)
2017/580, annex, table 2. They are alike in names and codes, and no filings: identifiers of firms, algorithms and clients are those of the
session. Both say which fact a row is (`event`, `seq`); a trade has one row for each side of ours.
"""

from data.views.columns import (
    LISTED,
    OWNERS,
    PORTFOLIO,
    PRICED,
    STOPS,
    TRADER,
    flag,
    kinds,
    money,
    price,
    quantity,
    time_of,
    word,
)
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderType, Reason, Side, TimeInForce

OF_ORDERS = (
    *(Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled, Kind.OrderExpired, Kind.OrderRejected),
    *(Kind.CancelRejected, Kind.ReplaceRejected),
)
"""Facts about one order; TradeExecuted is about two."""

# One row a fact and order. What a refused cancel or replace is about says no more than its order's id; a trade says no terms.
_ROWS = f"""
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, type, time_in_force, flags, price, stop_price,
        quantity, remaining, NULL AS trade_price, NULL AS traded, NULL AS fee, NULL AS liquidity, 0 AS part
    FROM facts WHERE kind IN {kinds(*OF_ORDERS)} AND trader <> {HISTORY}
    UNION ALL
    SELECT session, seq, ts, kind, reason, maker_trader, maker_order_id, maker_portfolio, instrument, 1 - side, NULL, NULL, 0, NULL, NULL,
        NULL, maker_remaining, price, quantity, maker_fee, 'MAKER', 1
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.MAKER_HISTORY:d} = 0
    UNION ALL
    SELECT session, seq, ts, kind, reason, trader, order_id, portfolio, instrument, side, NULL, NULL, 0, NULL, NULL,
        NULL, remaining, price, quantity, fee, 'TAKER', 2
    FROM facts WHERE kind = {Kind.TradeExecuted:d} AND flags & {Flag.TAKER_HISTORY:d} = 0
"""

_IS_TRADE = f"f.kind = {Kind.TradeExecuted:d}"
_ID = "s.session_id || '-' || f.seq || CASE f.part WHEN 0 THEN '' WHEN 1 THEN '-M' ELSE '-T' END"
_SECOND = 1_000_000_000
_WHEN = (
    f"strftime({time_of('f.ts')}, '%Y-%m-%dT%H:%M:%S') || '.' || lpad(((f.ts % {_SECOND} + {_SECOND}) % {_SECOND})::VARCHAR, 9, '0') || 'Z'"
)
"""ISO 8601 with nanoseconds; DuckDB's own %n writes microseconds and then what happens to be in memory."""
_NAMELESS = f"f.kind IN {kinds(Kind.CancelRejected, Kind.ReplaceRejected)}"
_EVENT = word("f.kind", Kind)


def _code(column: str, codes: dict[int, str]) -> str:
    cases = " ".join(f"WHEN {number:d} THEN '{code}'" for number, code in codes.items())
    return f"CASE {column} {cases} END"


_CAT_TYPES = {
    Kind.OrderCreated: "MENO",
    Kind.OrderReplaced: "MEOM",
    Kind.OrderCancelled: "MEOC",
    Kind.OrderExpired: "MEOC",
    Kind.TradeExecuted: "MEOT",
}
"""Codes of the CAT; it has none for what was refused or triggered."""

CAT = f"""
SELECT {_ID} AS event_id, {_WHEN} AS event_timestamp, {_code("f.kind", {int(k): v for k, v in _CAT_TYPES.items()})} AS type,
    {_EVENT} AS event, f.seq, s.session_id AS reporter, {TRADER} AS firm_designated_id, {PORTFOLIO} AS account,
    f.order_id, i.symbol, CASE WHEN NOT {_NAMELESS} THEN {_code("f.side", {0: "B", 1: "SL"})} END AS side,
    {_code("f.type", {0: "MKT", 1: "LMT", 2: "STP", 3: "STL"})} AS order_type,
    CASE WHEN f.type IN {PRICED} THEN {price("f.price")} END AS price,
    CASE WHEN f.type IN {STOPS} THEN {price("f.stop_price")} END AS stop_price,
    {quantity("f.quantity")} AS quantity, {quantity("f.remaining")} AS leaves_quantity,
    {_code("f.time_in_force", {0: "DAY", 1: "GTC", 2: "IOC", 3: "FOK"})} AS time_in_force,
    CASE WHEN f.kind IN {kinds(Kind.OrderCancelled, Kind.OrderExpired)} THEN {quantity("f.remaining")} END AS cancel_quantity,
    CASE WHEN {_IS_TRADE} THEN s.session_id || '-' || f.seq END AS trade_id, {price("f.trade_price")} AS trade_price,
    {quantity("f.traded")} AS trade_quantity, f.liquidity, {money("f.fee")} AS fee,
    {word("NULLIF(f.reason, 0)", Reason)} AS reason, {flag(Flag.POST_ONLY)} AS post_only, {flag(Flag.REDUCE_ONLY)} AS reduce_only,
    f.quantity::BIGINT AS quantity_lots, f.remaining::BIGINT AS leaves_lots, f.traded::BIGINT AS trade_lots
"""

_OF_VENUE = f"f.reason NOT IN ({Reason.REQUESTED:d}, {Reason.QUANTITY_EXECUTED:d})"
_RTS_EVENT = f"""CASE f.kind
    WHEN {Kind.OrderCreated:d} THEN 'NEWO' WHEN {Kind.OrderTriggered:d} THEN 'TRIG' WHEN {Kind.OrderReplaced:d} THEN 'REME'
    WHEN {Kind.OrderCancelled:d} THEN CASE WHEN {_OF_VENUE} THEN 'CAMO' ELSE 'CAME' END
    WHEN {Kind.OrderExpired:d} THEN 'EXPI' WHEN {Kind.TradeExecuted:d} THEN CASE f.remaining WHEN 0 THEN 'FILL' ELSE 'PARF' END
    WHEN {Kind.OrderRejected:d} THEN 'REMO' END"""

RTS24 = f"""
SELECT f.seq AS sequence_number, {_WHEN} AS date_and_time, {_RTS_EVENT} AS order_event, {_EVENT} AS event, f.seq,
    s.session_id AS trading_venue, {TRADER} AS member, {PORTFOLIO} AS client, f.order_id AS order_identification_code, f.order_id,
    i.symbol AS instrument_identification_code, i.currency AS currency,
    CASE WHEN NOT {_NAMELESS} THEN {_code("f.side", {0: "BUYI", 1: "SELL"})} END AS buy_sell_indicator,
    {_code("f.type", {0: "MAKT", 1: "LMTO", 2: "STOP", 3: "STLM"})} AS order_type,
    CASE WHEN f.type IN {PRICED} THEN {price("f.price")} END AS limit_price,
    CASE WHEN f.type IN {STOPS} THEN {price("f.stop_price")} END AS stop_price,
    {_code("f.time_in_force", {0: "DAVY", 1: "GTCV", 2: "IOCV", 3: "FOKV"})} AS validity_period,
    {quantity("f.quantity")} AS initial_quantity, {quantity("f.remaining")} AS remaining_quantity,
    {quantity("f.traded")} AS traded_quantity, {price("f.trade_price")} AS transaction_price,
    CASE WHEN {_IS_TRADE} THEN s.session_id || '-' || f.seq END AS trading_venue_transaction_identification_code,
    {_code("f.part", {1: "PASV", 2: "AGRE"})} AS passive_or_aggressive_indicator, {flag(Flag.POST_ONLY)} AS passive_only_indicator,
    {word("NULLIF(f.reason, 0)", Reason)} AS reason,
    f.quantity::BIGINT AS quantity_lots, f.remaining::BIGINT AS leaves_lots, f.traded::BIGINT AS trade_lots
"""

FORMATS = {"cat": CAT, "rts24": RTS24}
TRADERS = {"cat": "firm_designated_id", "rts24": "member"}
"""The column of each format that names the trader, in whose numbering an order's id stands."""
_WORDS = (OrderType, Side, TimeInForce)
assert [len(words) for words in _WORDS] == [4, 2, 4]  # the codes above name each


def query(form: str, session: int) -> str:
    """The rows of one session in a format of FORMATS, in the order of seq; of a trade the maker's first."""
    return f"""{FORMATS[form]}
FROM ({_ROWS}) f JOIN sessions s ON s.session = f.session {LISTED} {OWNERS}
WHERE f.session = {session:d} ORDER BY f.seq, f.part
"""

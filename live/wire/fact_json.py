"""Facts as JSON objects: the names of the event's view, decimals exact from the integers of the fact."""

from collections.abc import Callable

from engine.messages.vocabulary import HISTORY, NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderType, Reason, Side
from live.wire.called import FLAGS, KINDS, NOWHERE, NULL, REASONS, SIDES, TIMES, TYPES, Dictionary, Listed
from live.wire.fields import PRICED, STOPS
from live.wire.numbers import fixed

Fact = tuple[int, ...]
"""The fields of a fact in the order of `RECORD`."""
RECORD = "<qqQQiiIIIIIIIIqqHBBBBBB"
"""seq, ts, order_id, maker_order_id, price, stop_price, quantity, remaining, maker_remaining, ahead, portfolio, trader, maker_portfolio,
maker_trader, fee (or value), maker_fee (or limit), instrument, kind, reason, side, type, time_in_force, flags."""
KIND, REASON, TRADER = 17, 18, 11
_BUY, _UNKNOWN_INSTRUMENT = int(Side.BUY), int(Reason.UNKNOWN_INSTRUMENT)
_REJECTED, _ALARM, _REPLACE = int(Kind.OrderRejected), int(Kind.RiskLimitBreached), int(Kind.ReplaceRejected)
_POST, _REDUCE = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)
_PRICED = [kind in PRICED for kind in OrderType] + [False] * 252
_STOPS = [kind in STOPS for kind in OrderType] + [False] * 252
_LEFT = ('"FILLED"', '"PARTIALLY_FILLED"')
_TRAITS = [[f',"type":{TYPES[kind]},"side":{SIDES[side]}' for side in range(3)] for kind in range(5)]
_BITS = [f',"post_only":{FLAGS[bits & _POST != 0]},"reduce_only":{FLAGS[bits & _REDUCE != 0]}' for bits in range(4)]
_MANNERS = [[f',"time_in_force":{TIMES[time]}{bits}' for bits in _BITS] for time in range(5)]
"""Words of an order that go together; the last row stands for numbers that are no word."""
RATE_DECIMALS, LEVERAGE_DECIMALS = 3, 9
NO_BOUND = 2**63 - 1
"""A leverage without an upper bound: equity is not above 0."""
Owner = tuple[int, int]
"""Portfolio and side of an order."""


def order(d: Dictionary, fact: Fact) -> str:
    """OrderCreated, OrderTriggered, OrderReplaced, OrderCancelled, OrderExpired, OrderRejected: the order as the fact shows it."""
    (seq, ts, order_id, _, price, stop, quantity, remaining, _, _, portfolio, trader, _, _, value, limit, number, kind, reason, side,
     type_, time, flags) = fact  # fmt: skip
    at = d.instrument(number) if reason != _UNKNOWN_INSTRUMENT else NOWHERE
    found = ""
    if kind == _REJECTED:
        found = f',"value":{measured(d, reason, side, value, at)},"limit":{measured(d, reason, side, limit, at, True)}'
    return (
        f'{d.head}{seq},"ts":{d.time(ts)},"kind":{KINDS[kind]},"order_id":{order_id},"symbol":{at.symbol}'
        f',"portfolio":{d.portfolios[portfolio]},"trader":{d.traders[trader]}{_TRAITS[min(type_, 4)][min(side, 2)]}'
        f',"quantity":{at.quantity[quantity]},"price":{at.price[price] if _PRICED[type_] else NULL}'
        f',"stop_price":{at.price[stop] if _STOPS[type_] else NULL}{_MANNERS[min(time, 4)][flags & 3]}'
        f',"remaining":{at.quantity[remaining]},"reason":{REASONS[reason]}{found}}}'
    )


def trade(d: Dictionary, fact: Fact, day: int) -> tuple[str, list[tuple[int, str]]]:
    """TradeExecuted, whose `order_id` is the taker's; and OrderFilled of each side that is ours, the maker's first, with its portfolio."""
    (seq, ts, order_id, maker_id, price, _, quantity, left, maker_left, _, portfolio, trader, maker_portfolio, maker_trader, fee,
     maker_fee, number, _, _, side, _, _, _) = fact  # fmt: skip
    at = d.instrument(number)
    start = f'{d.head}{seq},"ts":{d.time(ts)},"kind":'
    terms = f',"symbol":{at.symbol},"price":{at.price[price]},"quantity":{at.quantity[quantity]}'
    owner, maker = d.portfolios[portfolio], d.portfolios[maker_portfolio]
    who, maker_who = d.traders[trader], d.traders[maker_trader]
    paid, maker_paid = d.money[fee], d.money[maker_fee]
    remaining, maker_remaining = at.quantity[left], at.quantity[maker_left]
    filled = []
    if maker_trader != HISTORY:
        text = (
            f'{start}"OrderFilled","order_id":{maker_id}{terms},"portfolio":{maker},"trader":{maker_who},"side":{SIDES[1 - side]}'
            f',"fee":{maker_paid},"liquidity":"MAKER","day":{day},"remaining":{maker_remaining},"status":{_LEFT[maker_left != 0]}}}'
        )
        filled.append((maker_portfolio, text))
    if trader != HISTORY:
        text = (
            f'{start}"OrderFilled","order_id":{order_id}{terms},"portfolio":{owner},"trader":{who},"side":{SIDES[side]}'
            f',"fee":{paid},"liquidity":"TAKER","day":{day},"remaining":{remaining},"status":{_LEFT[left != 0]}}}'
        )
        filled.append((portfolio, text))
    text = (
        f'{start}"TradeExecuted","order_id":{order_id}{terms},"maker_order_id":{maker_id},"taker_order_id":{order_id}'
        f',"maker_portfolio":{maker},"taker_portfolio":{owner},"taker_side":{SIDES[side]},"maker_trader":{maker_who}'
        f',"taker_trader":{who},"maker_fee":{maker_paid},"taker_fee":{paid},"maker_remaining":{maker_remaining}'
        f',"taker_remaining":{remaining}}}'
    )
    return text, filled


def judged(d: Dictionary, fact: Fact, event: str, owner: Owner) -> str:
    """RiskLimitBreached or ComplianceCheckFailed: an alarm of a daily loss, or a refusal, with what was found and what is allowed."""
    (seq, ts, order_id, _, price, _, quantity, _, _, _, _, trader, _, _, value, limit, number, kind, reason, _, type_, _, _) = fact
    (portfolio, side), at, entry, alarm = owner, d.instrument(number), kind == _REJECTED, kind == _ALARM
    return (
        f'{d.head}{seq},"ts":{d.time(ts)},"kind":"{event}","order_id":{NULL if alarm else order_id},"event":{KINDS[kind]}'
        f',"reason":{REASONS[reason]},"portfolio":{d.portfolios[portfolio]},"trader":{NULL if alarm else d.traders[trader]}'
        f',"symbol":{at.symbol},"side":{NULL if alarm else SIDES[side]},"quantity":{at.quantity[quantity] if entry else NULL}'
        f',"price":{at.price[price] if entry and _PRICED[type_] else NULL}'
        f',"value":{measured(d, reason, side, value, at)},"limit":{measured(d, reason, side, limit, at, True)}}}'
    )


_Measure = Callable[[Dictionary, int, Listed], str]


def _money(d: Dictionary, raw: int, at: Listed) -> str:
    return d.money[raw]


def _lots(d: Dictionary, raw: int, at: Listed) -> str:
    return at.quantity[raw]


def _price(d: Dictionary, raw: int, at: Listed) -> str:
    return at.price[raw]


def _leverage(d: Dictionary, raw: int, at: Listed) -> str:
    return NULL if raw == NO_BOUND else f'"{fixed(raw, LEVERAGE_DECIMALS)}"'


def _count(d: Dictionary, raw: int, at: Listed) -> str:
    return f'"{raw}"'


_MEASURES: dict[int, _Measure] = {
    **dict.fromkeys((Reason.MAX_ORDER_QUANTITY, Reason.SHORT_SALE, Reason.POSITION_LIMIT), _lots),
    **dict.fromkeys((Reason.MAX_ORDER_NOTIONAL, Reason.EXPOSURE_LIMIT, Reason.DAILY_LOSS_LIMIT), _money),
    Reason.PRICE_COLLAR: _price,
    Reason.LEVERAGE_LIMIT: _leverage,
    Reason.TOO_MANY_ORDERS: _count,
}
"""How what was found and its limit are counted; BUYING_POWER in money for a buy, in lots for a sale."""
_AS_GIVEN: dict[int, _Measure] = {
    Reason.INVALID_QUANTITY: _lots,
    Reason.INVALID_PRICE: _price,
    Reason.INVALID_STOP_PRICE: _price,
    Reason.REDUCE_ONLY: _lots,
}
"""Those that have no limit."""


def measured(d: Dictionary, reason: int, side: int, raw: int, at: Listed, is_limit: bool = False) -> str:
    """`value` or `limit` of a refusal or an alarm, in the unit in which people count it; null where there is none."""
    if reason == Reason.BUYING_POWER:
        return d.money[raw] if side == _BUY else at.quantity[raw]
    if reason == Reason.ORDER_RATE:
        return f'"{fixed(raw, RATE_DECIMALS)}"' if is_limit else NULL
    if reason in _AS_GIVEN:
        return NULL if is_limit or raw in (NOT_NAMED, NOT_WHOLE) else _AS_GIVEN[reason](d, raw, at)
    return _MEASURES[reason](d, raw, at) if reason in _MEASURES else NULL

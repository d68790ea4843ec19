"""Facts beside orders and trades as JSON: refused cancels, replaces and commands; limits, rules, days, halts, kills, deposits, names."""

from collections.abc import Callable

from engine.messages.vocabulary import EXPONENT_PARTS, NAMES_PORTFOLIO, NAMES_TRADER, NOT_NAMED, Grain, Kind, QueueModel, Reason
from live.wire.called import FLAGS, KINDS, NOWHERE, NULL, REASONS, SIDES, Dictionary, Listed
from live.wire.fact_json import KIND, LEVERAGE_DECIMALS, RATE_DECIMALS, Fact, Owner, measured
from live.wire.numbers import fixed

_COLLAR_DECIMALS = 9
_NAMING = range(Reason.TOO_MANY_ORDERS, Reason.TOO_MANY_INSTRUMENTS + 1)
"""Reasons of refused names, whose records have the bytes of the name where other fields stand."""

SHOWS: dict[Kind, str] = {
    Kind.CancelRejected: "order_id symbol portfolio trader reason",
    Kind.ReplaceRejected: "order_id symbol portfolio trader side reason value limit",
    Kind.CommandRejected: "symbol portfolio trader reason",
    Kind.TradingHalted: "symbol",
    Kind.TradingResumed: "symbol",
    Kind.SessionOpened: "",
    Kind.SymbolNamed: "symbol",
    Kind.InstrumentListed: "symbol",
    Kind.PortfolioOpened: "portfolio",
    Kind.TraderAdmitted: "trader",
    Kind.CashDeposited: "portfolio amount",
    Kind.LimitsSet: "portfolio max_position max_exposure max_daily_loss max_leverage cash_account",
    Kind.RulesSet: "trader max_order_quantity max_order_notional price_collar order_rate short_sale",
    Kind.SymbolRestricted: "trader symbol",
    Kind.QueueSet: "symbol grain queue_model exponent volume_share",
    Kind.DayEnded: "symbol",
    Kind.DayStarted: "",
    Kind.PriceMarked: "symbol price",
    Kind.ReferenceSet: "symbol price",
    Kind.TradingKilled: "portfolio trader",
    Kind.TradingRevived: "portfolio trader",
}
"""The fields of each object, behind session, seq, ts and kind. Of a kill or its end, null is what is not meant; both null: the session."""

_SWITCHES = (Kind.TradingKilled, Kind.TradingRevived)


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits


def _set(raw: int, decimals: int) -> str:
    return NULL if raw == NOT_NAMED else f'"{fixed(raw, decimals)}"'


def _most(fact: Fact) -> str:
    """A maximum in units: digits in `order_id`, exponent in `type`."""
    digits, exponent = _signed(fact[2]), fact[20] - 128
    return _set(digits if digits == NOT_NAMED else digits * 10 ** max(exponent, 0), max(-exponent, 0))


def _symbol(d: Dictionary, fact: Fact, at: Listed, owner: Owner) -> str:
    return NULL if fact[KIND] == Kind.CommandRejected and fact[18] in _NAMING else at.symbol


def _portfolio(d: Dictionary, fact: Fact, at: Listed, owner: Owner) -> str:
    if (fact[KIND] in _SWITCHES and not fact[22] & NAMES_PORTFOLIO) or (fact[KIND] == Kind.CommandRejected and fact[18] in _NAMING):
        return NULL
    return d.portfolios[owner[0]]


def _trader(d: Dictionary, fact: Fact, at: Listed, owner: Owner) -> str:
    return NULL if fact[KIND] in _SWITCHES and not fact[22] & NAMES_TRADER else d.traders[fact[11]]


_WRITE: dict[str, Callable[[Dictionary, Fact, Listed, Owner], str]] = {
    "order_id": lambda d, fact, at, owner: str(fact[2]),
    "symbol": _symbol,
    "portfolio": _portfolio,
    "trader": _trader,
    "side": lambda d, fact, at, owner: SIDES[owner[1]],
    "reason": lambda d, fact, at, owner: REASONS[fact[18]],
    "value": lambda d, fact, at, owner: measured(d, fact[18], owner[1], fact[14], at),
    "limit": lambda d, fact, at, owner: measured(d, fact[18], owner[1], fact[15], at, True),
    "price": lambda d, fact, at, owner: at.price[fact[4]],
    "amount": lambda d, fact, at, owner: d.money[fact[14]],
    "max_position": lambda d, fact, at, owner: _most(fact),
    "max_exposure": lambda d, fact, at, owner: _set(fact[14], d.decimals),
    "max_daily_loss": lambda d, fact, at, owner: _set(fact[15], d.decimals),
    "max_leverage": lambda d, fact, at, owner: _set(_signed(fact[3]), LEVERAGE_DECIMALS),
    "cash_account": lambda d, fact, at, owner: FLAGS[fact[22] & 1],
    "max_order_quantity": lambda d, fact, at, owner: _most(fact),
    "max_order_notional": lambda d, fact, at, owner: _set(fact[14], d.decimals),
    "price_collar": lambda d, fact, at, owner: _set(fact[15], _COLLAR_DECIMALS),
    "order_rate": lambda d, fact, at, owner: _set(_signed(fact[3]), RATE_DECIMALS),
    "grain": lambda d, fact, at, owner: f'"{Grain(fact[7]).name}"',
    "queue_model": lambda d, fact, at, owner: f'"{QueueModel(fact[20]).name}"',
    "exponent": lambda d, fact, at, owner: f'"{fixed(fact[6] * 10**4 // EXPONENT_PARTS, 4)}"' if fact[6] else NULL,
    "volume_share": lambda d, fact, at, owner: f'"{fixed(fact[14], 6)}"' if fact[14] else NULL,
    "short_sale": lambda d, fact, at, owner: FLAGS[not fact[22] & 1],
}
_FIELDS = {int(kind): [(field, _WRITE[field]) for field in fields.split()] for kind, fields in SHOWS.items()}


def control(d: Dictionary, fact: Fact, owner: Owner) -> str:
    """The object of a fact of `SHOWS`. `owner`: portfolio and side, of a cancel or replace those of its order."""
    at = d.instrument(fact[16]) if fact[18] != Reason.UNKNOWN_INSTRUMENT else NOWHERE
    fields = "".join(f',"{field}":{write(d, fact, at, owner)}' for field, write in _FIELDS[fact[KIND]])
    return f'{d.head}{fact[0]},"ts":{d.time(fact[1])},"kind":{KINDS[fact[KIND]]}{fields}}}'

"""What opens a session, in the twin: names and instruments, each judged before it is taken."""

from __future__ import annotations

from decimal import localcontext
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from engine.messages.instrument import FEE_PARTS, Instrument, decimal
from engine.messages.names import INSTRUMENTS_MAX, NAMES_AHEAD, NAMES_MAX
from engine.messages.records import COMMAND, NAME_BYTES
from engine.messages.vocabulary import Kind, Reason
from tests.naive.book import Book
from tests.naive.limits import signed

if TYPE_CHECKING:
    from tests.naive.exchange import NaiveExchange


def name_in(c: SimpleNamespace) -> str | None:
    """The name that a command carries; None where it is no text."""
    record = np.zeros(1, COMMAND)
    for field in ("order_id", "quantity", "price", "stop_price", "instrument", "portfolio"):
        record[field] = getattr(c, field)
    try:
        name = record.tobytes()[8 : 8 + NAME_BYTES].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    return name if name and "\0" not in name else None


def session(ex: NaiveExchange, c: SimpleNamespace) -> None:
    """The constructor has opened it."""
    ex.refuse(c, Reason.INVALID_COMBINATION)


def symbol(ex: NaiveExchange, c: SimpleNamespace) -> None:
    shown = {"instrument": c.trader if c.trader < 2**16 else 0}
    reason = Reason.NONE
    if c.trader >= INSTRUMENTS_MAX:
        reason = Reason.TOO_MANY_INSTRUMENTS
    elif c.trader != len(ex.symbols):
        reason = Reason.INVALID_COMBINATION
    if take_name(ex, c, reason, Kind.SymbolNamed, shown):
        ex.symbols.append(str(name_in(c)))


def portfolio(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if take_name(ex, c, numbered(c, set(ex.cash), Reason.TOO_MANY_PORTFOLIOS), Kind.PortfolioOpened, {"portfolio": c.trader}):
        ex.cash[c.trader] = 0


def trader(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if take_name(ex, c, numbered(c, ex.traders, Reason.TOO_MANY_TRADERS), Kind.TraderAdmitted, {"trader": c.trader}):
        ex.traders.add(c.trader)


def numbered(c: SimpleNamespace, taken: set[int], too_many: Reason) -> Reason:
    """Why a portfolio or trader cannot have this number."""
    if c.trader >= NAMES_MAX:
        return too_many
    return Reason.INVALID_COMBINATION if c.trader in taken or c.trader >= len(taken) + NAMES_AHEAD else Reason.NONE


def take_name(ex: NaiveExchange, c: SimpleNamespace, reason: Reason, told: Kind, shown: dict[str, int]) -> bool:
    """Take a name, unless something is wrong with it or its number."""
    name = name_in(c)
    if not reason and (name is None or (c.kind, name) in ex.names):
        reason = Reason.INVALID_COMBINATION
    ex.emit(Kind.CommandRejected if reason else told, reason=reason, **shown)
    if not reason:
        ex.names.add((c.kind, str(name)))
    return not reason


def instrument(ex: NaiveExchange, c: SimpleNamespace) -> None:
    if c.instrument >= INSTRUMENTS_MAX:
        return ex.refuse(c, Reason.TOO_MANY_INSTRUMENTS)
    made = terms(ex, c) if c.instrument == len(ex.instruments) else None
    if made is None:
        return ex.refuse(c, Reason.INVALID_COMBINATION)
    ex.instruments.append(made)
    ex.values.append(c.quantity)
    ex.books.append(Book())
    ex.stops.append([])
    ex.history.append({})
    ex.levels.append({})
    ex.emit(Kind.InstrumentListed, instrument=c.instrument)
    return None


def terms(ex: NaiveExchange, c: SimpleNamespace) -> Instrument | None:
    """The instrument that an INSTRUMENT lists; None where there is none of such terms."""
    taker = signed(c.order_id)
    if not (0 < c.price < 2**31 and 0 < c.quantity < 2**62) or c.flags > 1 or max(abs(taker), abs(c.stop_price)) >= FEE_PARTS:
        return None
    if not (c.portfolio and c.trader) or max(abs(c.side - 128), abs(c.type - 128)) > 36:
        return None
    unit, lot = (decimal(digits).scaleb(power - 128) for digits, power in ((c.portfolio, c.side), (c.trader, c.type)))
    multiplier = Fraction(c.quantity, 10**ex.decimals) / (Fraction(unit) * Fraction(lot))
    if 10**200 % multiplier.denominator:
        return None
    if c.instrument == len(ex.symbols):
        ex.symbols.append(f"#{c.instrument}")
    with localcontext(prec=300):
        exact = decimal(multiplier.numerator) / multiplier.denominator
    fees = [decimal(parts).scaleb(-12) for parts in (c.stop_price, taker)]
    name, below = ex.symbols[c.instrument], bool(c.flags)
    return Instrument(
        name, unit * c.price, lot, price_unit=unit, multiplier=exact, maker_fee=fees[0], taker_fee=fees[1], negative_prices=below
    )


COMMANDS = {
    Kind.SESSION: session,
    Kind.SYMBOL: symbol,
    Kind.INSTRUMENT: instrument,
    Kind.PORTFOLIO: portfolio,
    Kind.TRADER: trader,
}

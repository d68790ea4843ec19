"""Names and numbers of a session: symbols, portfolios and traders, and the commands that introduce them."""

from collections.abc import Iterable, Mapping
from decimal import localcontext
from typing import Any

import numpy as np

from engine.messages.instrument import FEE_PARTS, MONEY_DECIMALS_MAX, MONEY_DECIMALS_MIN, Instrument, decimal
from engine.messages.records import COMMAND, NAME_BYTES, write_name
from engine.messages.vocabulary import Kind

ORDERS_MAX = 1 << 30
NAMES_MAX = 1 << 20
INSTRUMENTS_MAX = 1 << 16
NAMES_AHEAD = 1 << 12
"""How far a new portfolio's or trader's number may be beyond those that are open: commands that introduce them may have changed places."""
DECIMALS_MIN, DECIMALS_MAX = MONEY_DECIMALS_MIN, MONEY_DECIMALS_MAX


def record(kind: Kind, **fields: Any) -> np.ndarray:
    """One command record, shape (1,)."""
    made = np.zeros(1, COMMAND)
    made["kind"] = kind
    for name, value in fields.items():
        made[name] = value
    return made


DIGITS = 200
"""More than any multiplier has that the exchange accepts."""
NO_SYMBOL = 0xFFFFFFFF
"""Number of an unknown symbol."""


def by_number(table: Mapping[str, int]) -> list[str]:
    """Names at their numbers; "" where a number has none."""
    listed = [""] * (max(table.values(), default=-1) + 1)
    for name, number in table.items():
        listed[number] = name
    return listed


class Names:
    """Numbers of names, in the order in which they were first seen; number 0 of portfolios and traders is ""."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = list(instruments)
        self.symbols = {instrument.symbol: k for k, instrument in enumerate(self.instruments)}
        if len(self.symbols) != len(self.instruments):
            twice = next(s for s in self.symbols if sum(i.symbol == s for i in self.instruments) > 1)
            raise ValueError(f"the symbol {twice!r} is listed twice; give each instrument a symbol of its own")
        self.portfolios = {"": 0}
        self.traders = {"": 0}

    def number(self, kind: Kind, name: str) -> tuple[int, np.ndarray | None]:
        """Number of a portfolio or trader name, and the command that introduces it where it is new."""
        table = self.portfolios if kind == Kind.PORTFOLIO else self.traders
        known = table.get(name)
        if known is not None:
            return known, None
        number = next(reversed(table.values())) + 1
        if number != len(table):  # names that came from elsewhere, in another order or with gaps
            number = max(table.values()) + 1
        made = record(kind, trader=number)
        write_name(made[0], name)
        table[name] = number
        return number, made

    def mark(self) -> tuple[int, int]:
        """How many portfolios and traders have numbers."""
        return len(self.portfolios), len(self.traders)

    def forget(self, mark: tuple[int, int]) -> None:
        """Forget names that were introduced since `mark`, by commands that will not be sent."""
        for table, count in zip((self.portfolios, self.traders), mark):
            for name in list(table)[count:]:
                del table[name]

    def symbol(self, name: str | None) -> int:
        """Number of a symbol; an unknown one is a number that no instrument has (the exchange refuses it)."""
        return self.symbols.get(name or "", NO_SYMBOL)


def open_session(instruments: list[Instrument], decimals: int, limits: dict[str, int] | None = None) -> np.ndarray:
    """The commands that begin a session: its limits and money, then symbol and terms of each instrument."""
    most = {"orders": ORDERS_MAX, "portfolios": NAMES_MAX, "traders": NAMES_MAX, "instruments": INSTRUMENTS_MAX, **(limits or {})}
    parts = [
        record(
            Kind.SESSION,
            type=decimals,
            quantity=most["orders"],
            price=most["portfolios"],
            stop_price=most["traders"],
            order_id=most["instruments"],
        )
    ]
    for k, instrument in enumerate(instruments):
        if len(instrument.symbol.encode()) > NAME_BYTES:
            raise ValueError(f"the symbol {instrument.symbol!r} is longer than {NAME_BYTES} bytes")
        named = record(Kind.SYMBOL, trader=k)
        write_name(named[0], instrument.symbol)
        parts += [named, terms(k, instrument, decimals)]
    return np.concatenate(parts)


def terms(number: int, instrument: Instrument, decimals: int) -> np.ndarray:
    """The INSTRUMENT command: tick, value and fees for the kernel; unit and lot (mantissa, exponent) for readers of the log."""
    unit, lot = instrument.price_unit.normalize().as_tuple(), instrument.lot.normalize().as_tuple()
    taker = int(instrument.taker_fee * FEE_PARTS)
    return record(
        Kind.INSTRUMENT,
        instrument=number,
        price=instrument.tick_units,
        quantity=int(instrument.value(decimals)),
        stop_price=int(instrument.maker_fee * FEE_PARTS),
        order_id=np.int64(taker).view(np.uint64),
        flags=int(instrument.negative_prices),
        portfolio=int("".join(map(str, unit.digits))),
        trader=int("".join(map(str, lot.digits))),
        side=int(unit.exponent) + 128,
        type=int(lot.exponent) + 128,
    )


def read_terms(command: np.void, symbol: str, decimals: int) -> Instrument:
    """The instrument that an INSTRUMENT command lists."""
    unit = decimal(int(command["portfolio"])).scaleb(int(command["side"]) - 128)
    lot = decimal(int(command["trader"])).scaleb(int(command["type"]) - 128)
    taker = int(np.uint64(command["order_id"]).view(np.int64))
    with localcontext(prec=DIGITS):
        multiplier = decimal(int(command["quantity"])).scaleb(-decimals) / (unit * lot)
    return Instrument(
        symbol,
        tick=unit * int(command["price"]),
        lot=lot,
        price_unit=unit,
        multiplier=multiplier,
        maker_fee=decimal(int(command["stop_price"])).scaleb(-12),
        taker_fee=decimal(taker).scaleb(-12),
        negative_prices=bool(command["flags"]),
    )

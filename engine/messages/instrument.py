"""The one decimal border: what people write as prices, quantities and money becomes whole units here, and back."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np

from engine.messages.missing import flag_of, name_of
from engine.messages.vocabulary import NOT_WHOLE

Number = str | int | float | Decimal
FEE_PARTS = 10**12
"""Fees are whole parts of a notional of 10^12."""
MONEY_DECIMALS_MIN, MONEY_DECIMALS_MAX = 6, 10
DIGITS_MAX = 400
"""Digits of a number before the point, and behind it: room for every float; an exponent of 10^9 would take minutes and gigabytes."""
TERM_MAX, TERM_DIGITS = Decimal("1e12"), 24
"""The largest tick, lot, price unit and multiplier (the smallest is one part of it), and how many digits they have at most."""


def decimal(value: Any, what: str = "number") -> Decimal:
    """`value` exactly; a float counts as its shortest decimal. Raises ValueError on what is not a finite number."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        made = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError(f"{what}: {value!r} is not a number") from None
    if not made.is_finite():
        raise ValueError(f"{what}: {value!r} is not a finite number")
    _, digits, exponent = made.as_tuple()
    if len(digits) > 2 * DIGITS_MAX or not -DIGITS_MAX <= int(exponent) <= DIGITS_MAX:
        raise ValueError(f"{what}: {str(value)[:24]} has more digits than any field; write it with {DIGITS_MAX} at most")
    return made


def whole_units(value: Any, unit: Decimal, what: str = "number") -> int:
    """`value` in units, or NOT_WHOLE where it is not a whole number of them (the exchange then refuses it)."""
    of, parts = decimal(value, what).as_integer_ratio()
    step, steps = unit.as_integer_ratio()
    units, rest = divmod(of * steps, parts * step)
    return units if not rest and abs(units) < 2**62 else NOT_WHOLE


def opening_cash(portfolio: str, amount: Any, decimals: int) -> int:
    """What a portfolio begins with, in units of 10^-decimals; 0 is an empty account. Raises ValueError that names the portfolio."""
    unit = Decimal(1).scaleb(-decimals)
    exact = Fraction(decimal(amount, f"cash of {portfolio!r}")) / Fraction(unit)
    if exact.denominator != 1:
        mend = Decimal(round(exact)).scaleb(-decimals)
        raise ValueError(f"cash of {portfolio!r}: {amount} is finer than the unit of money, {unit:f}; round it, as to {mend:f}")
    if abs(exact.numerator) >= 2**62:
        raise ValueError(f"cash of {portfolio!r}: {amount} is too much; with these instruments it is below {(unit * 2**62):f}")
    return exact.numerator


@dataclass(frozen=True, eq=True)
class Instrument:
    """What is traded, in which steps.

    `tick`: price step of orders; `lot`: quantity of one lot; `price_unit`: finest price that prints use (default: the tick), of which
    the tick is a whole multiple; `multiplier`: money per price and quantity; fees are parts of the notional, negative is a rebate.
    Numbers may be str, Decimal, int or float (by its shortest decimal). Raises ValueError where they do not fit together.
    """

    symbol: str
    tick: Any
    lot: Any = "1"
    price_unit: Any = None
    currency: str = "USD"
    multiplier: Any = 1
    maker_fee: Any = "0"
    taker_fee: Any = "0"
    negative_prices: bool = False
    kind: str = "SPOT"

    def __init__(  # written out so that everything after `lot` is named
        self,
        symbol: str,
        tick: Number,
        lot: Number = "1",
        *,
        price_unit: Number | None = None,
        currency: str = "USD",
        multiplier: Number = 1,
        maker_fee: Number = "0",
        taker_fee: Number = "0",
        negative_prices: bool = False,
        kind: str = "SPOT",
    ) -> None:
        put = object.__setattr__
        put(self, "symbol", name_of("symbol", symbol))
        put(self, "currency", currency)
        put(self, "negative_prices", flag_of(f"{symbol}: negative_prices", negative_prices))
        put(self, "kind", kind)
        given = {"tick": tick, "lot": lot, "multiplier": multiplier, "maker_fee": maker_fee, "taker_fee": taker_fee}
        for name, value in given.items():
            put(self, name, decimal(value, f"{symbol}: {name}"))
        put(self, "price_unit", decimal(self.tick if price_unit is None else price_unit, f"{symbol}: price_unit"))
        self._check()

    def _check(self) -> None:
        if not self.symbol:
            raise ValueError("an instrument needs a symbol")
        for name in ("tick", "lot", "price_unit", "multiplier"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{self.symbol}: {name} is {getattr(self, name)}; it must be above 0")
            self._check_size(name, getattr(self, name))
        if self.tick % self.price_unit:
            raise ValueError(f"{self.symbol}: tick {self.tick} is not a whole multiple of price_unit {self.price_unit}")
        for name in ("maker_fee", "taker_fee"):
            fee = getattr(self, name)
            if abs(fee) >= 1 or fee * FEE_PARTS % 1:
                raise ValueError(f"{self.symbol}: {name} {fee} must be a part of the notional below 1, with at most 12 decimals")
        if self.kind != "SPOT":
            raise ValueError(f"{self.symbol}: kind {self.kind!r} is not supported yet; use SPOT")

    def _check_size(self, name: str, term: Decimal) -> None:
        if not 1 / TERM_MAX <= term <= TERM_MAX:
            raise ValueError(f"{self.symbol}: {name} is {term:E}; it must be from {1 / TERM_MAX:E} to {TERM_MAX:E}")
        if len(term.as_tuple().digits) > TERM_DIGITS:
            raise ValueError(f"{self.symbol}: {name} has more than {TERM_DIGITS} digits; round it")

    @property
    def tick_units(self) -> int:
        """Price units of one tick."""
        return int(self.tick / self.price_unit)

    @property
    def price_decimals(self) -> int:
        """Decimals that show every price on the tick."""
        return max(0, -int(self.tick.normalize().as_tuple().exponent))

    def value(self, decimals: int) -> Fraction:
        """Money (in 10^-decimals) of one price unit × one lot."""
        return Fraction(self.price_unit) * Fraction(self.lot) * Fraction(self.multiplier) * 10**decimals

    def price_units(self, price: Number) -> int:
        """A price in price units; NOT_WHOLE where it is off the unit."""
        return whole_units(price, self.price_unit, f"{self.symbol}: price")

    def lots(self, quantity: Number) -> int:
        """A quantity in lots; NOT_WHOLE where it is off the lot."""
        return whole_units(quantity, self.lot, f"{self.symbol}: quantity")

    def price(self, units: int) -> Decimal:
        """The price of `units` price units."""
        return self.price_unit * units

    def quantity(self, lots: int) -> Decimal:
        """The quantity of `lots` lots."""
        return self.lot * lots


def money_decimals(instruments: "list[Instrument]") -> int:
    """The fewest decimals (6 to 10) in which every instrument's value is whole. Raises ValueError with the mend where none is."""
    for decimals in range(MONEY_DECIMALS_MIN, MONEY_DECIMALS_MAX + 1):
        odd = [i for i in instruments if i.value(decimals).denominator != 1]
        if not odd:
            return decimals
    worst = odd[0]
    raise ValueError(
        f"{worst.symbol}: price_unit × lot × multiplier = {worst.price_unit * worst.lot * worst.multiplier} "
        f"needs more than {MONEY_DECIMALS_MAX} decimals of money; use a larger lot or price_unit"
    )

"""The terms of an instrument, as far as the data show them: how finely prices and quantities are written."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument, Number, decimal

DECIMALS_MAX = 9


def instrument_of(symbol: str, tick: Number | None, places: int, terms: dict[str, Any]) -> Instrument:
    """An instrument whose prices are written with `places` decimals. They need not lie on a tick that was given: its price unit may be
    finer."""
    written = Decimal(1).scaleb(-places)
    if tick is None:
        return Instrument(symbol, written, **terms)
    step, unit = Fraction(decimal(tick, f"{symbol}: tick")), Fraction(written)
    common = Fraction(math.gcd(step.numerator * unit.denominator, unit.numerator * step.denominator), step.denominator * unit.denominator)
    return Instrument(symbol, tick, price_unit=Decimal(common.numerator) / common.denominator, **terms)


def decimals_of(values: np.ndarray, least: int = 0) -> int:
    """The fewest decimals, `least` or more, that write every one of the float64 `values` exactly; -1 where more than 9 are needed."""
    for places in range(least, DECIMALS_MAX + 1):
        if np.array_equal(np.rint(values * 10.0**places) / 10.0**places, values):
            return places
    return -1

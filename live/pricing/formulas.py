"""Theoretical prices: named formulas over the prices of other instruments."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from engine.messages.hints import did_you_mean
from engine.messages.instrument import decimal

YEAR = 365 * 86_400
"""Seconds of a year, as options count them."""


class Formula(Protocol):
    """A theoretical price from the prices of others."""

    needs: tuple[str, ...]
    """Symbols whose prices it takes."""

    def price(self, prices: Mapping[str, float], ts: int) -> float:
        """The price at a time (ns UTC)."""


class Basket:
    """Σ weight × price, and a constant `cash`."""

    def __init__(self, of: Any, cash: Any = 0) -> None:
        if not isinstance(of, Mapping) or not of:
            raise ValueError('a basket is of symbols with weights: of = { AAPL = 0.5, MSFT = "0.5" }')
        self.weights = {str(symbol): float(decimal(weight, f"weight of {symbol}")) for symbol, weight in of.items()}
        self.cash = float(decimal(cash, "cash"))
        self.needs = tuple(self.weights)

    def price(self, prices: Mapping[str, float], ts: int) -> float:
        """The sum; the time does not matter."""
        return self.cash + sum(weight * prices[symbol] for symbol, weight in self.weights.items())


class BlackScholes:
    """A European option on one underlying without dividends (Black and Scholes 1973); at and behind its expiry what it pays."""

    def __init__(self, of: Any, strike: Any, expiry: str, volatility: Any, rate: Any = 0, kind: str = "call") -> None:
        if not isinstance(of, str):
            raise ValueError('an option is of one symbol: of = "AAPL"')
        if kind not in ("call", "put"):
            raise ValueError(f"kind is {kind!r}; it is call or put")
        self.needs, self.call = (of,), kind == "call"
        self.strike, self.volatility = float(decimal(strike, "strike")), float(decimal(volatility, "volatility"))
        self.rate = float(decimal(rate, "rate"))
        if self.strike <= 0 or self.volatility < 0:
            raise ValueError("strike is above 0, and volatility 0 or more, such as 0.25")
        try:
            when = datetime.fromisoformat(expiry)
        except (TypeError, ValueError):
            raise ValueError(f"expiry {expiry!r} is not a time; write 2026-12-18T21:00:00Z") from None
        self.expiry = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

    def price(self, prices: Mapping[str, float], ts: int) -> float:
        """The price `ts` ns after 1970."""
        spot, years = prices[self.needs[0]], max(0.0, self.expiry - ts / 1e9) / YEAR
        present, spread = self.strike * math.exp(-self.rate * years), self.volatility * math.sqrt(years)
        if spot <= 0 or spread == 0:
            call = max(0.0, spot - present)
        else:
            d1 = math.log(spot / present) / spread + spread / 2
            call = spot * _normal(d1) - present * _normal(d1 - spread)
        return call if self.call else call - spot + present


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


FORMULAS: dict[str, Any] = {"basket": Basket, "black_scholes": BlackScholes}


def formula_of(name: str, of: Any, numbers: Mapping[str, Any]) -> Formula:
    """A formula by name. Raises ValueError that names what is wrong."""
    if name not in FORMULAS:
        raise ValueError(f"no formula {name!r}; {did_you_mean(name, FORMULAS, 'there are ' + ', '.join(FORMULAS))}")
    try:
        made: Formula = FORMULAS[name](of, **numbers)
    except TypeError as odd:
        raise ValueError(f"{name}: {str(odd).partition(') ')[2] or odd}; its numbers stand in `set`") from None
    return made

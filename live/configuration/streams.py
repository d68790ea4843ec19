"""The table `[streams]` of a session's file: what is made of its market data, and where marks come from."""

import re
from decimal import Decimal
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from data.configuration import Problems
from engine.messages.durations import duration_ns
from engine.messages.hints import did_you_mean
from engine.messages.instrument import decimal
from live.configuration.tables import Decimals, Part

INDICATORS = ["SMA5", "EMA20", "RSI14", "ATR14", "BOLLINGER20", "VWAP20", "VOLATILITY30"]
FORMULAS = ("SMA", "EMA", "RSI", "ATR", "BOLLINGER", "VWAP", "VOLATILITY")
LONGEST = 1_440
"""Minutes, or bars, of the longest indicator."""
MINUTE = 60 * 10**9
PARTS = 10**6
"""The parts of one that a share is kept in."""
_NAMED = re.compile(r"([A-Z]+)([1-9][0-9]*)")


def indicator(name: str) -> tuple[str, int]:
    """Formula and length of an indicator such as SMA5. Raises ValueError."""
    found = _NAMED.fullmatch(name)
    if found is None or found[1] not in FORMULAS:
        formula = found[1] if found else name
        raise ValueError(f"no indicator {name!r}; {did_you_mean(formula, FORMULAS, 'write SMA5; there are ' + ', '.join(FORMULAS))}")
    length, least = int(found[2]), 1 if found[1] in ("SMA", "EMA", "VWAP", "ATR", "VOLATILITY") else 2
    if not least <= length <= LONGEST:
        raise ValueError(f"{name}: its length is from {least} to {LONGEST:,}")
    return found[1], length


def share(given: Any) -> int:
    """A share such as 0.05 in millionths. Raises ValueError."""
    exact = decimal(given, "share") * PARTS
    if exact != int(exact) or not 0 < exact <= 1_000 * PARTS:
        raise ValueError(f"{given!r} is not a share; write one above 0 with at most 6 decimals, such as 0.05")
    return int(exact)


class MarksSettings(Part):
    """Where marks come from: a topic of ticks, or a CSV file with the columns symbol and price that is read again when it changes."""

    topic: str | None = None
    file: str | None = None
    every: str = "1s"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.topic is None) == (self.file is None):
            raise ValueError('name one source of marks: topic = "…" or file = "…"')
        if duration_ns(self.every) <= 0:
            raise Problems({"every": "give a time above 0, like 1s"})
        return self


class TheoreticalSettings(Part):
    """The theoretical price of an instrument: a formula by name over the prices of others, and its numbers."""

    symbol: str
    formula: str
    of: dict[str, Decimals] | str
    set: dict[str, Any] = Field(default_factory=dict)


class StreamsSettings(Part):
    """Bars, indicators and alerts from the session's market data. Without the table nothing is made of it."""

    run: bool = True
    allowance: str = "5s"
    """How far the watermark stays behind the latest tick."""
    revise: str = "60s"
    """How long a bar that was told may still change."""
    jump: str = "15min"
    """A tick that is further ahead of all others is believed once `confirm` of them came in a row."""
    confirm: int = Field(3, ge=2, le=100)
    price: Decimals = "0.05"
    """Change from the close that is an anomaly."""
    spread: float = Field(5.0, ge=0, le=1e6)
    """Times the usual spread that is an anomaly; 0 is never. So is `volume`, of a minute."""
    volume: float = Field(5.0, ge=0, le=1e6)
    quotes: int = Field(100, ge=1)
    """Quotes that make a spread usual."""
    volumes: int = Field(20, ge=1, le=LONGEST)
    """Bars that make a volume usual."""
    indicators: list[str] = Field(default_factory=lambda: list(INDICATORS))
    closes: dict[str, Decimals] = Field(default_factory=dict)
    """The previous session's close by symbol, until a tick says another."""
    store_every: str = "1s"
    marks: MarksSettings | None = None
    theoretical: list[TheoreticalSettings] = Field(default_factory=list)

    @field_validator("indicators")
    @classmethod
    def _indicators(cls, given: list[str]) -> list[str]:
        for name in given:
            indicator(name)
        if len(set(given)) < len(given):
            raise ValueError("an indicator is named twice; name each once")
        return given

    @field_validator("price")
    @classmethod
    def _price(cls, given: Decimals) -> Decimals:
        share(given)
        return given

    @field_validator("closes")
    @classmethod
    def _closes(cls, given: dict[str, Decimals]) -> dict[str, Decimals]:
        for symbol, price in given.items():
            if decimal(price, f"close of {symbol}") <= Decimal(0):
                raise ValueError(f"the close of {symbol} is {price}; it must be above 0")
        return given

    @model_validator(mode="after")
    def _durations(self) -> Self:
        found = {}
        for name, least, most in (("allowance", 0, MINUTE), ("revise", 0, 60 * MINUTE), ("jump", MINUTE, 7 * LONGEST * MINUTE)):
            try:
                if not least <= duration_ns(getattr(self, name)) <= most:
                    found[name] = f"{getattr(self, name)} is not from {least // 10**9} s to {most // 10**9:,} s"
            except ValueError as odd:
                found[name] = str(odd)
        if found:
            raise Problems(found)
        if duration_ns(self.store_every) <= 0:
            raise Problems({"store_every": "give a time above 0, like 1s"})
        return self

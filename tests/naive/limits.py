"""What was set in the twin: risk limits of a portfolio, compliance rules of a trader. None is no limit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, Reason

RATIO = 10**9
"""Leverage and collar are whole parts of this."""
ORDER = 10**12
"""An order is so many parts of a token bucket, to which each ns adds `order_rate` of them, in thousandths of an order a second."""
RATE_END = 9 * 10**9
EXPONENT = 128
"""A quantity in units is mantissa × 10^(type - 128)."""
EXPONENTS = range(EXPONENT - 30, EXPONENT + 31)


def signed(bits: int) -> int:
    """The int64 that an unsigned field carries."""
    return bits - 2**64 if bits >= 2**63 else bits


def named(value: int) -> int | None:
    return None if value == NOT_NAMED else value


def units(c: SimpleNamespace) -> Fraction | None:
    """The quantity of a SET_LIMITS or SET_RULES."""
    return None if c.quantity == NOT_NAMED else c.quantity * Fraction(10) ** (c.type - EXPONENT)


def invalid(c: SimpleNamespace) -> Reason:
    """Why a SET_LIMITS or SET_RULES cannot be taken, whoever it is for."""
    given = (c.quantity, c.price, c.stop_price, signed(c.order_id))
    if any((value < 0 and value != NOT_NAMED) or value == NOT_WHOLE for value in given):
        return Reason.INVALID_QUANTITY
    if c.flags > 1 or c.type not in EXPONENTS:
        return Reason.INVALID_COMBINATION
    return Reason.NONE


@dataclass
class Limits:
    """Risk limits of a portfolio: units, money, parts of 10^9."""

    max_position: Fraction | None
    max_exposure: int | None
    max_daily_loss: int | None
    max_leverage: int | None
    cash_account: bool

    @classmethod
    def of(cls, c: SimpleNamespace) -> Limits:
        return cls(units(c), named(c.price), named(c.stop_price), named(signed(c.order_id)), c.flags == 1)


@dataclass
class Rules:
    """Compliance rules of a trader: units, money, parts of 10^9, thousandths of an order a second."""

    max_order_quantity: Fraction | None
    max_order_notional: int | None
    price_collar: int | None
    order_rate: int | None
    short_sale: bool
    tokens: int = 0  # parts of orders that may come, as they were at `counted`
    counted: int = 0  # ns

    @classmethod
    def of(cls, c: SimpleNamespace) -> Rules:
        made = cls(units(c), named(c.price), named(c.stop_price), named(signed(c.order_id)), c.flags == 0)
        made.tokens, made.counted = made.room, c.ts
        return made

    @property
    def room(self) -> int:
        """Parts that the bucket holds: the orders of a second, at least one."""
        return max((self.order_rate or 0) * RATIO, ORDER)

    def count(self, now: int) -> bool:
        """Takes an order from the bucket, if there is one."""
        if self.order_rate is None:
            return True
        self.tokens = min(self.room, self.tokens + (now - self.counted) * self.order_rate)
        self.counted = now
        if self.tokens < ORDER:
            return False
        self.tokens -= ORDER
        return True

"""Numbers as decimal text: exact in both directions, in whole units inside; no float is ever made."""

import re
from decimal import Decimal

from engine.messages.vocabulary import NOT_WHOLE

NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
"""A number as JSON writes it: sign, whole part, decimals, exponent."""
LENGTH_MAX, DIGITS_MAX, EXPONENT_MAX = 64, 28, 64
"""Of a number that is read: characters, digits between the first and the last that is not 0, size of a written exponent."""
UNITS_END = 1 << 62
CACHED_MAX = 1 << 16
"""Texts or numbers that one table remembers before it begins again."""


def split(text: str) -> tuple[int, int] | None:
    """`text` as (digits, exponent of ten), exactly. None for what is not a JSON number; OverflowError for one out of bounds."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return None
    if len(text) > LENGTH_MAX:
        raise OverflowError
    sign, whole, part, exponent = found.group(1, 2, 3, 4)
    written = whole + (part or "")
    if len(written.strip("0")) > DIGITS_MAX or abs(int(exponent or 0)) > EXPONENT_MAX:
        raise OverflowError
    return int(sign + written), int(exponent or 0) - len(part or "")


def _steps(unit: Decimal) -> tuple[int, int]:
    """A unit as (mantissa, exponent of ten), the mantissa without zeros at its end."""
    _, digits, exponent = unit.as_tuple()
    text = "".join(map(str, digits))
    bare = text.rstrip("0")
    return int(bare), int(exponent) + len(text) - len(bare)


class Written(str):
    """A number of a JSON message, as it is written there."""


class Units(dict[bytes, int | None]):
    """Numbers as they stand in a JSON message, with their quotes if they have any, in whole units; each text is read once.

    NOT_WHOLE where a number is off the unit or beyond 2^62 units (the exchange then refuses it); None for what is not a plain number.
    """

    def __init__(self, unit: Decimal) -> None:
        super().__init__()
        self.mantissa, self.power = _steps(unit)

    def __missing__(self, raw: bytes) -> int | None:
        if len(raw) > LENGTH_MAX + 2:
            return None
        if len(self) >= CACHED_MAX:
            self.clear()
        quoted = raw[:1] == b'"' and raw[-1:] == b'"' and len(raw) > 1
        try:
            found = split((raw[1:-1] if quoted else raw).decode("ascii"))
        except (UnicodeDecodeError, OverflowError):
            found = None
        self[raw] = made = None if found is None else self.whole(*found)
        return made

    def whole(self, digits: int, exponent: int) -> int:
        """digits × 10^exponent in units, or NOT_WHOLE."""
        up = exponent - self.power
        scale = self.mantissa if up >= 0 else self.mantissa * 10**-up
        units, rest = divmod(digits * 10**up if up > 0 else digits, scale)
        return NOT_WHOLE if rest or abs(units) >= UNITS_END else units


class Texts(dict[int, str]):
    """Whole numbers of a unit as JSON strings: plain decimals, always with as many decimals as the unit has; each is made once."""

    def __init__(self, unit: Decimal) -> None:
        super().__init__()
        self.mantissa, power = _steps(unit)
        self.mantissa *= 10 ** max(power, 0)
        self.decimals = max(-power, 0)

    def __missing__(self, units: int) -> str:
        if len(self) >= CACHED_MAX:
            self.clear()
        self[units] = made = f'"{fixed(units * self.mantissa, self.decimals)}"'
        return made


def fixed(number: int, decimals: int) -> str:
    """number × 10^-decimals as plain text with that many decimals."""
    if not decimals:
        return str(number)
    whole, part = divmod(abs(number), 10**decimals)
    return f"{'-' if number < 0 else ''}{whole}.{part:0{decimals}d}"


def rounded(above: int, below: int, decimals: int) -> str:
    """above ÷ below as plain text, rounded half to even; `below` is above 0."""
    quotient, rest = divmod(above * 10**decimals, below)
    up = 2 * rest > below or (2 * rest == below and quotient & 1)
    return fixed(quotient + up, decimals)

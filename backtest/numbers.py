"""How figures are written: true minus, thousands separators, an em dash for what is missing, no minus before a zero."""

from datetime import UTC, datetime, tzinfo
from typing import Any

from engine.messages.instrument import Instrument

MINUS, DASH = "\u2212", "\u2014"


def number(value: float | None, places: int = 2, sign: bool = False) -> str:
    """1234.5 as "1,234.50"; `sign` puts a plus before what is above zero."""
    if value is None:
        return DASH
    text = f"{abs(value):,.{places}f}"
    if not any(digit in "123456789" for digit in text):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def places(value: float | None, most: int = 6) -> int:
    """Decimals for an amount of money: two, or as many as show three figures of a small one."""
    size = abs(value) if value else 0.0
    shown = 2
    while size and shown < most and size * 10**shown < 100:
        shown += 1
    return shown


def percent(value: float | None, shown: int = 2, sign: bool = False) -> str:
    """0.0123 as "1.23 %"."""
    return DASH if value is None else number(100 * value, shown, sign) + "\u202f%"


def significant(value: float | None, figures: int = 3, sign: bool = False) -> str:
    """A ratio with about three figures: 0.0123, 1.23, 12.3, 1,234."""
    if value is None:
        return DASH
    shown, size = 0, abs(value)
    while size and shown < 6 and size * 10**shown < 10 ** (figures - 1):
        shown += 1
    return number(value, min(shown, 4), sign)


def compact(value: float | None, shown: int = 1, sign: bool = False) -> str:
    """For figures in a tile: 12,345,678 as "12.3 M"; below 100,000 with two decimals."""
    if value is None:
        return DASH
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e5, "k")):
        if abs(value) >= size:
            return number(value / (1e3 if letter == "k" else size), shown, sign) + f"\u202f{letter}"
    return number(value, 2, sign)


def counted(many: int, what: str) -> str:
    """10 as "10 buys", 1 as "1 buy"."""
    return f"{count(many)} {what}{'' if many == 1 else 's'}"


def count(value: float | None) -> str:
    """A whole number, or one decimal where it is not whole."""
    return number(value, 0 if value is None or value == int(value) else 1)


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads best: 250 µs, 12 ms, 3.5 s, 4 m 05 s, 2 h 07 m, 3 d 4 h."""
    if seconds is None:
        return DASH
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f}\u202fµs" if seconds else "0\u202fs"
    if seconds < 1:
        return f"{_short(seconds * 1e3)}\u202fms"
    if seconds < 60:
        return f"{_short(seconds)}\u202fs"
    whole = round(seconds)
    if whole < 3600:
        return _both(whole // 60, "m", whole % 60, "s")
    if whole < 86_400:
        return _both(whole // 3600, "h", whole % 3600 // 60, "m")
    return _both(whole // 86_400, "d", whole % 86_400 // 3600, "h")


def _short(value: float) -> str:
    text = significant(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _both(large: int, unit: str, small: int, lesser: str) -> str:
    return f"{large}\u202f{unit}" + (f" {small:02d}\u202f{lesser}" if small else "")


def price(instrument: Instrument, units: float, more: int = 0) -> str:
    """Price units with the decimals of the tick (and `more`)."""
    return number(float(instrument.price_unit) * units, instrument.price_decimals + more)


def quantity(instrument: Instrument, lots: int, sign: bool = False) -> str:
    """Lots as a quantity with the decimals of the lot."""
    return number(float(instrument.quantity(lots)), lot_places(instrument), sign)


def lot_places(instrument: Instrument) -> int:
    """Decimals that show every quantity of whole lots."""
    return max(0, -int(instrument.lot.normalize().as_tuple().exponent))


def clock(ts: int, zone: tzinfo = UTC, form: str = "%H:%M:%S", digits: int = 3) -> str:
    """A time of day with `digits` decimals of a second."""
    text = datetime.fromtimestamp(ts // 10**9, zone).strftime(form)
    return text if not digits else f"{text}.{ts % 10**9:09d}"[: len(text) + 1 + digits]


def shown(value: Any, unit: str, money_places: int = 2, unit_places: int = 0) -> str:
    """A figure of a summary in its unit (see `definitions.Metric`); `unit_places`: decimals of the instrument's lot."""
    if value is None or isinstance(value, str):
        return value or DASH
    match unit:
        case "money":
            return number(value, money_places)
        case "fraction":
            return percent(value)
        case "seconds":
            return duration(value)
        case "count":
            return count(value)
        case "units":
            return number(value, unit_places or (0 if value == int(value) else 1))
        case "lots":
            return number(value, 0 if value == int(value) else 1)
        case _:
            return significant(value)

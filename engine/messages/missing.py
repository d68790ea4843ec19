"""Names and flags as people write them: what is missing, or is something else, is refused by the name of its field."""

from typing import Any

LOST = ("nan", "NaN", "NaT", "<NA>")
"""What a missing value becomes where somebody makes text of it."""


def is_missing(value: Any) -> bool:
    """None, NaN, NaT, and pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return not isinstance(value, str) and bool(value != value)


def name_of(field: str, value: Any) -> str:
    """The name of a portfolio, a trader or a symbol. Raises ValueError where it is missing."""
    if is_missing(value) or value in LOST:
        raise ValueError(f'{field}: the name is missing ({value!r}); write a name, or "" for none')
    return value if isinstance(value, str) else str(value)


def flag_of(field: str, value: Any) -> bool:
    """A flag, given as True, False, 1 or 0. Raises ValueError on anything else, text among it."""
    if is_missing(value) or isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"{field}: {value!r} is not a flag; give True or False")
    return bool(value)

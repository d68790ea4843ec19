"""The day that a file is of, by its name."""

import datetime
import re
from pathlib import Path

from data.feed import DataError

_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d\d)-(\d\d)(?!\d)")
_EIGHT = re.compile(r"(?<!\d)(\d{8})(?!\d)")
_SIX = re.compile(r"(?<!\d)(\d{6})(?!\d)")


def _day(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day) if 1970 <= year <= 2200 else None
    except ValueError:
        return None


def date_in_name(name: str) -> datetime.date | None:
    """The day in a file's name: 2019-12-30, 20191230, 12302019 or, as Nasdaq writes it too, 123019; None where there is none."""
    found = _ISO.search(name)
    if found:
        return _day(*map(int, found.groups()))
    for digits in _EIGHT.findall(name):
        day = _day(int(digits[:4]), int(digits[4:6]), int(digits[6:])) or _day(int(digits[4:]), int(digits[:2]), int(digits[2:4]))
        if day:
            return day
    for digits in _SIX.findall(name):
        day = _day(2000 + int(digits[4:]), int(digits[:2]), int(digits[2:4]))
        if day:
            return day
    return None


def date_of(path: Path | str, name: str, given: str | datetime.date | None) -> datetime.date:
    """The day given, else that of the name. Raises DataError with the mend where there is none, or where the two differ."""
    named = date_in_name(name)
    if given is None:
        if named is None:
            raise DataError(path, "its name does not contain the day; give --date YYYY-MM-DD (date=)")
        return named
    if isinstance(given, datetime.datetime):
        given = given.date()
    if isinstance(given, datetime.date):
        return given
    try:
        return datetime.date.fromisoformat(given)
    except (TypeError, ValueError):
        raise DataError(path, f"{given!r} is not a day; give --date YYYY-MM-DD (date=)") from None

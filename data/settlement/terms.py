"""When trades settle: T+n on the days of an exchange's calendar."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from engine.errors import TapebookError
from engine.messages.hints import did_you_mean

EXTRA = "install the extra services: uv sync --extra services"


class SettlementError(TapebookError, ValueError):
    """Terms that nobody can settle by, a date that a calendar does not know, or a step that does not fit; the message says the mend."""


class Terms(NamedTuple):
    """So many settlement days after the trade date, on the days of a calendar (a MIC such as XNYS); every day is one without."""

    days: int
    calendar: str | None = None


def check_calendar(name: str) -> None:
    """Raises SettlementError where no calendar has that name, or calendars are not installed."""
    known = _calendars().get_calendar_names()
    if name not in known:
        raise SettlementError(f"no calendar {name!r}; {did_you_mean(name, known, 'name one by its MIC, such as XNYS, XLON, XETR')}")


def _calendars() -> Any:
    """exchange_calendars, which takes seconds to import: only who needs a calendar waits for it."""
    try:
        import exchange_calendars
    except ModuleNotFoundError:
        raise SettlementError(f"a settlement calendar needs exchange-calendars, which is not installed; {EXTRA}") from None
    return exchange_calendars


@lru_cache(64)
def sessions_of(name: str) -> np.ndarray:
    """The days of a calendar, int64 days since 1970, ascending. Raises SettlementError."""
    check_calendar(name)
    return _calendars().get_calendar(name).sessions.to_numpy().astype("datetime64[D]").astype(np.int64)


def settle_dates(dates: np.ndarray, terms: Terms) -> np.ndarray:
    """The settlement date of each trade date (int64 days since 1970). A date that is not a day of the calendar counts as the next that is.

    Raises SettlementError where the calendar does not reach so far.
    """
    dates = np.asarray(dates, np.int64)
    if terms.calendar is None or not len(dates):
        return dates + terms.days
    known = sessions_of(terms.calendar)
    at = np.searchsorted(known, dates) + terms.days
    outside = (dates < known[0]) | (at >= len(known))
    if outside.any():
        odd = int(dates[outside][0])
        raise SettlementError(
            f"calendar {terms.calendar} knows the days from {as_date(known[0])} to {as_date(known[-1])}; what is traded on {as_date(odd)} "
            f"would settle {terms.days} days later, outside of them: install a newer exchange-calendars, or name another calendar"
        )
    return known[at]


def next_day(date: int, terms: Terms) -> int:
    """The settlement day after a date. Raises SettlementError."""
    return int(settle_dates(np.array([date + 1]), terms._replace(days=0))[0])


def as_date(day: int) -> np.datetime64:
    """Days since 1970 as a date."""
    return np.datetime64(int(day), "D")

"""The sessions of an exchange: when each opens and closes, with its breaks, as exchange-calendars knows them."""

import datetime
import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from engine.errors import TapebookError
from engine.messages.hints import did_you_mean

EXTRA = "install the extra data: uv sync --extra data"
DAY = 86_400 * 10**9
PAD = 10
"""Days that a calendar is asked for before and after the data."""

Ints = np.ndarray[Any, np.dtype[np.int64]]


class CalendarError(TapebookError, ValueError):
    """A calendar that nobody knows, or that does not reach as far as the data; the message says the mend."""


class Schedule(NamedTuple):
    """Sessions in their order, int64 each. Times are ns UTC; `days`: of each session its date, in days since 1970.

    A part is what lies between an open, a break and a close: of a session without a break it is the whole. `part_of`: its session.
    """

    name: str
    time_zone: str
    days: Ints
    opens: Ints
    closes: Ints
    part_opens: Ints
    part_closes: Ints
    part_of: Ints

    def part_at(self, ts: Ints) -> Ints:
        """The part in which each time lies, its close included; -1 outside of all."""
        at = np.searchsorted(self.part_opens, ts, side="right") - 1
        return np.where((at >= 0) & (ts <= self.part_closes[np.maximum(at, 0)]), at, -1)


def calendars() -> Any:
    """exchange_calendars, which takes seconds to import: only who names a calendar waits for it. Raises CalendarError without it."""
    try:
        import exchange_calendars
    except ModuleNotFoundError:
        raise CalendarError(f"a calendar needs exchange-calendars, which is not installed; {EXTRA}") from None
    return exchange_calendars


def check_calendar(name: str) -> None:
    """Raises CalendarError where no calendar has that name."""
    known = calendars().get_calendar_names()
    if name not in known:
        raise CalendarError(f"no calendar {name!r}; {did_you_mean(name, known, 'name one by its MIC, such as XNYS, XLON, XETR')}")


def schedule_of(name: str, first: int, last: int) -> Schedule:
    """The sessions from before `first` to after `last` (ns UTC). Raises CalendarError where the calendar does not reach so far."""
    check_calendar(name)
    days = [datetime.date(1970, 1, 1) + datetime.timedelta(days=ts // DAY + shift) for ts, shift in ((first, -PAD), (last, PAD))]
    return _schedule(name, *days)


@lru_cache(16)
def _schedule(name: str, first: datetime.date, last: datetime.date) -> Schedule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandas to the library, nothing that a user could mend
        return _read(name, _calendar(calendars(), name, first, last))


def _calendar(kind: Any, name: str, first: datetime.date, last: datetime.date) -> Any:
    plain = kind.get_calendar(name)
    try:
        if first < plain.first_session.date() or last > plain.last_session.date():
            bounds = (plain.bound_min(), plain.bound_max())
            start = first if bounds[0] is None else max(first, bounds[0].date())
            end = last if bounds[1] is None else min(last, bounds[1].date())
            plain = kind.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    except (ValueError, kind.errors.CalendarError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise CalendarError(f"calendar {name} does not reach from {first} to {last} ({said}); take another, or none") from None
    return plain


def _read(name: str, calendar: Any) -> Schedule:
    opens, closes = _nanoseconds(calendar.opens), _nanoseconds(calendar.closes)
    starts, ends = _nanoseconds(calendar.break_starts), _nanoseconds(calendar.break_ends)
    number = np.arange(len(opens))
    paused = starts != np.iinfo(np.int64).min
    part_opens = np.concatenate([opens, ends[paused]])
    part_closes = np.concatenate([np.where(paused, starts, closes), closes[paused]])
    order = np.argsort(part_opens, kind="stable")
    days = calendar.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    part_of = np.concatenate([number, number[paused]])
    return Schedule(name, str(calendar.tz), days, opens, closes, part_opens[order], part_closes[order], part_of[order])


def _nanoseconds(times: Any) -> Ints:
    """ns UTC of a pandas column of times; the least int64 where there is none."""
    made: Ints = times.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return made

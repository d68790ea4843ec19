"""Moments, times of day and time zones, as people write them."""

from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

TimeOfDay = int | str | time | datetime | np.integer | np.datetime64
HOUR = 3600 * 10**9
Moment = int | str | datetime | np.datetime64
"""A seq, or a time: a datetime, or ISO text; UTC where it names no zone."""


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises ValueError for an unknown one."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} is not known; name one such as America/New_York, or install tzdata") from None


def local_time(ts: int, zone: tzinfo) -> datetime:
    """A time (ns UTC) on the clock of a zone, to the second below."""
    return datetime.fromtimestamp(ts // 10**9, UTC).astimezone(zone)


def utc_offset(ts: int, zone: tzinfo) -> int:
    """Nanoseconds that the clock of a zone is ahead of UTC at `ts` (ns UTC)."""
    shift = local_time(ts, zone).utcoffset()
    return int(shift.total_seconds()) * 10**9 if shift else 0


def utc_offsets(time_zone: str, first: int, last: int) -> np.ndarray:
    """STEP rows: ns that a zone's clock is ahead of UTC from a moment on, exact to the hour, for [first, last] and a week after."""
    from engine.loop.loop_state import STEP  # with Numba, which nothing else here needs

    zone, steps = zone_of(time_zone), [(first, 0)]
    if zone is not UTC:
        steps = [(hour * HOUR, utc_offset(hour * HOUR, zone)) for hour in range(first // HOUR, last // HOUR + 24 * 8)]
    changes = [step for k, step in enumerate(steps) if k == 0 or step[1] != steps[k - 1][1]]
    return np.array(changes, STEP)


def midnight_of(day: date, time_zone: str) -> int:
    """Midnight of a day in ns UTC, as the clocks of its time zone stand at noon. Raises ValueError on an unknown time zone."""
    noon = datetime.combine(day, time(12), zone_of(time_zone))
    return (int(noon.timestamp()) - 12 * 3600) * 10**9


def moment(given: TimeOfDay, first: int, time_zone: str) -> int:
    """ns UTC of a time: "HH:MM[:SS]" or a `time` on the clock of a time zone, on the day of `first` (ns UTC); ns UTC; a datetime (on that
    clock where it names no zone). Raises ValueError for anything else."""
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, np.datetime64):
        return utc_nanoseconds(given)
    if isinstance(given, datetime):
        return utc_nanoseconds(given if given.tzinfo is not None else given.replace(tzinfo=zone_of(time_zone)))
    if isinstance(given, time):
        given = given.strftime("%H:%M:%S")
    if not isinstance(given, str):
        raise ValueError(f"{given!r} is not a time of day; write HH:MM or HH:MM:SS")
    try:
        clock = datetime.strptime(given, "%H:%M:%S" if given.count(":") == 2 else "%H:%M")
    except ValueError:
        raise ValueError(f"{given!r} is not a time of day; write HH:MM or HH:MM:SS") from None
    day = local_time(first, zone_of(time_zone))
    local = day.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    return int(local.timestamp()) * 10**9


def utc_nanoseconds(at: str | datetime | np.datetime64) -> int:
    """A time in ns UTC; one that names no zone is UTC. Raises ValueError for what is not a time."""
    try:
        if isinstance(at, str) and (at.endswith("Z") or at[10:].rpartition("+")[1] or at[10:].rpartition("-")[1]):
            at = datetime.fromisoformat(at)
        if isinstance(at, datetime) and at.tzinfo is not None:
            at = at.astimezone(UTC).replace(tzinfo=None)
        scalar: Any = np.datetime64
        return int(scalar(at, "ns").astype(np.int64))
    except (TypeError, ValueError):
        raise ValueError(f"{at!r} is not a time; write a datetime, or text like 2026-01-05T14:30:00 (UTC)") from None

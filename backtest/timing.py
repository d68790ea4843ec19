"""Latencies and times of day, as people write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from engine.loop.loop_state import STEP
from engine.messages.durations import duration_ns

HOUR = 3600 * 10**9
Latency = int | str | np.ndarray


def latency(given: Latency) -> np.ndarray:
    """A latency as STEP rows: a constant ("100us", ns), or an array (n, 2) of (ts ns, latency ns) in time order."""
    made = np.zeros(1, STEP)
    if not isinstance(given, int | str | np.integer):
        given = np.asarray(given)
        if given.ndim != 2 or given.shape[1] != 2 or not len(given):
            raise ValueError(f"a latency series is an array (n, 2) of (ts, latency) in ns, not one of shape {given.shape}")
        if (np.diff(given[:, 0]) < 0).any():
            raise ValueError("a latency series must be in time order")
        made = np.zeros(len(given), STEP)
        made["ts"], made["value"] = given[:, 0], given[:, 1]
    else:
        made["value"] = duration_ns(given)
    if (made["value"] < 0).any():
        raise ValueError("a latency cannot be negative")
    return made


def moment(given: int | str, first: int, time_zone: str) -> int:
    """A time of the feed's first day as ns UTC."""
    if isinstance(given, int):
        return given
    zone = ZoneInfo(time_zone)
    day = datetime.fromtimestamp(first // 10**9, UTC).astimezone(zone)
    try:
        clock = datetime.strptime(given, "%H:%M:%S" if given.count(":") == 2 else "%H:%M")
    except ValueError:
        raise ValueError(f"{given!r} is no time of day; write HH:MM or HH:MM:SS") from None
    local = day.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    return int(local.timestamp()) * 10**9


def utc_offsets(time_zone: str, first: int, last: int) -> np.ndarray:
    """STEP rows: ns that a zone's clock is ahead of UTC from a moment on, exact to the hour, for [first, last] and a week after."""
    if time_zone == "UTC":
        return np.zeros(1, STEP)
    zone = ZoneInfo(time_zone)
    steps: list[tuple[int, int]] = []
    for hour in range(first // HOUR, last // HOUR + 24 * 8):
        shift = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
        ahead = int(shift.total_seconds()) * 10**9 if shift else 0
        if not steps or steps[-1][1] != ahead:
            steps.append((hour * HOUR, ahead))
    return np.array(steps, STEP)

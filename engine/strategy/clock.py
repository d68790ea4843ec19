"""Times of day on a clock that is ahead of UTC by steps: a table instead of a time zone, so that the engine needs no calendar."""

import numpy as np

DAY = 86_400 * 10**9
_SECONDS = (3600, 60, 1)


def offset_at(now: int, offsets: np.ndarray) -> int:
    """ns that the clock is ahead of UTC at `now` (ns UTC); `offsets`: STEP, the first holds before, too."""
    return int(offsets["value"][max(0, int(np.searchsorted(offsets["ts"], now, side="right")) - 1)])


def local_time(now: int, offsets: np.ndarray) -> int:
    """`now` (ns UTC) as ns that the clock shows since 1970."""
    return now + offset_at(now, offsets)


def time_of_day(text: str) -> int:
    """ns since midnight of "HH:MM" or "HH:MM:SS". Raises ValueError with the mend."""
    parts = text.strip().split(":")
    if len(parts) in (2, 3) and all(part.isdigit() and len(part) == 2 for part in parts):
        numbers = [int(part) for part in parts]
        if numbers[0] < 24 and all(number < 60 for number in numbers[1:]):
            return sum(number * seconds for number, seconds in zip(numbers, _SECONDS)) * 10**9
    raise ValueError(f"{text!r} is not a time of day; write HH:MM or HH:MM:SS")


def next_time_of_day(text: str, now: int, offsets: np.ndarray) -> int:
    """The next moment (ns UTC, `now` or later) at which the clock shows "HH:MM[:SS]"."""
    wanted, shown = time_of_day(text), local_time(now, offsets)
    midnight = shown - shown % DAY
    for day in range(3):
        local = midnight + day * DAY + wanted
        moment = local - offset_at(local - offset_at(now, offsets), offsets)
        if moment >= now:
            return moment
    raise ValueError(f"{text!r} does not come again")

"""Durations as people write them."""

import numbers

UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}


def nanoseconds(duration: int | str) -> int:
    """A duration such as "100ms", "1s", "5min", or whole nanoseconds. Raises ValueError where it is neither."""
    if isinstance(duration, numbers.Integral):
        return int(duration)
    if not isinstance(duration, str):
        raise ValueError(f"{duration!r} is no duration; write whole nanoseconds, or a text like 100ms")
    for unit in sorted(UNITS, key=len, reverse=True):
        number = duration.strip().removesuffix(unit).strip()
        if duration.strip().endswith(unit) and number.replace(".", "", 1).isdigit():
            return round(float(number) * UNITS[unit])
    if duration.strip() == "0":
        return 0
    raise ValueError(f"{duration!r} is no duration; write a number and one of {', '.join(UNITS)}, like 100ms")

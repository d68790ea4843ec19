"""Durations as people write them: "100ms", "5min", or whole nanoseconds."""

import numbers
import re
from decimal import Decimal

UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_WRITTEN = re.compile(rf"([0-9]+\.?[0-9]*|\.[0-9]+)\s*({'|'.join(UNITS)})")
_LONGEST = 2**63 - 1


def duration_ns(duration: int | str) -> int:
    """Nanoseconds of a duration such as "100ms", "1s", "5min", or of whole nanoseconds. Raises ValueError where it is neither."""
    if isinstance(duration, numbers.Integral) and not isinstance(duration, bool):
        made = int(duration)
    elif isinstance(duration, str) and duration.strip() == "0":
        made = 0
    else:
        written = _WRITTEN.fullmatch(duration.strip()) if isinstance(duration, str) else None
        if written is None:
            raise ValueError(f"{duration!r} is not a duration; write a number and a unit, like 250us, 100ms, 5min")
        made = round(Decimal(written[1]) * UNITS[written[2]])
    if abs(made) > _LONGEST:
        raise ValueError(f"{duration!r} is too long; a duration lasts 292 years at most")
    return made

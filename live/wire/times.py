"""Times on the wire: ISO 8601 in UTC, to the nanosecond."""

import re
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

SECOND = 10**9
_WRITTEN = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int | None:
    """ns UTC of a time such as 2026-01-05T14:30:00.123456789Z; None for what is none, or lies outside of 64 bits."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    try:
        since = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=UTC) - _EPOCH  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    made = (since.days * 86_400 + since.seconds) * SECOND + int((found[7] or "").ljust(9, "0"))
    return made if -(1 << 63) <= made < 1 << 63 else None


@lru_cache(maxsize=256)
def second_text(seconds: int) -> str:
    """A whole second (UTC) as 2026-01-05T14:30:00."""
    return str(np.datetime64(seconds, "s"))


def time_text(ts: int) -> str:
    """ns UTC as ISO 8601, always with nine decimals."""
    seconds, part = divmod(ts, SECOND)
    return f"{second_text(seconds)}.{part:09d}Z"

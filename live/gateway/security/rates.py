"""How much somebody may ask for: a bucket of tokens for each user and each address."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from live.gateway.problems import Problem

KEPT_MAX = 10_000
"""Buckets that are remembered; the one that was used longest ago goes first."""


class Rate:
    """At most `rate` requests a second for each key, and `burst` at once; 0 is no limit."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._now = rate, max(1.0, burst), now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.refused = 0

    def wait(self, key: str, cost: float = 1.0) -> float:
        """Take from the bucket; returns 0, or the seconds until it would hold enough, and takes nothing then."""
        if not self.rate:
            return 0.0
        now = self._now()
        left, since = self._buckets.get(key, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        short = cost - left
        self._buckets[key] = (left if short > 0 else left - cost, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > KEPT_MAX:
            self._buckets.popitem(last=False)
        return short / self.rate if short > 0 else 0.0

    def check(self, key: str, whose: str, cost: float = 1.0) -> None:
        """Raises Problem (429) where the bucket is empty."""
        wait = self.wait(key, cost)
        if wait:
            self.refused += 1
            detail = f"more than {self.rate:g} requests a second of one {whose}; wait {wait:.3f} s"
            raise Problem(429, "TOO_MANY_REQUESTS", detail, headers={"retry-after": str(max(1, math.ceil(wait)))})

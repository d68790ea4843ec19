"""What a session counts of itself: totals, and how long each stage took. Kept for whoever shows it."""

import math
from collections import Counter

BOUNDS = tuple(round(10 ** (k / 4), 6) for k in range(-24, 9))
"""Upper bounds of a histogram's buckets in seconds, four a decade from 1 µs to 100 s."""


class Histogram:
    """How long something took, in buckets of BOUNDS and one beyond; percentiles are upper bounds of their bucket."""

    __slots__ = ("counts", "maximum", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = self.maximum = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count something that took so long."""
        k = 0 if seconds <= BOUNDS[0] else min(len(BOUNDS), math.ceil(4 * math.log10(seconds) - 1e-9) + 24)
        self.counts[k] += times
        self.total += seconds * times
        self.maximum = max(self.maximum, seconds)

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def percentile(self, part: float) -> float | None:
        """The time (s) that `part` (0 to 1) of them stayed within; None where nothing was counted."""
        left = part * self.count
        for bound, count in zip((*BOUNDS, self.maximum), self.counts):
            left -= count
            if left <= 0 and self.count:
                return min(bound, self.maximum)
        return None


class Meters:
    """Counters by name, and a histogram a stage: `match`, `commit`, `publish`, and `answer` from a command's arrival to its commit."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self.stages: dict[str, Histogram] = {}

    def stage(self, name: str) -> Histogram:
        """The histogram of a stage."""
        if name not in self.stages:
            self.stages[name] = Histogram()
        return self.stages[name]

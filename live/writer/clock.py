"""A session's clock: the one place where time comes from. Everything else sees the time that is stamped on a command."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Nanoseconds UTC."""

    def now(self) -> int:
        """The time now."""
        ...

    def wait(self, until: int) -> float:
        """Seconds of real time until the clock says `until`; 0 where it is past."""
        ...


class WallClock:
    """Real time, as `read` says (ns UTC); set back, it stands still until the old time has passed."""

    def __init__(self, read: Callable[[], int] = time.time_ns) -> None:
        self.read, self._last = read, 0

    def now(self) -> int:
        """The time now, never before one that it gave."""
        self._last = max(self._last, self.read())
        return self._last

    def wait(self, until: int) -> float:
        """Seconds until then."""
        return max(0.0, (until - self.now()) / 1e9)


class ReplayClock:
    """The time of a recorded market that plays `speed` times as fast as it was; 0: as fast as it goes, and time is where it has come to."""

    def __init__(self, first: int, speed: float) -> None:
        self.first, self.speed, self.reached = first, speed, first
        self._began = time.monotonic_ns()

    def now(self) -> int:
        """The time of the market now."""
        if self.speed:
            self.reached = max(self.reached, self.first + int((time.monotonic_ns() - self._began) * self.speed))
        return self.reached

    def wait(self, until: int) -> float:
        """Seconds until then."""
        return max(0.0, (until - self.now()) / 1e9 / self.speed) if self.speed else 0.0

"""The turn of the day: END_OF_DAY and START_OF_DAY at their times of day, on the session's clock."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from engine.messages.names import record
from engine.messages.vocabulary import Kind

NEVER = 1 << 62


class Days:
    """When the next day begins or ends (`next`, ns UTC), and the commands for it.

    `start`, `end`: "HH:MM[:SS]" on the clock of `time_zone`; without one, that does not happen by itself.
    """

    def __init__(self, instruments: int, start: str | None = None, end: str | None = None, time_zone: str = "UTC") -> None:
        self.instruments, self.zone = instruments, ZoneInfo(time_zone)
        self.times = {Kind.START_OF_DAY: start, Kind.END_OF_DAY: end}
        self.next, self._kind = NEVER, Kind.START_OF_DAY

    def begin(self, now: int) -> None:
        """From `now` (ns UTC) on, look for the next turn."""
        turns = [(self._at(now, clock), kind) for kind, clock in self.times.items() if clock is not None]
        self.next, self._kind = min(turns, default=(NEVER, Kind.START_OF_DAY))

    def due(self, now: int) -> list[np.ndarray]:
        """The commands (COMMAND) of each turn up to `now`, in order."""
        found = []
        while self.next <= now:
            rows = range(self.instruments) if self._kind == Kind.END_OF_DAY else range(1)
            found.append(np.concatenate([record(self._kind, instrument=k, ts=self.next) for k in rows]))
            self.begin(self.next)
        return found

    def _at(self, now: int, clock: str) -> int:
        """The first moment after `now` at which the day's clock says so."""
        day = datetime.fromtimestamp(now // 10**9, self.zone).date()
        for shift in range(3):
            made = datetime.combine(day + timedelta(days=shift), time.fromisoformat(clock), self.zone)
            moment = int(made.timestamp()) * 10**9
            if moment > now:
                return moment
        raise AssertionError("a time of day comes every day")

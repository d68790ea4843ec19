"""The turn of the day: END_OF_DAY and START_OF_DAY at their times of day, on the session's clock."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from engine.messages.names import record
from engine.messages.vocabulary import Kind
from live.session.settings import DaySettings

NEVER = 1 << 62


class Days:
    """When the next day begins or ends (`next`, ns UTC), and the commands for it. Without settings no day turns by itself."""

    def __init__(self, settings: DaySettings | None, instruments: int) -> None:
        self.settings, self.instruments = settings, instruments
        self.next, self._kind = NEVER, Kind.START_OF_DAY

    def begin(self, now: int) -> None:
        """From `now` (ns UTC) on, look for the next turn."""
        if self.settings is None:
            return
        turns = [(self._at(now, self.settings.start), Kind.START_OF_DAY)]
        if self.settings.end is not None:
            turns.append((self._at(now, self.settings.end), Kind.END_OF_DAY))
        self.next, self._kind = min(turns)

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
        assert self.settings is not None
        zone = ZoneInfo(self.settings.time_zone)
        day = datetime.fromtimestamp(now // 10**9, zone).date()
        for shift in range(3):
            made = datetime.combine(day + timedelta(days=shift), time.fromisoformat(clock), zone)
            moment = int(made.timestamp()) * 10**9
            if moment > now:
                return moment
        raise AssertionError("a time of day comes every day")

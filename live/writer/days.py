"""The turn of the day: END_OF_DAY and START_OF_DAY at their times of day, on the session's clock, or by an exchange's calendar."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from data.calendars.schedule import schedule_of
from engine.messages.names import record
from engine.messages.vocabulary import Kind

NEVER = 1 << 62
LONGEST = 20 * 86_400 * 10**9
"""No exchange is closed for longer, ns."""


class Days:
    """When the next day begins or ends (`next`, ns UTC), and the commands for it.

    `start`, `end`: "HH:MM[:SS]" on the clock of `time_zone`; without one, that does not happen by itself. With a `calendar` a day begins
    at each open of its sessions and ends at each close. Of two turns at one time the end comes first.
    """

    def __init__(
        self, instruments: int, start: str | None = None, end: str | None = None, time_zone: str = "UTC", calendar: str | None = None
    ) -> None:
        self.instruments, self.zone, self.calendar = instruments, ZoneInfo(time_zone), calendar
        self.times = {Kind.START_OF_DAY: start, Kind.END_OF_DAY: end}
        self.next, self._kind = NEVER, Kind.START_OF_DAY
        self._turns: dict[Kind, int] = {}

    def begin(self, now: int) -> None:
        """From `now` (ns UTC) on, look for the next turn."""
        self._turns = {kind: self._after(now, kind) for kind, clock in self.times.items() if self.calendar or clock is not None}
        self._look()

    def due(self, now: int) -> list[np.ndarray]:
        """The commands (COMMAND) of each turn up to `now`, in order."""
        found = []
        while self.next <= now:
            rows = range(self.instruments) if self._kind == Kind.END_OF_DAY else range(1)
            found.append(np.concatenate([record(self._kind, instrument=k, ts=self.next) for k in rows]))
            self._turns[self._kind] = self._after(self.next, self._kind)
            self._look()
        return found

    def _look(self) -> None:
        self.next, self._kind = min(((ts, kind) for kind, ts in self._turns.items()), default=(NEVER, Kind.START_OF_DAY))

    def _after(self, now: int, kind: Kind) -> int:
        """The first moment after `now` at which a day begins, or ends."""
        if self.calendar is None:
            clock = self.times[kind]
            return NEVER if clock is None else self._at(now, clock)
        sessions = schedule_of(self.calendar, now, now + LONGEST)
        turns = sessions.opens if kind == Kind.START_OF_DAY else sessions.closes
        at = int(np.searchsorted(turns, now, "right"))
        return int(turns[at]) if at < len(turns) else NEVER

    def _at(self, now: int, clock: str) -> int:
        """The first moment after `now` at which the day's clock says so."""
        day = datetime.fromtimestamp(now // 10**9, self.zone).date()
        for shift in range(3):
            made = datetime.combine(day + timedelta(days=shift), time.fromisoformat(clock), self.zone)
            moment = int(made.timestamp()) * 10**9
            if moment > now:
                return moment
        raise AssertionError("a time of day comes every day")

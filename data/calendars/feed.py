"""A feed that runs through the night, cut into an exchange's sessions: its days end at the close and begin at the open."""

from collections.abc import Iterator

import numpy as np

from data.calendars.schedule import Schedule, check_calendar, schedule_of
from data.feed import BATCH_ROWS, Commands, DataError, Feed, Wrapped, mixed
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind

VERSION = "calendar 1"
_DAYS = (Kind.END_OF_DAY, Kind.START_OF_DAY)


class InSessions(Wrapped):
    """Another feed with END_OF_DAY of every instrument at each close of a calendar and START_OF_DAY at each open after it.

    A close stands behind the rows of its time, an open before them; where one session follows another at once, both before. Nothing is
    left out: what the file tells of the hours between is there, and the book stays. Before the first row nothing begins, behind the
    last one nothing ends.
    """

    def __init__(self, feed: Feed, calendar: str) -> None:
        super().__init__(feed, f"{feed.name}, sessions of {calendar}")
        self.calendar = calendar
        self.time_zone = feed.time_zone if feed.time_zone != "UTC" else schedule_of(calendar, *([17 * 10**17] * 2)).time_zone

    @property
    def fingerprint(self) -> str:
        return mixed(f"{VERSION} {self.calendar}", [self.feed.fingerprint])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND). Raises DataError where the feed has days of its own."""
        turns = _Turns(self)
        return (turns.placed(batch) for batch in self.feed.batches(rows) if len(batch))

    def reconciled(self, rows: int = BATCH_ROWS) -> Iterator[tuple[Commands, np.ndarray]]:
        turns = _Turns(self)
        return ((turns.placed(batch) if len(batch) else batch, shown) for batch, shown in self.feed.reconciled(rows))


class _Turns:
    """The closes and opens that have yet to come."""

    def __init__(self, feed: InSessions) -> None:
        self.feed = feed
        self.schedule: Schedule | None = None
        self.next = 0  # turn 2k: the close of session k; 2k + 1: the open of the one after it

    def placed(self, batch: Commands) -> Commands:
        """The rows, with the turns between them."""
        if np.isin(batch["kind"], _DAYS).any():
            raise DataError(self.feed.source, "has days of its own; a calendar is for one feed that runs through them: leave it out")
        first, last = int(batch["ts"][0]), int(batch["ts"][-1])
        if self.schedule is None or last > self.schedule.closes[-1]:
            self._reach(first, last)
        schedule = self.schedule
        assert schedule is not None
        times = np.stack([schedule.closes[:-1], schedule.opens[1:]], axis=1).ravel()
        due = int(np.searchsorted(times, last, side="right"))
        if due > self.next and times[due - 1] == last and due % 2:  # a close stands behind the rows of its time, which may go on
            due -= 1
        turns, self.next = range(self.next, max(due, self.next)), max(due, self.next)
        if not turns:
            return batch
        rows = np.concatenate([self._commands(turn, int(times[turn])) for turn in turns])
        night = (rows["kind"] == Kind.END_OF_DAY) & ~np.isin(rows["ts"], schedule.opens)  # else one session follows the other at once
        before = np.searchsorted(batch["ts"], rows["ts"], side="left")
        return np.insert(batch, np.where(night, np.searchsorted(batch["ts"], rows["ts"], side="right"), before), rows)

    def _reach(self, first: int, last: int) -> None:
        """The schedule as far as `last`; what lies before the first row of all has no turns."""
        begins = first if self.schedule is None else int(self.schedule.opens[0])
        done = None if self.schedule is None else int(self.schedule.opens[0] if not self.next else self._time(self.next - 1))
        self.schedule = schedule_of(self.feed.calendar, begins, last)
        times = np.stack([self.schedule.closes[:-1], self.schedule.opens[1:]], axis=1).ravel()
        self.next = int(np.searchsorted(times, first if done is None else done, side="left" if done is None else "right"))
        if done is None:
            self.next += self.next % 2  # not in the middle of a night: the first day has begun with the session

    def _time(self, turn: int) -> int:
        assert self.schedule is not None
        return int(self.schedule.opens[1 + turn // 2] if turn % 2 else self.schedule.closes[turn // 2])

    def _commands(self, turn: int, ts: int) -> Commands:
        made = np.zeros(1 if turn % 2 else len(self.feed.instruments), COMMAND)
        made["ts"], made["kind"] = ts, Kind.START_OF_DAY if turn % 2 else Kind.END_OF_DAY
        if not turn % 2:
            made["instrument"] = np.arange(len(made))
        return made


def in_sessions(feed: Feed, calendar: str) -> Feed:
    """The feed, its days by the sessions of an exchange: END_OF_DAY at each close, START_OF_DAY at each open that follows.

    Parameters
    ----------
    feed : Feed
        One that runs through several days. Bars are first held against the sessions (`bars_in_sessions`), and none spans a close.
    calendar : str
        The exchange's MIC as exchange-calendars knows it, such as XNYS, XETR, CMES; or 24/7, 24/5.

    Raises CalendarError for an unknown calendar, DataError, here or while the feed is read, for a feed that has days of its own or bars
    outside of all sessions.
    """
    from data.bars.reader import Bars
    from data.bars.sessions import bars_in_sessions

    check_calendar(calendar)
    made = InSessions(bars_in_sessions(feed, calendar) if isinstance(feed, Bars) else feed, calendar)
    made.origin = {"calendar": calendar, "feed": feed.origin} if feed.origin else None
    return made

"""Days of the same market as one feed, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise

import numpy as np

from data.feed import BATCH_ROWS, Commands, DataError, Feed, mixed, shared_zone
from data.times import local_time, zone_of
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Grain, Kind

VERSION = "days 1"
"""Part of the fingerprint: changes with what stands between two days."""
CLOSING = 1_000_000_000
"""Nanoseconds from a day's last row to its END_OF_DAY: what was on its way to the exchange by then is of that day, too."""
Rows = tuple[Commands, np.ndarray]


class Days(Feed):
    """Several days of the same instruments, each a feed, in their order. Positions, cash and GTC orders go from day to day.

    Between the last row of a day and the first of the next stand, for every instrument:

    - CLEAR, 1 ns after the last row: history's orders are gone, so nothing more trades with them; the next day's file brings its own.
    - END_OF_DAY, 1 s after the last row: our orders that are not GTC expire, those of the last moment that were still on their way, too.
    - RESUME, where the file left a halt open, at the time of the next day's first row; then, once, START_OF_DAY.

    None of them is later than the next day's first row. An order that arrives after END_OF_DAY belongs to the next day. A GTC order
    keeps its place among ours and stands before what the next day brings at its price (the opening book of a file, too: fills of ours at
    such a level are ESTIMATED); history that opens through its price trades with it, at its price. A day without rows has no part.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = list(feeds)
        first, last = self.feeds[0], self.feeds[-1]
        self.instruments, self.counts = first.instruments, {}
        self.name = f"{first.name} to {last.name}, {len(self.feeds)} days"
        self.time_zone = shared_zone(self.feeds)
        levels = {feed.levels for feed in self.feeds}
        self.levels = levels.pop() if len(levels) == 1 else 0
        self.numbers = [_numbers(first, feed) for feed in self.feeds]
        origins = [feed.origin for feed in self.feeds]
        self.origin = {"days": origins} if all(origins) else None
        _check_dates(self.feeds)
        _check_grains(self.feeds)

    @property
    def grains(self) -> list[Grain]:
        return self.feeds[0].grains

    @property
    def fingerprint(self) -> str:
        return mixed(VERSION, [feed.fingerprint for feed in self.feeds])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND), day by day. Raises DataError, with both files, where a day begins before the one before it ends."""
        none = np.zeros((0, 0), np.int64)
        return (batch for batch, _ in self._played(lambda feed: ((batch, none) for batch in feed.batches(rows))))

    def reconciled(self, rows: int = BATCH_ROWS) -> Iterator[Rows]:
        """As of each day; without published books where the days have different numbers of levels."""
        return self._played(lambda feed: feed.reconciled(rows)) if self.levels else super().reconciled(rows)

    def _played(self, read: Callable[[Feed], Iterator[Rows]]) -> Iterator[Rows]:
        before: _Day | None = None
        for feed, numbers in zip(self.feeds, self.numbers):
            today = _Day(feed)
            for batch, shown in read(feed):
                if not len(batch):
                    continue
                if numbers is not None:
                    batch = batch.copy()
                    batch["instrument"] = numbers[batch["instrument"]]
                if before is not None:
                    yield self._night(before, today, int(batch["ts"][0])), shown[:0]
                    before = None
                today.take(batch)
                yield batch, shown
            before = before if today.last is None else today

    def _night(self, before: "_Day", after: "_Day", opens: int) -> Commands:
        """What stands between two days, the second of which opens at `opens`."""
        assert before.last is not None
        if opens < before.last:
            times = [f"{local_time(ts, zone_of(self.time_zone)):%Y-%m-%d %H:%M:%S}" for ts in (opens, before.last)]
            said = f"begins at {times[0]}, before {before.feed.source} ends at {times[1]}; name the days in their order, each once"
            raise DataError(after.feed.source, said)
        each = range(len(self.instruments))
        rows = [(min(before.last + 1, opens), Kind.CLEAR, k) for k in each]
        rows += [(min(before.last + CLOSING, opens), Kind.END_OF_DAY, k) for k in each]
        rows += [(opens, Kind.RESUME, k) for k in sorted(before.halted)]
        made = np.zeros(len(rows) + 1, COMMAND)
        for name, values in zip(("ts", "kind", "instrument"), zip(*rows, (opens, Kind.START_OF_DAY, 0))):
            made[name] = values
        return made


class _Day:
    """A day as far as it was read: its last time, and which instruments are halted."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.last: int | None = None
        self.halted: set[int] = set()

    def take(self, batch: Commands) -> None:
        self.last = int(batch["ts"][-1])
        for row in batch[(batch["kind"] == Kind.HALT) | (batch["kind"] == Kind.RESUME)]:
            (self.halted.add if row["kind"] == Kind.HALT else self.halted.discard)(int(row["instrument"]))


def _numbers(first: Feed, feed: Feed) -> np.ndarray | None:
    """The first day's number of each instrument of a day; None where they are the same. Raises DataError where their terms differ."""
    mine, theirs = ({one.symbol: one for one in day.instruments} for day in (feed, first))
    for day, other, missing in ((feed, first, theirs.keys() - mine.keys()), (first, feed, mine.keys() - theirs.keys())):
        if missing:
            raise DataError(
                day.source, f"has no {min(missing)}, unlike {other.source}; each symbol must be there on every day", 0, "symbol"
            )
    for symbol, one in mine.items():
        _check_terms(feed, one, first, theirs[symbol])
    order = list(theirs)
    numbers = [order.index(one.symbol) for one in feed.instruments]
    return None if numbers == list(range(len(order))) else np.array(numbers, np.uint32)


def _check_terms(feed: Feed, one: Instrument, first: Feed, other: Instrument) -> None:
    for field in fields(Instrument):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if mine != theirs:
            mend = "an instrument's terms must be the same on every day"
            raise DataError(feed.source, f"is {mine} for {one.symbol}, but {theirs} in {first.source}; {mend}", 0, field.name)


def _check_grains(feeds: Sequence[Feed]) -> None:
    for feed in feeds[1:]:
        if set(feed.grains) != set(feeds[0].grains):
            kinds = " and ".join(sorted(one.name.lower() for one in set(feed.grains)))
            said = f"holds {kinds}, unlike {feeds[0].source}; all days must be of one kind of data"
            raise DataError(feed.source, said)


def _check_dates(feeds: Sequence[Feed]) -> None:
    """Raise DataError where the sources themselves say that the days are not in order: before anything is read."""
    dated = [(str(feed.date), feed) for feed in feeds if feed.date is not None]
    for (day, feed), (following, after) in pairwise(dated):
        if following <= day:
            said = f"is of {following}, and {feed.source} before it of {day}; name the days in their order, each once"
            raise DataError(after.source, said)

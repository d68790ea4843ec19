"""Feeds of several markets as one, in time order."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from data.feed import BATCH_ROWS, Commands, Feed, mixed, shared_zone
from data.times import local_time, zone_of
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Grain, Kind


class Merged(Feed):
    """Several feeds as one, in time order; at equal times in the order of the feeds.

    Each START_OF_DAY begins a day of the whole session, so of feeds of several days (`days`) one for each day stays. Those belong
    together that have the same date, by the clock of their own feed, and are their feed's first (second …) on it: the earliest stays, of
    those at one time the last, behind the ends of the day before. A feed without a row on some day has no part in that day.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = list(feeds)
        self.instruments = [instrument for feed in self.feeds for instrument in feed.instruments]
        self.name = " + ".join(feed.name for feed in self.feeds)
        self.counts = {}
        self.time_zone = shared_zone(self.feeds)
        origins = [feed.origin for feed in self.feeds]
        self.origin = {"merge": origins} if all(origins) else None
        symbols = [instrument.symbol for instrument in self.instruments]
        twice = next((symbol for symbol in symbols if symbols.count(symbol) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is in two of the feeds; days of one symbol are run one after the other, not merged")

    @property
    def grains(self) -> list[Grain]:
        return [grain for feed in self.feeds for grain in feed.grains]

    @property
    def fingerprint(self) -> str:
        return mixed("merge", [feed.fingerprint for feed in self.feeds])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        sources = self._numbered(rows)
        waiting: list[Commands] = [np.zeros(0, COMMAND) for _ in sources]
        live = set(range(len(sources)))
        mornings = _Mornings(self.feeds)
        while live:
            horizon = _fill(sources, waiting, live)
            ends = [len(w) if horizon is None else int(np.searchsorted(w["ts"], horizon)) for w in waiting]
            ready = np.concatenate([w[:end] for w, end in zip(waiting, ends)])
            waiting = [w[end:] for w, end in zip(waiting, ends)]
            if len(ready):
                yield mornings.once(ready[np.argsort(ready["ts"], kind="stable")])

    def _numbered(self, rows: int) -> list[Iterator[Commands]]:
        first, sources = 0, []
        for feed in self.feeds:
            sources.append(_renumbered(feed.batches(rows), first))
            first += len(feed.instruments)
        return sources


class _Mornings:
    """Which START_OF_DAY commands stay. A batch holds all commands of each of its times."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.zones = [zone_of(feed.time_zone) for feed in feeds]
        self.ends = np.cumsum([len(feed.instruments) for feed in feeds]).tolist()
        self.begun: dict[tuple[int, date], int] = {}  # mornings of a feed on a date so far
        self.kept: dict[tuple[date, int], int] = {}  # time of the one that stays, by date and number on it

    def once(self, batch: Commands) -> Commands:
        """The batch, with one START_OF_DAY for each day; its `instrument`, which told its feed, is 0."""
        found = np.flatnonzero(batch["kind"] == Kind.START_OF_DAY).tolist()
        staying: dict[tuple[date, int], int] = {}
        for at in found:
            ts, feed = int(batch["ts"][at]), bisect_right(self.ends, int(batch["instrument"][at]))
            day = local_time(ts, self.zones[feed]).date()
            number = self.begun[feed, day] = self.begun.get((feed, day), 0) + 1
            if self.kept.setdefault((day, number), ts) == ts:
                staying[day, number] = at
        if not found:
            return batch
        batch["instrument"][found] = 0
        return np.delete(batch, sorted({*found} - {*staying.values()}))


def _renumbered(batches: Iterator[Commands], first: int) -> Iterator[Commands]:
    for batch in batches:
        if first:
            batch = batch.copy()
            batch["instrument"] += first
        yield batch


def _fill(sources: list[Iterator[Commands]], waiting: list[Commands], live: set[int]) -> int | None:
    """Read on in the feeds until some time is complete in all of them: what lies before it can go. None at the end of all."""
    while live:
        for k in sorted(live):
            if not len(waiting[k]):
                _read_on(sources, waiting, live, k)
        if not live:
            return None
        horizon = min(int(waiting[k]["ts"][-1]) for k in live)
        if any(len(w) and w["ts"][0] < horizon for w in waiting):
            return horizon
        for k in [k for k in live if waiting[k]["ts"][-1] == horizon]:
            _read_on(sources, waiting, live, k)
    return None


def _read_on(sources: list[Iterator[Commands]], waiting: list[Commands], live: set[int], k: int) -> None:
    batch = next((b for b in sources[k] if len(b)), None)
    if batch is None:
        live.discard(k)
    else:
        waiting[k] = np.concatenate([waiting[k], batch])


def merge(feeds: Sequence[Feed]) -> Feed:
    """One feed of several, in time order (stable), instruments numbered through.

    Feeds of several days share a day by its date on the clock of each feed: one START_OF_DAY stays for each, the earliest, and every
    symbol has its own CLEAR and END_OF_DAY (see `Merged`). Raises ValueError where a symbol is in two of the feeds.
    """
    feeds = list(feeds)
    if not feeds:
        raise ValueError("merge needs at least one feed")
    return feeds[0] if len(feeds) == 1 else Merged(feeds)

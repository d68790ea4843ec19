"""Trades and levels made from orders: what a feed that knows each order would look like through a venue's L2 stream.

To learn how far a queue model errs, run one strategy on both: on the orders its place is exact, on the levels it is estimated.
"""

from collections.abc import Iterator

import numpy as np

from data.feed import BATCH_ROWS, Commands, Feed, mixed
from engine.exchange import Exchange
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Flag, Grain, Kind

VERSION = "levels 1"
_PASSED_ON = (Kind.HALT, Kind.RESUME, Kind.NOTICE, Kind.END_OF_DAY, Kind.START_OF_DAY, Kind.MARK, Kind.REFERENCE, Kind.CLEAR)
_BOOK = (Kind.ADD, Kind.REDUCE, Kind.MODIFY, Kind.EXECUTE, Kind.REVEAL, Kind.REMOVE, Kind.CLEAR)
Levels = dict[int, int]
"""Lots by price (units) of one side of a book."""


class LevelsOf(Feed):
    """The best `depth` levels of each side of another feed, and its trades.

    Of each exchange event (all rows of one time) first its trades, one for each side and price in a row, then the levels that changed:
    those that are gone, those that fell, those that grew or are new. A level that is no longer among the best `depth` is gone.
    """

    grain = Grain.LEVELS

    def __init__(self, feed: Feed, depth: int) -> None:
        self.feed, self.depth = feed, depth
        self.instruments, self.counts, self.time_zone, self.date = feed.instruments, {}, feed.time_zone, feed.date
        self.name = f"{feed.name}, {depth} levels"
        self.origin = {"levels": feed.origin, "depth": depth} if feed.origin else None

    @property
    def source(self) -> str:
        return self.feed.source

    @property
    def fingerprint(self) -> str:
        return mixed(f"{VERSION} {self.depth}", [self.feed.fingerprint])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        market = _Market(Exchange(self.instruments, keep_facts=False), self.depth)
        held = np.zeros(0, COMMAND)
        for batch in self.feed.batches(rows):
            batch = np.concatenate([held, batch])
            whole = int(np.searchsorted(batch["ts"], batch["ts"][-1])) if len(batch) else 0  # the last event may go on in the next batch
            held = batch[whole:]
            if whole:
                yield market.seen(batch[:whole])
        if len(held):
            yield market.seen(held)


class _Market:
    """History alone, and what was told of it."""

    def __init__(self, exchange: Exchange, depth: int) -> None:
        self.exchange, self.depth = exchange, depth
        self.books = [exchange.book(one.symbol) for one in exchange.instruments]
        self.shown: list[list[Levels]] = [[{}, {}] for _ in self.books]
        self.made: list[tuple[int, ...]] = []

    def seen(self, rows: Commands) -> Commands:
        """What a venue would have said of these rows (whole events)."""
        self.made = []
        for event in np.split(rows, np.flatnonzero(np.diff(rows["ts"])) + 1):
            self._pass(event)
        made = np.zeros(len(self.made), COMMAND)
        for name, values in zip(("ts", "kind", "instrument", "side", "price", "quantity", "flags", "row"), zip(*self.made)):
            made[name] = values
        return made

    def _pass(self, event: Commands) -> None:
        self.exchange.run(event)
        swept = {(row["instrument"], row["side"]) for row in event[event["kind"] == Kind.FLOW][["instrument", "side"]]}
        for row in event[["ts", "kind", "instrument", "side", "price", "quantity", "flags", "row"]].tolist():
            ts, kind, instrument, side, price, lots, _, number = row
            if kind == Kind.EXECUTE:
                self._trade(ts, instrument, 1 - side, price, lots, 0, number)
            elif kind == Kind.PRINT and (instrument, side) in swept:
                self._trade(ts, instrument, side, price, lots, int(Flag.HIDDEN), number)
            elif kind == Kind.PRINT or kind in _PASSED_ON:
                self.made.append(row)
            if kind == Kind.CLEAR:
                self.shown[instrument] = [{}, {}]
        touched = event["instrument"][np.isin(event["kind"], _BOOK)]
        for instrument in np.unique(touched).tolist():
            self._tell(instrument, int(event["ts"][-1]), int(event["row"].max()))

    def _trade(self, ts: int, instrument: int, side: int, price: int, lots: int, flags: int, number: int) -> None:
        """A trade, together with the one before where that is of the same aggressor at the same price."""
        same = (ts, int(Kind.TRADE), instrument, side, price)
        if self.made and self.made[-1][:5] == same and self.made[-1][6] == flags:
            lots += self.made.pop()[5]
        self.made.append((*same, lots, flags, number))

    def _tell(self, instrument: int, ts: int, number: int) -> None:
        """The levels that are no longer as they were told."""
        changed = []
        for side in (0, 1):
            rows = self.books[instrument].rows(side, self.depth)
            now = dict(zip(rows[:, 0].tolist(), rows[:, 1].tolist()))
            before = self.shown[instrument][side]
            changed += [(lots, now.get(price, 0), side, price) for price, lots in before.items() if now.get(price, 0) != lots]
            changed += [(0, lots, side, price) for price, lots in now.items() if price not in before]
            self.shown[instrument][side] = now
        for _, lots, side, price in sorted(changed, key=lambda one: (one[1] > one[0], one[1] > 0)):
            self.made.append((ts, int(Kind.LEVEL), instrument, side, price, lots, 0, number))


def levels_of(feed: Feed, depth: int = 50) -> LevelsOf:
    """The trades and the best `depth` levels of a feed of orders. Raises ValueError for a feed of something else."""
    if set(feed.grains) != {Grain.ORDERS}:
        raise ValueError(f"{feed.name} is not a feed of orders by id; levels_of takes LOBSTER's and others that know each order")
    if depth < 1:
        raise ValueError(f"depth is {depth}; a book has 1 level or more")
    return LevelsOf(feed, depth)

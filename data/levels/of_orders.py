"""Trades and levels made from orders: what a feed that knows each order would look like through a venue's L2 stream.

To learn how far a queue model errs, run one strategy on both: on the orders its place is exact, on the levels it is estimated.
"""

from collections.abc import Iterator

import numpy as np

from data.feed import BATCH_ROWS, Commands, Feed, mixed
from data.levels.telling import DONE, FACTS, OUT, TELLING, tell
from engine.exchange import Exchange
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Grain
from engine.state.tape import read_only

VERSION = "levels 1"


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
        self.exchange, count = exchange, len(exchange.instruments)
        self.tellings = np.zeros(1, TELLING)
        self.room = (
            np.zeros((2 * count, depth, 2), np.int64), np.zeros(2 * count, np.int64), np.full((2 * count, 2), -1, np.int64),
            np.zeros(count + 1, np.int64), np.zeros((2, depth, 3), np.int64), np.zeros(2, np.int64),
        )  # fmt: skip
        self.out, self.facts = np.zeros(1 << 14, COMMAND), np.zeros(1 << 10, FACT)

    def seen(self, rows: Commands) -> Commands:
        """What a venue would have said of these rows (whole events)."""
        w, rows = self.tellings[0], read_only(rows)
        w["n"] = w["at"] = w["event"] = 0
        while (why := tell(self.exchange.state, self.tellings, *self.room, rows, self.out, self.facts)) != DONE:
            if why == OUT:
                self.out = np.concatenate([self.out, np.zeros(len(self.out) + int(w["need"]), COMMAND)])
            elif why == FACTS:
                self.facts = np.zeros(2 * int(w["need"]), FACT)
            else:
                self.exchange.make_room(rows[int(w["at"])])
        return self.out[: int(w["n"])].copy()


def levels_of(feed: Feed, depth: int = 50) -> LevelsOf:
    """The trades and the best `depth` levels of a feed of orders. Raises ValueError for a feed of something else."""
    if set(feed.grains) != {Grain.ORDERS}:
        raise ValueError(f"{feed.name} is not a feed of orders by id; levels_of takes LOBSTER's and others that know each order")
    if depth < 1:
        raise ValueError(f"depth is {depth}; a book has 1 level or more")
    return LevelsOf(feed, depth)

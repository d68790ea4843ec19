"""Hindsight where no book is published: what later messages prove about orders whose ADD, or whose end, the file does not show.

An order that a message takes lots from although no ADD announced it stood there: it comes in where its id belongs (ids are given in order
of arrival), with the lots that messages take from it. Of an order that was added, lots that no later message takes are left out: they
left unseen, or rest to the end. So an order that is passed over and never named again is not noticed; with a book file it is.
"""

from collections.abc import Iterator

import numpy as np

from data.feed import Commands, Feed
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind

_TAKING = (Kind.REDUCE, Kind.EXECUTE)


class Takings:
    """What the messages of a one-instrument feed take from each order: taken batch by batch."""

    def __init__(self) -> None:
        self.parts: list[Commands] = []
        self.added: list[np.ndarray] = []
        self.modified = False

    def take(self, commands: Commands) -> None:
        """Keep what a batch adds, and what it takes lots from."""
        self.modified |= bool(np.any(commands["kind"] == Kind.MODIFY))
        self.added.append(commands["order_id"][commands["kind"] == Kind.ADD])
        self.parts.append(commands[np.isin(commands["kind"], _TAKING)])

    def completed(self, feed: Feed) -> Iterator[Commands]:
        """The feed's batches with hindsight. Where every order has its ADD, or some are modified, they are as they were."""
        taken = np.concatenate([np.zeros(0, COMMAND), *self.parts])
        ids, firsts, which = np.unique(taken["order_id"], return_index=True, return_inverse=True)
        due = np.bincount(which, taken["quantity"], len(ids)).astype(np.int64)
        strangers = np.flatnonzero(~np.isin(ids, np.concatenate([np.zeros(0, np.uint64), *self.added])))
        come = np.zeros(len(strangers), COMMAND)
        for field in ("order_id", "side", "price"):
            come[field] = taken[field][firsts[strangers]]
        come["kind"], come["quantity"] = Kind.ADD, due[strangers]
        for batch in feed.batches():
            if self.modified or not len(strangers):
                yield batch
                continue
            ready, come = _with_strangers(batch.copy(), come, ids, due)
            yield ready


def _with_strangers(batch: Commands, come: Commands, ids: np.ndarray, due: np.ndarray) -> tuple[Commands, Commands]:
    """A batch with the strangers that are older than its orders, each before the first younger one; and the strangers still to come."""
    at = np.flatnonzero(np.isin(batch["kind"], (Kind.ADD, *_TAKING)))
    highest = np.maximum.accumulate(batch["order_id"][at])
    before = np.searchsorted(highest, come["order_id"])  # the first row of this order or a younger one
    now = before < len(at)
    _cut(batch, ids, due)
    return np.insert(batch, at[before[now]], come[now]), come[~now]


def _cut(batch: Commands, ids: np.ndarray, due: np.ndarray) -> None:
    """Leave out of each ADD the lots that no later message takes; an ADD of none keeps its row alone."""
    adds = np.flatnonzero(batch["kind"] == Kind.ADD)
    place = np.minimum(np.searchsorted(ids, batch["order_id"][adds]), len(ids) - 1)
    lots = np.where(ids[place] == batch["order_id"][adds], due[place], 0)
    batch["quantity"][adds] = np.minimum(batch["quantity"][adds], lots)
    batch["kind"][adds[lots == 0]] = Kind.NOTICE

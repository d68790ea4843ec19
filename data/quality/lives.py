"""Every message held against its order: what it takes, at what price, and whether the order can still have that.

An order comes once, loses lots by executions and cancels at its own price, and a delete carries what is left of it. Where the published
book has few levels, an order may lose lots out of sight: a delete of fewer lots than we know of is a fault only where its price never
left the window, and no proof where no book is published.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from data.feed import Commands, Feed
from data.quality.inventory import price_text, quantity_text
from engine.messages.vocabulary import Kind, Side
from engine.state.arrays import EMPTY


class LifeFault(IntEnum):
    """What is wrong with a message, seen from its order."""

    NONE = 0
    ID_REUSED = 1  # an ADD of an id that had one before
    OTHER_SIDE = 2
    OTHER_PRICE = 3
    GONE = 4  # nothing is left of its order
    TOO_MANY_LOTS = 5
    DELETE_LEAVES_LOTS = 6
    NOT_SHOWN = 7  # more lots than the published book before it has at that price


DELETE = 3
"""LOBSTER's type of a message that takes what is left of an order."""
UNKNOWN = -1
_TAKING = (Kind.REDUCE, Kind.EXECUTE)


class _Messages(NamedTuple):
    """The messages that name an order, sorted by order, then by row."""

    row: np.ndarray
    order_id: np.ndarray
    kind: np.ndarray
    side: np.ndarray
    price: np.ndarray
    lots: np.ndarray
    deletes: np.ndarray  # a delete, by the file's own word
    shown: np.ndarray  # lots that the published row before it has at its price; UNKNOWN out of the window

    def chosen(self, which: np.ndarray) -> "_Messages":
        return _Messages(*(column[which] for column in self))


class Lives:
    """The messages of a one-instrument feed, taken batch by batch; then `found`."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.parts: list[_Messages] = []
        self.edges: list[np.ndarray] = []
        types = getattr(feed, "message_types", None)
        self.types: Iterator[np.ndarray] = types() if types else iter(())
        self.typed = types is not None
        self.waiting = np.zeros(0, np.int64)
        self.modified = False
        self.before = np.zeros((0, 0), np.int64)  # the published row before the next message

    def take(self, commands: Commands, published: np.ndarray) -> None:
        """Keep what the rows of a batch say of orders, and the edge of the window after each message."""
        of = self._types_of(int(np.count_nonzero(commands["row"])))
        self.modified |= bool(np.any(commands["kind"] == Kind.MODIFY))
        message = np.cumsum(commands["row"] > 0) - 1
        at = np.flatnonzero(np.isin(commands["kind"], (Kind.ADD, *_TAKING)))
        c = commands[at]
        deletes = of[message[at]] == DELETE
        self.parts.append(
            _Messages(
                *(c["row"].astype(np.int64), c["order_id"].copy(), c["kind"].copy(), c["side"].copy(), c["price"].copy()),
                *(c["quantity"].astype(np.int64), deletes, self._shown(c, message[at], published)),
            )
        )
        if len(published) and published.shape[1]:
            self.before = published[-1:]
            self.edges.append(worst_keys(published))

    def _shown(self, c: Commands, message: np.ndarray, published: np.ndarray) -> np.ndarray:
        """Lots that the published row before each of these commands has at its price."""
        if not published.shape[1]:
            return np.full(len(c), UNKNOWN)
        rows = np.concatenate([self.before if len(self.before) else np.zeros((1, published.shape[1]), np.int64), published])[message]
        sells = (c["side"] == Side.SELL)[:, None]
        prices, lots = (np.where(sells, rows[:, k::4], rows[:, k + 2 :: 4]) for k in (0, 1))
        key = np.where(sells[:, 0], -c["price"], c["price"])
        edge = np.where(sells[:, 0], *worst_keys(rows).T[::-1])
        there = np.where(prices == c["price"][:, None], lots, 0).sum(axis=1)
        first = 0 if len(self.before) else 1  # no row is published before the first message
        return np.where((key >= edge) & (message >= first), there, UNKNOWN)

    def _types_of(self, messages: int) -> np.ndarray:
        """The file's types of the next messages; zeros where it has none."""
        if not self.typed:
            return np.zeros(messages, np.int64)
        while len(self.waiting) < messages:
            block = next(self.types, None)
            if block is None:
                return np.zeros(messages, np.int64)
            self.waiting = np.concatenate([self.waiting, block])
        ready, self.waiting = self.waiting[:messages], self.waiting[messages:]
        return ready

    def found(self, shown: int) -> dict[str, Any]:
        """Counts of faults by kind, the first `shown` messages at fault, orders that no ADD announced, deletes that prove nothing."""
        if not self.parts or self.modified:
            return {"faults": {}, "rows": [], "never_added": 0, "lots_lost_unseen": 0}
        parts = _Messages(*(np.concatenate(column) for column in zip(*self.parts)))
        m = parts.chosen(np.lexsort((parts.row, parts.order_id)))
        fault, left, price, side = _judge(m)
        never_added = int(np.count_nonzero(m.kind[_starts(m.order_id)] != Kind.ADD))
        unsure = np.flatnonzero(fault == LifeFault.DELETE_LEAVES_LOTS)
        unsure = unsure[~self._in_sight(m, unsure, never_added == 0)]
        named = fault.copy()  # without a published book, what may have left unseen is named too
        fault[unsure] = np.where(m.shown[unsure] == UNKNOWN, LifeFault.NONE, _not_shown(m)[unsure])
        bad = np.flatnonzero(fault if self.edges else named)
        bad = bad[np.argsort(m.row[bad], kind="stable")]
        counts = np.bincount(fault, minlength=len(LifeFault))
        return {
            "faults": {kind.name.lower(): int(counts[kind]) for kind in LifeFault if kind and counts[kind]},
            "rows": [self._said(m, k, LifeFault(int(named[k] or fault[k])), left[k], price[k], side[k]) for k in bad[:shown].tolist()],
            "never_added": never_added,
            "lots_lost_unseen": len(unsure),
        }

    def _in_sight(self, m: _Messages, at: np.ndarray, whole: bool) -> np.ndarray:
        """Whether the prices of the messages `at` never left the window since their order's ADD; `whole`: there is none to leave."""
        if not self.edges:
            return np.full(len(at), whole)
        edges = np.concatenate(self.edges)
        begin = m.row[_first_of(m.order_id)[at]] - 1
        made = np.zeros(len(at), bool)
        for k, (row, since) in enumerate(zip(m.row[at].tolist(), begin.tolist())):
            side = int(m.side[at[k]])
            key = -int(m.price[at[k]]) if side == Side.SELL else int(m.price[at[k]])
            made[k] = edges[since : row - 1, side].max(initial=EMPTY) <= key
        return made

    def _said(self, m: _Messages, k: int, fault: LifeFault, left: int, price: int, side: int) -> dict[str, Any]:
        """A message at fault in words, and the rows of its order around it."""
        instrument = self.feed.instrument
        order, lots = f"order {m.order_id[k]}", quantity_text(instrument, max(0, int(left)))
        takes = quantity_text(instrument, int(m.lots[k]))
        at, shown = price_text(instrument, int(m.price[k])), quantity_text(instrument, max(0, int(m.shown[k])))
        what = {
            LifeFault.ID_REUSED: f"adds {order}, which an earlier row added",
            LifeFault.OTHER_SIDE: f"{order} is on the {'buy' if side == Side.BUY else 'sell'} side",
            LifeFault.OTHER_PRICE: f"at {at}, but {order} stands at {price_text(instrument, int(price))}",
            LifeFault.GONE: f"takes {takes} of {order}, of which nothing is left",
            LifeFault.TOO_MANY_LOTS: f"takes {takes} of {order}, which has {lots} left",
            LifeFault.DELETE_LEAVES_LOTS: f"deletes {takes} of {order}, which has {lots} left",
            LifeFault.NOT_SHOWN: f"takes {takes} at {at}, where the published book before it has {shown}",
        }
        same = m.row[(m.order_id == m.order_id[k]) & (m.row != m.row[k])]
        nearest = sorted(same[np.argsort(np.abs(same - m.row[k]), kind="stable")[:4]].tolist())
        return {"row": int(m.row[k]), "what": what[fault], "rows_of_order": nearest}


def worst_keys(published: np.ndarray) -> np.ndarray:
    """The key (bids: price, asks: its negative) of the last level of each published row; EMPTY where a side is shown whole."""
    if not published.shape[1]:
        return np.zeros((len(published), 0), np.int64)
    ask, ask_lots, bid, bid_lots = published[:, -4:].T
    return np.stack([np.where(bid_lots > 0, bid, EMPTY), np.where(ask_lots > 0, -ask, EMPTY)], axis=1)


def _starts(sorted_ids: np.ndarray) -> np.ndarray:
    """Where each order's messages begin."""
    return np.flatnonzero(np.concatenate([[True], sorted_ids[1:] != sorted_ids[:-1]])[: len(sorted_ids)])


def _first_of(sorted_ids: np.ndarray) -> np.ndarray:
    """For each message the index of the first of its order."""
    starts = _starts(sorted_ids)
    return np.repeat(starts, np.diff(np.append(starts, len(sorted_ids))))


def _not_shown(m: _Messages) -> np.ndarray:
    """NOT_SHOWN where a message takes more than the published book has at its price, else NONE."""
    return np.where((m.kind != Kind.ADD) & (m.shown != UNKNOWN) & (m.lots > m.shown), LifeFault.NOT_SHOWN, LifeFault.NONE)


def _judge(m: _Messages) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each message its fault, and what its order has left before it, its price and its side."""
    first = _first_of(m.order_id)
    adds = m.kind == Kind.ADD
    known = adds[first]
    taken = np.where(adds, 0, m.lots)
    before = np.cumsum(taken) - taken
    left = np.where(adds, 0, m.lots[first] - (before - before[first]))
    price, side = m.price[first], m.side[first]
    again = adds & (np.arange(len(first)) != first)
    reused = np.maximum.accumulate(np.where(again, first, -1)) == first  # judged by the first ADD no more
    plain = ~adds & ~reused
    fault = np.zeros(len(first), np.int64)
    cases = (
        (again, LifeFault.ID_REUSED),
        (plain & (m.side != side), LifeFault.OTHER_SIDE),
        (plain & (m.price != price), LifeFault.OTHER_PRICE),
        (plain & known & (left <= 0), LifeFault.GONE),
        (plain & known & (m.lots > left), LifeFault.TOO_MANY_LOTS),
        (plain & known & m.deletes & (m.lots < left), LifeFault.DELETE_LEAVES_LOTS),
        (~adds & (_not_shown(m) != LifeFault.NONE), LifeFault.NOT_SHOWN),
    )
    for where, kind in cases:
        fault[(fault == 0) & where] = kind
    return fault, left, price, side

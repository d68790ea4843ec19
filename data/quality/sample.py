"""Recorded orders that joined the best price, some of them drawn by chance: where the neighbours test puts an order of ours."""

import numpy as np

from data.feed import Commands
from engine.messages.vocabulary import Kind, Side

PROBES, SEED = 4000, 1


class Sample:
    """Recorded orders that joined the best price, drawn evenly from all of them while a feed is read once."""

    def __init__(self, probes: int = PROBES, seed: int = SEED) -> None:
        self.probes, self.seed = probes, seed
        self.chance = np.random.default_rng(seed)
        self.ids, self.keys = np.zeros(0, np.uint64), np.zeros(0)
        self.best = np.zeros((1, 2), np.int64)  # asks, bids before the next message

    def take(self, commands: Commands, book: np.ndarray) -> None:
        """Look at a batch; `book` is the best level after each message (ask price, lots, bid price, lots, …)."""
        shown = np.concatenate([self.best, book[:, [0, 2]]])
        self.best = shown[-1:]
        adds = np.flatnonzero(commands["kind"] == Kind.ADD)
        before = shown[np.cumsum(commands["row"] > 0)[adds] - 1]
        buys = commands["side"][adds] == Side.BUY
        joins = commands["price"][adds] == np.where(buys, before[:, 1], before[:, 0])
        ids = np.concatenate([self.ids, commands["order_id"][adds[joins]]])
        keys = np.concatenate([self.keys, self.chance.random(int(np.count_nonzero(joins)))])
        if len(ids) > self.probes:
            chosen = np.argpartition(keys, self.probes)[: self.probes]
            ids, keys = ids[chosen], keys[chosen]
        self.ids, self.keys = ids, keys

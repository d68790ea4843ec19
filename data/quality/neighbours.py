"""The neighbours test: one lot of ours joins the best price just before a recorded order does, and should share its fate.

Who stands directly before a recorded order is filled at the nanosecond of that order's first execution, and not before it is cancelled
where it was never executed. Nothing but the file and price-time priority says so, whatever the exchange assumes about hidden lots and
about orders that came and went unseen: the share that agrees says how far a fill in this file can be believed.

A probe is cancelled when its neighbour has gone, or is out of sight (its price has left the published window, where orders leave
untold), and none joins a price where another still waits, so that they do not meet.
"""

import heapq
from typing import Any

import numpy as np

from data.feed import Commands, Feed
from data.quality.lives import worst_keys
from data.quality.sample import Sample
from engine.compiler.kernel import entry_kernel
from engine.exchange import Exchange
from engine.messages.commands import cancel, limit
from engine.messages.records import COMMAND
from engine.messages.vocabulary import HISTORY, Flag, Kind, Reason, Side
from engine.state.arrays import EMPTY
from engine.state.ladder import first_node, head, key_of
from engine.state.levels import level_list, stands_at

CAUSES = {
    "hidden_lots": "hidden lots took part in the trade",
    "queue_not_known": "lots stood ahead, or were missing there, that the file shows only as a sum, or does not follow out of its window",
    "passed_over": "the recorded market passed an order over that was first in the queue",
    "traded_through": "the recorded market traded at a worse price",
    "crossed": "a recorded order came in at a price that met ours",
    "refused": "our post-only order was refused: the replayed book is crossed there",
}
"""Why a probe did not share its neighbour's fate."""
_NAMING = (Kind.ADD, Kind.REDUCE, Kind.EXECUTE, Kind.MODIFY)
_HISTORY = np.uint32(HISTORY)


class _Probe:
    """One lot of ours and the neighbour before which it stands."""

    __slots__ = ("cause", "executed", "filled", "first", "left", "neighbour", "place", "size", "untouched")

    def __init__(self, c: np.void) -> None:
        self.neighbour, self.size = int(c["order_id"]), int(c["quantity"])
        self.place = int(c["side"]), int(c["price"])
        self.left, self.executed, self.untouched = self.size, 0, True
        self.first: int | None = None  # ns of the neighbour's first execution
        self.filled: int | None = None  # ns of ours
        self.cause: str | int = ""  # one of CAUSES; or the order that stood ahead, until a row says that it was there

    @property
    def agrees(self) -> bool:
        return self.filled == self.first


@entry_kernel
def _look_ahead(state, side, price, order_id, trader):  # type: ignore[no-untyped-def]
    """(lots without a name, first order with one, 1 where ours stands) ahead of our order at its price, of the first instrument."""
    ladder, first = np.int64(side), first_node(state)
    key = key_of(ladder, price // state.instruments[0]["tick"])
    unnamed, named = np.int64(0), np.uint64(0)
    best = state.ladders[ladder]["best"]
    if best == EMPTY or key > best:
        return unnamed, named, 0
    sentinel = level_list(state, ladder, key)
    node = head(state, sentinel)
    while node != sentinel:
        if stands_at(state, ladder, sentinel, node, key):
            order = state.orders[node - first]
            if order["trader"] == trader and order["id"] == order_id:
                return unnamed, named, 1
            if order["trader"] == _HISTORY and order["id"] == 0:
                unnamed += np.int64(state.nodes[node]["quantity"])
            elif order["trader"] == _HISTORY and named == 0:
                named = order["id"]
        node = np.int64(state.nodes[node]["next"])
    return unnamed, named, 0


class Neighbours:
    """One pass of a one-instrument feed through an exchange, with the probes of a sample."""

    def __init__(self, feed: Feed, sample: Sample) -> None:
        self.feed, self.sample = feed, sample
        self.exchange = Exchange(feed.instruments, keep_facts=False)
        symbol = feed.instrument.symbol
        named = [self.exchange.encode(limit(1, symbol, Side.BUY, 1, 1, portfolio="probes", trader="probes", post_only=True))]
        named.append(self.exchange.encode(cancel(1, symbol, trader="probes")))
        self.exchange.run(named[0][:-1])
        self.new, self.gone = named[0][-1:].copy(), named[1][-1:].copy()
        self.new["quantity"] = 1
        self.trader = np.uint32(self.new["trader"][0])
        self.wanted = np.sort(sample.ids)
        self.probes: list[_Probe] = []
        self.living: dict[int, int] = {}  # neighbour: our order's id, which counts from 1
        self.places: set[tuple[int, int]] = set()
        self.ahead: dict[int, list[_Probe]] = {}
        self.commands = np.zeros(0, COMMAND)
        self.done = 0
        self.worst = np.zeros((0, 2), np.int64)  # keys (higher is better) of the last level published after each message: bids, asks
        self.messages = np.zeros(0, np.int64)  # where they are in the batch
        self.leaving: list[tuple[int, int]] = []  # (command of the batch, our order), a heap: its price leaves the window there

    def run(self) -> dict[str, Any]:
        """Play the feed; returns what came of it."""
        for batch, published in self.feed.reconciled():
            self._play(batch, published)
        return self._found()

    def _play(self, batch: Commands, published: np.ndarray) -> None:
        self.commands, self.done = batch, 0
        self.messages, self.worst, self.leaving = np.flatnonzero(batch["row"] > 0), worst_keys(published), []
        for number in list(self.living.values()):
            self._watch(number, 0)
        naming = np.isin(batch["kind"], _NAMING)
        rows = np.flatnonzero(naming & np.isin(batch["order_id"], self.wanted))
        for at in rows.tolist():
            self._drop(at)
            self._meet(at, batch[at])
        self._drop(len(batch))
        self._go(len(batch))
        if self.ahead:
            self._hear(batch[naming])

    def _go(self, to: int) -> None:
        """Carry out the batch up to the command `to`."""
        if to > self.done:
            self._take_fills(self.exchange.run(self.commands[self.done : to]))
            self.done = to

    def _watch(self, number: int, at: int) -> None:
        """Note where in this batch, from the command `at` on, the price of a probe leaves the published window."""
        if not self.worst.shape[1]:
            return
        side, price = self.probes[number - 1].place
        key = price if side == Side.BUY else -price
        message, step = int(np.searchsorted(self.messages, at)), 64
        while message < len(self.messages):
            outside = self.worst[message : message + step, side] > key
            if outside.any():
                heapq.heappush(self.leaving, (int(self.messages[message + int(outside.argmax())]) + 1, number))
                return
            message, step = message + step, 2 * step

    def _drop(self, at: int) -> None:
        """Take out the probes whose price leaves the window before the command `at`."""
        while self.leaving and self.leaving[0][0] <= at:
            where, number = heapq.heappop(self.leaving)
            if self.living.get(self.probes[number - 1].neighbour) == number:
                self._go(where)
                self._leave(number, int(self.commands["ts"][where - 1]))

    def _meet(self, at: int, c: np.void) -> None:
        """A row of a neighbour: place a probe before it, or let it share the fate."""
        identity, kind = int(c["order_id"]), int(c["kind"])
        if kind == Kind.ADD:
            place = int(c["side"]), int(c["price"])
            if place not in self.places and identity not in self.living:
                self._go(at)
                if self._join(c):
                    self._watch(len(self.probes), at)
            return
        number = self.living.get(identity)
        if number is None:
            return
        probe, lots = self.probes[number - 1], int(c["quantity"])
        if kind == Kind.EXECUTE:
            if probe.first is None:
                probe.first = int(c["ts"])
                self._go(at)
                if probe.filled is None:
                    self._explain_missing(probe, number, c)
            probe.executed += lots
        elif probe.first is None or kind == Kind.MODIFY:
            probe.untouched = False
        probe.left -= lots
        if probe.left <= 0 or kind == Kind.MODIFY:
            self._go(at + 1)
            self._leave(number, int(c["ts"]))

    def _join(self, c: np.void) -> bool:
        """Put a probe before a recorded order; False where the exchange takes none now (a halt)."""
        probe, number = _Probe(c), len(self.probes) + 1
        for field in ("ts", "side", "price"):
            self.new[field] = c[field]
        self.new["order_id"] = number
        facts = self.exchange.run(self.new)
        refused = facts["reason"][facts["kind"] == Kind.OrderRejected]
        if np.any(refused != Reason.POST_ONLY):
            return False
        self.probes.append(probe)
        self.living[probe.neighbour] = number
        self.places.add(probe.place)
        return True

    def _leave(self, number: int, ts: int) -> None:
        probe = self.probes[number - 1]
        del self.living[probe.neighbour]
        self.places.discard(probe.place)
        if probe.filled is None:
            self.gone["ts"], self.gone["order_id"] = ts, number
            self.exchange.run(self.gone)

    def _take_fills(self, facts: np.ndarray) -> None:
        for fact in facts[facts["kind"] == Kind.TradeExecuted]:
            probe = self.probes[int(fact["maker_order_id"]) - 1]
            probe.filled = int(fact["ts"])
            if probe.filled != probe.first:
                probe.cause = self._why_early(probe, fact)

    def _aggressor(self, ts: int, side: int) -> Commands:
        """The rows of trades of one time and side."""
        batch = self.commands
        rows = batch[np.searchsorted(batch["ts"], ts) : np.searchsorted(batch["ts"], ts, "right")]
        resting = np.where(rows["kind"] == Kind.PRINT, 1 - rows["side"], rows["side"])
        return rows[np.isin(rows["kind"], (Kind.EXECUTE, Kind.PRINT)) & (resting == side)]

    def _why_early(self, probe: _Probe, fact: np.void) -> str:
        if fact["order_id"] != 0:
            return "crossed"
        side, price = probe.place
        rows = self._aggressor(int(fact["ts"]), side)
        if np.any(rows["flags"] & Flag.HIDDEN != 0):
            return "hidden_lots"
        sign = 1 if side == Side.BUY else -1
        if not np.any(rows["price"] * sign >= price * sign):
            return "traded_through"
        later = (rows["price"] == price) & (rows["order_id"] > probe.neighbour)
        return "passed_over" if np.any(later) else "queue_not_known"

    def _explain_missing(self, probe: _Probe, number: int, c: np.void) -> None:
        """Ours did not trade although its neighbour is about to: who stands ahead of it."""
        unnamed, named, stands = _look_ahead(self.exchange.state, *probe.place, np.uint64(number), self.trader)
        if not stands:
            probe.cause = "refused"
        elif unnamed:
            probe.cause = "queue_not_known"
        elif named:
            probe.cause = int(named)
            self.ahead.setdefault(int(named), []).append(probe)
        else:
            rows = self._aggressor(int(c["ts"]), probe.place[0])
            probe.cause = "hidden_lots" if np.any(rows["flags"] & Flag.HIDDEN != 0) else "passed_over"

    def _hear(self, rows: Commands) -> None:
        """An order that stood ahead is named again by a later row: it was there, and was passed over."""
        heard = rows["order_id"][np.isin(rows["order_id"], np.fromiter(self.ahead, np.uint64))]
        for identity in np.unique(heard).tolist():
            for probe in list(self.ahead[identity]):
                later = rows[(rows["order_id"] == identity) & (rows["ts"] > (probe.first or 0))]
                if len(later):
                    probe.cause = "passed_over"
                    self.ahead[identity].remove(probe)

    def _found(self) -> dict[str, Any]:
        whole = [probe for probe in self.probes if probe.executed == probe.size and probe.untouched]
        never = [probe for probe in self.probes if probe.first is None]
        causes = dict.fromkeys(CAUSES, 0)
        for probe in (*whole, *never):
            if not probe.agrees:
                causes[probe.cause if isinstance(probe.cause, str) and probe.cause else "queue_not_known"] += 1
        return {
            "seed": self.sample.seed,
            "probes": len(self.probes),
            "executed_whole": len(whole),
            "filled_with_it": sum(probe.agrees for probe in whole),
            "executed_percent": _percent(whole),
            "never_executed": len(never),
            "not_filled": sum(probe.agrees for probe in never),
            "never_percent": _percent(never),
            "causes": {cause: count for cause, count in causes.items() if count},
        }


def _percent(probes: list[_Probe]) -> float | None:
    return round(100 * sum(probe.agrees for probe in probes) / len(probes), 3) if probes else None

"""What may be wrong with market data of any kind: gaps, clock steps, crossed books, jumps like splits, what reading had to mend."""

from typing import Any

import numpy as np

from data.feed import Feed
from data.quality.inventory import Inventory, price_text, time_text
from data.quality.verdict import BAD, CAUTION, GOOD
from engine.messages.vocabulary import Grain, Kind

MINUTE = 60 * 10**9
GAP_TIMES = 50
"""A gap is so many times the usual step between two rows, and a minute at least; between two days there is none."""
DAY = 86_400 * 10**9
JUMP = 0.2
SPLITS = (2, 3, 4, 5, 7, 8, 10, 15, 20, 25, 30, 50)
SHOWN = 5
PRICED = (Kind.EXECUTE, Kind.PRINT, Kind.TRADE)


def check_series(feed: Feed) -> dict[str, Any]:
    """Read a feed once and tell what looks wrong; open it with `repair=True`, so that faults are counted rather than raised.

    Returns
    -------
    dict
        name, verdict (GOOD, CAUTION or BAD), reasons; messages, rows by kind, first, last, in_order; repairs (what reading mended or left
        out); and by symbol: gaps (how many, and the longest: from, seconds), jumps (20 % or more from one trade or bar to the next: time,
        from, to), splits (those of a ratio like 1:2), crossed (quotes whose bid is at or above the ask; of books alone).

    Raises DataError where the data cannot be read.
    """
    inventory, watches = Inventory(feed), [_Watch(feed, number) for number in range(len(feed.instruments))]
    in_order, last = True, None
    for batch in feed.batches():
        if len(batch):
            in_order = in_order and (last is None or last <= batch["ts"][0]) and bool(np.all(np.diff(batch["ts"]) >= 0))
            last = batch["ts"][-1]
        inventory.take(batch)
        for number, watch in enumerate(watches):
            watch.take(batch if len(watches) == 1 else batch[batch["instrument"] == number])
    found = {"name": feed.name, "verdict": GOOD, "reasons": [], **inventory.rows(), **inventory.span(), "in_order": in_order}
    found |= {"repairs": dict(feed.repairs), "symbols": {watch.symbol: watch.found() for watch in watches if watch.rows}}
    crossed = _crossed(feed)
    for symbol, count in crossed.items():
        found["symbols"].setdefault(symbol, {})["crossed"] = count
    found["verdict"], found["reasons"] = _judge(found)
    return found


def _crossed(feed: Feed) -> dict[str, int]:
    """Quotes by symbol whose bid is at or above the ask."""
    if feed.grain == Grain.BARS:
        return {}
    try:
        quotes = feed.to_frame("quotes")
    except ValueError:  # orders that are modified: their quotes need a replay
        return {}
    wrong = quotes.filter(quotes["bid"] >= quotes["ask"])
    return {str(symbol): int(count) for symbol, count in wrong.group_by("symbol").len().sort("symbol").iter_rows()}


class _Watch:
    """One symbol's rows so far."""

    def __init__(self, feed: Feed, number: int) -> None:
        self.feed, self.instrument = feed, feed.instruments[number]
        self.symbol, self.rows = self.instrument.symbol, 0
        self.steps: list[np.ndarray] = []
        self.last_ts: int | None = None
        self.gaps: list[tuple[int, int]] = []
        self.last_price: int | None = None
        self.jumps: list[tuple[int, int, int]] = []

    def take(self, rows: np.ndarray) -> None:
        if not len(rows):
            return
        self.rows += len(rows)
        ts = rows["ts"] if self.last_ts is None else np.concatenate([[self.last_ts], rows["ts"]])
        steps = np.diff(ts)
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
        wide = np.flatnonzero((steps >= max(MINUTE, GAP_TIMES * usual)) & (steps < DAY / 4))
        self.gaps += [(int(ts[at]), int(steps[at])) for at in wide]
        self.last_ts = int(ts[-1])
        priced = rows[np.isin(rows["kind"], PRICED)]
        if len(priced):
            price = priced["price"] if self.last_price is None else np.concatenate([[self.last_price], priced["price"]])
            when = priced["ts"]
            before, after = price[:-1], price[1:]
            for at in np.flatnonzero((before > 0) & (np.abs(after - before) >= JUMP * before)):
                self.jumps.append((int(when[at - len(before) + len(when)]), int(before[at]), int(after[at])))
            self.last_price = int(price[-1])

    def found(self) -> dict[str, Any]:
        longest = sorted(self.gaps, key=lambda gap: -gap[1])[:SHOWN]
        gaps = [f"{gap / 1e9:.0f} s from {time_text(self.feed, ts)}" for ts, gap in longest]
        splits = [jump for jump in self.jumps if _ratio(jump[1], jump[2])]
        return {
            "gaps": len(self.gaps),
            "longest_gaps": gaps,
            "jumps": len(self.jumps),
            "largest_jumps": [self._said(jump) for jump in sorted(self.jumps, key=lambda jump: -abs(np.log(jump[2] / jump[1])))[:SHOWN]],
            "splits": [f"{self._said(jump)}, like {_ratio(jump[1], jump[2])}" for jump in splits[:SHOWN]],
        }

    def _said(self, jump: tuple[int, int, int]) -> str:
        prices = [price_text(self.instrument, units) for units in jump[1:]]
        return f"{prices[0]} to {prices[1]} at {time_text(self.feed, jump[0])}"


def _ratio(before: int, after: int) -> str | None:
    """The split that a jump looks like, within 3 %."""
    if before <= 0 or after <= 0:
        return None
    for parts in SPLITS:
        if abs(before / after / parts - 1) < 0.03:
            return f"a split {parts}:1 that is not adjusted"
        if abs(after / before / parts - 1) < 0.03:
            return f"a reverse split 1:{parts} that is not adjusted"
    return None


def _judge(found: dict[str, Any]) -> tuple[str, list[str]]:
    broken: list[str] = []
    doubts: list[str] = []
    if not found["messages"]:
        return BAD, ["it holds no messages"]
    if not found["in_order"]:
        broken.append("time goes back")
    for what, count in found["repairs"].items():
        (broken if count * 100 > found["messages"] else doubts).append(f"{count:,} × {what.replace('_', ' ')}")
    for symbol, one in found["symbols"].items():
        for what, said in (("splits", "jumps look like splits"), ("gaps", "gaps"), ("crossed", "quotes are crossed or locked")):
            count = len(one.get(what) or []) if what == "splits" else one.get(what) or 0
            if count:
                doubts.append(f"{symbol}: {count:,} {said}")
    return (BAD if broken else CAUTION if doubts else GOOD), broken + doubts

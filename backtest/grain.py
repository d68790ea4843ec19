"""Feeds that are no orders by id: the queue model of trades and levels, and when orders meet bars."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data.levels.queues import QueueName, queue_model, queue_name
from engine.loop.loop_state import STEP
from engine.messages.commands import Queue
from engine.messages.durations import duration_ns
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Number, decimal
from engine.messages.vocabulary import SHARE_PARTS, Flag, Grain, Kind

FILLS = ("next_open", "close", "path")
"""When an order that was sent at a bar's end meets the market: at the next bar's open, at once at the close, or when its latency says."""
VOLUME_SHARE = "0.1"
LATENCY = "100us"


class Grains(NamedTuple):
    """How a backtest treats what its feed is made of."""

    grains: list[Grain]  # one an instrument
    queue: Queue
    fill: str

    @property
    def timed_by_bars(self) -> bool:
        """Whether orders wait for a bar's open or its close instead of a latency."""
        return Grain.BARS in self.grains and self.fill != "path"

    def of(self, grain: Grain) -> Queue:
        """The terms of an instrument of that grain."""
        return Queue(Grain.BARS, volume_share=self.queue.volume_share) if grain == Grain.BARS else self.queue._replace(volume_share=None)

    def said(self, symbols: Sequence[str]) -> dict[str, Any]:
        """What a run writes down: the grain of each instrument that is none of orders, and how it was treated."""
        told: dict[str, Any] = {s: g.name.lower() for s, g in zip(symbols, self.grains) if g != Grain.ORDERS}
        if not told:
            return {}
        made: dict[str, Any] = {"grains": told}
        if Grain.LEVELS in self.grains:
            made["queue"] = queue_name(self.queue)
        if Grain.BARS in self.grains:
            made |= {"fill": self.fill, "volume_share": str(self.queue.volume_share)}
        return made


def grains_of(grains: list[Grain], queue: QueueName | None, fill: str | None, volume_share: Number | None) -> Grains:
    """What holds for a feed. Raises ValueError where an option does not fit it."""
    if queue is not None and Grain.LEVELS not in grains:
        raise ValueError("a queue model is for feeds of trades and levels, which this is not: leave queue out")
    for name, value in (("fill", fill), ("volume_share", volume_share)):
        if value is not None and Grain.BARS not in grains:
            raise ValueError(f"{name} is for feeds of bars; leave it out")
    if fill is not None and fill not in FILLS:
        hint = did_you_mean(fill, FILLS, f"it is one of {', '.join(FILLS)}")
        raise ValueError(f"fill {fill!r} is not known; {hint}")
    whole = set(grains) == {Grain.BARS}
    if fill not in (None, "path") and not whole:
        raise ValueError(f"fill {fill!r} needs a feed of bars alone; with others beside them it is 'path'")
    share = decimal(VOLUME_SHARE if volume_share is None else volume_share, "volume_share")
    if not 0 < share <= 1 or share * SHARE_PARTS != int(share * SHARE_PARTS):
        raise ValueError(f"volume_share is {share}; it is a part of a bar's volume above 0, at most 1, with 6 decimals at most")
    return Grains(grains, queue_model(queue or "risk-averse")._replace(volume_share=share), fill or ("next_open" if whole else "path"))


def latency_or(given: Any, name: str, grains: Grains) -> Any:
    """A latency as given, else what it is where none is. Raises ValueError where bars say when an order arrives."""
    if not grains.timed_by_bars:
        return LATENCY if given is None else given
    if given is not None and (not isinstance(given, int | str) or duration_ns(given)):
        raise ValueError(f"{name}: fill {grains.fill!r} says when an order meets the bars; leave {name} out, or say fill='path'")
    return 0


def bar_ends(history: np.ndarray) -> np.ndarray:
    """int64, ascending: when bars end: the last print of each, of any instrument."""
    return np.unique(np.concatenate([ends for _, ends in _spans(history)] or [np.zeros(0, np.int64)]))


def waits_for_open(history: np.ndarray) -> np.ndarray:
    """STEP: the order latency of fill="next_open": from a bar's end to the next open, none within a bar."""
    spans = _spans(history)
    opens = np.unique(np.concatenate([opens for opens, _ in spans] or [np.zeros(0, np.int64)]))
    ends = bar_ends(history)
    following = np.searchsorted(opens, ends, side="right")
    last = following == len(opens)
    wait = np.where(last, 1, opens[np.minimum(following, len(opens) - 1)] - ends)
    ends, wait = np.append(opens[:1] - 1, ends), np.append(opens[:1] * 0 + 1, wait)  # what is sent before the first bar waits for it
    steps = np.zeros(len(opens) + len(ends), STEP)
    steps["ts"], steps["value"] = np.concatenate([opens, ends]), np.concatenate([np.zeros(len(opens), np.int64), wait])
    order = np.lexsort((steps["value"], steps["ts"]))  # at one time the end counts: what is decided there waits
    return steps[order]


def _spans(history: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """First and last print of each bar, of each instrument that has bars."""
    points = history[history["kind"] == Kind.PRINT]
    found = []
    for number in np.unique(points["instrument"][points["flags"] & Flag.OPENING != 0]):
        mine = points[points["instrument"] == number]
        first = np.flatnonzero(mine["flags"] & Flag.OPENING)
        last = np.append(first[1:], len(mine)) - 1
        found.append((mine["ts"][first], mine["ts"][last]))
    return found

"""Markouts: how far the middle stood in our favour some time after each fill."""

from typing import NamedTuple

import numpy as np

from backtest.analysis.fills import signs
from backtest.analysis.quotes import Quotes
from backtest.analysis.sums import total
from backtest.recording import Recording

SECOND = 10**9
HORIZONS = {"0": 0, "100ms": SECOND // 10, "1s": SECOND, "10s": 10 * SECOND, "60s": 60 * SECOND}
"""Time after the fill; 0 is the last middle before it: the spread captured."""


class Markouts(NamedTuple):
    """Per horizon and fill, arrays of shape (horizons, fills)."""

    doubled: np.ndarray  # int64: side × (bid + ask − 2 × price), price units; positive is good for us
    known: np.ndarray  # bool: there was a middle, and the session still ran


class Average(NamedTuple):
    """Markout over a set of fills: per lot in ticks, of the notional in bps, and summed in money units; `fills`: how many are known."""

    ticks: float | None
    bps: float | None
    money: float
    fills: int


NO_AVERAGE = Average(None, None, 0.0, 0)


def markouts(recording: Recording, fills: np.ndarray, quotes: list[Quotes]) -> Markouts:
    """Markouts at HORIZONS. The middle after a fill is that of the last sample at or before its time plus the horizon."""
    doubled = np.zeros((len(HORIZONS), len(fills)), np.int64)
    known = np.zeros(doubled.shape, bool)
    ends = np.array([end for _, end in recording.sessions])
    closing = ends[np.minimum(np.searchsorted(ends, fills["ts"]), len(ends) - 1)]
    for row, horizon in enumerate(HORIZONS.values()):
        later = fills["ts"] + horizon
        for number, quote in enumerate(quotes):
            mine = np.flatnonzero(fills["instrument"] == number)
            doubled[row, mine], known[row, mine] = quote.middle(later[mine], before=horizon == 0)
        known[row] &= later <= closing
    return Markouts(np.where(known, signs(fills) * (doubled - 2 * fills["price"]), 0), known)


def average(recording: Recording, fills: np.ndarray, made: Markouts, row: int, chosen: np.ndarray | None = None) -> Average:
    """The mean markout of one horizon (a row of `made`), weighted by lots, over the fills `chosen` (bool mask; all where None)."""
    mask = made.known[row] if chosen is None else made.known[row] & chosen
    if not mask.any():
        return NO_AVERAGE
    some, edge = fills[mask], made.doubled[row][mask]
    value = recording.values()[some["instrument"]]
    tick = np.array([one.tick_units for one in recording.instruments])[some["instrument"]]
    money = total(edge * some["lots"] * value) / 2
    notional = total(np.abs(some["price"] * some["lots"] * value))
    ticks = float((edge * some["lots"] / (2 * tick)).sum() / total(some["lots"]))
    return Average(ticks, 1e4 * money / notional if notional else None, money, int(mask.sum()))

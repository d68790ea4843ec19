"""The sampled market of each instrument, asked by time: middle, mark and printed volume as of a moment."""

from functools import cached_property

import numpy as np

from backtest.recording import ASK, BID, LAST, Recording
from engine.messages.vocabulary import Kind


class Quotes:
    """One instrument's samples. Middles are kept doubled (bid + ask), so that they stay whole price units.

    `samples`: SAMPLE; by default the recording's, of the book with our orders in it.
    """

    def __init__(self, recording: Recording, instrument: int, samples: np.ndarray | None = None) -> None:
        self.recording = recording
        self.instrument = instrument
        samples = recording.samples if samples is None else samples
        self.rows = samples[samples["instrument"] == instrument]

    @cached_property
    def ts(self) -> np.ndarray:
        return np.ascontiguousarray(self.rows["ts"])

    @cached_property
    def known(self) -> np.ndarray:
        """bool (rows,): both sides are quoted, so there is a middle."""
        return self.rows["has"] & (BID | ASK) == (BID | ASK)

    @cached_property
    def doubled(self) -> np.ndarray:
        """int64 (rows,): bid + ask; 0 where not known."""
        return np.where(self.known, self.rows["bid"].astype(np.int64) + self.rows["ask"], 0)

    @property
    def volume(self) -> int:
        """Lots printed while the strategy was there, ours among them."""
        if self.recording.printed is not None:
            return self.recording.printed[self.instrument]
        return self.volume_so_far

    @property
    def volume_so_far(self) -> int:
        """Lots printed since the first row of history, what lies before the start among them."""
        return int(self.rows["volume"][-1]) if len(self.rows) else 0

    def middle(self, times: np.ndarray, before: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Doubled middle as of `times` (int64) and whether it is known (bool); `before`: of the last sample strictly before."""
        index = np.searchsorted(self.ts, times, "left" if before else "right") - 1
        there = index >= 0
        if not len(self.ts):
            return np.zeros(len(times), np.int64), there
        return self.doubled[index], self.known[index] & there

    def marks(self, fills: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When the mark changed, and to what (price units). `fills`: our FILL rows of this instrument. Where the recording has no marks
        they are of a print (a sample whose last price or volume moved), a fill of ours or a MARK, the sample of one time last."""
        if self.recording.marks is not None:
            changes = self.recording.marks[self.recording.marks["instrument"] == self.instrument]
            return changes["ts"], changes["price"].astype(np.int64)
        rows = self.rows[self.rows["has"] & LAST > 0]
        printed = np.ones(len(rows), bool)
        printed[1:] = (np.diff(rows["last"]) != 0) | (np.diff(rows["volume"]) != 0)
        rows = rows[printed]
        facts = self.recording.facts
        set_ = facts[(facts["kind"] == Kind.PriceMarked) & (facts["instrument"] == self.instrument)]
        times = np.concatenate([fills["ts"], set_["ts"], rows["ts"]])
        seqs = np.concatenate([fills["seq"], set_["seq"], np.full(len(rows), np.iinfo(np.int64).max)])
        order = np.lexsort((seqs, times))
        return times[order], np.concatenate([fills["price"], set_["price"], rows["last"]]).astype(np.int64)[order]


def as_of(times: np.ndarray, values: np.ndarray, at: np.ndarray, start: int = 0) -> np.ndarray:
    """The value that held at each of `at`, the changes at that very time included; `start` before the first."""
    return np.concatenate([[start], values])[np.searchsorted(times, at, "right")]

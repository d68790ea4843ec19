"""The output of a decoder of levels and trades: its arrays, how they grow, and the batches that come out of it."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from data.feed import Commands, DataError, DataWarning, Feed
from data.levels.decoding import close_event, decode_rows, decode_windows
from data.levels.ladders import empty_ladders
from data.levels.trades import Trades, write_trades
from data.levels.writing import LEVELING
from data.orders.faults import MENDS, WORDS, Fault
from data.orders.writing import FAULTS, TERMS
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND

Ints = np.ndarray[Any, np.dtype[np.int64]]
Place = Callable[[int], tuple[int, dict[int, str]]]
"""Of a row of the input: its line in the file, and the names of its fields by number."""


class LevelOutput:
    """One reading of levels and trades, about `rows` commands between two batches."""

    def __init__(self, feed: Feed, instruments: Sequence[Instrument], rows: int, repair: bool) -> None:
        self.feed = feed
        self.levelings = np.zeros(1, LEVELING)
        self.w = self.levelings[0]
        self.w["repair"], self.w["last"] = repair, np.iinfo(np.int64).min
        self.counts = np.zeros(FAULTS, np.int64)
        self.terms = np.zeros(max(1, len(instruments)), TERMS)
        self.terms["tick"][: len(instruments)] = [one.tick_units for one in instruments]
        self.terms["signed"][: len(instruments)] = [one.negative_prices for one in instruments]
        self.ladders, self.fresh = empty_ladders(256, 2 * max(1, len(instruments))), empty_ladders(256, 2)
        self.room = max(rows, 64) + 64
        self.out = np.zeros(self.room, COMMAND)

    def take_rows(
        self, ts: Ints, instrument: Ints, side: Ints, price: Ints, lots: Ints, marks: Ints, *, place: Place
    ) -> Iterator[Commands]:
        """Commands of rows (see `decode_rows`)."""
        return self._take(decode_rows, (ts, instrument, side, price, lots, marks), place)

    def take_windows(self, ts: Ints, instrument: Ints, prices: Ints, lots: Ints, trades: Ints, *, place: Place) -> Iterator[Commands]:
        """Commands of windows of books (see `decode_windows`)."""
        return self._take(decode_windows, (ts, instrument, prices, lots, trades), place)

    def take_trades(self, trades: Trades) -> Iterator[Commands]:
        """Commands of trades that are in order, where the book has no levels."""
        w = self.w
        w["at"] = 0
        while w["at"] < len(trades.ts):
            if w["n"] == len(self.out):
                yield self._flush(0)
            write_trades(self.levelings, self.out, *trades)

    def _take(self, decode: Any, arrays: tuple[Ints, ...], place: Place) -> Iterator[Commands]:
        w = self.w
        w["at"] = 0
        while True:
            decode(self.levelings, self.counts, self.terms, self.ladders, self.fresh, self.out, *arrays)
            if w["fault"] > Fault.ROOM:
                raise self._error(place)
            if w["fault"] == Fault.NONE:
                break
            yield from self._make_room(arrays)
        if w["n"] >= self.room - 64:
            yield self._flush(0)

    def _make_room(self, arrays: tuple[Ints, ...]) -> Iterator[Commands]:
        held, fresh = int(self.ladders.count.max()), int(self.fresh.count.max())
        if 2 * (held + fresh) + 64 > self.ladders.keys.shape[1]:
            self.ladders = self.ladders.grown(4 * (held + fresh) + 64)
        if 2 * fresh + 64 > self.fresh.keys.shape[1]:
            self.fresh = self.fresh.grown(4 * fresh + 64)
        depth = arrays[2].shape[2] if arrays[2].ndim == 3 else 0
        ready = self._flush(4 * (held + fresh) + 16 * depth + 64)
        if len(ready):
            yield ready

    def _flush(self, needed: int) -> Commands:
        """The commands but for the open event; that one moves to the next, empty output."""
        w = self.w
        n, end = int(w["n"]), int(w["event"])
        out, self.out = self.out, np.zeros(max(self.room, 2 * (n - end) + needed), COMMAND)
        self.out[: n - end] = out[end:n]
        w["n"], w["event"] = n - end, 0
        return out[:end]

    def finish(self) -> Commands:
        """What is left, at the end of the data; tells what was mended."""
        if self.w["n"] + 1 > len(self.out):
            self.out = np.concatenate([self.out, np.zeros(1, COMMAND)])
        close_event(self.levelings, self.ladders, self.out)
        self.tell()
        return self._flush(0)

    def tell(self) -> None:
        """`feed.repairs`, and a DataWarning where something was mended."""
        feed = self.feed
        repairs = {fault.name.lower(): int(self.counts[fault]) for fault in Fault if self.counts[fault]}
        feed.repairs = {**feed.repairs, **repairs}
        if repairs:
            said = "; ".join(f"{count} × {name.replace('_', ' ')} ({MENDS[Fault[name.upper()]]})" for name, count in repairs.items())
            warnings.warn(f"{feed.source}: {said}", DataWarning, stacklevel=2)

    def _error(self, place: Place) -> DataError:
        w = self.w
        line, names = place(int(w["at"]))
        fault = Fault(int(w["fault"]))
        mend = "; repair=True (--repair) mends and counts it"
        return DataError(self.feed.source, f"{int(w['value'])} {WORDS[fault]}{mend}", line, names.get(int(w["field"]), ""))

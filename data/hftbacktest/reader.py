"""Files of hftbacktest 2.x (npz or npy, its event dtype): levels and trades, or orders, as a feed."""

import functools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.feed import BATCH_ROWS, Commands, DataError, Feed
from data.levels.decoding import CLEAR, SNAPSHOT, TRADE
from data.levels.output import LevelOutput
from data.orders.faults import WORDS, Fault
from data.orders.output import Output
from data.sources.blocks import Progress, file_hash
from data.sources.terms import DECIMALS_MAX, decimals_of, instrument_of
from data.tabular import orders
from data.tabular.orders import decode_orders
from engine.messages.instrument import Instrument, Number
from engine.messages.vocabulary import Grain

VERSION = "hftbacktest 1"
FIELDS = ("ev", "exch_ts", "local_ts", "px", "qty", "order_id")
EXCHANGE, BUY, SELL = 1 << 31, 1 << 29, 1 << 28
DEPTH, TRADED, CLEARED, PICTURE, BEST, ADDED, CANCELLED, MODIFIED, FILLED = 1, 2, 3, 4, 5, 10, 11, 12, 13
"""Kinds of events, the low byte of `ev`."""
STEP = 1 << 20


class HftBacktest(Feed):
    """Events on the exchange's clock: rows without the flag of an exchange event only say when they were seen."""

    def __init__(self, path: Path, events: np.ndarray, instrument: Instrument, grain: Grain, repair: bool) -> None:
        self.path, self.events, self.repair, self.grain = path, events, repair, grain
        self.instruments, self.counts, self.name = [instrument], {}, f"{instrument.symbol} hftbacktest"

    @property
    def source(self) -> str:
        return str(self.path)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes and of what they were read as."""
        return file_hash(self.path, VERSION, self.repair, self.instruments)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND): of orders as in LOBSTER's files, else LEVEL and TRADE."""
        return _orders(self, rows) if self.grain == Grain.ORDERS else _levels(self, rows)


def read_hftbacktest(
    path: str | Path,
    symbol: str | None = None,
    *,
    tick: Number | None = None,
    lot: Number | None = None,
    repair: bool = False,
    progress: Progress | None = None,
    **terms: Any,
) -> HftBacktest:
    """A feed of a file of hftbacktest 2.x. `symbol`: default the file's name; `tick`, `lot`: default the last decimal that is used.

    Raises DataError where the file is damaged or holds something else.
    """
    path = Path(path)
    events = _load(path)
    kinds = events["ev"] & 0xFF
    chosen = np.flatnonzero(events["ev"] & EXCHANGE)
    if not len(chosen):
        raise DataError(path, "holds no events of the exchange")
    grain = Grain.ORDERS if np.isin(kinds, (ADDED, CANCELLED, MODIFIED, FILLED)).any() else Grain.LEVELS
    instrument = _instrument(path, symbol or path.name.split(".")[0].upper(), events[chosen], tick, lot, terms)
    if progress is not None:
        progress(path.stat().st_size, path.stat().st_size)
    return HftBacktest(path, events, instrument, grain, repair)


def _load(path: Path) -> np.ndarray:
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None)
        events = loaded if isinstance(loaded, np.ndarray) else loaded["data" if "data" in loaded.files else loaded.files[0]]
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except (OSError, ValueError, EOFError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(path, f"is not an array that can be read ({error}); fetch it again") from None
    missing = [name for name in FIELDS if name not in (events.dtype.names or ())]
    if missing:
        raise DataError(path, f"has no field {missing[0]}; events of hftbacktest 2.x have {', '.join(FIELDS)}", 0, missing[0])
    return events


def _instrument(path: Path, symbol: str, events: np.ndarray, tick: Number | None, lot: Number | None, terms: dict[str, Any]) -> Instrument:
    for name in ("px", "qty"):
        bad = np.flatnonzero(~np.isfinite(events[name]))
        if len(bad):
            raise DataError(path, f"{events[name][bad[0]]} is not a finite number", int(bad[0]) + 1, name)
    places, digits = decimals_of(events["px"]), decimals_of(events["qty"])
    if places < 0 or (digits < 0 and lot is None):
        raise DataError(path, f"has numbers of more than {DECIMALS_MAX} decimals; round them", 0, "px" if places < 0 else "qty")
    return instrument_of(symbol, tick, places, {**terms, "lot": lot if lot is not None else f"{10.0**-digits:.{digits}f}"})


def _parts(feed: HftBacktest) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The exchange's events, with their rows, from 1."""
    for first in range(0, len(feed.events), STEP):
        part = feed.events[first : first + STEP]
        chosen = np.flatnonzero(part["ev"] & EXCHANGE)
        yield part[chosen], chosen + first + 1


def _numbers(feed: HftBacktest, part: np.ndarray) -> tuple[np.ndarray, ...]:
    """Times, sides (2: none), prices and lots."""
    one = feed.instrument
    side = np.where(part["ev"] & BUY, 0, np.where(part["ev"] & SELL, 1, 2)).astype(np.int64)
    price = np.rint(part["px"] * float(1 / one.price_unit)).astype(np.int64)
    lots = np.rint(part["qty"] * float(1 / one.lot)).astype(np.int64)
    return part["exch_ts"].astype(np.int64), side, price, lots


def _levels(feed: HftBacktest, rows: int) -> Iterator[Commands]:
    output = LevelOutput(feed, feed.instruments, max(1, rows), feed.repair)
    for part, numbers in _parts(feed):
        kind = (part["ev"] & 0xFF).astype(np.int64)
        before_picture = (kind == CLEARED) & np.isin(np.append(kind[1:], 0), (CLEARED, PICTURE))  # the picture replaces the book itself
        part, numbers, kind = part[~before_picture], numbers[~before_picture], kind[~before_picture]
        ts, side, price, lots = _numbers(feed, part)
        marks = np.select([kind == TRADED, kind == PICTURE, kind == CLEARED], [TRADE, SNAPSHOT, CLEAR], 0).astype(np.int64)
        instrument = np.zeros(len(part), np.int64)

        def place(row: int, numbers: np.ndarray = numbers) -> tuple[int, dict[int, str]]:
            return int(numbers[row]), {0: "exch_ts", 3: "ev", 4: "qty", 5: "px"}

        yield from output.take_rows(ts, instrument, side, price, lots, marks, place=place)
    yield output.finish()


_FIELD_OF = {1: "exch_ts", 2: "order_id", 3: "ev", 4: "qty", 5: "px"}
"""The field of the file, by the number that a fault about orders has."""
_ACTIONS = {ADDED: orders.ADD, CANCELLED: orders.DELETE, MODIFIED: orders.MODIFY, FILLED: orders.EXECUTE, CLEARED: orders.CLEAR}


def _orders(feed: HftBacktest, rows: int) -> Iterator[Commands]:
    output = Output(feed.instruments, max(1, rows), feed.repair)
    w = output.w
    action_of = np.full(256, orders.NOTHING, np.int64)
    action_of[list(_ACTIONS)] = list(_ACTIONS.values())
    for part, numbers in _parts(feed):
        ts, side, price, lots = _numbers(feed, part)
        ids, instrument = part["order_id"].astype(np.uint64), np.zeros(len(part), np.int64)
        action = action_of[(part["ev"] & 0xFF).astype(np.int64)]
        side = np.where(action == orders.EXECUTE, 2, side)  # a fill's side is not always that of its order
        w["at"], w["end"] = 0, len(part)
        while w["at"] < w["end"]:
            arrays = (ts, instrument, action, ids, ids, side, price, lots)
            decode_orders(output.writings, output.counts, output.terms, output.table, output.out, *arrays)
            if w["fault"] > Fault.ROOM:
                what = f"{int(w['value'])} {WORDS[Fault(int(w['fault']))]}; repair=True (--repair) mends and counts it"
                raise DataError(feed.path, what, int(numbers[int(w["at"])]), _FIELD_OF.get(int(w["field"]), ""))
            if w["fault"] == Fault.ROOM:
                ready = output.flush()
                output.make_room()
                if len(ready):
                    yield ready
    yield output.finish()
    output.tell(feed)

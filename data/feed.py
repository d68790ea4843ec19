"""Feeds: recorded markets as commands of history, in time order and bounded memory."""

import datetime
import hashlib
import io
import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.errors import TapebookError
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Flag, Grain, Kind
from engine.state.card import card, figures, note, table

Commands = np.ndarray[Any, np.dtype[np.void]]
BATCH_ROWS = 65536
_SHOWN = 12
"""Instruments that a notebook shows."""
SEAL_BYTES = 32
"""Of the SHA-256 at the end of a file of decoded commands."""
_COUNTED = {
    "adds": Kind.ADD,
    "reduces": Kind.REDUCE,
    "modifies": Kind.MODIFY,
    "executes": Kind.EXECUTE,
    "prints": Kind.PRINT,
    "halts": Kind.HALT,
    "resumes": Kind.RESUME,
    "notices": Kind.NOTICE,
    "flows": Kind.FLOW,
    "levels": Kind.LEVEL,
    "trades": Kind.TRADE,
}


class DataError(TapebookError, ValueError):
    """Market data that cannot be read: what is wrong, in which file, line (from 1) and field, and how to mend it."""

    def __init__(self, file: str | Path, what: str, line: int = 0, field: str = "") -> None:
        self.file, self.line, self.field = str(file), line, field
        super().__init__(str(file) + (f" line {line}" if line else "") + (f", field {field}" if field else "") + f": {what}")


class DataWarning(UserWarning):
    """Market data that were read, but not as they stand: what was mended, left out or not known, and how often."""


class Feed(ABC):
    """A recorded market: its instruments and, batch by batch, the commands of its history.

    `name`: what people call it. `instruments`: the field `instrument` of the commands is an index into them. `counts`: filled by
    `commands`: rows by kind, and the lots that reconciliation revealed and removed.
    """

    name: str
    instruments: list[Instrument]
    counts: dict[str, int]
    origin: dict[str, Any] | None = None
    """How it was opened, for a run that is to be played again: format, path, options."""
    time_zone: str = "UTC"
    """IANA name of the clock that its times of day and its days are told by."""
    session_opening: Commands | None = None
    """What a recorded session opened with; a backtest opens with it instead of its own."""
    seats: Mapping[str, str] = MappingProxyType({})
    """Trader and portfolio of each strategy taken out of a recorded session; there every command is an exchange event of its own."""
    date: datetime.date | None = None
    """The day that it is of, where the source says it before it is read."""
    repairs: Mapping[str, int] = MappingProxyType({})
    """What a reading mended, left out or did not know, and how often; empty before, and where the data are in order."""
    taken_for: str = ""
    """What a file or frame was taken for, and how: its format, its columns, its instruments' steps."""
    grain: Grain = Grain.ORDERS
    """What its commands are made of: orders by id, trades and levels, or bars."""
    levels: int = 0
    """Levels of the published book to which the commands reconcile; 0: none is published."""

    def __repr__(self) -> str:
        symbols = ", ".join(one.symbol for one in self.instruments[:5]) + (", …" if len(self.instruments) > 5 else "")
        return f"<{type(self).__name__} {self.name}: {symbols}>"

    def _repr_html_(self) -> str:
        """What is known without reading it, as a notebook shows it."""
        grains = (grain.name.lower() for grain in self.grains)
        rows = [
            (one.symbol, grain, *(f"{value:f}" for value in (one.tick, one.lot, one.maker_fee, one.taker_fee)))
            for one, grain in zip(self.instruments[:_SHOWN], grains)
        ]
        heads = ("symbol", "made of", "tick", "lot", "maker fee", "taker fee")
        counts = figures((name.replace("_", " "), f"{count:,}") for name, count in self.counts.items() if count)
        mended = "; ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in self.repairs.items() if count)
        day = f"{self.date}, " if self.date else ""
        more = f"and {len(self.instruments) - _SHOWN:,} more" if len(self.instruments) > _SHOWN else ""
        notes = (note(text) for text in (more, self.taken_for, f"mended or left out: {mended}" if mended else ""))
        about = f"{type(self).__name__}, {day}clock of {self.time_zone}"
        return card(self.name, about, table(heads, rows, words=2), counts, *notes)

    @property
    def source(self) -> str:
        """The file that it is read from, for errors; its name where there is none."""
        return self.name

    @property
    def instrument(self) -> Instrument:
        """The one instrument. Raises ValueError where there are several."""
        if len(self.instruments) != 1:
            raise ValueError(f"{self.name} has {len(self.instruments)} instruments; choose from feed.instruments")
        return self.instruments[0]

    @property
    def grains(self) -> list[Grain]:
        """The grain of each instrument."""
        return [self.grain] * len(self.instruments)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the bytes read, the reader's version and its options: equal feeds give equal commands."""

    @abstractmethod
    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND) in time order, about `rows` source rows at a time. Raises DataError where the data are bad.

        Before the rows of one aggressor stands its FLOW: its side, all its lots, its worst price. Where it took hidden lots at prices
        better than that, each of them, best first, has a FLOW before, marked CONTINUED; each FLOW is for the lots that are left of the
        aggressor beyond hidden ones at better prices than its own. A halt of the venue is a HALT, its end a RESUME, with their `row`:
        our orders rest and do not trade meanwhile, and new ones are rejected, while history goes on; what crossed ours trades at the
        RESUME. Between days (`days`) stand CLEAR, END_OF_DAY and START_OF_DAY.
        """

    def reconciled(self, rows: int = BATCH_ROWS) -> Iterator[tuple[Commands, np.ndarray]]:
        """Batches, each with the published book after each of its messages: int64 (messages, 4 × levels), LOBSTER's order."""
        for batch in self.batches(rows):
            yield batch, np.zeros((int(np.count_nonzero(batch["row"])), 0), np.int64)

    def commands(self, cache: Path | str | None = None) -> Commands:
        """All commands (COMMAND). With `cache` (a folder) they are decoded once, into `<fingerprint>.npy` there, and memory-mapped."""
        if cache is None:
            self.counts = {}
            parts = list(self._counted())
            return np.concatenate(parts) if parts else np.zeros(0, COMMAND)
        folder = Path(cache)
        path = folder / f"{self.fingerprint}.npy"
        found = load_commands(path)
        if found is None:
            folder.mkdir(parents=True, exist_ok=True)
            self.counts = {}
            store_commands(path, self._counted())
            path.with_suffix(".json").write_text(json.dumps(self.counts))
            found = np.load(path, mmap_mode="r")
        elif not self.counts:
            self.counts = _counts_beside(path, found)
        return found

    def to_frame(self, kind: str = "trades") -> Any:
        """The history as a polars frame: "l3", "l2", "trades" or "quotes" (see `data.frames.feed_frame`). Raises ValueError for another."""
        return import_module("data.frames").feed_frame(self, kind)

    def until(self, ts: int) -> "Feed":
        """The same market up to the time `ts` (ns UTC), without what happens at it or later."""
        return _Until(self, ts)

    def _counted(self) -> Iterator[Commands]:
        for batch in self.batches():
            for name, count in count_commands(batch).items():
                self.counts[name] = self.counts.get(name, 0) + count
            yield batch


def count_commands(commands: Commands) -> dict[str, int]:
    """Rows by kind; commands and lots that reconciliation revealed (after the opening) and removed."""
    kinds = np.bincount(commands["kind"], minlength=int(max(Kind)) + 1)
    counts = {"messages": int(np.count_nonzero(commands["row"]))}
    counts |= {name: int(kinds[kind]) for name, kind in _COUNTED.items()}
    shown = commands[(commands["kind"] == Kind.REVEAL) & (commands["flags"] & Flag.OPENING == 0)]
    gone = commands[commands["kind"] == Kind.REMOVE]
    counts |= {"opening": int(kinds[Kind.REVEAL]) - len(shown), "reveals": len(shown), "removes": len(gone)}
    return counts | {"revealed_lots": int(shown["quantity"].sum()), "removed_lots": int(gone["quantity"].sum())}


def _counts_beside(path: Path, commands: Commands) -> dict[str, int]:
    try:
        return {str(name): int(count) for name, count in json.loads(path.with_suffix(".json").read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return count_commands(commands)


def load_commands(path: Path) -> Commands | None:
    """The cached commands, or None where there are none or they are not what was written (they are then made again)."""
    try:
        found = np.load(path, mmap_mode="r")
        if found.dtype != COMMAND or found.ndim != 1:
            return None
        with path.open("rb") as file:
            file.seek(-SEAL_BYTES, os.SEEK_END)
            return found if _seal(_header(len(found)), found) == file.read() else None
    except (OSError, ValueError, EOFError):
        return None


def _seal(head: bytes, commands: Commands) -> bytes:
    """SHA-256 over a file's head and rows; it stands behind them, where numpy does not look."""
    digest = hashlib.sha256(head)
    for start in range(0, len(commands), BATCH_ROWS):  # a mapped file is not held in memory as a whole
        digest.update(np.ascontiguousarray(commands[start : start + BATCH_ROWS]).data)
    return digest.digest()


def _header(rows: int) -> bytes:
    """The head of an .npy file of `rows` commands; numpy pads it so that its length does not depend on `rows`."""
    head = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(COMMAND), "fortran_order": False, "shape": (rows,)}
    np.lib.format.write_array_header_2_0(head, described)
    return head.getvalue()


def store_commands(path: Path, batches: Iterator[Commands]) -> None:
    """Write an .npy of unknown length under a temporary name, then rename it: a reader sees all of it or nothing."""
    number, name = tempfile.mkstemp(prefix=path.stem[:16], suffix=".part", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(_header(0))
            rows = 0
            for batch in batches:
                file.write(np.ascontiguousarray(batch).data)
                rows += len(batch)
            file.seek(0)
            file.write(_header(rows))
            file.flush()
            seal = _seal(_header(rows), np.load(name, mmap_mode="r"))
            file.seek(0, os.SEEK_END)
            file.write(seal)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class Wrapped(Feed):
    """Another feed, changed: a subclass says what it changes, the rest is the feed's own."""

    def __init__(self, feed: Feed, name: str) -> None:
        self.feed, self.name, self.instruments, self.counts = feed, name, feed.instruments, {}
        self.time_zone, self.date, self.grain, self.levels = feed.time_zone, feed.date, feed.grain, feed.levels
        self.seats, self.taken_for = feed.seats, feed.taken_for

    @property
    def source(self) -> str:
        return self.feed.source

    @property
    def grains(self) -> list[Grain]:
        return self.feed.grains


class _Until(Feed):
    """The beginning of another feed."""

    def __init__(self, feed: Feed, ts: int) -> None:
        self.feed, self.ts = feed, ts
        self.name, self.instruments, self.counts = feed.name, feed.instruments, {}
        self.time_zone, self.grain = feed.time_zone, feed.grain

    @property
    def fingerprint(self) -> str:
        return mixed(f"until {self.ts}", [self.feed.fingerprint])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        for batch in self.feed.batches(rows):
            end = int(np.searchsorted(batch["ts"], self.ts))
            if end:
                yield batch[:end]
            if end < len(batch):
                return


def mixed(what: str, fingerprints: Sequence[str]) -> str:
    """Fingerprint of something made from other feeds."""
    return hashlib.sha256("\n".join([what, *fingerprints]).encode()).hexdigest()


def shared_zone(feeds: Sequence[Feed]) -> str:
    """The clock that the feeds share; one at UTC, as of a feed without a clock of its own, goes along. UTC where they differ."""
    zones = {feed.time_zone for feed in feeds} - {"UTC"}
    return zones.pop() if len(zones) == 1 else "UTC"

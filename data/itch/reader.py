"""NASDAQ TotalView-ITCH 5.0: all orders of all symbols of a day, one binary file, read into commands of history."""

import datetime
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.feed import BATCH_ROWS, Commands, DataError, Feed
from data.itch.decoding import UNWANTED, decode, survey
from data.itch.messages import FIELDS, LENGTH_OF, LENGTHS, NAMES, packed, unpacked
from data.orders.faults import WORDS, Fault
from data.orders.output import Output
from data.orders.writing import WRITING
from data.sources.blocks import Progress, file_hash, file_head, inner_name, read_blocks
from data.sources.dates import date_of
from data.times import midnight_of
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument, Number

VERSION = "itch 1"
PRICE_UNIT = "0.0001"
ZONE = "America/New_York"
SIDED_UNTIL = datetime.date(2014, 7, 14)
"""From this day on, hidden trades say "buy" whatever the side of the hidden order is."""


class Listed(NamedTuple):
    """A symbol of the file: its locate code, how many orders and trades it has, and whether some price is not a whole cent."""

    symbol: str
    locate: int
    rows: int
    fine: bool


class Itch(Feed):
    """A day of ITCH 5.0. `messages`, filled by reading: how many of each type; `repairs`: what was mended; `checked`: executions that
    match the order they name."""

    def __init__(
        self, path: Path, prefix: int, listed: Sequence[Listed], instruments: list[Instrument], date: datetime.date, zone: str, repair: bool
    ) -> None:
        self.path, self.prefix, self.listed, self.instruments = path, prefix, listed, instruments
        self.date, self.time_zone, self.repair = date, zone, repair
        self.midnight = midnight_of(date, zone)
        symbols = instruments[0].symbol if len(instruments) == 1 else f"{len(instruments)} symbols"
        self.name = f"{symbols} {date}"
        self.counts, self.repairs, self.checked = {}, {}, 0
        self.messages: dict[str, int] = {}
        self.progress: Progress | None = None

    @property
    def source(self) -> str:
        return str(self.path)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes and of what they were read as."""
        terms = [(one.symbol, one.tick) for one in self.instruments]
        return file_hash(self.path, VERSION, self.date, self.time_zone, self.repair, terms)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND), about `rows` at a time; `row` is the number of the message in the file."""
        return _Decoder(self, max(1, rows)).batches()


def read_itch(
    path: str | Path,
    symbol: str | Sequence[str] | None = None,
    date: str | datetime.date | None = None,
    tick: Number | None = None,
    time_zone: str = ZONE,
    repair: bool = False,
    progress: Progress | None = None,
    symbols: str | Sequence[str] | None = None,
) -> Itch:
    """A feed of an ITCH 5.0 file, plain, gzipped or zipped; its messages behind two bytes of length, two zero bytes, or nothing.

    Parameters
    ----------
    path : path
    symbol : str or list of str, optional
        One symbol, several ("AAPL,MSFT"), or every one that has orders or trades. `symbols` says the same.
    date : YYYY-MM-DD, optional
        The exchange's day. Default: that of the file's name.
    tick : number, optional
        Price step of all symbols. Default: 0.01, and 0.0001 of a symbol with an order that is off the cent.
    repair : bool
        Mend and count (`feed.repairs`) what is wrong, rather than stop at it.
    progress : callable, optional
        Called with the bytes read and the file's bytes.

    Raises DataError, here or while the feed is read, with the message's number, its place in the file, and the field. Every execution,
    cancel and replace is held against the order that it names. Messages about an order that is not open are left out, counted in
    `feed.repairs` and told by a DataWarning.
    """
    path = Path(path)
    day = date_of(path, inner_name(path), date)
    prefix = _framing(path)
    wanted = symbol if symbol is not None else symbols
    names = [one.strip() for one in wanted.split(",")] if isinstance(wanted, str) else wanted
    listed = _chosen(path, _survey(path, prefix, repair, progress), names)
    instruments = [
        Instrument(one.symbol, tick if tick is not None else (PRICE_UNIT if one.fine else "0.01"), price_unit=PRICE_UNIT) for one in listed
    ]
    feed = Itch(path, prefix, listed, instruments, day, time_zone, repair)
    feed.progress = progress
    return feed


def _framing(path: Path) -> int:
    """Bytes before each message: 2 or 0. Raises DataError for what is no ITCH file."""
    head = file_head(path, 4096)
    if not head:
        raise DataError(path, "is empty")
    letters = {ord(letter): length for letter, length in LENGTHS.items()}
    if len(head) > 2 and head[2] in letters and int.from_bytes(head[:2], "big") in (0, letters[head[2]]):
        return 2
    length = letters.get(head[0], 0)
    if length and (len(head) == length or (len(head) > length and head[length] in letters)):
        return 0
    raise DataError(path, f"does not begin with an ITCH 5.0 message (its first bytes are {head[:12].hex(' ')}); is it of another format?")


def _survey(path: Path, prefix: int, repair: bool, progress: Progress | None) -> list[Listed]:
    """The symbols of the file, by their locate codes."""
    writings, types, found = np.zeros(1, WRITING), np.zeros(256, np.int64), np.zeros((65536, 4), np.int64)
    w, rest = writings[0], b""
    for block in read_blocks(path, progress=progress, repair=repair):
        text = np.frombuffer(rest + block, np.uint8)
        w["at"], w["end"] = 0, len(text)
        survey(text, writings, types, LENGTH_OF, found, prefix)
        rest = text[int(w["at"]) :].tobytes()
        if w["fault"]:
            break  # where and why, decoding says
    return [Listed(unpacked(found[k, 0]), int(k), int(found[k, 1]), bool(found[k, 2])) for k in np.flatnonzero(found[:, 0])]


def _chosen(path: Path, listed: list[Listed], names: Sequence[str] | None) -> list[Listed]:
    if not listed:
        raise DataError(path, "names no symbol: it has neither a directory nor an order")
    if names is None:
        return [one for one in listed if one.rows] or listed
    by_name = {one.symbol: one for one in listed}
    for name in names:
        if name not in by_name:
            raise DataError(path, f"has no symbol {name!r}; {did_you_mean(name, by_name, f'it has {len(by_name)} others')}", 0, "symbol")
    return [by_name[name] for name in dict.fromkeys(names)]


class _Decoder:
    """One reading of an ITCH file."""

    def __init__(self, feed: Itch, rows: int) -> None:
        self.feed, self.rows = feed, rows
        self.output = Output(feed.instruments, rows, feed.repair)
        self.types = np.zeros(256, np.int64)
        self.numbers = np.full(65536, UNWANTED, np.int64)
        self.numbers[[one.locate for one in feed.listed]] = np.arange(len(feed.listed))
        self.stocks = np.array([packed(one.symbol) for one in feed.listed], np.uint64)
        self.before = 0  # bytes of the file before the text

    def batches(self) -> Iterator[Commands]:
        rest = b""
        for block in read_blocks(self.feed.path, progress=self.feed.progress, repair=self.feed.repair):
            text = np.frombuffer(rest + block, np.uint8)
            yield from self._decode(text)
            at = int(self.output.w["at"])
            rest = text[at:].tobytes()
            self.before += at
        self._check_end(rest)
        yield self.output.finish()
        self._tell()

    def _decode(self, text: np.ndarray) -> Iterator[Commands]:
        feed, output = self.feed, self.output
        w = output.w
        w["at"], w["end"] = 0, len(text)
        sided = int(feed.date is not None and feed.date < SIDED_UNTIL)
        while True:
            decode(
                text, output.writings, output.counts, self.types, LENGTH_OF, self.numbers, self.stocks, output.terms, output.table,
                output.out, feed.prefix, feed.midnight, sided,
            )  # fmt: skip
            if w["fault"] > Fault.ROOM:
                raise self._error(text)
            if w["fault"] == Fault.ROOM:
                ready = output.flush()
                output.make_room()
                if len(ready):
                    yield ready
                continue
            return

    def _check_end(self, rest: bytes) -> None:
        feed, rows = self.feed, int(self.output.w["rows"])
        if rest and not feed.repair:
            what = (
                f"message {rows + 1} at byte {self.before} is cut short: {len(rest)} bytes are left; fetch the file again, or repair=True"
            )
            raise DataError(feed.path, what)
        if rest:
            self.output.counts[Fault.FRAME] += 1
        if not rows:
            raise DataError(feed.path, "holds no messages")

    def _tell(self) -> None:
        feed = self.feed
        feed.messages = {NAMES[letter]: int(self.types[ord(letter)]) for letter in LENGTHS if self.types[ord(letter)]}
        feed.checked = int(self.output.w["checked"])
        self.output.tell(feed)

    def _error(self, text: np.ndarray) -> DataError:
        w = self.output.w
        fault, value, field = Fault(int(w["fault"])), int(w["value"]), FIELDS[int(w["field"])]
        shown = {"type": repr(chr(value & 255)), "stock": repr(unpacked(value & (2**64 - 1))), "buy/sell indicator": "the letter"}
        letter = chr(int(text[int(w["at"]) + self.feed.prefix]))
        place = f"message {int(w['rows']) + 1} ({letter}) at byte {self.before + int(w['at'])}"
        mend = "" if "repair" in WORDS[fault] else "; repair=True (--repair) mends and counts it"
        return DataError(self.feed.path, f"{place}, field {field}: {shown.get(field, value)} {WORDS[fault]}{mend}")

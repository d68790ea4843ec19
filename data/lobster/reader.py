"""LOBSTER: NASDAQ order by order, as message and order book files (lobsterdata.com), read into commands of history."""

import datetime
import functools
import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data.feed import BATCH_ROWS, Commands, DataError, Feed
from data.levels.ladders import empty_ladders
from data.lobster.decoding import MESSAGE_FIELDS, READING, Fault, decode
from data.lobster.files import Source, find_sources, name_day
from data.lobster.parsing import COMMA, NEWLINE, ZERO
from data.orders.table import empty_table, grown
from data.times import midnight_of
from engine.messages.instrument import Instrument, Number
from engine.messages.records import COMMAND

VERSION = "lobster 2"
PRICE_UNIT = "0.0001"
NO_TEXT = np.zeros(1, np.uint8)
_LEVEL_FIELDS = ("ask price", "ask size", "bid price", "bid size")
_MENDS = {
    Fault.TIME_BACK: "is before the line above; sort the file by time, or fetch it again",
    Fault.TIME_RANGE: "is not a time of day in seconds",
    Fault.TYPE: "is not a type of message; LOBSTER has 1 to 7",
    Fault.ORDER_ID: "is not an order's id; it must be above 0",
    Fault.DUPLICATE: "is the id of an order that is still open; drop the line and its row of the order book, or fetch the file again",
    Fault.SIZE: "is not a size; it must be 1 to 4294967295",
    Fault.PRICE: "is out of range; prices are dollars × 10000, from 1 to 2147483647",
    Fault.DIRECTION: "is not a direction; it must be 1 (buy) or -1 (sell)",
    Fault.LEVEL_SIZE: "is not a level's size; it must be 0 to 4294967295",
    Fault.LEVEL_ORDER: "is out of order; the levels of a side go from best to worst, empty ones last",
}


class Lobster(Feed):
    """A LOBSTER day. `messages` and `orderbook` say where it is read from; `orderbook` is None where only messages are there."""

    def __init__(self, messages: Source, orderbook: Source | None, instrument: Instrument, date: datetime.date, time_zone: str) -> None:
        self.messages, self.orderbook, self.date, self.time_zone = messages, orderbook, date, time_zone
        self.name = f"{instrument.symbol} {date}"
        self.instruments, self.counts = [instrument], {}
        self.midnight = midnight_of(date, time_zone)
        messages.first_line()
        self.levels = count_levels(orderbook) if orderbook else 0

    @property
    def source(self) -> str:
        """The message file."""
        return self.messages.name

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the files' bytes and of what they were read as."""
        instrument = self.instrument
        options = [VERSION, instrument.symbol, self.date, self.time_zone, instrument.tick, bool(self.orderbook)]
        hashed = hashlib.sha256("|".join(map(str, options)).encode())
        for path in dict.fromkeys([self.messages.path] + ([self.orderbook.path] if self.orderbook else [])):
            with Source(path).open() as file:
                hashed.update(hashlib.file_digest(file, "sha256").digest())  # type: ignore[arg-type]
        return hashed.hexdigest()

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND) of about `rows` message rows at a time; the rows of one aggressor stay together."""
        return (commands for commands, _ in _Decoder(self, max(1, rows), keeps_rows=False).batches())

    def reconciled(self, rows: int = BATCH_ROWS) -> Iterator[tuple[Commands, np.ndarray]]:
        """Batches, each with the rows of the order book file that belong to its messages: int64 (messages, 4 × levels)."""
        return _Decoder(self, max(1, rows), keeps_rows=True).batches()

    def lines(self, numbers: Iterable[int]) -> dict[int, str]:
        """Lines of the message file by their numbers (from 1), as they stand there; those that it has."""
        wanted, found, before = sorted(set(numbers)), {}, 0
        for block in self.messages.blocks():
            if not wanted or wanted[-1] <= before:
                break
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
            for number in wanted[bisect_right(wanted, before) : bisect_right(wanted, before + len(ends))]:
                at = number - before - 1
                begin = ends[at - 1] + 1 if at else 0
                found[number] = block[begin : ends[at]].decode("utf-8", "replace").rstrip("\r")
            before += len(ends)
        return found

    def message_types(self) -> Iterator[np.ndarray]:
        """The types of the messages as the file says them, some at a time: a command says no more whether it was a cancel or a delete."""
        for block in self.messages.blocks():
            text = np.frombuffer(block, np.uint8)
            commas = np.flatnonzero(text == COMMA)
            begins = np.concatenate([[0], np.flatnonzero(text == NEWLINE)[:-1] + 1])
            at = np.searchsorted(commas, begins)
            yield text[commas[at[at < len(commas)]] + 1].astype(np.int64) - ZERO


def read_lobster(
    messages: str | Path,
    orderbook: str | Path | None = None,
    symbol: str | None = None,
    date: str | datetime.date | None = None,
    tick: Number = "0.01",
    time_zone: str = "America/New_York",
) -> Lobster:
    """A feed of a LOBSTER message file with its order book file, of messages alone (not reconciled), or of the zip as published.

    `orderbook` defaults to the file beside the messages, as LOBSTER names it; "none" leaves it out.

    `symbol` and `date` (YYYY-MM-DD, the exchange's day) default to the file's name. Prices are dollars × 10000, sizes lots of 1, times
    become exact ns UTC. Raises DataError, here or while the feed is read, where the files are not what they should be.
    """
    source, book = find_sources(Path(messages), None if orderbook is None else Path(orderbook))
    symbol, date = name_day(source, symbol, date)
    return Lobster(source, book, Instrument(symbol, tick, price_unit=PRICE_UNIT), date, time_zone)


def count_levels(book: Source) -> int:
    """Levels of an order book file. Raises DataError where its first line cannot be one."""
    columns = book.first_line().count(",") + 1
    if columns % 4:
        raise DataError(book.name, f"has {columns} columns; an order book has 4 for each level", 1)
    return columns // 4


class _Text:
    """The text of one file, a block of lines at a time."""

    def __init__(self, source: Source | None) -> None:
        self.blocks = source.blocks() if source else iter(())
        self.text = NO_TEXT
        self.lines = 0  # before this block

    def load(self) -> bool:
        """Go to the next block; False at the end."""
        block = next(self.blocks, None)
        if block is None:
            return False
        self.text = np.frombuffer(block, np.uint8)
        return True


class _Decoder:
    """One reading of a LOBSTER day."""

    def __init__(self, feed: Lobster, rows: int, keeps_rows: bool) -> None:
        self.feed, self.rows = feed, rows
        self.readings = np.zeros(1, READING)
        self.reading = self.readings[0]
        self.reading["levels"], self.reading["midnight"] = feed.levels, feed.midnight
        self.reading["tick"] = feed.instrument.tick_units
        self.reading["flow"] = self.reading["cross"] = -1
        self.messages, self.book = _Text(feed.messages), _Text(feed.orderbook)
        self.message, self.row = np.zeros(6, np.int64), np.zeros(4 * feed.levels, np.int64)
        self.ladders, self.table = empty_ladders(256 + 4 * feed.levels), empty_table()
        self.room = rows + rows // 4 + 64 + 8 * feed.levels
        self.out = np.zeros(self.room, COMMAND)
        self.published = np.zeros((2 * rows if keeps_rows and feed.levels else 0, 4 * feed.levels), np.int64)

    def batches(self) -> Iterator[tuple[Commands, np.ndarray]]:
        reading = self.reading
        stop = self.rows
        while self._load():
            decode(*self._texts(), self.readings, stop, self.message, self.row, self.ladders, self.table, self.out, self.published)
            if reading["fault"] > Fault.ROOM:
                raise self._error()
            if reading["fault"] == Fault.ROOM or reading["rows"] >= stop:
                ready = self._flush(self._room_needed())
                stop = int(reading["rows"]) + self.rows
                if len(ready[0]):
                    yield ready
        if not reading["rows"]:
            raise DataError(self.feed.messages.name, "holds no messages")
        decode(*self._texts(), self.readings, 0, self.message, self.row, self.ladders, self.table, self.out, self.published)
        reading["cross"] = -1
        yield self._flush(0)

    def _texts(self) -> tuple[np.ndarray, np.ndarray]:
        return self.messages.text, self.book.text

    def _load(self) -> bool:
        """Have lines of both texts to go on with; False where both end. Raises DataError where one ends before the other."""
        reading, book = self.reading, self.feed.orderbook
        if reading["message_at"] == reading["message_end"]:
            if not self.messages.load():
                self._check_book_ends()
                return False
            reading["message_at"], reading["message_end"] = 0, len(self.messages.text)
        if book and reading["book_at"] == reading["book_end"]:
            if not self.book.load():
                raise self._other_length(int(reading["rows"]))
            reading["book_at"], reading["book_end"] = 0, len(self.book.text)
        return True

    def _check_book_ends(self) -> None:
        reading = self.reading
        more = int(np.count_nonzero(self.book.text[reading["book_at"] : reading["book_end"]] == 10))
        while self.feed.orderbook and self.book.load():
            more += int(np.count_nonzero(self.book.text == 10))
        if more:
            raise self._other_length(int(reading["rows"]) + more)

    def _other_length(self, rows: int) -> DataError:
        assert self.feed.orderbook is not None
        what = "ends after" if rows == self.reading["rows"] else "has"
        mend = "an order book has one row for each message: name the two files of one day and download"
        return DataError(self.feed.orderbook.name, f"{what} {rows} rows, unlike the messages; {mend}")

    def _room_needed(self) -> int:
        """Commands that the next row may write; makes ladders and table larger where they are nearly full."""
        levels = int(self.reading["levels"])
        room = self.ladders.keys.shape[1]
        if int(self.ladders.count.max()) + levels + 2 > room:
            self.ladders = self.ladders.grown(2 * room)
        if 2 * (int(self.reading["orders"]) + 1) > len(self.table):
            self.table = grown(self.table)
        return int(self.ladders.count.sum()) + 4 * levels + 4 + int(self.reading["hidden"])

    def _flush(self, needed: int) -> tuple[Commands, np.ndarray]:
        """What is written but for an aggressor or a cross that may go on; that one moves to the next, empty output."""
        reading = self.reading
        n = int(reading["n"])
        end = min([int(reading[name]) for name in ("flow", "cross") if reading[name] >= 0], default=n)
        for name in ("flow", "cross"):
            reading[name] -= end if reading[name] >= 0 else 0
        out, self.out = self.out, np.zeros(max(self.room, 2 * (n - end) + needed), COMMAND)
        self.out[: n - end] = out[end:n]
        reading["n"] = n - end
        return out[:end], self._rows_of(out[:end])

    def _rows_of(self, commands: Commands) -> np.ndarray:
        """The published rows of the messages among `commands`; those of later messages stay."""
        messages, kept = int(np.count_nonzero(commands["row"])), int(self.reading["kept"])
        published = self.published
        if not len(published):
            return np.zeros((messages, 0), np.int64)
        later = kept - messages
        self.published = np.zeros((max(len(published), 2 * (later + self.rows)), published.shape[1]), np.int64)
        self.published[:later] = published[messages:kept]
        self.reading["kept"] = later
        return published[:messages]

    def _error(self) -> DataError:
        """The fault at which the loop stopped, in words."""
        reading = self.reading
        fault, field, in_book = Fault(int(reading["fault"])), int(reading["field"]), bool(reading["in_book"])
        source = self.feed.orderbook if in_book else self.feed.messages
        assert source is not None
        text, at = (self.book.text, reading["book_at"]) if in_book else (self.messages.text, reading["message_at"])
        line = bytes(text[at : at + 65536]).split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
        words = line.split(",")
        number = int(reading["rows"]) + 1
        if not line:
            return DataError(source.name, "is empty", number)
        if fault == Fault.COLUMNS or field >= len(words):
            return DataError(source.name, f"has {len(words)} columns, not {4 * self.feed.levels if in_book else 6}", number)
        name = f"{_LEVEL_FIELDS[field % 4]} {field // 4 + 1}" if in_book else MESSAGE_FIELDS[field]
        shown = repr(words[field][:30])
        return DataError(source.name, f"{shown} {self._mend(fault, field)}", number, name)

    def _mend(self, fault: Fault, field: int) -> str:
        if fault == Fault.NUMBER:
            return "is not a number of seconds" if field == 0 and not self.reading["in_book"] else "is not a whole number"
        if fault == Fault.OFF_TICK:
            return f'is off the tick {self.feed.instrument.tick}; read the file with tick="0.0001"'
        return _MENDS[fault]

"""LOBSTER's files as people keep them: a pair of CSV files, or the zip as published; which is which, and of what symbol and day."""

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from data.feed import DataError
from data.recognition import check_line_ends, check_regular, members_of, refuse_foreign, zip_contents

BLOCK = 1 << 20
LINE_MAX = 1 << 16
NONE = "none"
"""In place of an order book file: leave the one beside the messages out."""
_NAME = re.compile(r"(?P<symbol>.+)_(?P<date>\d{4}-\d{2}-\d{2})_\d+_\d+_(message|orderbook)_\d+")


class Source(NamedTuple):
    """A file, or a member of a zip."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The file as the user gave it, and the member in it."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    def open(self) -> IO[bytes]:
        """The bytes. Raises DataError where there are none to read."""
        try:
            return zipfile.ZipFile(self.path).open(self.member) if self.member else self.path.open("rb")
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise unreadable(self.path, error) from None

    def first_line(self) -> str:
        """The first line. Raises DataError where the file is empty or no text of lines."""
        with self.open() as file:
            head = _read(self, file, LINE_MAX)
        check_line_ends(self.name, head)
        line = head.split(b"\n", 1)[0]
        if not line.strip():
            raise DataError(self.name, "is empty" if not line else "begins with an empty line")
        return line.decode("utf-8", "replace").rstrip("\r")

    def blocks(self) -> Iterator[bytes]:
        """The text in blocks of whole lines, each ended by a line break; empty lines at the very end are left out."""
        held, rest = b"", b""
        with self.open() as file:
            while block := _read(self, file, BLOCK):
                cut = block.rfind(b"\n") + 1
                if not cut:
                    rest += block
                    if len(rest) > BLOCK:
                        raise DataError(self.name, "has no line breaks; it is not a CSV file")
                    continue
                if held:
                    yield held
                held, rest = rest + block[:cut], block[cut:]
        last = (held + rest).rstrip(b"\r\n")
        if last:
            yield last + b"\n"


def _read(source: Source, file: IO[bytes], size: int) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise unreadable(source.path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """The one clear line for a file that the system or the zip reader refuses."""
    if isinstance(error, FileNotFoundError):
        return DataError(path, "no such file")
    if isinstance(error, IsADirectoryError):
        return DataError(path, "is a folder; name the message file in it")
    if isinstance(error, zipfile.BadZipFile | zlib.error | EOFError):
        return DataError(path, "the zip is broken or cut short; fetch it again")
    return DataError(path, f"cannot be read ({error})")


def find_sources(messages: Path, orderbook: Path | None) -> tuple[Source, Source | None]:
    """Where messages and order book are; of a message file, the order book beside it unless another is named, or "none".

    Raises DataError where they are not there, or seem to be files of another kind.
    """
    check_files(messages, orderbook)
    if messages.suffix.lower() != ".zip" and not zipfile.is_zipfile(messages):
        return Source(messages), _book_of(messages, orderbook)
    if orderbook is not None and str(orderbook) != NONE:
        raise DataError(messages, "is a zip and holds its own order book; leave the second file out")
    try:
        with zipfile.ZipFile(messages) as zipped:
            members = [name for name in members_of(zipped) if name.lower().endswith(".csv")]
    except (OSError, zipfile.BadZipFile) as error:
        raise unreadable(messages, error) from None
    found = {what: [name for name in members if what in Path(name).name.lower()] for what in ("message", "orderbook")}
    if len(found["message"]) != 1 or len(found["orderbook"]) > 1:
        held = f"holds {len(found['message'])} message and {len(found['orderbook'])} orderbook files"
        raise DataError(messages, f"{held}; it must be one of each{zip_contents(messages)}")
    book = Source(messages, found["orderbook"][0]) if found["orderbook"] and orderbook is None else None
    return Source(messages, found["message"][0]), book


def check_files(messages: Path, orderbook: Path | None) -> None:
    """Raise DataError for files that are not there, not regular, or of another kind."""
    check_regular(messages)
    if messages.suffix.lower() == ".7z":
        raise DataError(messages, "is packed as 7z; unpack it and name the message and order book files in it")
    if messages.suffix.lower() != ".zip":
        refuse_foreign(messages)
    if orderbook is not None and str(orderbook) != NONE:
        check_regular(orderbook)


def _book_of(messages: Path, orderbook: Path | None) -> Source | None:
    """The order book file that belongs to a message file: the one named, or the one beside it as LOBSTER names it."""
    if orderbook is not None:
        return None if str(orderbook) == NONE else Source(orderbook)
    if not _NAME.match(messages.name):
        return None
    beside = messages.with_name(messages.name.replace("_message_", "_orderbook_"))
    return Source(beside) if beside != messages and beside.is_file() else None


def name_day(source: Source, symbol: str | None, date: str | datetime.date | None) -> tuple[str, datetime.date]:
    """Symbol and day, from the file's name where they are not given. Raises DataError with the mend where they cannot be known."""
    found = _NAME.match(Path(source.member).name if source.member else source.path.name)
    if symbol is None:
        if not found:
            raise DataError(source.name, "its name does not contain the symbol; give --symbol AMZN (symbol=)")
        symbol = found["symbol"]
    elif found and symbol != found["symbol"]:
        raise DataError(source.name, f"is a file of {found['symbol']} by its name, not of {symbol}; leave --symbol (symbol=) out")
    if date is None:
        if not found:
            raise DataError(source.name, "its name does not contain the day; give --date YYYY-MM-DD (date=)")
        date = found["date"]
    if not isinstance(date, datetime.date):
        try:
            date = datetime.date.fromisoformat(date)
        except (TypeError, ValueError):
            raise DataError(source.name, f"{date!r} is not a day; give --date YYYY-MM-DD (date=)") from None
    if found and date.isoformat() != found["date"]:
        raise DataError(source.name, f"is a file of {found['date']} by its name, not of {date}; leave --date (date=) out")
    return symbol, date

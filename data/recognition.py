"""What a file seems to be, by its first bytes and not by its name; and which of our readers is for it."""

import re
import stat
import zipfile
import zlib
from pathlib import Path

from data.feed import DataError

_HEAD = 4096
_BARS = "bars; tb.read_bars reads them (on the command line --format bars)"
_MAGIC = (
    (b"PAR1", "a Parquet file; tb.read reads it"),
    (b"DBN", "a Databento file (DBN); tb.read_dbn reads it (on the command line --format dbn)"),
    (b"7z\xbc\xaf\x27\x1c", "packed as 7z; unpack it and name the message and order book files in it"),
    (b"\xfd7zXZ\x00", "packed with xz; unpack it (unxz) and name the file that comes out"),
    (b"BZh", "packed with bzip2; unpack it (bunzip2) and name the file that comes out"),
    (b"Rar!", "packed as rar; unpack it and name the message file in it"),
    (b"\x93NUMPY", "a NumPy array; if it is one of hftbacktest, tb.read reads it (on the command line --format hftbacktest)"),
    (b"\x89HDF", "an HDF5 file; no reader takes one"),
    (b"%PDF", "a PDF; no reader takes one"),
    (b"SQLite format 3", "an SQLite database; no reader takes one"),
)
_ZSTANDARD, _GZIP, _ZIP, _DUCKDB = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PK", b"DUCK"
_ITCH_LENGTHS = {"S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21, "A": 36, "F": 40, "D": 19}
"""Bytes of some message types of ITCH 5.0."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_DAY = re.compile(r"(19|20)\d\d(-\d\d-\d\d|\d{4})(?!\d)")
_PRICES = {"open", "high", "low", "close"}


def check_regular(path: Path) -> None:
    """Raise DataError for what is not a regular file: it can be read once only, or never ends. What is missing is for the reader to say."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        found = sorted(name.name for name in path.glob("*_message_*.csv"))
        hint = f"name the message file in it{', such as ' + found[0] if found else ''}"
        raise DataError(path, f"is a folder; {hint}")
    kinds = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"))
    kind = next((name for test, name in kinds if test(mode)), "no regular file")
    raise DataError(path, f"is {kind}; data are read more than once: write them to a file and name that")


def check_line_ends(name: Path | str, head: bytes) -> None:
    """Raise DataError for text whose lines end in CR alone, by its first bytes."""
    if b"\r" in head and b"\n" not in head and b"\0" not in head:
        raise DataError(name, "its lines end in CR alone, as on old Macs; write them anew: tr '\\r' '\\n' < FILE > NEW")


def seems_to_be(path: Path) -> str | None:
    """What a file seems to be, and what reads it; None where it may be LOBSTER's, is a zip, or nothing can be said."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    return None if head.startswith(_ZIP) else _of_bytes(head)


def _of_bytes(head: bytes) -> str | None:
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if head.startswith(_ZSTANDARD):
        return "packed with Zstandard, as Databento's files are (DBN); tb.read_dbn reads those (on the command line --format dbn)"
    if head.startswith(_GZIP):
        return _of_gzip(head)
    if head[8:12] == _DUCKDB:
        return "an event log or another DuckDB database; `tapebook log verify` takes the log of a run"
    if _is_itch(head):
        return "an ITCH file; tb.read_itch reads it (on the command line --format itch)"
    return _of_text(head)


def _of_gzip(head: bytes) -> str:
    try:
        inner = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _HEAD)
    except zlib.error:
        return "a damaged gzip file; fetch it again"
    inside = _of_bytes(inner)
    if inside is None:
        return "packed with gzip; unpack it (gunzip) and name the file that comes out"
    return f"packed with gzip, and inside {inside}"


def zip_contents(path: Path) -> str:
    """What a zip holds instead, to be put behind a text that says what it does not hold; empty where that cannot be said."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = members_of(archive)
            if len(members) != 1:
                return f". It holds {', '.join(members[:3])}{', …' if len(members) > 3 else ''}" if members else ""
            with archive.open(members[0]) as file:
                inside = _of_bytes(file.read(_HEAD))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ""
    return f". It holds {members[0]}" + (f", which seems to be {inside}" if inside else "")


def members_of(archive: zipfile.ZipFile) -> list[str]:
    """The files in a zip, without the shadows that macOS puts beside them."""
    names = (name for name in archive.namelist() if not name.endswith("/"))
    return [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(("._", ".DS_Store"))]


def _is_itch(head: bytes) -> bool:
    """Messages behind their length in two bytes, as Nasdaq ships them; some tools write zeros there."""
    if len(head) < 3 or chr(head[2]) not in _ITCH_LENGTHS:
        return False
    return int.from_bytes(head[:2], "big") in (0, _ITCH_LENGTHS[chr(head[2])])


def _of_text(head: bytes) -> str | None:
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a binary file that no reader knows"
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    if not line:
        return None
    if line.startswith(("{", "[{")) or re.match(r"\d+ \{", line):
        return "a stream of JSON messages; of Binance, tb.read_binance reads it (on the command line --format binance)"
    fields = [field.strip().strip("\"'<>").lower() for field in re.split(r"[,;\t]", line)]
    if len(_PRICES & {*fields}) >= 3 or _DAY.match(line):
        return _BARS
    return _of_columns(line, fields)


def _of_columns(line: str, fields: list[str]) -> str | None:
    """Tables without bars: LOBSTER's messages have six or seven columns, its order books four for each level."""
    numbers = [bool(_NUMBER.fullmatch(field)) for field in fields]
    if len(fields) == 6 and all(numbers) and int(float(fields[0])) >= 86_400:
        return _BARS if "." not in fields[0] else None  # Lean's minutes: ms since midnight, open, high, low, close, volume
    if len(fields) in (6, 7) and all(numbers[:6]):
        return None
    if len(fields) % 4 == 0 and all(_WHOLE.fullmatch(field) for field in fields):
        return "LOBSTER's order book file; name the message file (the order book beside it is found)"
    if not any(numbers) and len(fields) > 1:
        return f"a table with the columns {', '.join(fields[:6])}; LOBSTER's messages have six, and no header line"
    if line.startswith(("[", "#", "<")) or len(fields) == 1:
        return "a text that is not a table of messages"
    return None


def refuse_foreign(path: Path) -> None:
    """Raise DataError where a file is not LOBSTER's by its first bytes: what it seems to be, and what reads it."""
    check_regular(path)
    what = seems_to_be(path)
    if what is not None:
        raise DataError(path, f"seems to be {what}")

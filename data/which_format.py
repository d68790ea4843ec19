"""Which of our formats a file or a frame is of, by its first bytes, its members and its columns."""

import csv
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.binance.public import columns_of
from data.feed import DataError
from data.recognition import check_line_ends, check_regular, members_of, refuse_foreign
from data.sources.blocks import file_head, packing_of
from data.tabular.blocks import open_source
from data.tabular.columns import find_columns, guess_kind

_HEAD = 65536
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_DAY = re.compile(r"(19|20)\d\d(-\d\d-\d\d|\d{4})(?!\d)")
_LEAN = re.compile(r"(\d{8}_\w+_(minute|second)_trade|\w+)\.csv", re.IGNORECASE)


def format_of(path: Path, hints: Mapping[str, Any] | None = None) -> str:
    """A name of `data.formats.FORMATS`. Raises DataError, with what the file seems to be, where it is of none."""
    check_regular(path)
    packing = packing_of(path)
    if packing == "zstd":
        return "dbn"
    if packing == "zip":
        found = _of_zip(path)
        if found is not None:
            return found
    with path.open("rb") as file:
        if file.read(12)[8:] == b"DUCK":
            return "log"
    head = file_head(path, _HEAD)
    if not head.strip():
        raise DataError(path, "is empty")
    found = _of_bytes(path, head, hints or {})
    if found is None:
        refuse_foreign(path)
        raise DataError(path, "is of no format that can be read; say which: format=")
    return found


def _of_zip(path: Path) -> str | None:
    """Of a zip with several files, or one that its member's name tells."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [Path(name).name for name in members_of(archive)]
    except (OSError, zipfile.BadZipFile):
        raise DataError(path, "the zip is broken or cut short; fetch it again") from None
    if any(name.endswith(".npy") for name in members):
        return "hftbacktest"
    if any("_message_" in name or "message" in name.lower() for name in members) or len(members) != 1:
        return "lobster"
    return None


def _of_bytes(path: Path, head: bytes, hints: Mapping[str, Any]) -> str | None:
    if head.startswith(b"DBN"):
        return "dbn"
    if head.startswith(b"\x93NUMPY"):
        return "hftbacktest"
    if head.startswith(b"PAR1"):
        return _of_labels(open_source(path).labels, set(), hints)
    if _is_itch(head):
        return "itch"
    if b"\0" in head:
        return None
    return _of_text(path, head, hints)


def _is_itch(head: bytes) -> bool:
    from data.itch.messages import LENGTHS

    letters = {ord(letter): length for letter, length in LENGTHS.items()}
    if len(head) > 2 and head[2] in letters and int.from_bytes(head[:2], "big") in (0, letters[head[2]]):
        return True
    return head[0] in letters and b"\0" in head[:12] and (len(head) <= letters[head[0]] or head[letters[head[0]]] in letters)


def _of_text(path: Path, head: bytes, hints: Mapping[str, Any]) -> str | None:
    check_line_ends(path, head)
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    if line.startswith(("{", "[{")) or re.match(r"\d+ [{\[]", line):
        return "binance"
    fields = next(csv.reader([line], delimiter=max(",;\t|", key=line.count)), [])
    if columns_of(fields) is not None:
        return "binance"
    numeric = [bool(_NUMBER.fullmatch(field.strip())) for field in fields]
    if any(numeric) or _DAY.match(line):
        return _headless(line, fields, numeric, hints)
    lines = list(csv.reader(head.decode("utf-8-sig", "replace").splitlines()[1:200], delimiter=max(",;\t|", key=line.count)))
    found = find_columns(fields, hints.get("columns"))
    place = fields.index(found["side"]) if "side" in found else -1
    return _of_labels(fields, {row[place].lower() for row in lines if place >= 0 and len(row) == len(fields)}, hints)


def _headless(line: str, fields: Sequence[str], numeric: Sequence[bool], hints: Mapping[str, Any]) -> str | None:
    """Without a header line: LOBSTER's messages, Lean's bars, or a table whose columns are given."""
    if hints.get("names"):
        return "table"
    if len(fields) == 6 and (_DAY.match(line) or (all(numeric) and "." not in fields[0] and float(fields[0]) >= 86_400)):
        return "bars"
    return "lobster" if len(fields) in (6, 7) and all(numeric[:6]) else None


def _of_labels(labels: Sequence[str], sides: set[str], hints: Mapping[str, Any]) -> str | None:
    kind = hints.get("kind") or guess_kind(labels, find_columns(labels, hints.get("columns")), sides)
    return None if kind is None else "bars" if kind == "bars" else "table"


def frame_format(frame: Any, hints: Mapping[str, Any]) -> str:
    """ "bars" or "table", of a pandas or polars frame. Raises DataError where it is neither."""
    source = open_source(frame)
    found = _of_labels(source.labels, set(), hints)
    if found is None:
        shown = ", ".join(map(repr, source.labels[:12]))
        raise DataError(source.name, f'cannot be told by its columns {shown}; say which they are: kind="trades", columns={{…}}')
    return found

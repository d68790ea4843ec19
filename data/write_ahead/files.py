"""Two files beside a log, which take what is committed in small pieces: durable in a fraction of what a transaction of DuckDB costs."""

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self
from weakref import WeakValueDictionary

import numpy as np

from data.log.batch import Batch, LoggedCommands
from data.log.schema import LogError
from engine.messages.records import COMMAND, FACT, LAYOUT

_HEAD = struct.Struct("<4sIQ16s")
_MAGIC = b"TBWA"
_sync = getattr(os, "fdatasync", os.fsync)


class Entry(NamedTuple):
    """One commit."""

    number: int
    """From 1, in the order in which they were written."""
    session: int
    genesis: str
    """Of the session: a file beside another log is not taken for its own."""
    batch: Batch
    cursors: dict[str, int]

    def packed(self) -> bytes:
        """As it is written: its head, what it is, then its arrays byte for byte."""
        commands, facts, _ = self.batch
        said = {"number": self.number, "session": self.session, "genesis": self.genesis, "layout": LAYOUT, "cursors": self.cursors}
        text = json.dumps(said | {"commands": len(commands.seqs), "facts": len(facts)}).encode()
        body = b"".join([text, *(one.tobytes() for one in (*commands, facts))])
        return _HEAD.pack(_MAGIC, len(text), len(body), _digest(body)) + body


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


_open: "WeakValueDictionary[Path, AheadFile]" = WeakValueDictionary()


def is_written(log: Path) -> bool:
    """Whether this process writes ahead of that log: DuckDB keeps other processes out, but not us."""
    return log in _open


def paths_of(log: Path) -> tuple[Path, Path]:
    """The two files beside a log's."""
    return log.with_name(f"{log.name}.ahead-0"), log.with_name(f"{log.name}.ahead-1")


class AheadFile:
    """One of them, open to be written. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def write(self, entry: Entry) -> None:
        """Append an entry; it is durable when this returns."""
        left = memoryview(entry.packed())
        while left:
            left = left[os.write(self._file, left) :]
        _sync(self._file)

    def clear(self) -> None:
        """Forget what it holds, once the log has it."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close it; one that holds nothing is taken away."""
        for log in [log for log, file in _open.items() if file is self]:
            del _open[log]
        empty = os.fstat(self._file).st_size == 0
        os.close(self._file)
        if empty:
            self.path.unlink(missing_ok=True)

    @classmethod
    def pair(cls, log: Path) -> tuple[Self, Self]:
        """Both files of a log, whose names are durable."""
        first, second = (cls(path) for path in paths_of(log))
        _open[log] = first
        folder = os.open(log.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return first, second


def entries_in(path: Path) -> Iterator[Entry]:
    """What a file holds. A last entry that was not written to its end was promised to nobody, and is left out. Raises LogError where one
    before the end was changed."""
    whole = path.read_bytes() if path.exists() else b""
    at, number = 0, 0
    while at < len(whole):
        entry, end = _entry(path, whole, at)
        if entry is None or entry.number <= number:
            return
        yield entry
        at, number = end, entry.number


def _entry(path: Path, whole: bytes, at: int) -> tuple[Entry | None, int]:
    """The entry at a place, and where the next begins; none where it is not all there."""
    if len(whole) - at < _HEAD.size:
        return None, at
    magic, said, length, digest = _HEAD.unpack_from(whole, at)
    begin = at + _HEAD.size
    end, body = begin + length, memoryview(whole)[begin : begin + length]
    if magic == _MAGIC and end <= len(whole) and _digest(body) == digest:
        return _unpacked(path, json.loads(bytes(body[:said])), body[said:]), end
    if magic == _MAGIC and whole[end : end + len(_MAGIC)] == _MAGIC:
        raise LogError(f"{path}: is damaged at byte {at}, before its end; take a backup, or move it away and lose its rows")
    return None, at


def _unpacked(path: Path, said: Mapping[str, Any], body: memoryview) -> Entry:
    if said["layout"] != LAYOUT:
        raise LogError(
            f"{path}: has layout {said['layout']}, and this Tapebook reads layout {LAYOUT}: open it with the Tapebook that wrote it"
        )
    count, facts, at = said["commands"], said["facts"], 0
    arrays = []
    for dtype, rows in ((np.dtype(np.int64), count), (COMMAND, count), (np.dtype(np.int64), count), (FACT, facts)):
        arrays.append(np.frombuffer(body, dtype, rows, at) if rows else np.zeros(0, dtype))
        at += rows * dtype.itemsize
    return Entry(said["number"], said["session"], said["genesis"], Batch(LoggedCommands(*arrays[:3]), arrays[3], {}), said["cursors"])

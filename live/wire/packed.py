"""Packed records: COMMAND or FACT records as they are, many a message; the headers say what they are and whose."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engine.messages.records import COMMAND, FACT, LAYOUT
from live.broker.port import Message, Outgoing
from live.wire.errors import WireError

RECORDS_MAX = 8_192
"""Records of one message: 786 kB of facts, below the million bytes that a broker takes."""
_TYPES = {"command": COMMAND, "fact": FACT}
_HEADERS = ("layout", "record", "session", "seq", "count")


class Packed(NamedTuple):
    """The records of one message."""

    session: str
    seq: int
    """Of the first record; of history, its place in the feed, from 1."""
    records: np.ndarray
    """COMMAND or FACT (n,), read only."""


def pack(
    topic: str, session: str, records: np.ndarray, seq: int | None = None, *, partition: int | None = None, key: bytes | None = None
) -> Iterator[Outgoing]:
    """Messages of the records (COMMAND or FACT), at most RECORDS_MAX in each.

    `seq`: of the first record, where records count one by one (history); facts say their own.
    """
    record = "fact" if records.dtype == FACT else "command"
    if records.dtype != _TYPES[record]:
        raise TypeError(f"records of commands or facts can be packed, not {records.dtype}")
    if seq is None and record == "command":
        raise TypeError("commands do not say their seq; name that of the first one")
    for at in range(0, len(records), RECORDS_MAX):
        part = records[at : at + RECORDS_MAX]
        first = int(part["seq"][0]) if seq is None else seq + at
        said = (str(LAYOUT), record, session, str(first), str(len(part)))
        yield Outgoing(topic, partition, key, part.tobytes(), tuple((name, text.encode()) for name, text in zip(_HEADERS, said)))


def unpack(message: Message) -> Packed:
    """The records of a packed message. Raises WireError for another layout, a cut message, or headers that do not fit what is there."""
    said = _headers(message)
    if said["layout"] != str(LAYOUT):
        mend = f"this Tapebook reads layout {LAYOUT}; write it with the same version"
        raise WireError("layout", f"the records have layout {said['layout']!a}; {mend}")
    if said["record"] not in _TYPES:
        raise WireError("record", f"{said['record']!a} is not a record; it is {' or '.join(_TYPES)}")
    kind, count, seq = _TYPES[said["record"]], _number("count", said), _number("seq", said)
    if len(message.value) != count * kind.itemsize:
        whole = f"{count:,} records of {kind.itemsize} bytes are {count * kind.itemsize:,}"
        raise WireError("value", f"it has {len(message.value):,} bytes, but {whole}; it was cut, or its count is wrong: send it again")
    records = np.frombuffer(message.value, kind)
    if said["record"] == "fact" and count and int(records["seq"][0]) != seq:
        raise WireError("seq", f"the header says {seq:,}, but the first fact has {int(records['seq'][0]):,}; send the message again")
    return Packed(said["session"], seq, records)


def _headers(message: Message) -> dict[str, str]:
    try:
        said = {name: value.decode() for name, value in message.headers if name in _HEADERS}
    except UnicodeDecodeError:
        raise WireError("headers", "they are not UTF-8; pack the records with live.wire.packed.pack") from None
    for name in _HEADERS:
        if name not in said:
            raise WireError(name, f"the header is missing; packed records have {', '.join(_HEADERS)}")
    return said


def _number(name: str, said: dict[str, str]) -> int:
    text = said[name]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise WireError(name, f"the header {text[:40]!a} is not a whole number; pack the records with live.wire.packed.pack")
    return int(text)

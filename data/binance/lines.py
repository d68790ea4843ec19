"""The lines of a recorded Binance stream: what each says, without its wrapping."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.feed import DataError
from data.sources.blocks import Progress, line_blocks


class Line(NamedTuple):
    """A message: `number` of its line, `local` time (ns; 0: none), its `kind`, and what it says."""

    number: int
    local: int
    kind: str  # "snapshot", "depth", "ticker", "trade", "aggregate", "other"
    said: dict[str, Any]

    @property
    def time(self) -> int:
        """ns UTC on the exchange's clock: of the transaction, else of the event, else when it was received."""
        stamp = self.said.get("T", self.said.get("E"))
        return int(stamp) * (1_000_000 if int(stamp) < 10**14 else 1000) if stamp is not None else self.local


KINDS = {"depthUpdate": "depth", "bookTicker": "ticker", "trade": "trade", "aggTrade": "aggregate"}


def _decoder() -> Callable[[bytes], Any]:
    try:
        import msgspec
    except ImportError:
        return json.loads
    return msgspec.json.decode


def _kind(said: dict[str, Any], stream: str) -> str:
    if "lastUpdateId" in said:
        return "snapshot"
    event = said.get("e")
    if event is not None:
        return KINDS.get(str(event), "other")
    return "ticker" if {"u", "b", "B", "a", "A"} <= set(said) or stream.endswith("@bookTicker") else "other"


def read_lines(path: Path, progress: Progress | None = None, repair: bool = False) -> Iterator[Line | DataError]:
    """Every line of the file: local time in ns and JSON, or JSON alone. One that cannot be read is given as its DataError: the reader
    raises it, or counts it where it repairs."""
    decode = _decoder()
    number = 0
    for block in line_blocks(path, progress=progress, repair=repair):
        for text in block.splitlines():
            number += 1
            if text.strip():
                yield _event(number, text, decode) or _line(path, number, text, decode)


def _event(number: int, text: bytes, decode: Callable[[bytes], Any]) -> Line | None:
    """A line that is an event that we know, of a symbol; None for any other, and for one that cannot be read."""
    stamp, _, rest = text.partition(b" ")
    local = stamp.isdigit()
    try:
        said = decode(rest if local else text)
        said = said.get("data", said)
        kind = KINDS[said["e"]]
        said["s"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Line(number, int(stamp) if local else 0, kind, said)


def _line(path: Path, number: int, text: bytes, decode: Callable[[bytes], Any]) -> Line | DataError:
    local = 0
    if text[:1].isdigit():
        stamp, _, text = text.partition(b" ")
        if not stamp.isdigit():
            return DataError(path, f"{stamp[:30].decode('ascii', 'replace')!r} is not a local time in ns", number, "local time")
        local = int(stamp)
    try:
        said = decode(text)
    except ValueError as error:  # msgspec's and json's errors are ones
        return DataError(path, f"is not a whole JSON message ({error}); is it cut short?", number)
    stream = ""
    if isinstance(said, dict) and isinstance(said.get("data"), dict):
        stream, said = str(said.get("stream", "")), said["data"]
    if not isinstance(said, dict):
        return DataError(path, "is not a message: a JSON object is needed", number)
    if "s" not in said and "@" in stream:
        said["s"] = stream.partition("@")[0].upper()
    return Line(number, local, _kind(said, stream), said)

"""What the streams keep between two starts: state, offset and what they had published, in one file that is whole or not there."""

import hashlib
import json
import os
import uuid
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.errors import TapebookError
from live.streams.folding import Folding
from live.streams.kernels.records import SYMBOL, Has, StreamState

LAYOUT = 1
_LEVEL = 1
_CLOSE = int(Has.CLOSE)
PER_SYMBOL = ("symbols", "windows", "memories", "closes", "vwaps", "volumes")
_RULED = ("held", "windows", "memories", "closes", "vwaps", "volumes", "indicators")
"""Arrays whose shape follows from the settings."""


class KeptError(TapebookError):
    """A kept state that cannot be used, and the mend."""


class Kept(NamedTuple):
    """Where the streams stand."""

    lineage: str
    """Names the count of published records; another one begins where the state begins anew."""
    offset: int
    """Of the next record of market-data-raw; -1 where nothing was ever read."""
    seqs: dict[str, int]
    """By session, the seq of the last trade of its own."""


def begin() -> Kept:
    """Nothing was read yet."""
    return Kept(uuid.uuid4().hex, -1, {})


def pack(kept: Kept, folding: Folding) -> bytes:
    """State and place as bytes; the state may go on afterwards."""
    state, known = folding.state, folding.known
    body = zlib.compress(b"".join(np.ascontiguousarray(of).tobytes() for of in state.arrays().values()), _LEVEL)
    head = {
        "layout": LAYOUT,
        "sha256": hashlib.sha256(body).hexdigest(),
        "lineage": kept.lineage,
        "offset": kept.offset,
        "seqs": kept.seqs,
        "symbols": [[one.symbol, str(one.price_unit), str(one.lot)] for one in known.instruments],
        "rules": _ruled(folding),
        "arrays": [[name, len(of)] for name, of in state.arrays().items()],
    }
    return json.dumps(head).encode() + b"\n" + body


def _ruled(folding: Folding) -> list[Any]:
    """What the shape of the state follows from."""
    rules = folding.state.rules[0]
    return [int(rules[name]) for name in ("confirm", "slots", "bars")] + list(folding.known.indicators)


def restore(stored: bytes, folding: Folding, where: str) -> Kept:
    """Put a stored state into a fresh folding, by symbol: one that is new has seen nothing. Under other indicators or rules these, and the
    open windows, begin anew. Raises KeptError for bytes that are no such state, and for a symbol whose units are others."""
    try:
        text, _, body = stored.partition(b"\n")
        head = json.loads(text)
        if head["layout"] != LAYOUT or hashlib.sha256(body).hexdigest() != head["sha256"]:
            raise ValueError("another layout" if head["layout"] != LAYOUT else "its checksum is another")
        arrays = _arrays(zlib.decompress(body), head["arrays"])
    except (ValueError, KeyError, TypeError, zlib.error) as odd:
        raise KeptError(f"{where}: no state of the streams ({odd}); remove it, and they begin anew with what the topic still has") from None
    same = head["rules"] == _ruled(folding)
    places = _places(head["symbols"], folding, where)
    for name, of in folding.state.arrays().items():
        if name in ("head", "counts", "examples") or (name == "held" and same):
            of[:] = arrays[name]
        elif name in PER_SYMBOL and (same or name not in _RULED):
            _by_symbol(of, arrays[name], places, len(head["symbols"]), len(folding.known.instruments))
    if not same:
        folding.state.head["held"] = 0
        folding.state.symbols["bars"] = 0
    return Kept(str(head["lineage"]), int(head["offset"]), {str(name): int(seq) for name, seq in head["seqs"].items()})


def _arrays(raw: bytes, lengths: list[Any]) -> dict[str, np.ndarray]:
    at, made = 0, {}
    for name, length in lengths:
        made[str(name)] = np.frombuffer(raw, StreamState.FIELDS[str(name)], int(length), at)
        at += made[str(name)].nbytes
    if at != len(raw) or made.keys() != StreamState.FIELDS.keys():
        raise ValueError("its arrays are others")
    return made


def _places(symbols: list[Any], folding: Folding, where: str) -> list[tuple[int, int]]:
    """(its number there, its number here) of each symbol that is still listed."""
    listed = {one.symbol: (at, [str(one.price_unit), str(one.lot)]) for at, one in enumerate(folding.known.instruments)}
    made = []
    for number, (symbol, unit, lot) in enumerate(symbols):
        if symbol in listed:
            at, units = listed[symbol]
            if units != [unit, lot]:
                mend = "list it as it was, or remove the file, and the streams begin anew"
                raise KeptError(f"{where}: {symbol} was kept with price unit {unit} and lot {lot}, and is listed with {units}; {mend}")
            made.append((number, at))
    return made


def _by_symbol(here: np.ndarray, there: np.ndarray, places: list[tuple[int, int]], had: int, have: int) -> None:
    rows = len(here) // have
    if not rows or not had:
        return
    given = here.copy()
    for number, at in places:
        here[at * rows : (at + 1) * rows] = there[number * rows : (number + 1) * rows]
    if here.dtype == SYMBOL:  # what the settings say, and ticks have not said since
        here["negative"] = given["negative"]
        without = here["has"] & _CLOSE == 0
        here["close"] = np.where(without, given["close"], here["close"])
        here["has"] |= np.where(without, given["has"], 0).astype(np.uint32)


class StateFile:
    """The file of one shard's streams."""

    def __init__(self, folder: Path, shard: int) -> None:
        self.path = folder / f"streams-{shard}.state"

    def load(self, folding: Folding) -> Kept:
        """Where the streams stood, their state put into `folding`; a beginning where there is no file. Raises KeptError."""
        try:
            stored = self.path.read_bytes()
        except FileNotFoundError:
            return begin()
        return restore(stored, folding, str(self.path))

    def save(self, packed: bytes) -> None:
        """Put the bytes in place of the ones before: a crash leaves one or the other, whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.path)

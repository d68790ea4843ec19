"""A state as bytes and back: what differs from an empty state, compressed. A snapshot only shortens a replay; it is no second truth."""

import json
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from engine.messages.records import zeros
from engine.state.arrays import State, empty_state, smallest

SNAPSHOT_LAYOUT = 3
"""Number of this format; another one says that the same arrays mean something else."""
_BLOCK = 64
_LEVEL = 1


def _repeated(name: str, length: int) -> np.ndarray | None:
    """An empty state's array of that name, as long; None where it is all zeros. Its first row stands for all."""
    row: np.ndarray = empty_state(smallest(1, 1)).arrays()[name][:1]
    return np.repeat(row, length) if row.view(np.uint8).any() else None


def _blocks(array: np.ndarray) -> np.ndarray:
    """The bytes of an array as uint64 (n, 8), the last block filled up with zeros."""
    raw = np.ascontiguousarray(array).view(np.uint8)
    if len(raw) % _BLOCK:
        raw = np.concatenate([raw, np.zeros(-len(raw) % _BLOCK, np.uint8)])
    return raw.view(np.uint64).reshape(-1, 8)


def _parts(arrays: dict[str, np.ndarray]) -> Iterator[bytes]:
    """Of each array: which blocks differ from an empty state's, as bits, and how."""
    for name, array in arrays.items():
        blocks, blank = _blocks(array), _repeated(name, len(array))
        if blank is not None:
            blocks = blocks ^ _blocks(blank)
        changed = blocks.any(axis=1)
        yield np.packbits(changed).tobytes()
        yield blocks[changed].tobytes()


def _fields(arrays: dict[str, np.ndarray]) -> list[list[str]]:
    """Where each field of each array stands."""
    places = {name: [(field, str(place[0]), place[1]) for field, place in (a.dtype.fields or {}).items()] for name, a in arrays.items()}
    return [[name, repr(fields or arrays[name].dtype)] for name, fields in places.items()]


def pack(state: State) -> bytes:
    """The state as bytes; room that was never used takes next to nothing."""
    arrays = state.written()
    room = arrays.pop("room")
    head = json.dumps([SNAPSHOT_LAYOUT, _fields(arrays), [len(array) for array in arrays.values()], room]).encode()
    return zlib.compress(b"".join([struct.pack("<I", len(head)), head, *_parts(arrays)]), _LEVEL)


def unpack(packed: bytes) -> State:
    """The state that was packed. Raises ValueError for another layout, and for bytes that were changed."""
    try:
        raw = zlib.decompress(packed)  # which verifies a checksum
        (size,) = struct.unpack_from("<I", raw)
        layout, fields, *counts = json.loads(raw[4 : 4 + size])
        ours = empty_state(smallest(1, 1)).arrays()
        if layout != SNAPSHOT_LAYOUT or fields != _fields(ours):
            raise ValueError("a snapshot of another layout")
        lengths, room = counts
        arrays, at = {}, 4 + size
        for (name, one), length in zip(ours.items(), lengths, strict=True):
            arrays[name], at = _array(raw, at, name, length, one.dtype)
        state = State.__new__(State)
        state.__setstate__({**arrays, "room": room})
    except (struct.error, ValueError, TypeError, OverflowError, MemoryError, zlib.error) as error:
        said = str(error)
        raise ValueError(said if said.startswith("a snapshot of") else f"no snapshot: {said}") from None
    return state


def _array(raw: bytes, at: int, name: str, length: int, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """The array that begins at a place of the unpacked bytes, and the place behind it. Raises ValueError where they end before it does."""
    array = zeros(length, dtype)
    blocks = np.zeros((-(-array.nbytes // _BLOCK), 8), np.uint64)
    bits = -(-len(blocks) // 8)
    changed = np.unpackbits(np.frombuffer(raw, np.uint8, bits, at), count=len(blocks)).astype(bool)
    at += bits
    blocks[changed] = np.frombuffer(raw, np.uint64, 8 * int(changed.sum()), at).reshape(-1, 8)
    blank = _repeated(name, length)
    if blank is not None:
        blocks ^= _blocks(blank)
    array.view(np.uint8)[:] = blocks.view(np.uint8).ravel()[: array.nbytes]
    return array, at + _BLOCK * int(changed.sum())

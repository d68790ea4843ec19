"""The places where orders stand: the cells of all ladders, their parked lists, the orders' nodes, in one array that is mostly empty.

A list that holds nothing is all zeros, so the books of thousands of instruments take memory only where somebody quotes.
"""

import mmap
from typing import Any

import numpy as np

from engine.messages.records import zeros

W = 4096
"""Ticks in the window of a ladder; 64 words of 64 bits say which are occupied."""
NODE = np.dtype(
    {
        "names": ["next", "prev", "quantity", "cell", "lots"],
        "formats": ["<u4", "<u4", "<u4", "<u4", "<i8"],
        "offsets": [0, 4, 8, 12, 8],
        "itemsize": 16,
    }
)
"""An order's place in a list; of a cell `lots`, which shares its place with the two fields of an order, are the level's lots. Of the
first and last node of an empty list, 0 is the list itself."""
MANY_LADDERS = 1 << 10
"""More ladders than these are mapped in small pages, of which only those that were written to take memory."""
MANY_ORDERS = 1 << 22
"""Orders for which there is room beside so many ladders from the start: to move all nodes would write every page."""


def _mapped(length: int) -> np.ndarray:
    """Zeroed nodes on pages that take memory one by one, as they are written."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return zeros(length, NODE)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    pages = mmap.mmap(-1, length * NODE.itemsize, flags=flags)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, NODE)


def empty_nodes(ladders: int, orders: int) -> np.ndarray:
    """Nodes of so many ladders, in which no order stands, with room for `orders` orders or more."""
    first = ladders * (W + 1)
    return zeros(first + orders, NODE) if ladders <= MANY_LADDERS else _mapped(first + max(orders, MANY_ORDERS))


def longer_nodes(nodes: np.ndarray, words: np.ndarray, ladders: int, old: int, orders: int) -> np.ndarray:
    """The same nodes with room for `orders` orders instead of `old`; nothing moves. Beside the cells of many instruments some nodes more
    cost little, and copying all of them much: there are always as many."""
    first = ladders * (W + 1)
    if first + orders <= len(nodes):
        return nodes
    length = max(orders, first) if ladders <= MANY_LADDERS else 2 * orders
    return spread(gather(nodes, words, ladders, old), words, ladders, old, first + length)


def used_cells(words: np.ndarray) -> np.ndarray:
    """Indices (int64) of the cells in which orders stand, by the bitmaps of all ladders (uint64, 64 words each)."""
    filled = np.flatnonzero(words)
    bits = np.unpackbits(words[filled].astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    rows, places = np.nonzero(bits)
    return filled[rows] * 64 + places


def gather(nodes: np.ndarray, words: np.ndarray, ladders: int, orders: int) -> np.ndarray:
    """The nodes that can hold something, one behind the other: cells in use, parked lists, orders."""
    cells, behind = used_cells(words), ladders + orders
    made = zeros(len(cells) + behind, NODE)
    made[: len(cells)] = nodes[cells]
    made[len(cells) :] = nodes[ladders * W : ladders * W + behind]
    return made


def spread(rows: np.ndarray, words: np.ndarray, ladders: int, orders: int, length: int) -> np.ndarray:
    """What `gather` gathered, each where it stood, in `length` nodes. Raises ValueError where it is not as many."""
    cells, behind = used_cells(words), ladders + orders
    if len(words) != 64 * ladders or len(rows) != len(cells) + behind or length < ladders * W + behind:
        raise ValueError("the nodes of a state do not fit its ladders")
    made: Any = _mapped(length) if ladders > MANY_LADDERS else zeros(length, NODE)
    made[cells] = rows[: len(cells)]
    made[ladders * W : ladders * W + behind] = rows[len(cells) :]
    return made

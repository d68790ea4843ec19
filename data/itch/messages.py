"""ITCH 5.0, as Nasdaq specifies it: the messages' lengths, and how integers and symbols stand in them."""

import numpy as np

from engine.compiler.kernel import kernel

LENGTHS = {
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21, "A": 36, "F": 40, "E": 31, "C": 36,
    "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19, "I": 50, "N": 20, "O": 48,
}  # fmt: skip
"""Bytes of each type of message, its letter included."""
LENGTH_OF = np.zeros(256, np.int64)
for _letter, _length in LENGTHS.items():
    LENGTH_OF[ord(_letter)] = _length
NAMES = {
    "S": "system events", "R": "directory", "H": "trading actions", "Y": "short sale", "L": "market makers", "V": "circuit breaker levels",
    "W": "circuit breakers", "K": "IPO", "J": "auction collars", "h": "operational halts", "A": "adds", "F": "adds with a name",
    "E": "executions", "C": "executions at a price", "X": "cancels", "D": "deletes", "U": "replaces", "P": "hidden trades", "Q": "crosses",
    "B": "broken trades", "I": "imbalances", "N": "retail interest", "O": "direct listing",
}  # fmt: skip
"""What each type is."""
FIELDS = ("type", "timestamp", "order reference", "buy/sell indicator", "shares", "price", "stock", "length")
"""Names of the fields that a fault can be in."""


@kernel
def be16(text, at):  # type: ignore[no-untyped-def]
    """The big-endian integer of two bytes at `at`."""
    return (np.int64(text[at]) << 8) | np.int64(text[at + 1])


@kernel
def be32(text, at):  # type: ignore[no-untyped-def]
    """The big-endian integer of four bytes at `at`."""
    return (be16(text, at) << 16) | be16(text, at + 2)


@kernel
def be48(text, at):  # type: ignore[no-untyped-def]
    """The big-endian integer of six bytes at `at`."""
    return (be16(text, at) << 32) | be32(text, at + 2)


@kernel
def be64(text, at):  # type: ignore[no-untyped-def]
    """The big-endian unsigned integer of eight bytes at `at`."""
    return (np.uint64(be32(text, at)) << np.uint64(32)) | np.uint64(be32(text, at + 4))


def packed(symbol: str) -> int:
    """A symbol as the eight bytes of a message, as one integer."""
    return int.from_bytes(symbol.encode("ascii", "replace").ljust(8)[:8], "big")


def unpacked(stock: int) -> str:
    """The symbol of eight bytes."""
    return int(stock).to_bytes(8, "big").decode("ascii", "replace").rstrip()

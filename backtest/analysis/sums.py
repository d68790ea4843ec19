"""Sums of int64 that may pass 64 bits, exactly: as Python's integers."""

import numpy as np

_LOW = 0xFFFF_FFFF


def total(values: np.ndarray) -> int:
    """The sum of an int64 array."""
    return (int((values >> 32).sum()) << 32) + int((values & _LOW).sum())


def totals(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The sums of the stretches of an int64 array that begin at each of `first`; an array of Python's integers."""
    high, low = np.add.reduceat(values >> 32, first), np.add.reduceat(values & _LOW, first)
    return high.astype(object) * (1 << 32) + low.astype(object)

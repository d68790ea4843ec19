"""Randomness in whole numbers: the same bytes on every platform and version, because no rounding of a float is in it.

Q16 means parts of 65,536, Q30 parts of 2^30. Words are uint32 arrays of random bits; what is drawn from them is int64, of the same shape.
"""

from decimal import Decimal
from typing import Any

import numpy as np

ONE = 1 << 16
Words = np.ndarray[Any, np.dtype[np.uint32]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

_LN2 = Decimal(2).ln()
_LOG2 = np.array([round((Decimal(256 + i) / 256).ln() / _LN2 * ONE) for i in range(257)], np.int64)
"""log2(1 + i/256), Q16."""
_POWER2 = np.array([round((_LN2 * i / 256).exp() * (1 << 30)) for i in range(257)], np.int64)
"""2^(i/256), Q30."""
_LN2_Q16 = round(_LN2 * ONE)


def words(key: int, count: int, stream: int = 0) -> Words:
    """`count` random words: splitmix64 of a counter (Steele, Lea, Flood 2014). Streams of one key do not overlap below 2^41 words."""
    z = (np.arange(1, count // 2 + 2, dtype=np.uint64) + np.uint64(stream << 40)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z.astype("<u8").view("<u4")[:count].astype(np.uint32)


def halvings(chance: Words) -> Ints:
    """-log2 of a number drawn evenly between 0 and 1, Q16."""
    odd = chance.astype(np.int64) | 1
    length = np.frexp(odd.astype(np.float64))[1].astype(np.int64)  # bits of each, exact
    mantissa = (odd << (32 - length)) - (1 << 31)
    place, rest = mantissa >> 23, (mantissa >> 7) & 0xFFFF
    low = _LOG2[place]
    return (33 - length) * ONE - (low + ((_LOG2[place + 1] - low) * rest >> 16))


def exponential(chance: Words) -> Ints:
    """Exponential variables of mean 1, Q16."""
    return halvings(chance) * _LN2_Q16 >> 16


def pareto(chance: Words, hundredths: int, most: int) -> Ints:
    """Whole numbers from 1 to `most`; the share above x falls as x^(-100/`hundredths`)."""
    x = np.minimum(halvings(chance) * hundredths // 100, 30 * ONE)
    place, rest = (x >> 8) & 255, x & 255
    mantissa = _POWER2[place] + ((_POWER2[place + 1] - _POWER2[place]) * rest >> 8)
    return np.minimum((mantissa << (x >> 16)) >> 30, most)


def poisson(chance: Words, mean: Decimal) -> Ints:
    """Poisson variables of a mean below 1."""
    term = total = (-mean).exp()
    ends = []
    for k in range(1, 12):
        ends.append(int(total * 2**32))
        term *= mean / k
        total += term
    return np.searchsorted(np.array(ends, np.int64), chance.astype(np.int64), side="right").astype(np.int64)

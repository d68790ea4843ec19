"""Latencies, as people write them."""

import numpy as np

from engine.loop.loop_state import STEP
from engine.messages.durations import duration_ns

Latency = int | str | np.ndarray
LONGEST = 30 * 24 * 3600 * 10**9
"""Nanoseconds."""


def latency(given: Latency) -> np.ndarray:
    """A latency as STEP rows: a constant ("100us", ns), or an array (n, 2) of (ts ns, latency ns) in time order."""
    made = np.zeros(1, STEP)
    if not isinstance(given, int | str | np.integer):
        given = np.asarray(given)
        if given.ndim != 2 or given.shape[1] != 2 or not len(given):
            raise ValueError(f"a latency series is an array (n, 2) of (ts, latency) in ns, not one of shape {given.shape}")
        if (np.diff(given[:, 0]) < 0).any():
            raise ValueError("a latency series must be in time order")
        made = np.zeros(len(given), STEP)
        made["ts"], made["value"] = given[:, 0], given[:, 1]
    else:
        made["value"] = duration_ns(given)
    if (made["value"] < 0).any():
        raise ValueError("a latency cannot be negative")
    if (made["value"] > LONGEST).any():
        raise ValueError("a latency lasts 30 days at most; nothing sent would arrive")
    return made

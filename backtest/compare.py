"""Proof that a strategy's compiled form does what its class does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from backtest.run import Backtest
from data.feed import Feed
from engine.messages.vocabulary import Kind
from engine.strategy.strategy import Strategy


def assert_same(
    slow: type[Strategy], fast: type[Strategy], feed: Feed | None = None, *, parameters: Mapping[str, Any] | None = None, **how: Any
) -> int:
    """Run both on `feed` (default: a synthetic day) and compare every fact; returns how many there were.

    `how`: further arguments of `Backtest`. Raises AssertionError that names the first fact in which they differ.
    """
    if feed is None:
        from data.synthetic.flow import synthetic_flow

        feed = synthetic_flow(messages=50_000)
    facts = []
    for strategy in (slow, fast):
        recording, _ = Backtest(feed, strategy, parameters=parameters, cache=None, **how).record()
        facts.append(recording.facts)
    one, other = facts
    same = min(len(one), len(other))
    raw = [np.ascontiguousarray(f[:same]).view(np.uint8).reshape(same, f.dtype.itemsize) for f in facts]
    differs = np.flatnonzero((raw[0] != raw[1]).any(axis=1))
    if len(differs) or len(one) != len(other):
        k = int(differs[0]) if len(differs) else same
        shown = [f"{Kind(int(f['kind'][k])).name} {f[k]}" if k < len(f) else "no more facts" for f in facts]
        raise AssertionError(f"fact {k} of {len(one)} and {len(other)}: {slow.__name__} has {shown[0]}, {fast.__name__} has {shown[1]}")
    return len(one)

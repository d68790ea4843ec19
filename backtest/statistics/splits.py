"""Cuts of time into what is learnt from and what is tested on, with nothing of the test in what is learnt from.

An observation i is made of what happens from i to i + horizon. Purging leaves out of the training set whatever overlaps a test block in
that way, on both sides; the embargo leaves out `embargo` more after each test block: López de Prado (2018), Advances in Financial Machine
Learning, section 7.4.
"""

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from engine.errors import TapebookError


class SplitError(TapebookError, ValueError):
    """A cut that the observations do not allow, with the mend."""


class Split(NamedTuple):
    """`train`, `test`: int64, positions of the observations. `groups`: the test blocks that `test` is made of."""

    train: np.ndarray
    test: np.ndarray
    groups: tuple[int, ...]


def edges(count: int, parts: int) -> np.ndarray:
    """int64 (parts + 1,): where `count` observations are cut into `parts` blocks that differ by one at most, the longer ones first."""
    if not 2 <= parts <= count:
        raise SplitError(f"{count} observations cannot be cut into {parts} blocks; give between 2 and {count}")
    return np.concatenate([[0], np.cumsum([count // parts + (k < count % parts) for k in range(parts)])])


def training(count: int, blocks: list[tuple[int, int]], horizon: int = 0, embargo: int = 0) -> np.ndarray:
    """bool (count,): what may be learnt from when each of `blocks` [first, last) is tested."""
    if horizon < 0 or embargo < 0:
        raise SplitError(f"horizon {horizon} and embargo {embargo} cannot be negative")
    kept = np.ones(count, bool)
    for first, last in blocks:
        kept[max(0, first - horizon) : last + horizon + embargo] = False
    return kept


def walk_forward(
    count: int, folds: int = 5, *, horizon: int = 0, embargo: int = 0, length: int | None = None, anchored: bool = True
) -> Iterator[Split]:
    """Learn from the past, test on the next block, go on: `folds` test blocks behind a first one that is only learnt from.

    `anchored`: learn from everything before; else from the `length` observations before (by default as many as a block). An embargo
    falls on
    what lies after a test block, so that it counts from the second fold on only where the test block before was learnt from: it is kept
    out.
    """
    cut = edges(count, folds + 1)
    for k in range(1, folds + 1):
        first, last = int(cut[k]), int(cut[k + 1])
        begin = 0 if anchored else max(0, first - (length or int(cut[1])))
        kept = training(count, [(first, last)], horizon, embargo)
        train = np.arange(begin, first)[kept[begin:first]]
        if not len(train):
            raise SplitError(f"fold {k} has nothing to learn from: a horizon of {horizon} takes all {first - begin} observations before it")
        yield Split(train, np.arange(first, last), (k - 1,))


def combinatorial_purged(count: int, groups: int = 6, tested: int = 2, *, horizon: int = 0, embargo: int = 0) -> Iterator[Split]:
    """Each choice of `tested` of `groups` blocks is tested once, the rest learnt from, purged and embargoed.

    Combinatorial purged cross-validation: López de Prado (2018), section 12.3.
    """
    if not 1 <= tested < groups:
        raise SplitError(f"tested={tested} of {groups} groups; give between 1 and {groups - 1}")
    cut = edges(count, groups)
    for chosen in combinations(range(groups), tested):
        blocks = [(int(cut[k]), int(cut[k + 1])) for k in chosen]
        train = np.flatnonzero(training(count, blocks, horizon, embargo))
        if not len(train):
            raise SplitError(f"testing groups {chosen} leaves nothing to learn from; less horizon or embargo, or more observations")
        yield Split(train, np.concatenate([np.arange(*block) for block in blocks]), chosen)


def paths(groups: int, tested: int) -> np.ndarray:
    """int64 (paths, groups): which split each path takes each group's test from; there are tested / groups × C(groups, tested) paths.

    Each path goes through all groups once and uses no test twice: López de Prado (2018), section 12.4.
    """
    found: list[list[int]] = [[] for _ in range(groups)]
    for number, chosen in enumerate(combinations(range(groups), tested)):
        for group in chosen:
            found[group].append(number)
    return np.array(found).T.reshape(comb(groups, tested) * tested // groups, groups)

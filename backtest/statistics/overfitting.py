"""The probability of backtest overfitting: how often the best strategy of one half of the past is a poor one in the other half."""

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np

BLOCKS = 16
ROWS_LEAST = 4
"""Fewer return intervals in a block make its Sharpe ratio noise; there are then fewer blocks."""
_AT_ONCE = 4_000_000


class Overfitting(NamedTuple):
    """`probability` that the best run in sample is below the median out of sample; `loss`: that it loses out of sample.

    `logits`: float64 (combinations,), ln(ω / (1 − ω)) of its relative rank ω out of sample. `blocks` that time was cut into. `slope`: of
    its Sharpe ratio out of sample on that in sample; below 0 the better in sample, the worse after.
    """

    probability: float
    loss: float
    logits: np.ndarray
    blocks: int
    slope: float


def overfitting(returns: np.ndarray, blocks: int = BLOCKS) -> Overfitting | None:
    """Combinatorially symmetric cross-validation of the N runs whose returns are the columns of `returns` (T, N).

    Time is cut into S blocks; each half of them once is the sample from which the run with the best Sharpe ratio is chosen, and the
    other half
    says where it stands among all N. PBO is the share of halves with a logit below 0: Bailey, Borwein, López de Prado & Zhu (2017), The
    Probability of Backtest Overfitting, Journal of Computational Finance 20(4), section 3. A run of equal rank with others has the mean of
    their ranks. The oldest T mod S rows are left out. None for fewer than two different runs or too few rows for four blocks.
    """
    returns = np.asarray(returns, np.float64)
    blocks = min(blocks, len(returns) // ROWS_LEAST)
    blocks -= blocks % 2
    if blocks < 4 or returns.ndim != 2 or len(np.unique(returns, axis=1).T) < 2:
        return None
    rows = len(returns) // blocks
    cut = returns[len(returns) - rows * blocks :].reshape(blocks, rows, -1)
    cut = cut - cut.mean(axis=(0, 1))  # the same variance with fewer digits lost; the mean is put back below
    sums, squares, mean = cut.sum(axis=1), (cut**2).sum(axis=1), returns[len(returns) - rows * blocks :].mean(axis=0)
    halves = list(combinations(range(blocks), blocks // 2))
    inside = np.zeros((len(halves), blocks))
    inside[np.arange(len(halves))[:, None], np.array(halves)] = 1
    step = max(1, _AT_ONCE // returns.shape[1])
    parts = [_of_halves(inside[k : k + step], sums, squares, mean, rows * blocks // 2) for k in range(0, len(halves), step)]
    logits, chosen, after = (np.concatenate(columns) for columns in zip(*parts))
    spread = float(((chosen - chosen.mean()) ** 2).sum())
    slope = float(((chosen - chosen.mean()) * (after - after.mean())).sum()) / spread if spread > 0 else math.nan
    return Overfitting(float((logits < 0).mean()), float((after < 0).mean()), logits, blocks, slope)


def _of_halves(
    inside: np.ndarray, sums: np.ndarray, squares: np.ndarray, mean: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each half: the logit of the chosen run, and its Sharpe ratio in and out of sample."""
    before, after = (_sharpes(half @ sums, half @ squares, mean, rows) for half in (inside, 1 - inside))
    best = before.argmax(axis=1)
    at = np.arange(len(best))
    mine = after[at, best][:, None]
    rank = (after < mine).sum(axis=1) + ((after == mine).sum(axis=1) + 1) / 2
    share = rank / (after.shape[1] + 1)
    return np.log(share / (1 - share)), before[at, best], after[at, best]


def _sharpes(total: np.ndarray, square: np.ndarray, mean: np.ndarray, rows: int) -> np.ndarray:
    """Sharpe ratios from sums of returns less their `mean`; 0 where they do not vary."""
    middle = total / rows
    variance = (square - rows * middle**2) / (rows - 1)
    floor = 1e-18 * (mean**2 + square / rows)
    return np.where(variance > floor, (middle + mean) / np.sqrt(np.maximum(variance, 1e-300)), 0.0)

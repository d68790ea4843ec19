"""Out of sample: the best run is chosen on one part of time and held against another that the choice has not seen."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtest.analysis.metrics import sharpe_of
from backtest.statistics.sharpe import sharpes_of
from backtest.statistics.splits import Split, combinatorial_purged, edges, paths
from backtest.statistics.splits import walk_forward as walks
from backtest.sweep.row import Row

if TYPE_CHECKING:
    import polars as pl


class WalkForward(NamedTuple):
    """`folds`: fold, train, test (return intervals), run and parameters chosen, sharpe_train, sharpe_test (a year). `returns`: float64, of
    the chosen runs through all tests; `sharpe` a year of these; `efficiency`: it ÷ the mean of sharpe_train (Pardo 2008, The Evaluation and
    Optimization of Trading Strategies, ch. 11)."""

    folds: "pl.DataFrame"
    returns: np.ndarray
    sharpe: float | None
    efficiency: float | None


class CrossValidation(NamedTuple):
    """`splits`: as the folds of a walk-forward. `paths`: float64 (paths, intervals), returns of each path through all of time.

    `sharpes`: of each path, a year; `below_zero`: the share of paths with a Sharpe ratio at or below 0.
    """

    splits: "pl.DataFrame"
    paths: np.ndarray
    sharpes: np.ndarray
    below_zero: float


def _chosen(rows: list[Row], returns: np.ndarray, splits: list[Split]) -> tuple["pl.DataFrame", list[int]]:
    import polars as pl

    made: list[dict[str, Any]] = []
    best: list[int] = []
    yearly = rows[0].yearly
    for number, split in enumerate(splits):
        inside = sharpes_of(returns[split.train])
        at = int(inside.argmax())
        best.append(at)
        after = sharpe_of(returns[split.test, at])
        made.append(
            {
                "fold": number,
                "train": len(split.train),
                "test": len(split.test),
                "run": rows[at].number,
                **rows[at].parameters,
                "sharpe_train": float(inside[at]) * yearly,
                "sharpe_test": None if after is None else after * yearly,
            }
        )
    return pl.DataFrame(made, infer_schema_length=None), best


def walk_forward(rows: list[Row], returns: np.ndarray, folds: int, *, horizon: int, embargo: int, anchored: bool) -> WalkForward:
    """The best run of the past, on the next block of time, fold after fold. `returns` (intervals, runs). Raises SplitError."""
    splits = list(walks(len(returns), folds, horizon=horizon, embargo=embargo, anchored=anchored))
    frame, best = _chosen(rows, returns, splits)
    after = np.concatenate([returns[split.test, at] for split, at in zip(splits, best)])
    sharpe, before = sharpe_of(after), float(frame["sharpe_train"].mean() or 0.0)  # type: ignore[arg-type]
    yearly = None if sharpe is None else sharpe * rows[0].yearly
    return WalkForward(frame, after, yearly, yearly / before if yearly is not None and before > 0 else None)


def cross_validate(rows: list[Row], returns: np.ndarray, groups: int, tested: int, *, horizon: int, embargo: int) -> CrossValidation:
    """The choice of the best run on every choice of blocks. Raises SplitError."""
    splits = list(combinatorial_purged(len(returns), groups, tested, horizon=horizon, embargo=embargo))
    frame, best = _chosen(rows, returns, splits)
    cut = edges(len(returns), groups)
    made = np.array(
        [np.concatenate([returns[cut[g] : cut[g + 1], best[split]] for g, split in enumerate(path)]) for path in paths(groups, tested)]
    )
    sharpes = np.array([sharpe_of(path) or 0.0 for path in made]) * rows[0].yearly
    return CrossValidation(frame, made, sharpes, float((sharpes <= 0).mean()))

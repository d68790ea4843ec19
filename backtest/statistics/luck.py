"""Is the best of many runs better than luck? What a sweep says beside its best result."""

import math
from typing import NamedTuple

import numpy as np

from backtest.analysis.metrics import RETURNS_MIN, probabilistic_sharpe, sharpe_of
from backtest.numbers import count, number, percent
from backtest.statistics.overfitting import overfitting
from backtest.statistics.sharpe import deflated_sharpe, expected_maximum, independent_trials, least_track_record, sharpes_of

CONFIDENCE = 0.95
OVERFIT = 0.5
"""From this probability of backtest overfitting on, the choice is no better than a coin."""


class Luck(NamedTuple):
    """The best run of a sweep, held against how many were tried. Sharpe ratios are per return interval, `yearly` × as much a year.

    `verdict`: "luck" (nothing here speaks for skill), "holds" (the tests found nothing against it) or "too few data".
    `best`: its place among the columns. `probabilistic`, `deflated`: probability of a true Sharpe ratio above 0, for one trial and for all.
    `noise`: what the best of as many runs without skill would show. `overfitting`, `loss`: see `overfitting.Overfitting`.
    `least`: return intervals that its Sharpe ratio would take to be believed, were it the only trial.
    """

    verdict: str
    best: int
    runs: int
    trials: float
    intervals: int
    sharpe: float | None
    noise: float
    probabilistic: float | None
    deflated: float | None
    overfitting: float | None
    loss: float | None
    least: float | None
    yearly: float

    @property
    def text(self) -> str:
        """The verdict with its reasons, one sentence or two for people."""
        if self.verdict == "too few data":
            return f"Too few data to tell skill from luck: {count(self.runs)} runs, {count(self.intervals)} return intervals."
        told = f"best of {count(self.runs)} runs ({number(self.trials, 1)} independent)"
        reasons = [
            f"its Sharpe ratio is {number(_times(self.sharpe, self.yearly))} a year, and the best of as many without skill would show "
            f"{number(self.noise * self.yearly)}",
            f"deflated Sharpe {percent(self.deflated, 1)} (believed from {percent(CONFIDENCE, 0)})",
        ]
        if self.overfitting is not None:
            reasons.append(f"probability of overfitting {percent(self.overfitting, 0)}")
        head = "This is luck" if self.verdict == "luck" else "More than luck, by these tests"
        return f"{head}: {told}; {'; '.join(reasons)}."

    def rows(self) -> list[tuple[str, str]]:
        """Label and figure, for a table."""
        yearly = self.yearly
        return [
            ("Verdict", self.verdict),
            ("Runs; independent", f"{count(self.runs)}; {number(self.trials, 1)}"),
            ("Sharpe, a year", number(_times(self.sharpe, yearly))),
            ("Best without skill, a year", number(self.noise * yearly)),
            ("Probabilistic Sharpe", percent(self.probabilistic, 1)),
            ("Deflated Sharpe", percent(self.deflated, 1)),
            ("Probability of overfitting", percent(self.overfitting, 1)),
            ("Loses out of sample", percent(self.loss, 1)),
            ("Intervals; it would take", f"{count(self.intervals)}; {count(None if self.least is None else math.ceil(self.least))}"),
        ]


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def luck(returns: np.ndarray, best: int | None = None, yearly: float = 1.0) -> Luck:
    """Judge the best of the runs whose returns are the columns of `returns` (T intervals, N runs).

    `best`: the column that was chosen; by default the one with the highest Sharpe ratio. `yearly`: √(intervals in a year), for the words
    alone. It "holds" where its deflated Sharpe ratio is at least 95 % and the probability of backtest overfitting below 50 %.
    """
    returns = np.asarray(returns, np.float64)
    if returns.ndim != 2:
        raise ValueError(f"returns has shape {returns.shape}; give (intervals, runs)")
    intervals, runs = returns.shape
    if intervals < RETURNS_MIN or not runs:
        return Luck("too few data", best or 0, runs, float(runs), intervals, None, 0.0, None, None, None, None, None, yearly)
    sharpes = sharpes_of(returns)
    chosen = int(sharpes.argmax()) if best is None else best
    values, trials = returns[:, chosen], independent_trials(returns)
    variance = float(sharpes.var(ddof=1)) if runs > 1 else 0.0
    deflated, cross = deflated_sharpe(values, trials, variance), overfitting(returns)
    believed = deflated is not None and deflated >= CONFIDENCE and (cross is None or cross.probability < OVERFIT)
    return Luck(
        "holds" if believed else "luck",
        chosen,
        runs,
        trials,
        intervals,
        sharpe_of(values),
        expected_maximum(trials, variance),
        probabilistic_sharpe(values),
        deflated,
        None if cross is None else cross.probability,
        None if cross is None else cross.loss,
        least_track_record(values),
        yearly,
    )

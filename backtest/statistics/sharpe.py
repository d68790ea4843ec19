"""How far a Sharpe ratio can be believed: its probability, its haircut for the number of trials, the track record it takes.

All Sharpe ratios here are per return interval, not annualised.
"""

import math
from statistics import NormalDist

import numpy as np

from backtest.analysis.metrics import probabilistic_sharpe, sharpe_of, varies

NORMAL = NormalDist()
EULER = 0.5772156649015329


def sharpes_of(returns: np.ndarray) -> np.ndarray:
    """float64 (N,): the Sharpe ratio of each column of `returns` (T, N); 0 where a column does not vary."""
    return np.array([sharpe_of(column) or 0.0 for column in returns.T], np.float64)


def expected_maximum(trials: float, variance: float) -> float:
    """The Sharpe ratio that the best of `trials` strategies without any skill is expected to show.

    √V · ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e))), with V the variance of the Sharpe ratios over the trials and γ Euler's constant:
    Bailey & López de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5), equation 1. 0 for a single trial.
    """
    if trials <= 1 or variance <= 0:
        return 0.0
    first, second = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER) * first + EULER * second)


def deflated_sharpe(values: np.ndarray, trials: float, variance: float) -> float | None:
    """Probability that the true Sharpe ratio of the best of many trials is above 0, given how many were tried.

    The probabilistic Sharpe ratio of `values` (its returns) against `expected_maximum(trials, variance)`: Bailey & López de Prado (2014),
    equation 2. None where the returns do not vary.
    """
    return probabilistic_sharpe(values, expected_maximum(trials, variance))


def independent_trials(returns: np.ndarray) -> float:
    """How many independent trials the N columns of `returns` (T, N) amount to: ρ̂ + (1 − ρ̂) N, ρ̂ their average correlation, not below 0.

    Bailey & López de Prado (2014), appendix 3. Columns that do not vary are left out.
    """
    kept = [column for column in returns.T if varies(column)]
    count = len(kept)
    if count < 2:
        return float(count)
    scores = np.stack([(column - column.mean()) / column.std() for column in kept], axis=1)
    together = float((scores.sum(axis=1) ** 2).mean())  # the sum of the correlation matrix, without building it
    average = min(max((together - count) / (count * (count - 1)), 0.0), 1.0)
    return average + (1 - average) * count


def least_track_record(values: np.ndarray, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Return intervals that it takes before a Sharpe ratio like this one exceeds `benchmark` with `confidence`.

    1 + (1 − γ₃ SR + (γ₄ − 1)/4 SR²) (Φ⁻¹(confidence) / (SR − benchmark))²: Bailey & López de Prado (2012), The Sharpe Ratio Efficient
    Frontier, Journal of Risk 15(2), equation 11. None where the ratio is not above the benchmark.
    """
    sharpe = sharpe_of(values)
    if sharpe is None or sharpe <= benchmark:
        return None
    score = (values - values.mean()) / values.std()
    skew, kurtosis = float((score**3).mean()), float((score**4).mean())
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return 1 + variance * (NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2

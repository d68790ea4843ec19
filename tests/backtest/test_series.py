"""Returns as series: what their sums are, months, a rolling Sharpe ratio, a regression against numpy's."""

import math

import numpy as np
import pandas as pd
import pytest

from backtest.analysis.series import SeriesError
from backtest.result import Result
from tests.support.recordings import fabricate


@pytest.fixture(scope="module")
def many():
    """Thirty days."""
    return Result(fabricate(5, days=30, seconds=60))


def test_returns_are_those_of_the_figures(many):
    made = many.returns()
    assert made.to_numpy().tolist() == many.analysis.returns.values.tolist()
    assert str(made.index.tz) == str(many.recording.meta.get("time_zone") or "UTC")
    assert made.mean() / made.std() == pytest.approx(many.summary["sharpe_interval"])
    assert made.index.is_monotonic_increasing
    assert len(set(made.index.date)) == 30


def test_months_compound_to_the_whole(many):
    months = many.monthly_returns()
    assert months["days"].sum() == 30
    whole = np.prod(1 + months["return"].to_numpy())
    assert whole == pytest.approx(np.prod(1 + many.analysis.returns.values))


def test_a_rolling_sharpe_ratio(many):
    made, values = many.rolling_sharpe(10), many.analysis.returns.values
    assert made["sharpe"].null_count() == 9
    last = values[-10:]
    assert made["sharpe"][-1] == pytest.approx(last.mean() / last.std(ddof=1) * math.sqrt(252))
    with pytest.raises(SeriesError, match="give 2 to 30"):
        many.rolling_sharpe(31)


def test_a_regression_is_numpys(many):
    values = many.analysis.returns.values
    chance = np.random.default_rng(2)
    benchmark = 0.5 * values + chance.normal(0, values.std(), len(values))
    made = many.regression(benchmark)
    (beta, alpha), covariance = np.polyfit(benchmark, values, 1, cov=True)
    assert (made.beta, made.alpha) == (pytest.approx(beta), pytest.approx(alpha))
    assert made.t_beta == pytest.approx(beta / math.sqrt(covariance[0, 0]))
    assert made.t_alpha == pytest.approx(alpha / math.sqrt(covariance[1, 1]))
    assert made.correlation == pytest.approx(np.corrcoef(benchmark, values)[0, 1])
    joined = many.regression(pd.Series(benchmark, many.returns().index)[3:])
    assert joined.intervals == len(values) - 3


def test_regressions_that_make_no_sense(many):
    with pytest.raises(SeriesError, match="does not vary"):
        many.regression(np.zeros(len(many.analysis.returns.values)))
    with pytest.raises(SeriesError, match="has shape"):
        many.regression([0.1])


def test_a_report_of_months_shows_them(many):
    from backtest.report.report import page

    assert "Returns by month" in page(many.analysis, many.summary, many.warnings)

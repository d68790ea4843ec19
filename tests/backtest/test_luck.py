"""Sharpe ratios that were picked out of many: the formulas against purgedcv, noise is called luck, skill is not."""

import math

import numpy as np
import pandas as pd
import purgedcv
import pytest

from backtest.statistics.luck import luck
from backtest.statistics.overfitting import overfitting
from backtest.statistics.sharpe import deflated_sharpe, expected_maximum, independent_trials, least_track_record, sharpes_of
from backtest.statistics.splits import SplitError, combinatorial_purged, edges, paths, walk_forward


def noise(seed, intervals=400, runs=60):
    return np.random.default_rng(seed).normal(0, 1e-4, (intervals, runs))


@pytest.mark.parametrize("trials", [2, 10, 1000])
def test_deflated_sharpe_is_purgedcvs(trials):
    values = np.random.default_rng(3).standard_t(4, 300) * 1e-3 + 1e-4
    theirs = purgedcv.deflated_sharpe_ratio_full(values, trials, 0.003)
    assert expected_maximum(trials, 0.003) == pytest.approx(theirs.sr_star)
    assert deflated_sharpe(values, trials, 0.003) == pytest.approx(theirs.dsr, abs=3e-3)  # its moments are corrected for the sample's size


def test_one_trial_has_nothing_to_deflate():
    assert expected_maximum(1, 0.01) == 0.0


def test_the_best_of_many_without_skill_is_as_good_as_expected():
    tops = [sharpes_of(noise(seed, 500, 200)).max() for seed in range(40)]
    assert np.mean(tops) == pytest.approx(expected_maximum(200, 1 / 500), rel=0.05)


def test_least_track_record_is_purgedcvs():
    values = np.random.default_rng(8).normal(1e-4, 1e-3, 500)
    score = (values - values.mean()) / values.std()
    moments = {"skew": (score**3).mean(), "kurtosis": (score**4).mean()}
    theirs = purgedcv.min_track_record_length(values.mean() / values.std(ddof=1), 0.0, 0.05, **moments)
    assert math.ceil(least_track_record(values)) == pytest.approx(theirs, abs=1)
    assert least_track_record(-np.abs(values)) is None


def test_copies_of_one_run_are_one_trial():
    one = noise(1, runs=1)
    assert independent_trials(np.repeat(one, 50, axis=1)) == pytest.approx(1.0)
    assert independent_trials(noise(2)) == pytest.approx(60, rel=0.02)
    assert independent_trials(np.zeros((50, 3))) == 0


@pytest.mark.parametrize("seed", range(4))
def test_overfitting_is_purgedcvs(seed):
    returns = noise(seed, 160, 9) + np.linspace(0, 3e-5, 9)
    mine, theirs = overfitting(returns, 8), purgedcv.probability_of_backtest_overfitting(returns.T, n_splits=8)
    assert mine.probability == pytest.approx(theirs.pbo)
    assert np.sort(mine.logits) == pytest.approx(np.sort(theirs.logits))


def test_overfitting_needs_two_runs_and_some_time():
    assert overfitting(noise(1, runs=1)) is None
    assert overfitting(np.repeat(noise(1, runs=1), 5, axis=1)) is None
    assert overfitting(noise(1, intervals=12)) is None
    assert overfitting(noise(1, intervals=40)).blocks == 10


def test_noise_is_called_luck():
    verdicts = [luck(noise(seed)).verdict for seed in range(40)]
    assert verdicts.count("luck") >= 38  # a test at 95 % may be wrong once in twenty


def test_skill_is_not_called_luck():
    returns = noise(7)
    returns[:, 11] += 3e-5
    told = luck(returns, yearly=math.sqrt(252))
    assert (told.verdict, told.best) == ("holds", 11)
    assert told.deflated > 0.95
    assert told.overfitting < 0.1
    assert told.text.startswith("More than luck")


def test_too_few_data_say_so():
    assert luck(noise(1, intervals=10)).verdict == "too few data"
    assert "Too few data" in luck(np.zeros((0, 0))).text


# ------------------------------------------------------------------ splits


@pytest.mark.parametrize(("horizon", "embargo"), [(0, 0), (3, 0), (0, 4), (2, 5)])
def test_combinatorial_purged_is_purgedcvs(horizon, embargo):
    count = 61
    when = pd.Series(pd.date_range("2024-01-01", periods=count, freq="D"))
    # theirs counts an observation whose label ends when the next begins as apart from it, ours is made of whole intervals
    theirs = purgedcv.CombinatorialPurgedCV(
        6, 2, prediction_times=when, evaluation_times=when + pd.Timedelta(days=horizon) + pd.Timedelta(hours=1), embargo_observations=0
    )
    for mine, (train, test) in zip(combinatorial_purged(count, 6, 2, horizon=horizon), theirs.split(np.zeros((count, 1))), strict=True):
        assert mine.test.tolist() == test.tolist()
        assert mine.train.tolist() == train.tolist()
    for split in combinatorial_purged(count, 6, 2, horizon=horizon, embargo=embargo):
        for group in split.groups:
            first, last = edges(count, 6)[group : group + 2]
            assert not set(split.train) & set(range(first - horizon, last + horizon + embargo))


def test_paths_go_through_all_time_and_use_no_test_twice():
    found = paths(6, 2)
    assert found.shape == (5, 6)
    splits = list(combinatorial_purged(60, 6, 2))
    used = [(int(split), group) for path in found for group, split in enumerate(path)]
    assert len(set(used)) == len(used) == 30
    assert all(group in splits[split].groups for split, group in used)


def test_walk_forward_learns_from_the_past_alone():
    for split in walk_forward(103, 5, horizon=4):
        assert split.train.max() + 4 < split.test.min()
    tests = np.concatenate([split.test for split in walk_forward(103, 5)])
    assert tests.tolist() == list(range(int(edges(103, 6)[1]), 103))
    assert {len(split.train) for split in walk_forward(120, 5, anchored=False, length=15)} == {15}


@pytest.mark.parametrize("ask", [
    lambda: list(walk_forward(3, 5)), lambda: list(walk_forward(60, 5, horizon=30)), lambda: list(combinatorial_purged(60, 6, 6)),
    lambda: list(combinatorial_purged(60, 6, 2, embargo=-1)), lambda: list(combinatorial_purged(12, 6, 2, embargo=50, horizon=10)),
])  # fmt: skip
def test_impossible_splits_say_why(ask):
    with pytest.raises(SplitError) as told:
        ask()
    assert "\n" not in str(told.value)

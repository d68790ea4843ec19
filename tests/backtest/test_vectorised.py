"""Signals on bars: every fill rule by hand, and backtesting.py's statistics and trades where its rules are chosen."""

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tapebook as tb
from backtest.signals.bars import SignalError

HERE = Path(__file__).parent
GOOG = Path(__file__).parents[3] / "shared" / "data" / "bars" / "GOOG.csv"
CASES = ["cross", "cross_open", "free", "close", "spread", "brackets"]


def sma(values, length):
    made = np.full(len(values), np.nan)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    made[length - 1 :] = (sums[length:] - sums[:-length]) / length
    return made


def above(one, other):
    """True where `one` has just crossed above `other`."""
    made = np.zeros(len(one), bool)
    made[1:] = (one[:-1] < other[:-1]) & (one[1:] > other[1:])
    return made


@pytest.fixture(scope="module")
def goog():
    if not GOOG.exists():
        pytest.skip(f"needs {GOOG}")
    return tb.read_bars(GOOG)


def ran(bars, case):
    close = bars.frame["close"].to_numpy()
    fast, slow = sma(close, 10), sma(close, 20)
    up, down = above(fast, slow), above(slow, fast)
    terms = {"commission": 0.002, "end": "open"}
    terms |= {"cross_open": {"end": None}, "free": {"commission": 0.0}, "close": {"fill": "close"}}.get(case, {})
    terms |= {"spread": {"commission": (5, 0.001), "spread": 0.001}, "brackets": {"commission": 0.001}}.get(case, {})
    more = {}
    if case == "brackets":
        stop, target = np.where(up, close * 0.95, close * 1.05), np.where(up, close * 1.1, close * 0.9)
        more = {"size": 10, "sizing": "units", "stop_loss": stop, "take_profit": target}
    return tb.BarBacktest(bars, cash=10_000, **terms).run(up, short_entries=down, first=19, **more)


def as_number(value):
    if isinstance(value, np.timedelta64):
        return math.nan if np.isnat(value) else float(value / np.timedelta64(1, "s"))
    return float(value)


@pytest.mark.parametrize("case", CASES)
def test_every_statistic_is_backtesting_pys(goog, case):
    expected, stats = json.loads((HERE / "expected_bars.json").read_text())[case]["stats"], ran(goog, case).stats
    assert [str(stats[name])[:10] for name in ("Start", "End")] == [expected[name][:10] for name in ("Start", "End")]
    for name in expected.keys() - {"Start", "End"}:
        assert as_number(stats[name]) == pytest.approx(expected[name], rel=1e-8, abs=1e-8, nan_ok=True), name


@pytest.mark.parametrize("case", CASES)
def test_every_trade_is_backtesting_pys(goog, case):
    expected, rows = json.loads((HERE / "expected_bars.json").read_text())[case], ran(goog, case).rows
    rows = rows[rows["exit_bar"] >= 0]
    rows = rows[np.lexsort((rows["exit_bar"], rows["entry_bar"]))]
    assert len(rows) == expected["trades"]
    names = ("size", "entry_bar", "exit_bar", "entry_price", "exit_price", "pnl", "part", "commission")
    place = np.arange(1, len(rows) + 1)
    assert [float(rows[name].sum()) for name in names] == pytest.approx(expected["sums"], rel=1e-9, abs=1e-9)
    assert [float((rows[name] * place).sum()) for name in names] == pytest.approx(expected["weighted"], rel=1e-9, abs=1e-9)


# ------------------------------------------------------------------ by hand


def bars(*rows):
    """Daily bars of open, high, low, close."""
    columns = dict(zip(("open", "high", "low", "close"), zip(*rows)))
    return pl.DataFrame({"ts": np.arange(len(rows)).astype("datetime64[D]").astype("datetime64[ns]"), **columns})


def at(*places, length=5):
    made = np.zeros(length, bool)
    made[list(places)] = True
    return made


FLAT = [(100, 101, 99, 100), (102, 103, 101, 102), (104, 106, 100, 105), (106, 107, 90, 95), (96, 97, 94, 96)]


def test_fills_at_the_next_open_and_at_the_close():
    entry, leave = at(0), at(2)
    opened = tb.vectorised(bars(*FLAT), entry, leave, size=10, sizing="units").trades
    assert opened.select("entry_bar", "entry_price", "exit_bar", "exit_price", "pnl").row(0) == (1, 102.0, 3, 106.0, 40.0)
    closed = tb.vectorised(bars(*FLAT), entry, leave, size=10, sizing="units", fill="close").trades
    assert closed.select("entry_bar", "entry_price", "exit_bar", "exit_price", "pnl").row(0) == (0, 100.0, 2, 105.0, 50.0)


def test_a_gap_through_the_stop_fills_at_the_open_and_the_stop_goes_before_the_target():
    gap = [*FLAT[:3], (80, 120, 70, 95), FLAT[4]]
    made = tb.vectorised(bars(*gap), at(0), size=1, sizing="units", stop_loss=85.0, take_profit=118.0).trades
    assert made.select("exit_bar", "exit_price").row(0) == (3, 80.0)
    both = [*FLAT[:3], (100, 120, 70, 95), FLAT[4]]
    made = tb.vectorised(bars(*both), at(0), size=1, sizing="units", stop_loss=85.0, take_profit=118.0).trades
    assert made.select("exit_bar", "exit_price").row(0) == (3, 85.0)


def test_a_trailing_stop_follows_the_best_price_of_the_bars_before():
    made = tb.vectorised(bars(*FLAT), at(0), size=1, sizing="units", trailing=0.05).trades
    # the highest price before bar 3 is 106: 5 % behind it is 100.7, which bar 3 passes on its way from 106 to 90
    assert made.select("exit_bar", "exit_price").row(0) == (3, pytest.approx(100.7))


def test_targets_are_directions_and_nan_is_no_change():
    made = tb.vectorised(bars(*FLAT), targets=[1, math.nan, -1, 0, math.nan], size=2, sizing="units").trades
    assert made.select("size", "entry_bar", "exit_bar").rows() == [(2.0, 1, 3), (-2.0, 3, 4)]


@pytest.mark.parametrize(("sizing", "size", "fractional", "units"), [
    ("units", 3, False, 3.0), ("cash", 1000, False, 9.0), ("cash", 1020, True, 10.0), ("percent", 0.5, False, 49.0),
    ("percent", 0.51, True, 50.0),
])  # fmt: skip
def test_sizes(sizing, size, fractional, units):
    made = tb.vectorised(bars(*FLAT), at(0), size=size, sizing=sizing, fractional=fractional, cash=10_000).trades
    assert made["size"][0] == pytest.approx(units)


def test_what_equity_cannot_carry_is_not_filled():
    assert tb.vectorised(bars(*FLAT), at(0), size=1000, sizing="units").trades.height == 0
    assert tb.vectorised(bars(*FLAT), at(0), size=150, sizing="units", leverage=2).trades.height == 1


def test_money_is_conserved():
    chance = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.02, 500)))
    opened = np.insert(close[:-1], 0, 100.0)
    table = bars(*zip(opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close))
    go, short = chance.random(500) < 0.1, chance.random(500) < 0.1
    made = tb.vectorised(table, go, short_entries=short, commission=(1.0, 0.001), size=10, sizing="units", trailing=0.03)
    assert made.equity[-1] - 10_000 == pytest.approx(made.trades["pnl"].sum())
    assert made.trades.height > 30


def test_out_of_money_ends_the_run():
    crash = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 250, 100, 250), (250, 250, 250, 250), (250, 250, 250, 250)]
    made = tb.vectorised(bars(*crash), short_entries=at(0), cash=10_000)
    assert made.equity.tolist()[-3:] == [0.0, 0.0, 0.0]
    assert made.trades.height == 1


def test_left_open_at_the_end_has_no_exit():
    made = tb.vectorised(bars(*FLAT), at(0), size=1, sizing="units", end=None)
    assert made.trades.select("exit_bar", "exit_price", "pnl").row(0) == (None, None, None)
    assert made.stats["# Trades"] == 0


@pytest.mark.parametrize(("options", "words"), [
    ({"entries": [True]}, "entries has shape (1,); give one value a bar, 5"),
    ({}, "no signal"),
    ({"entries": at(0), "targets": [1] * 5}, "not both"),
    ({"entries": at(0), "sizing": "lots"}, "there are units, cash, percent"),
    ({"entries": at(0), "size": -1}, "size must be above 0"),
    ({"entries": at(0), "fill": "vwap"}, "fill is 'open' or 'close'"),
    ({"entries": at(0), "cash": 0}, "cash=0"),
])  # fmt: skip
def test_bad_input_has_one_line(options, words):
    with pytest.raises(SignalError) as told:
        tb.vectorised(bars(*FLAT), **options)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_grid_of_signals_is_a_sweep(goog):
    close = goog.frame["close"].to_numpy()
    averages = {length: sma(close, length) for length in range(5, 60, 5)}

    def signals(fast, slow):
        if fast >= slow:
            return None
        one, other = averages[fast], averages[slow]
        return {"entries": above(one, other), "short_entries": above(other, one), "first": slow - 1}

    made = tb.sweep_bars(tb.BarBacktest(goog, commission=0.002), signals, {"fast": range(5, 60, 5), "slow": range(5, 60, 5)})
    assert len(made) == 55
    best = made.best()
    alone = tb.BarBacktest(goog, commission=0.002).run(**signals(best["fast"][0], best["slow"][0]))
    assert best["Sharpe Ratio"][0] == alone.stats["Sharpe Ratio"]
    assert made.luck.runs == 55
    assert made.luck.verdict in ("luck", "holds")

"""Walk-forward that runs again: what was chosen saw nothing of what it trades, and each stretch is a backtest of its own."""

import numpy as np
import pytest

import tapebook as tb
from backtest.statistics.splits import SplitError

MINUTE = 60 * 10**9


class Taker(tb.Strategy):
    """Buys or sells each second, by its parameter."""

    every = "1s"
    way = tb.Parameter(1, low=-1, high=1)

    def on_timer(self):
        if self.way > 0 and self.position() < 50:
            self.buy(1)
        if self.way < 0 and self.position() > -50:
            self.sell(1)


@pytest.fixture(scope="module")
def sweep():
    return tb.Sweep(
        tb.Backtest(tb.synthetic_flow(seed=3, messages=12_000), Taker, warm_up="1s"), grid={"way": [-1, 0, 1]}, target="net_pnl"
    )


def test_each_fold_is_chosen_before_and_traded_after(sweep):
    walk = sweep.walk_forward(3, gap="2s")
    assert len(walk.results) == 3
    for row, result in zip(walk.folds.iter_rows(named=True), walk.results):
        assert row["learnt_to"] < row["traded_from"]
        assert (row["traded_from"] - row["learnt_to"]).total_seconds() >= 2
        alone = tb.Sweep(
            tb.Backtest(sweep.backtest.feed, Taker, warm_up="1s", start=row["learnt_from"], end=row["learnt_to"]),
            grid={"way": [-1, 0, 1]}, target="net_pnl",
        ).run(out=None, show=False)  # fmt: skip
        assert alone.best()["way"][0] == row["way"]
        assert result.summary["net_pnl"] == row["net_pnl"]
        fills = result.recording.facts["ts"]
        assert not len(fills) or fills.min() >= int(np.datetime64(row["traded_from"].replace(tzinfo=None), "ns").astype(np.int64)) - 1000
    assert walk.net_pnl == pytest.approx(walk.folds["net_pnl"].sum())
    times = walk.folds["traded_to"][:-1].dt.timestamp("ns").to_numpy() + 1
    assert times.tolist() == walk.folds["traded_from"][1:].dt.timestamp("ns").to_list(), "no time is traded twice or left out"


def test_it_cuts_at_days_where_there_are_enough():
    days = tb.days([tb.synthetic_flow(seed=k, messages=3000, date=f"2026-01-{5 + k:02d}") for k in range(4)])
    sweep = tb.Sweep(tb.Backtest(days, Taker), grid={"way": [-1, 1]}, target="net_pnl")
    walk = sweep.walk_forward(3, anchored=False)
    assert [str(day) for day in walk.folds["traded_from"].dt.date()] == ["2026-01-06", "2026-01-07", "2026-01-08"]
    assert [day.day for day in walk.folds["learnt_from"]] == [5, 6, 7], "the day before alone"


def test_what_cannot_be_walked_is_told(sweep):
    with pytest.raises(SplitError, match="give at least 1"):
        sweep.walk_forward(0)
    with pytest.raises(SplitError, match="cannot be negative"):
        sweep.walk_forward(2, gap=-5)
    idle = tb.Sweep(sweep.backtest, grid={"way": [0]}, target="win_rate")
    with pytest.raises(SplitError, match=r"no run has the figure 'win_rate' in .*fewer folds"):
        idle.walk_forward(2)

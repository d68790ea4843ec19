"""backtrader's own test of a 15-day average on 2006-day-001.txt, in both forms: its published orders, prices and final value.

Its rules: a signal at the close, an order at the next open, one contract of 10 times the price, 2 a contract and execution. The figures
are those of tests/test_strategy_unoptimized.py of backtrader 1.9; the file is not among ours.
"""

from collections import deque
from pathlib import Path

import numpy as np
import pytest

import tapebook as tb

FILE = Path(__file__).parents[3] / "shared" / "data" / "bars" / "2006-day-001.txt"
BOUGHT = [
    "3643.35",
    "3801.03",
    "3872.37",
    "3863.57",
    "3845.32",
    "3656.43",
    "3542.65",
    "3639.65",
    "3799.86",
    "3840.20",
    "4047.63",
    "4052.55",
]
SOLD = ["3763.95", "3811.85", "3822.35", "3822.57", "3829.82", "3598.58", "3545.92", "3766.80", "3782.15", "3979.73", "4045.05"]
VALUE = "12795.00"
PERIOD, MULTIPLIER, COMMISSION, CASH = 15, 10, 2, 10_000

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE.name} is not in ../shared/data")


def final_value(bought, sold, last):
    """backtrader's: cash, what was closed, what is open at the last close, less commissions."""
    made = sum(sold) - sum(bought[: len(sold)]) + sum(last - price for price in bought[len(sold) :])
    return f"{CASH + MULTIPLIER * made - COMMISSION * (len(bought) + len(sold)):.2f}"


def test_signals_on_bars():
    bars = tb.read_bars(FILE)
    close = bars.frame["close"].to_numpy()
    average = np.full(len(close), np.nan)
    average[PERIOD - 1 :] = np.lib.stride_tricks.sliding_window_view(close, PERIOD).mean(axis=1)
    above, below = close > average, close < average
    up = above & np.roll(below, 1)
    down = below & np.roll(above, 1)
    trades = tb.vectorised(bars, up, down, size=1, sizing="units", cash=1_000_000, end=None).trades
    bought, held = trades["entry_price"].to_list(), trades["exit_price"].to_list()
    sold = held[: len(SOLD)]
    assert [f"{price:.2f}" for price in bought] == BOUGHT
    assert [f"{price:.2f}" for price in sold] == SOLD
    assert final_value(bought, sold, close[-1]) == VALUE


class Cross(tb.Strategy):
    """Buys one where the close crosses its average from below, sells it where it crosses from above."""

    def on_start(self):
        self.closes, self.before = deque(maxlen=PERIOD), 0.0

    def on_bar(self, instrument, bar):
        self.closes.append(bar.close)
        if len(self.closes) < PERIOD:
            return
        apart = bar.close - sum(self.closes) / PERIOD
        if self.before < 0 < apart and self.position() == 0:
            self.buy(1)
        if apart < 0 < self.before and self.position() > 0:
            self.sell(1)
        self.before = apart or self.before


def test_a_strategy_on_the_exchange():
    bars = tb.read_bars(FILE, multiplier=MULTIPLIER)
    result = tb.Backtest(bars, Cross, cash=1_000_000, volume_share=1).run(out=None)
    by_side = {side: [f"{price:.2f}" for price in result.fills.filter(side=side)["price"]] for side in ("BUY", "SELL")}
    assert by_side == {"BUY": BOUGHT, "SELL": SOLD}
    assert f"{CASH + result.summary['net_pnl'] - COMMISSION * len(result.fills):.2f}" == VALUE


def test_the_page_that_shows_both_is_what_the_code_gives():
    from tests.tools.peer_tables import GOOG, ROOT, page

    if not GOOG.exists():
        pytest.skip(f"{GOOG.name} is not in ../shared/data")
    assert (ROOT / "notebooks" / "docs" / "peers.md").read_text(encoding="utf-8") == page()

"""Writes notebooks/docs/peers.md, our figures beside those that backtesting.py and backtrader publish, on the files that they ship.

    uv run --group test python -m tests.tools.peer_tables > notebooks/docs/peers.md

It needs GOOG.csv and 2006-day-001.txt in ../shared/data/bars; a test holds the page against what this prints.
"""

import json
from pathlib import Path

import numpy as np

import tapebook as tb
from tests.backtest import test_backtrader as theirs
from tests.backtest.test_vectorised import as_number, ran

ROOT = Path(__file__).parents[2]
GOOG = ROOT.parent / "shared" / "data" / "bars" / "GOOG.csv"
HEAD = """# Beside backtesting.py and backtrader

Written by `tests/tools/peer_tables.py`; tests hold every figure and every trade against the same.

"""
SHOWN = {"cross": "commission 0.2 %, closed at the last open", "free": "no commission", "brackets": "10 units, stop and target"}


def table(heads, rows):
    return "\n".join(["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]) + "\n"


def of_backtesting(case, says):
    """One setting of the crossing averages on GOOG: each statistic of both."""
    expected = json.loads((ROOT / "tests" / "backtest" / "expected_bars.json").read_text())[case]
    stats = ran(tb.read_bars(GOOG), case).stats
    names = [name for name in expected["stats"] if name not in ("Start", "End")]
    rows = [[name, f"{expected['stats'][name]:.8g}", f"{as_number(stats[name]):.8g}"] for name in names]
    return f"### Averages of 10 and 20 days, {says}\n\n" + table(["", "backtesting.py", "Tapebook"], rows)


def of_backtrader():
    """Its test of a 15-day average: each price of both."""
    bars = tb.read_bars(theirs.FILE)
    close = bars.frame["close"].to_numpy()
    average = np.full(len(close), np.nan)
    average[theirs.PERIOD - 1 :] = np.lib.stride_tricks.sliding_window_view(close, theirs.PERIOD).mean(axis=1)
    above, below = close > average, close < average
    up, down = above & np.roll(below, 1), below & np.roll(above, 1)
    trades = tb.vectorised(bars, up, down, size=1, sizing="units", cash=1_000_000, end=None).trades
    bought, held = trades["entry_price"].to_list(), trades["exit_price"].to_list()
    sold = held[: len(theirs.SOLD)]
    pairs = [
        [*pair] for pair in zip(theirs.BOUGHT, [f"{p:.2f}" for p in bought], [*theirs.SOLD, "open"], [*(f"{p:.2f}" for p in sold), "open"])
    ]
    value = [theirs.VALUE, theirs.final_value(bought, sold, close[-1])]
    rows = [[str(k + 1), *pair] for k, pair in enumerate(pairs)] + [["final value", value[0], value[1], "", ""]]
    return table(["trade", "bought, backtrader", "bought, Tapebook", "sold, backtrader", "sold, Tapebook"], rows)


OF_BACKTESTING = """## backtesting.py: GOOG.csv, 2,148 days

Durations are in seconds. `end="open"` takes its rule that what is held at the end is closed at the last bar's open; by default we close
it at the last close. Sizes are whole units, as there.

"""
OF_BACKTRADER = """
## backtrader: 2006-day-001.txt, a 15-day average

The rules of its own test: a signal at the close, an order at the next open, one contract of 10 times the price, 2 a contract and
execution, cash 10,000. It counts the commission by the contract, which is no part of the notional, so it is taken off afterwards.

"""


def page():
    """The whole page."""
    tables = "\n".join(of_backtesting(case, says) for case, says in SHOWN.items())
    return HEAD + OF_BACKTESTING + tables + OF_BACKTRADER + of_backtrader()


if __name__ == "__main__":
    print(page(), end="")

"""The arithmetic of `statistics`: one compiled pass over equity, one over the trades, for grids of thousands of runs."""

import math
from typing import Any

import numba
import numpy as np

EQUITY = np.dtype(
    [
        ("exposed", "<f8"),  # part of the bars at which something was held
        ("peak", "<f8"),
        ("mean", "<f8"),  # geometric, of period returns; NaN where there is none
        ("variance", "<f8"),  # of period returns, less one degree of freedom
        ("down", "<f8"),  # mean square of the returns below 0
        ("along", "<f8"),  # logarithmic returns a bar times the market's
        ("deepest", "<f8"),  # drawdown, a part
        ("depth", "<f8"),  # mean over drawdowns
        ("drawdowns", "<i8"),
        ("longest", "<i8"),  # drawdown, ns
        ("length", "<i8"),  # mean over drawdowns, ns
    ]
)
TRADES = np.dtype(
    [
        ("commission", "<f8"),
        ("wins", "<i8"),
        ("losses", "<i8"),
        ("won", "<f8"),
        ("lost", "<f8"),  # below 0
        ("pnl", "<f8"),
        ("variance", "<f8"),  # of pnl, less one degree of freedom
        ("best", "<f8"),  # return of a trade, a part
        ("worst", "<f8"),
        ("mean", "<f8"),  # geometric, of returns
        ("gains", "<f8"),  # sum of the returns above 0
        ("pains", "<f8"),  # of those below
        ("longest", "<i8"),  # ns
        ("length", "<i8"),  # mean, ns
    ]
)
"""Sums over closed trades; figures of none are NaN."""
_njit: Any = numba.njit(cache=True, error_model="numpy")


@_njit
def _periods(made: Any, equity: np.ndarray, ends: np.ndarray) -> None:
    """Returns of periods whose begin has equity. Their geometric mean needs no more than the first and the last of it."""
    count, ruined, total = 0, False, 0.0
    down, grown = 0.0, 0.0
    for k in range(1, len(ends)):
        before, after = equity[ends[k - 1]], equity[ends[k]]
        if before != 0.0:
            part = after / before - 1
            count += 1
            total += part
            ruined = ruined or part <= -1
            down += min(part, 0.0) ** 2
    mean = total / count if count else math.nan
    for k in range(1, len(ends)):
        before, after = equity[ends[k - 1]], equity[ends[k]]
        if before != 0.0:
            grown += (after / before - 1 - mean) ** 2
    made["variance"] = grown / (count - 1) if count > 1 else math.nan
    made["down"] = down / count if count else math.nan
    made["mean"] = 0.0 if ruined else math.nan
    if count and not ruined:
        made["mean"] = math.exp(math.log(equity[ends[-1]] / equity[ends[0]]) / count) - 1


@_njit
def _drawdowns(made: Any, equity: np.ndarray, times: np.ndarray) -> None:
    """A drawdown lies between two bars at a peak, at least one bar between them; the last bar ends one too."""
    peak, at, deep, deepest = equity[0], 0, 0.0, 0.0
    count, depths, lengths, longest = 0, 0.0, 0, 0
    last = len(equity) - 1
    for k in range(1, last + 1):
        up = equity[k] >= peak
        depth = 0.0 if up else 1 - equity[k] / peak
        deep = max(deep, depth)
        if up or k == last:
            if k > at + 1:
                length = times[k] - times[at]
                count, depths, lengths, longest = count + 1, depths + deep, lengths + length, max(longest, length)
            deepest = max(deepest, deep)
            peak, at, deep = max(peak, equity[k]), k, 0.0
    made["peak"], made["deepest"], made["drawdowns"] = peak, deepest, count
    made["depth"] = depths / count if count else math.nan
    made["longest"], made["length"] = longest, lengths // count if count else 0


@_njit
def measure_equity(
    equity: np.ndarray, logs: np.ndarray, ends: np.ndarray, times: np.ndarray, market: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None:
    """`equity`, `logs` (its logarithms): float64 (n,); `ends`: int64, last bars of the periods; `times`: int64 (n,), ns; `market`:
    float64 (n − 1,); `rows`: TRADE, closed ones; `out`: EQUITY (1,)."""
    made = out[0]
    _periods(made, equity, ends)
    _drawdowns(made, equity, times)
    along = 0.0
    for k in range(len(market)):
        along += (logs[k + 1] - logs[k]) * market[k]
    made["along"] = along
    held = np.zeros(len(equity) + 1, np.int64)
    for k in range(len(rows)):
        held[rows[k]["entry_bar"]] += 1
        held[rows[k]["exit_bar"] + 1] -= 1
    open_now, exposed = 0, 0
    for k in range(len(equity)):
        open_now += held[k]
        exposed += 1 if open_now > 0 else 0
    made["exposed"] = exposed / len(equity)


@_njit
def measure_trades(rows: np.ndarray, times: np.ndarray, out: np.ndarray) -> None:
    """`rows`: TRADE, closed ones, at least one; `times`: int64 (n,), ns of the bars; `out`: TRADES (1,), zeros."""
    made, count = out[0], len(rows)
    made["best"], made["worst"] = -math.inf, math.inf
    logs, ruined, spread = 0.0, False, 0.0
    for k in range(count):
        pnl, part = rows[k]["pnl"], rows[k]["part"]
        length = times[rows[k]["exit_bar"]] - times[rows[k]["entry_bar"]]
        made["commission"] += rows[k]["commission"]
        made["pnl"] += pnl
        made["wins"] += 1 if pnl > 0 else 0
        made["losses"] += 1 if pnl < 0 else 0
        made["won"] += max(pnl, 0.0)
        made["lost"] += min(pnl, 0.0)
        made["best"], made["worst"] = max(made["best"], part), min(made["worst"], part)
        made["gains"] += max(part, 0.0)
        made["pains"] += min(part, 0.0)
        made["longest"] = max(made["longest"], length)
        made["length"] += length
        ruined = ruined or part <= -1
        logs += math.log1p(part) if part > -1 else 0.0
    made["mean"] = 0.0 if ruined else math.exp(logs / count) - 1
    made["length"] //= count
    for k in range(count):
        spread += (rows[k]["pnl"] - made["pnl"] / count) ** 2
    made["variance"] = spread / (count - 1) if count > 1 else math.nan

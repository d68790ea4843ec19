"""The statistics of a bar backtest under the names and by the definitions that backtesting.py's users know.

Percentages are × 100, durations timedelta64; NaN where a figure is not defined. Annualised return compounds the geometric mean of period
returns; volatility is that of a compounded return (https://dx.doi.org/10.2139/ssrn.3054517); Sortino & Price (1994) with target 0;
Calmar: Young (1991), Futures 20; SQN: Tharp (2008), The Definitive Guide to Position Sizing; Kelly (1956), Bell System Technical Journal
35.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from backtest.signals.measure import EQUITY, TRADES, measure_equity, measure_trades

NONE = np.timedelta64("NaT", "ns")
UNITS = (("D", 86_400 * 10**9), ("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ns", 1))
PERIODS = {7: 52, 31: 12, 365: 1}
"""Bars of a week, a month, a year, and how many make a year."""


class Calendar(NamedTuple):
    """What the times of the bars say, once for all runs: `ends`, the last bar of each return period; `yearly`, periods a year; `unit`, ns
    that durations are rounded up to; `years`, length in years; and how the market went."""

    times: np.ndarray  # datetime64[ns] (n,)
    ends: np.ndarray  # int64
    yearly: float
    unit: int
    years: float
    market: np.ndarray  # float64 (n - 1,): logarithmic returns of the closes less their mean
    spread: float  # the sum of their squares


def calendar_of(times: np.ndarray, closes: np.ndarray) -> Calendar:
    """`times`: datetime64[ns] (n,), ascending; `closes`: float64 (n,)."""
    gaps = np.diff(times[-100:]).astype(np.int64)
    period = int(np.median(gaps)) if len(gaps) else 86_400 * 10**9
    days = times.astype("datetime64[D]").astype(np.int64)
    weekend = (days + 3) % 7 >= 5
    length = period // (86_400 * 10**9)
    yearly = PERIODS.get(length, 365 if weekend.mean() > 2 / 7 * 0.6 else 252)
    groups = {7: (days + 3) // 7, 31: times.astype("datetime64[M]").astype(np.int64), 365: times.astype("datetime64[Y]").astype(np.int64)}
    group = groups.get(length, days)
    ends = np.flatnonzero(np.append(group[1:] != group[:-1], True))
    unit = next(size for _, size in reversed(UNITS) if period % _above(size) or size == UNITS[0][1])
    span = int((times[-1] - times[0]).astype(np.int64))
    market = np.diff(np.log(closes))
    market -= market.mean()
    return Calendar(times, ends, float(yearly), unit, (span // 10**9) / 86_400 / 365.25, market, float((market**2).sum()))


def _above(size: int) -> int:
    """The next larger unit."""
    return next((larger for _, larger in reversed(UNITS) if larger > size), 2**62)


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def statistics(calendar: Calendar, closes: np.ndarray, equity: np.ndarray, trades: np.ndarray, first: int = 0) -> dict[str, Any]:
    """Every statistic of a run. `equity`, `closes`: float64 (n,); `trades`: TRADE, closed ones alone; `first`: bar from which buying and
    holding counts."""
    times, start = calendar.times, float(equity[0])
    with np.errstate(divide="ignore"):
        logs = np.log(equity)
    of_equity, of_trades = np.zeros(1, EQUITY), np.zeros(1, TRADES)
    measure_equity(equity, logs, calendar.ends, times.view(np.int64), calendar.market, trades, of_equity)
    if len(trades):
        measure_trades(trades, times.view(np.int64), of_trades)
    e = dict(zip(EQUITY.names or (), of_equity[0].item()))
    t = dict(zip(TRADES.names or (), of_trades[0].item()))
    final = float(equity[-1])
    found: dict[str, Any] = {"Start": times[0], "End": times[-1], "Duration": times[-1] - times[0]}
    found["Exposure Time [%]"] = e["exposed"] * 100
    found["Equity Final [$]"], found["Equity Peak [$]"] = final, e["peak"]
    found["Commissions [$]"] = t["commission"]
    found["Return [%]"] = (final - start) / start * 100
    found["Buy & Hold Return [%]"] = float((closes[-1] - closes[first]) / closes[first] * 100)
    found |= _yearly(calendar, e, final / start)
    # Jensen's alpha and beta on holding the instrument, from logarithmic returns of bars
    beta = _over(e["along"], calendar.spread) if len(equity) > 2 and math.isfinite(e["along"]) else math.nan
    found |= {"Alpha [%]": found["Return [%]"] - beta * found["Buy & Hold Return [%]"], "Beta": beta}
    found |= {"Max. Drawdown [%]": -e["deepest"] * 100, "Avg. Drawdown [%]": -e["depth"] * 100}
    found |= _durations(calendar, "Drawdown", e["drawdowns"], e["longest"], e["length"])
    found["Calmar Ratio"] = _over(found["Return (Ann.) [%]"], e["deepest"] * 100)
    return found | _trades(calendar, len(trades), t)


def _yearly(calendar: Calendar, e: dict[str, Any], grown: float) -> dict[str, float]:
    yearly, years, factor = calendar.yearly, calendar.years, 1 + e["mean"]
    gain = factor**yearly - 1
    volatility = math.sqrt(max((e["variance"] + factor**2) ** yearly - factor ** (2 * yearly), 0)) if e["variance"] >= 0 else math.nan
    return {
        "Return (Ann.) [%]": gain * 100,
        "Volatility (Ann.) [%]": volatility * 100,
        "CAGR [%]": (grown ** (1 / years) - 1) * 100 if years else math.nan,
        "Sharpe Ratio": _over(gain * 100, volatility * 100),
        "Sortino Ratio": _over(gain, math.sqrt(e["down"]) * math.sqrt(yearly)),
    }


def _durations(calendar: Calendar, what: str, count: int, longest: int, mean: int) -> dict[str, Any]:
    """Longest and mean duration, ns, rounded up to the unit of the bars."""
    if not count:
        return {f"Max. {what} Duration": NONE, f"Avg. {what} Duration": NONE}
    unit = calendar.unit
    return {f"{word} {what} Duration": np.timedelta64(-(-ns // unit) * unit, "ns") for word, ns in (("Max.", longest), ("Avg.", mean))}


def _trades(calendar: Calendar, count: int, t: dict[str, Any]) -> dict[str, Any]:
    if not count:
        t |= dict.fromkeys(("best", "worst", "mean"), math.nan)
    wins, mean = _over(t["wins"], count), _over(t["pnl"], count)
    ratio = _over(t["won"] / t["wins"], -t["lost"] / t["losses"]) if t["wins"] and t["losses"] else math.nan
    return {
        "# Trades": count,
        "Win Rate [%]": wins * 100,
        "Best Trade [%]": t["best"] * 100,
        "Worst Trade [%]": t["worst"] * 100,
        "Avg. Trade [%]": t["mean"] * 100,
        **_durations(calendar, "Trade", count, t["longest"], t["length"]),
        "Profit Factor": _over(t["gains"], -t["pains"]),
        "Expectancy [%]": _over(t["gains"] + t["pains"], count) * 100,
        "SQN": _over(math.sqrt(count) * mean, math.sqrt(t["variance"])) if count > 1 else math.nan,
        "Kelly Criterion": wins - _over(1 - wins, ratio),
    }

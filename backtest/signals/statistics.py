"""The statistics of a bar backtest under the names and by the definitions that backtesting.py's users know.

Percentages are × 100, durations timedelta64; NaN where a figure is not defined. Annualised return compounds the geometric mean of period
returns; volatility is that of a compounded return (https://dx.doi.org/10.2139/ssrn.3054517); Sortino & Price (1994) with target 0;
Calmar: Young (1991), Futures 20; SQN: Tharp (2008), The Definitive Guide to Position Sizing; Kelly (1956), Bell System Technical Journal
35.
"""

import math
from typing import Any, NamedTuple

import numpy as np

DAY = np.timedelta64(1, "D")
UNITS = (("D", 86_400 * 10**9), ("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ns", 1))
PERIODS = {7: 52, 31: 12, 365: 1}
"""Bars of a week, a month, a year, and how many make a year."""


class Calendar(NamedTuple):
    """What the times of the bars say, once for all runs: `ends`, the last bar of each return period; `yearly`, periods a year; `unit`, ns
    that durations are rounded up to; `years`, length in years; and how the market went."""

    times: np.ndarray  # datetime64[ns] (n,)
    ends: np.ndarray
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


def geometric_mean(parts: np.ndarray) -> float:
    """Of returns; 0 where one of them loses everything, NaN of none."""
    if not len(parts):
        return math.nan
    if (parts <= -1).any():
        return 0.0
    return math.exp(float(np.log1p(parts).sum()) / len(parts)) - 1


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def statistics(calendar: Calendar, closes: np.ndarray, equity: np.ndarray, trades: np.ndarray, first: int = 0) -> dict[str, Any]:
    """Every statistic of a run. `equity`, `closes`: float64 (n,); `trades`: TRADE, closed ones alone; `first`: bar from which buying and
    holding counts."""
    times, start = calendar.times, equity[0]
    found: dict[str, Any] = {"Start": times[0], "End": times[-1], "Duration": times[-1] - times[0]}
    held = np.zeros(len(equity) + 1)
    np.add.at(held, trades["entry_bar"], 1)
    np.add.at(held, trades["exit_bar"] + 1, -1)
    found["Exposure Time [%]"] = float((np.cumsum(held)[:-1] > 0).mean()) * 100
    found["Equity Final [$]"], found["Equity Peak [$]"] = float(equity[-1]), float(equity.max())
    found["Commissions [$]"] = float(trades["commission"].sum())
    found["Return [%]"] = float(equity[-1] - start) / start * 100
    found["Buy & Hold Return [%]"] = float((closes[-1] - closes[first]) / closes[first] * 100)
    found |= _yearly(calendar, equity)
    found |= _market(found, calendar, equity)
    found |= _drawdowns(calendar, equity)
    found["Calmar Ratio"] = _over(found["Return (Ann.) [%]"], -found["Max. Drawdown [%]"])
    return found | _trades(calendar, trades)


def _yearly(calendar: Calendar, equity: np.ndarray) -> dict[str, float]:
    ends = equity[calendar.ends]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = ends[1:] / ends[:-1] - 1
    parts, yearly = parts[np.isfinite(parts)], calendar.yearly
    mean = geometric_mean(parts)
    gain = (1 + mean) ** yearly - 1
    spread = float(parts.var(ddof=1)) if len(parts) > 1 else math.nan
    volatility = math.sqrt(max((spread + (1 + mean) ** 2) ** yearly - (1 + mean) ** (2 * yearly), 0)) if len(parts) > 1 else math.nan
    down = math.sqrt(float((np.minimum(parts, 0) ** 2).mean())) * math.sqrt(yearly) if len(parts) else math.nan
    years = calendar.years
    return {
        "Return (Ann.) [%]": gain * 100,
        "Volatility (Ann.) [%]": volatility * 100,
        "CAGR [%]": ((equity[-1] / equity[0]) ** (1 / years) - 1) * 100 if years else math.nan,
        "Sharpe Ratio": _over(gain * 100, volatility * 100),
        "Sortino Ratio": _over(gain, down),
    }


def _market(found: dict[str, Any], calendar: Calendar, equity: np.ndarray) -> dict[str, float]:
    """Jensen's alpha and beta on holding the instrument, from logarithmic returns of bars."""
    beta = math.nan
    if len(equity) > 2:
        with np.errstate(divide="ignore", invalid="ignore"):
            ours = np.diff(np.log(equity))
        beta = _over(float((ours - ours.mean()) @ calendar.market), calendar.spread)
    return {"Alpha [%]": found["Return [%]"] - beta * found["Buy & Hold Return [%]"], "Beta": beta}


def _drawdowns(calendar: Calendar, equity: np.ndarray) -> dict[str, Any]:
    depth = 1 - equity / np.maximum.accumulate(equity)
    peaks = np.flatnonzero(depth == 0)
    if peaks[-1] != len(depth) - 1:
        peaks = np.append(peaks, len(depth) - 1)
    last, first = peaks[1:], peaks[:-1]
    real = last > first + 1
    first, last = first[real], last[real]
    none = np.timedelta64("NaT", "ns")
    made: dict[str, Any] = {"Max. Drawdown [%]": -float(np.nan_to_num(depth.max())) * 100}
    if not len(first):
        return made | {"Avg. Drawdown [%]": math.nan, "Max. Drawdown Duration": none, "Avg. Drawdown Duration": none}
    deepest = np.maximum.reduceat(depth, np.stack([first, last + 1], axis=1).ravel()[: -1 if last[-1] + 1 >= len(depth) else None])[::2]
    lengths = (calendar.times[last] - calendar.times[first]).astype(np.int64)
    made["Avg. Drawdown [%]"] = -float(deepest.mean()) * 100
    return made | _durations(calendar, "Drawdown", lengths)


def _durations(calendar: Calendar, what: str, lengths: np.ndarray) -> dict[str, Any]:
    """Longest and mean duration, ns, rounded up to the unit of the bars."""
    if not len(lengths):
        return {f"{word} {what} Duration": np.timedelta64("NaT", "ns") for word in ("Max.", "Avg.")}
    found = {"Max.": int(lengths.max()), "Avg.": int(lengths.mean())}
    return {f"{word} {what} Duration": np.timedelta64(-(-ns // calendar.unit) * calendar.unit, "ns") for word, ns in found.items()}


def _trades(calendar: Calendar, trades: np.ndarray) -> dict[str, Any]:
    count, pnl, parts = len(trades), trades["pnl"], trades["part"]
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    wins = float((pnl > 0).mean()) if count else math.nan
    spread = float(pnl.std(ddof=1)) if count > 1 else math.nan
    made: dict[str, Any] = {
        "# Trades": count,
        "Win Rate [%]": wins * 100,
        "Best Trade [%]": float(parts.max()) * 100 if count else math.nan,
        "Worst Trade [%]": float(parts.min()) * 100 if count else math.nan,
        "Avg. Trade [%]": geometric_mean(parts) * 100,
        **_durations(calendar, "Trade", (calendar.times[trades["exit_bar"]] - calendar.times[trades["entry_bar"]]).astype(np.int64)),
        "Profit Factor": _over(float(parts[parts > 0].sum()), -float(parts[parts < 0].sum())),
        "Expectancy [%]": float(parts.mean()) * 100 if count else math.nan,
        "SQN": _over(math.sqrt(count) * float(pnl.mean()), spread) if count else math.nan,
    }
    ratio = _over(float(won.mean()), -float(lost.mean())) if len(won) and len(lost) else math.nan
    made["Kelly Criterion"] = wins - _over(1 - wins, ratio)
    return made

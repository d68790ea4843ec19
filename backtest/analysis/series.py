"""A result as series of returns: by day or interval, by month, rolling, and against a benchmark."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.metrics import TRADING_DAYS, sharpe_of
from engine.errors import TapebookError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class SeriesError(TapebookError, ValueError):
    """A series that cannot be made of a run, with the mend."""


class Regression(NamedTuple):
    """Ordinary least squares of returns on a benchmark's: return = alpha + beta × benchmark + rest (Jensen 1968, Journal of Finance 23).

    `alpha` per interval, `alpha_yearly` × intervals in a year; `t_alpha`, `t_beta`: t statistics; `r_squared`, `correlation`; `residual`:
    standard deviation of the rest, a year; `information`: mean ÷ deviation of the return above the benchmark, a year (Grinold & Kahn 1999,
    Active Portfolio Management, ch. 5). `intervals` that both have.
    """

    alpha: float
    beta: float
    alpha_yearly: float
    t_alpha: float
    t_beta: float
    r_squared: float
    correlation: float
    residual: float
    information: float | None
    intervals: int


def interval_ends(a: Analysis) -> np.ndarray:
    """int64: when each of `a.returns` ended, ns UTC."""
    made, sessions = a.returns, a.recording.sessions
    if not len(made.values):
        return np.zeros(0, np.int64)
    if made.daily:
        return np.array([end for _, end in sessions], np.int64)
    step = made.interval
    return np.concatenate([start + step * np.arange(1, (end - start) // step + 1) for start, end in sessions])


def yearly_of(a: Analysis) -> float:
    """Return intervals in a year."""
    return TRADING_DAYS * a.returns.per_session


def returns_series(a: Analysis) -> "pd.Series[float]":
    """Returns by the time at which each interval ended, on the feed's clock; needs pandas."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise SeriesError("returns() gives a pandas Series: pip install 'tapebook[research]'; result.equity is a polars frame") from None
    zone = str(a.recording.meta.get("time_zone") or "UTC")
    index = pd.DatetimeIndex(interval_ends(a).astype("datetime64[ns]"), tz="UTC").tz_convert(zone)
    return pd.Series(a.returns.values, index.rename("ts"), name="return")


def monthly(a: Analysis) -> "pl.DataFrame":
    """year, month, return (compounded, a part), days: months on the feed's clock, of daily or shorter returns."""
    import polars as pl

    zone = str(a.recording.meta.get("time_zone") or "UTC")
    frame = pl.DataFrame({"ts": interval_ends(a).astype("datetime64[ns]"), "part": a.returns.values})
    local = pl.col("ts").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    frame = frame.with_columns(local.dt.year().alias("year"), local.dt.month().alias("month"), local.dt.date().alias("day"))
    grown = ((1 + pl.col("part")).product() - 1).alias("return")
    return frame.group_by("year", "month").agg(grown, pl.col("day").n_unique().alias("days")).sort("year", "month")


def rolling_sharpe(a: Analysis, window: int) -> "pl.DataFrame":
    """ts, sharpe: of the last `window` returns, a year; null before there are so many, or where they do not vary.

    Raises SeriesError for a window below 2 or longer than the run.
    """
    import polars as pl

    values = a.returns.values
    if not 2 <= window <= len(values):
        raise SeriesError(f"window={window}: the run has {len(values):,} return intervals; give 2 to {len(values):,}")
    views = np.lib.stride_tricks.sliding_window_view(values, window)
    yearly = math.sqrt(yearly_of(a))
    found = [None] * (window - 1) + [None if (one := sharpe_of(view)) is None else one * yearly for view in views]
    return pl.DataFrame({"ts": interval_ends(a).astype("datetime64[ns]"), "sharpe": found}, schema_overrides={"sharpe": pl.Float64})


def regression(a: Analysis, benchmark: Any) -> Regression:
    """Returns on those of a benchmark: an array of one return an interval, or a pandas Series, joined by its times.

    Raises SeriesError where fewer than 3 intervals are in both, or the benchmark does not vary.
    """
    ours, theirs = _joined(a, benchmark)
    count = len(ours)
    apart = theirs - theirs.mean()
    spread = float(apart @ apart)
    if count < 3 or spread <= 0:
        why = "the benchmark does not vary" if count >= 3 else f"only {count} return intervals are in both"
        raise SeriesError(f"no regression: {why}")
    beta = float(apart @ (ours - ours.mean())) / spread
    alpha = float(ours.mean() - beta * theirs.mean())
    rest = ours - alpha - beta * theirs
    error = float(rest @ rest) / (count - 2)
    total = float(((ours - ours.mean()) ** 2).sum())
    yearly, active = yearly_of(a), sharpe_of(ours - theirs)
    deviation = math.sqrt(error)
    explained = 1 - float(rest @ rest) / total if total > 0 else math.nan
    return Regression(
        alpha=alpha,
        beta=beta,
        alpha_yearly=alpha * yearly,
        t_alpha=alpha / (deviation * math.sqrt(1 / count + theirs.mean() ** 2 / spread)) if deviation else math.inf,
        t_beta=beta / (deviation / math.sqrt(spread)) if deviation else math.inf,
        r_squared=explained,
        correlation=math.copysign(math.sqrt(max(explained, 0)), beta),
        residual=deviation * math.sqrt(yearly),
        information=None if active is None else active * math.sqrt(yearly),
        intervals=count,
    )


def _joined(a: Analysis, benchmark: Any) -> tuple[np.ndarray, np.ndarray]:
    if hasattr(benchmark, "rename"):
        import pandas as pd

        both = pd.concat([returns_series(a), benchmark.rename("benchmark")], axis=1, join="inner").dropna()
        return both["return"].to_numpy(), both["benchmark"].to_numpy(np.float64)
    theirs = np.asarray(benchmark, np.float64)
    if theirs.shape != a.returns.values.shape:
        raise SeriesError(f"the benchmark has shape {theirs.shape}; give one return an interval, {len(a.returns.values):,}, or a Series")
    return a.returns.values, theirs

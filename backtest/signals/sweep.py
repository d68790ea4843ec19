"""Many signals on the same bars, with the same result as any sweep: rows, the best, and whether it is luck."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backtest.signals.bars import BarBacktest
from backtest.sweep.result import SweepResult
from backtest.sweep.row import NONE, Row
from backtest.sweep.space import SweepError, grid_points
from backtest.workers.outcome import attempt

TARGET = "Sharpe Ratio"


def sweep_bars(
    backtest: BarBacktest, signals: Callable[..., Mapping[str, Any] | None], grid: Mapping[str, Any], target: str = TARGET
) -> SweepResult:
    """Run `backtest.run(**signals(**point))` for every point of the grid; where `signals` returns None the point is left out.

    What it raises is that run's error. Raises SweepError for a grid that is empty or too large, or a target that no run has.

    Example: `tb.sweep_bars(tb.BarBacktest(bars), lambda fast, slow: {"entries": …}, {"fast": range(5, 50), "slow": range(20, 200, 10)})`
    """
    rows: list[Row] = []
    for point in grid_points(grid):
        outcome = attempt(lambda given: _ran(backtest, signals(**given)), point)
        if outcome.error is not None:
            rows.append(Row(len(rows), point, {}, error=outcome.error))
        elif outcome.value is not None:
            figures, returns, yearly = outcome.value
            rows.append(Row(len(rows), point, figures, returns, yearly))
    if not any(target in row.figures for row in rows):
        first = next((row.error for row in rows if row.error), "the signals left out every point")
        raise SweepError(f"no run has the figure {target!r}: {first}")
    return SweepResult(rows, list(grid), target)


def _ran(backtest: BarBacktest, signals: Mapping[str, Any] | None) -> tuple[dict[str, Any], np.ndarray, float] | None:
    if signals is None:
        return None
    result = backtest.run(**signals)
    figures = {name: _figure(value) for name, value in result.stats.items() if not isinstance(value, np.datetime64)}
    returns = result.returns
    return figures, returns if np.isfinite(returns).all() else NONE, result.yearly


def _figure(value: Any) -> Any:
    """Durations in days; None for what is not defined."""
    if isinstance(value, np.timedelta64):
        return None if np.isnat(value) else float(value / np.timedelta64(1, "D"))
    return None if isinstance(value, float) and not np.isfinite(value) else value

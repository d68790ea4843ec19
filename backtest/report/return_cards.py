"""The cards of a report about returns over time: a table of months, and the Sharpe ratio of a rolling window. Of daily returns alone."""

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.series import interval_ends, monthly, rolling_sharpe
from backtest.numbers import number, percent
from backtest.report import charts
from backtest.report.cards import card, table, tone
from backtest.report.charts import TimeAxis, path, steps

WINDOW = 63
"""Returns of the rolling window: a quarter of daily ones."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def months(a: Analysis) -> str:
    """A row a year, its months and the whole; nothing of a run that is no two months long."""
    if not a.returns.daily or not len(a.returns.values):
        return ""
    frame = monthly(a)
    if frame.height < 2:
        return ""
    found = {(row["year"], row["month"]): row["return"] for row in frame.iter_rows(named=True)}
    rows = []
    for year in sorted({year for year, _ in found}):
        values = [found.get((year, month)) for month in range(1, 13)]
        whole = float(np.prod([1 + value for value in values if value is not None])) - 1
        rows.append([str(year), *(_cell(value) for value in values), _cell(whole)])
    return card("Returns by month", table(["Year", *(f"~{name}" for name in MONTHS), "Year"], rows), "compounded, on the feed's clock")


def _cell(value: float | None) -> str:
    return "" if value is None else tone(value, percent(value, sign=True))


def rolling(a: Analysis, axis: TimeAxis) -> str:
    """The Sharpe ratio of the last WINDOW days through time; nothing of a run that is not twice as long."""
    if not a.returns.daily or len(a.returns.values) < 2 * WINDOW:
        return ""
    found = rolling_sharpe(a, WINDOW)["sharpe"].to_numpy()
    known = np.isfinite(found)
    if not known.any():
        return ""
    x, y = axis.x(interval_ends(a)[known]), found[known]
    made = charts.plot("rolling", 140, [y], f"Sharpe ratio of the last {WINDOW} days", zero=True)
    made.layers += [path("zero", f"M0,{made.place(0.0) * charts.HIGH:.0f}h{charts.WIDE}"), path("line", steps(x, made.y(y)))]
    made.grid(3, lambda value, shown: number(value, shown))
    made.x_ticks = axis.ticks()
    return card("Rolling Sharpe", charts.html(made), f"of the last {WINDOW} daily returns, a year")

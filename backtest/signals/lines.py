"""Lines of a quant's own: arrays over time, numbers or words, as a picture for a notebook."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from backtest.report import charts
from backtest.report.charts import Plot, TimeAxis, mark, path, steps
from backtest.report.pictures import Picture

COLOURS = ("var(--accent)", "var(--own)", "var(--up)", "var(--down)", "#9467bd", "var(--muted)")
MARKED_MOST = 60
"""Up to so many points of a straight line are marked."""


class _Axis:
    """Where the points of a picture stand: times are held until the next one, numbers and words are joined by straight lines."""

    def __init__(self, given: Any) -> None:
        if getattr(getattr(given, "dtype", None), "time_zone", None):
            given = given.dt.replace_time_zone(None)  # a polars Series: shown as its own clock tells it
        values = np.asarray(given)
        if values.ndim != 1 or not len(values):
            raise ValueError("x has no points; give one value a point")
        self.count, self.time = len(values), None
        if values.dtype.kind == "M":
            self.ts = values.astype("datetime64[ns]").view(np.int64)
            if (np.diff(self.ts) < 0).any():
                raise ValueError("x must be in time order")
            self.time = TimeAxis([(int(self.ts[0]), int(self.ts[-1]))])
            self.places, self.ticks = self.time.x(self.ts), self.time.ticks(8)
        elif values.dtype.kind in "iuf":
            low, high = float(values.min()), float(values.max())
            width = high - low or 1.0
            self.places = 0.02 + 0.96 * (values - low) / width
            shown, decimals = charts.nice_ticks(low, high, 8)
            self.ticks = [(0.02 + 0.96 * (value - low) / width, f"{value:,.{decimals}f}") for value in shown]
        else:
            self.places = (np.arange(self.count) + 0.5) / self.count
            self.ticks = [(float(place), str(word)) for place, word in zip(self.places, values.tolist())]


def plot_lines(title: str, x: Any, panels: Mapping[str, Any], height: int = 180) -> Picture:
    """A picture of arrays, one panel below the other.

    `x`: times in order (datetime64, or a polars Series of them, shown by its own clock), numbers or words, one a point. `panels`: what
    each shows, under its name: an array, or several by their names. `height`: of a panel, in pixels. Not finite values are left out. Raises
    ValueError where an array does not fit `x`.

    Example: `tb.plot_lines("The day", ts, {"Spread, ticks": spread, "Lots": {"bid": bid, "ask": ask}})`
    """
    if not panels:
        raise ValueError("panels is empty; give at least one array by its name")
    axis = _Axis(x)
    made = [(name, _panel(name, axis, given if isinstance(given, Mapping) else {"": given}, height)) for name, given in panels.items()]
    made[-1][1].x_ticks = axis.ticks
    return Picture(title, made)


def _panel(name: str, axis: _Axis, lines: Mapping[str, Any], height: int) -> Plot:
    arrays = {label: np.asarray(given, np.float64) for label, given in lines.items()}
    for label, values in arrays.items():
        if values.shape != (axis.count,):
            raise ValueError(f"{' '.join(filter(None, (name, label)))} has shape {values.shape}; x has {axis.count:,} points")
    made = charts.plot(name, height, [values[np.isfinite(values)] for values in arrays.values()], name)
    if made.low < 0 < made.high:
        made.layers.append(path("zero", f"M0,{made.place(0.0) * charts.HIGH:.0f}h{charts.WIDE}"))
    across = 8
    for k, (label, values) in enumerate(arrays.items()):
        colour = COLOURS[k % len(COLOURS)]
        _line(made, axis, values, colour, label)
        if label:
            made.marks.append(f'<text x="{across}" y="14" style="fill:{colour};opacity:1;font-weight:600">{escape(label)}</text>')
            across += 26 + 7 * len(label)
    return made.grid(max(2, height // 45))


def _line(made: Plot, axis: _Axis, values: np.ndarray, colour: str, label: str) -> None:
    there = np.isfinite(values)
    x, y = axis.places[there], made.y(values[there])
    if not len(x):
        return
    if axis.time is not None:
        keep = axis.time.thin(axis.ts[there], values[there])
        drawn = steps(x[keep], y[keep])
    else:
        points = zip((x * charts.WIDE).round().tolist(), (y * charts.HIGH).round().tolist())
        drawn = "M" + "L".join(f"{px:.0f},{py:.0f}" for px, py in points)
        if len(x) <= MARKED_MOST:
            told = [f"{label} {value:,.6g}".strip() for value in values[there].tolist()]
            dots = (mark("o", "dot", px, py, text) for px, py, text in zip(x.tolist(), y.tolist(), told))
            made.marks += [dot.replace("<use ", f'<use style="fill:{colour}" ', 1) for dot in dots]
    made.layers.append(f'<path class="line" style="stroke:{colour}" d="{drawn}"/>')

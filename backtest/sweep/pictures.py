"""Pictures of a sweep: a figure over two parameters as a heat map, and all parameters side by side as lines."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from backtest.numbers import significant
from backtest.report.charts import HIGH, WIDE, Plot, path
from backtest.report.pictures import Picture
from backtest.sweep.space import SweepError

if TYPE_CHECKING:
    from backtest.sweep.result import SweepResult

LOW_COLOUR, MIDDLE_COLOUR, HIGH_COLOUR = (220, 64, 88), (235, 236, 240), (10, 150, 120)
CELL_HEIGHT, HEIGHT_MOST = 34, 420
TEXT_CELLS = 16
"""Up to so many columns the figures are written into the cells."""


def colour(share: float) -> str:
    """Red at 0, grey at ½, green at 1."""
    first, second, part = (LOW_COLOUR, MIDDLE_COLOUR, 2 * share) if share < 0.5 else (MIDDLE_COLOUR, HIGH_COLOUR, 2 * share - 1)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(first, second))


def _share(value: float, low: float, high: float) -> float:
    """Where a figure stands: 0 is in the middle where the figures lie on both sides of it."""
    if low < 0 < high:
        return 0.5 + value / (2 * max(-low, high))
    return (value - low) / (high - low) if high > low else 0.5


def heat_map(result: "SweepResult", x: str | None, y: str | None, by: str) -> Picture:
    """Mean of the figure over the other parameters in each cell; a cell without a run stays empty."""
    from backtest.sweep.row import shown

    names = [name for name in result.names if result.frame[name].n_unique() > 1]
    x = x or next((name for name in names if name != y), None)
    y = y or next((name for name in names if name != x), None)
    if x is None or y is None or x == y or {x, y} - set(result.names):
        raise SweepError(f"a heat map needs two parameters; the sweep has {', '.join(result.names)}")
    cells = result.frame.group_by(x, y).agg(_mean(by)).filter(~_null(by))
    across, up = (sorted(result.frame[name].unique().drop_nulls().to_list()) for name in (x, y))
    found = {(row[x], row[y]): row[by] for row in cells.iter_rows(named=True)}
    low, high = (min(found.values()), max(found.values())) if found else (0.0, 0.0)
    made = Plot("heat", min(HEIGHT_MOST, CELL_HEIGHT * len(up)), 0.0, 1.0, f"{by} by {x} and {y}")
    for (a, b), value in found.items():
        place = (across.index(a) / len(across), 1 - (up.index(b) + 1) / len(up))
        title = f"{x} {shown(a)}, {y} {shown(b)}: {significant(value)}"
        made.layers.append(_cell(place, (1 / len(across), 1 / len(up)), colour(_share(value, low, high)), title))
        if len(across) <= TEXT_CELLS and CELL_HEIGHT * len(up) <= HEIGHT_MOST:
            made.marks.append(_figure(place[0] + 0.5 / len(across), place[1] + 0.5 / len(up), significant(value)))
    made.x_ticks = [((k + 0.5) / len(across), shown(value)) for k, value in _some(across, 12)]
    made.y_ticks = [(1 - (k + 0.5) / len(up), shown(value)) for k, value in _some(up, 12)]
    return Picture(f"{by}: {x} across, {y} up", [("", made)])


def _mean(by: str) -> Any:
    import polars as pl

    return pl.col(by).cast(pl.Float64).mean()


def _null(by: str) -> Any:
    import polars as pl

    return pl.col(by).is_null()


def _some(values: list[Any], most: int) -> list[tuple[int, Any]]:
    return [(k, value) for k, value in enumerate(values) if k % -(-len(values) // most) == 0]


def _cell(place: tuple[float, float], size: tuple[float, float], fill: str, title: str) -> str:
    (x, y), (width, height) = place, size
    where = f'x="{x * WIDE + 12:.0f}" y="{y * HIGH + 3:.1f}" width="{width * WIDE - 24:.0f}" height="{height * HIGH - 6:.1f}"'
    return f'<rect {where} style="fill:{fill};stroke:none"><title>{escape(title)}</title></rect>'


def _figure(x: float, y: float, text: str) -> str:
    return f'<text x="{100 * x:.2f}%" y="{100 * y:.2f}%" dy="4" text-anchor="middle" style="fill:#1b2430;opacity:.9">{escape(text)}</text>'


def parallel(result: "SweepResult", by: str) -> Picture:
    """One axis a parameter and one for the figure, each from its lowest to its highest; words stand in their order."""
    from backtest.sweep.row import shown

    frame = result.frame.filter(result.frame[by].is_not_null())
    if not frame.height:
        raise SweepError(f"no run has the figure {by!r}")
    names = [name for name in result.names if frame[name].n_unique() > 1] + [by]
    axes = [_axis(frame[name].to_list()) for name in names]
    places = np.stack([place for place, _, _ in axes], axis=1)
    figures = frame[by].cast(float).to_numpy()
    order = np.argsort(figures, kind="stable")
    top = set(order[-max(1, len(order) // 10) :].tolist())
    made = Plot("parallel", 300, 0.0, 1.0, f"Runs through their parameters to {by}")
    at = np.linspace(0.02, 0.98, len(names)) if len(names) > 1 else np.array([0.5])
    made.layers.append(path("grid", "".join(f"M{x * WIDE:.0f},0v{HIGH}" for x in at)))
    low, high = float(figures.min()), float(figures.max())
    for k in order.tolist():
        line = "M" + "L".join(f"{x * WIDE:.0f},{y * HIGH:.0f}" for x, y in zip(at, places[k]))
        width, opacity = (2, 0.95) if k in top else (1, 0.35)
        style = f"fill:none;stroke:{colour(_share(figures[k], low, high))};stroke-width:{width};opacity:{opacity}"
        title = ", ".join(f"{name} {shown(frame[name][k])}" for name in names)
        made.layers.append(f'<path d="{line}" vector-effect="non-scaling-stroke" style="{style}"><title>{escape(title)}</title></path>')
    for x, (_, first, last) in zip(at, axes):
        made.marks += [_end(float(x), 0.0, last, 11), _end(float(x), 1.0, first, -4)]
    made.x_ticks = [(min(max(float(x), 0.021), 0.979), name) for x, name in zip(at, names)]
    return Picture(f"{by} of {frame.height:,} runs; the best tenth stands out", [("", made)])


def _axis(values: list[Any]) -> tuple[np.ndarray, str, str]:
    """Places from the top, and what stands at the lower and at the upper end."""
    from backtest.sweep.row import shown

    known = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    if isinstance(known[-1], str | bool):
        ranks = {value: k / max(len(known) - 1, 1) for k, value in enumerate(known)}
        return np.array([1 - ranks[value] for value in values]), str(known[0]), str(known[-1])
    numbers = np.array(values, np.float64)
    span = float(np.ptp(numbers)) or 1.0
    return 1 - (numbers - numbers.min()) / span, shown(known[0]), shown(known[-1])


def _end(x: float, y: float, text: str, shift: int) -> str:
    anchor = "start" if x < 0.5 else "end"
    return (
        f'<text x="{100 * x:.2f}%" y="{100 * y:.2f}%" dx="{4 if x < 0.5 else -4}" dy="{shift}" text-anchor="{anchor}">{escape(text)}</text>'
    )

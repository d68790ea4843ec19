"""Drawing: axes, ticks, lines and marks as HTML and SVG text that stretches to any width, without scripts and without pictures.

Lines live in a coordinate field of WIDE × HIGH that is stretched to the plot (strokes keep their width); marks stand at percentages,
labels are HTML, so that both keep their size on a phone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from itertools import pairwise

import numpy as np

from backtest.numbers import number

WIDE, HIGH = 10_000, 1_000
BUCKETS = 750
"""A line keeps the lowest and highest point of each of so many stretches of the axis."""
TIME_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
TIME_STEPS += [1000 * s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600)]
"""Milliseconds between two labels of a time axis."""


def nice_ticks(low: float, high: float, most: int) -> tuple[list[float], int]:
    """At most `most` + 1 round values between `low` and `high`, and the decimals that show them."""
    span = high - low
    if not span > 0:
        return [low], 2
    raw = span / max(most, 1)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    values = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return values, max(0, (1 if round(step / size, 3) == 2.5 else 0) - math.floor(math.log10(step) + 1e-9))


Clock = list[tuple[int, int]]
"""Nanoseconds that the shown clock is ahead of UTC, each from a time (ns UTC) on; the first also before it."""


def ahead(ts: int, clock: Clock) -> int:
    """Nanoseconds that the shown clock is ahead of UTC at `ts`."""
    return [by for k, (since, by) in enumerate(clock) if k == 0 or since <= ts][-1]


def round_times(start: int, end: int, step: int, clock: Clock) -> list[int]:
    """Times (ns UTC) within [start, end] at which the shown clock reads a multiple of `step`, also where it changes on the way."""
    found: list[int] = []
    for k, (since, by) in enumerate(clock):
        low = start if k == 0 else max(start, since)
        high = end + 1 if k + 1 == len(clock) else min(end + 1, clock[k + 1][0])
        found += range(-(-(low + by) // step) * step - by, high, step)
    return found


class TimeAxis:
    """Time to a fraction of the width; the time between two sessions takes no room."""

    def __init__(self, sessions: list[tuple[int, int]], clock: Clock | None = None) -> None:
        """`sessions`: first and last time (ns UTC) of each; `clock`: that of the labels, UTC where None."""
        self.sessions, self.clock = sessions, clock or [(0, 0)]
        lengths = np.array([max(b - a, 1) for a, b in sessions], np.float64)
        ends = np.cumsum(lengths)
        self._knots = np.array(sessions, np.int64).reshape(-1) - sessions[0][0]
        self._places = np.stack([ends - lengths, ends], axis=1).reshape(-1) / ends[-1]

    def x(self, ts: np.ndarray) -> np.ndarray:
        """float64: 0 at the first session's begin, 1 at the last one's end."""
        return np.interp((ts - self.sessions[0][0]).astype(np.float64), self._knots.astype(np.float64), self._places)

    def place(self, ts: int) -> float:
        return float(self.x(np.array([ts], np.int64))[0])

    def thin(self, ts: np.ndarray, values: np.ndarray, buckets: int = BUCKETS) -> np.ndarray:
        """Indices of the lowest and highest value in each of `buckets` equal parts of the axis, first and last kept; `ts` ascends."""
        if len(ts) <= 2 * buckets:
            return np.arange(len(ts))
        times = np.interp(np.arange(1, buckets) / buckets, self._places, self._knots) + self.sessions[0][0]
        edges = [0, *np.searchsorted(ts, times.astype(np.int64)).tolist(), len(ts)]
        kept = {0, len(ts) - 1}
        for first, last in pairwise(edges):
            if first < last:
                part = values[first:last]
                kept |= {first + int(part.argmin()), first + int(part.argmax())}
        return np.array(sorted(kept), np.int64)

    def ticks(self, most: int = 9) -> list[tuple[float, str]]:
        """Places and labels: times of day of one session, dates of several."""
        if len(self.sessions) > 1:
            every = math.ceil(len(self.sessions) / most)
            return [(self.place(a), self._text(a, "%d %b")) for a, _ in self.sessions[::every]]
        (start, end), million = self.sessions[0], 1_000_000
        span = (end - start) // million
        step = next((s for s in TIME_STEPS if span / s <= most), TIME_STEPS[-1]) * million
        form = "%H:%M" if step % (60_000 * million) == 0 else "%H:%M:%S"
        return [(self.place(t), self._text(t, form, step)) for t in round_times(start, end, step, self.clock)]

    def _text(self, ts: int, form: str, step: int = 10**9) -> str:
        shown = ts + ahead(ts, self.clock)
        text = datetime.fromtimestamp(shown // 10**9, UTC).strftime(form)
        return text if step % 10**9 == 0 else f"{text}.{shown % 10**9 // 10**6:03d}"


def steps(x: np.ndarray, y: np.ndarray) -> str:
    """A path that holds each value until the next: `x`, `y` fractions (y from the top). Relative whole numbers: short, and no drift."""
    px, py = np.round(x * WIDE).astype(np.int64), np.round(y * HIGH).astype(np.int64)
    if not len(px):
        return ""
    parts = [f"M{px[0]},{py[0]}"]
    for dx, dy in zip(np.diff(px).tolist(), np.diff(py).tolist()):
        parts.append((f"h{dx}" if dx else "") + (f"v{dy}" if dy else ""))
    return "".join(parts)


def area(x: np.ndarray, y: np.ndarray, base: float) -> str:
    """The area between a stepped line and the height `base` (fraction from the top)."""
    path = steps(x, y)
    return f"{path}V{round(base * HIGH)}H{round(float(x[0]) * WIDE)}z" if path else ""


@dataclass
class Plot:
    """One field with its labels. Places are fractions, y from the top."""

    key: str
    height: int
    low: float
    high: float
    label: str
    layers: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    tags: list[tuple[float, str, str]] = field(default_factory=list)
    """Place, text and class of values set off on the axis."""

    def y(self, values: np.ndarray) -> np.ndarray:
        return (self.high - values) / (self.high - self.low)

    def place(self, value: float) -> float:
        return (self.high - value) / (self.high - self.low)

    def grid(self, most: int, text: Callable[[float, int], str] = number) -> "Plot":
        """Horizontal lines at round values with their labels."""
        values, places = nice_ticks(self.low, self.high, most)
        self.y_ticks = [(self.place(value), text(value, places)) for value in values]
        self.layers.insert(0, path("grid", "".join(f"M0,{round(y * HIGH)}h{WIDE}" for y, _ in self.y_ticks)))
        return self


def plot(key: str, height: int, values: list[np.ndarray], label: str, pad: float = 0.08, zero: bool = False) -> Plot:
    """An empty plot whose range holds all `values` (and zero where asked), with a margin of `pad` at both ends."""
    ends = [float(v) for one in values if len(one) for v in (one.min(), one.max())] + ([0.0] if zero else [])
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = (high - low) * pad or max(abs(high) * 1e-3, 0.5)
    return Plot(key, height, low - margin, high + margin, label)


def path(kind: str, d: str) -> str:
    return f'<path class="{kind}" d="{d}"/>' if d else ""


def rect(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> str:
    """A bar, in fractions of the plot."""
    inner = f"><title>{escape(title)}</title></rect>" if title else "/>"
    place = f'x="{x * WIDE:.0f}" y="{y * HIGH:.1f}" width="{width * WIDE:.0f}" height="{max(height * HIGH, 0):.1f}"'
    return f'<rect class="{kind}" {place}{inner}'


def mark(shape: str, kind: str, x: float, y: float, title: str = "") -> str:
    """One of SHAPES at a place, in fractions; it keeps its size."""
    place = f'href="#tb-{shape}" class="{kind}" x="{100 * x:.2f}%" y="{100 * y:.2f}%"'
    return f"<use {place}><title>{escape(title)}</title></use>" if title else f"<use {place}/>"


SHAPES = (
    '<path id="tb-b" d="M0,1.5 4.6,9.5H-4.6z"/><path id="tb-s" d="M0,-1.5 4.6,-9.5H-4.6z"/>'
    '<circle id="tb-o" r="3.2"/><path id="tb-x" d="M-4,0H4M0,-4V4"/>'
)
"""b: a buy (its tip on the price), s: a sale, o: a dot."""


def _left(x: float) -> str:
    """A label stands centred under its place, at the ends within the plot."""
    return f"left:{100 * x:.2f}%" + (";transform:none" if x < 0.03 else ";transform:translateX(-100%)" if x > 0.97 else "")


def html(one: Plot, kind: str = "") -> str:
    """A plot as HTML; needs the style sheet of the report, and SHAPES once on the page."""
    free = [(y, text) for y, text in one.y_ticks if all(abs(y - tag) * one.height > 14 for tag, _, _ in one.tags)]
    y_axis = "".join(f'<span style="top:{100 * y:.2f}%">{escape(text)}</span>' for y, text in free)
    y_axis += "".join(f'<b class="{tone}" style="top:{100 * y:.2f}%">{escape(text)}</b>' for y, text, tone in one.tags)
    x_axis = "".join(f'<span style="{_left(x)}">{escape(text)}</span>' for x, text in one.x_ticks)
    return (
        f'<div class="chart {kind}" data-plot="{one.key}"><div class="field" role="img" aria-label="{escape(one.label)}" '
        f'style="height:{one.height}px"><svg class="lines" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none">'
        f"{''.join(one.layers)}</svg>"
        f'<svg class="marks">{"".join(one.marks)}</svg></div><div class="ya">{y_axis}</div>'
        f'<div class="xa">{x_axis}</div></div>'
    )

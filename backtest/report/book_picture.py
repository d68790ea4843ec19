"""The book through a stretch of time as a heat map, with our own orders and fills on it."""

import base64
import struct
import zlib
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.numbers import clock, counted, number
from backtest.recording import DepthWindow
from backtest.report import charts
from backtest.report.charts import Plot, TimeAxis, path, steps
from backtest.report.panels import fill_marks
from backtest.report.pictures import Picture
from engine.messages.vocabulary import Side

COLUMNS, LEVELS, ROWS_MOST = 240, 10, 120
BID, ASK = (14, 152, 122), (222, 66, 92)
SHADES = 127


class Heat(NamedTuple):
    """A depth window on a grid of price rows. Row 0 is the highest price; a row holds `step` price units, a tick in its middle."""

    window: DepthWindow
    top: int  # twice the price units of the upper edge of row 0
    step: int
    cells: np.ndarray  # int64 (2, rows, columns): lots of bids and asks


def busiest(a: Analysis, seconds: float = 60.0) -> int:
    """The middle of the stretch of `seconds` with the most fills in the first instrument; the middle of the run without any."""
    ts = a.fills["ts"][a.fills["instrument"] == 0]
    if not len(ts):
        return (a.recording.opened + a.recording.end) // 2
    length = int(seconds * 1e9)
    inside = np.searchsorted(ts, ts + length, "right") - np.arange(len(ts))
    best = int(np.argmax(inside))
    middle = (int(ts[best]) + int(ts[best + inside[best] - 1])) // 2
    return max(a.recording.opened + length // 2, min(middle, a.recording.end - length // 2))


def heat(a: Analysis, at: int, seconds: float) -> Heat:
    """The window around `at` (ns), laid on rows of one tick, or of more where it is taller than ROWS_MOST."""
    if a.recording.depth_window is None:
        raise ValueError("this run kept no depth of the book: there is nothing to draw")
    half = int(seconds * 5e8)
    window = a.recording.depth_window(at, half, half, COLUMNS, LEVELS)
    if len(window.ts) < 2:
        raise ValueError(f"the run has no book around {clock(at, a.recording.zone)}")
    tick = a.recording.instruments[window.instrument].tick_units
    there = window.quantity > 0
    if not there.any():
        return Heat(window, 2 * tick, tick, np.zeros((2, 1, len(window.ts)), np.int64))
    low, high = _range(window, there)
    step = tick * max(1, -(-(high - low + tick) // (ROWS_MOST * tick)))
    top = 2 * high + tick
    rows = (top - 2 * low) // (2 * step) + 1
    cells = np.zeros((2, rows, len(window.ts)), np.int64)
    column, side, level = np.nonzero(there)
    row = (top - 2 * window.price[column, side, level]) // (2 * step)
    inside = (row >= 0) & (row < rows)
    np.add.at(cells, (side[inside], row[inside], column[inside]), window.quantity[column, side, level][inside])
    return Heat(window, top, step, cells)


def _range(window: DepthWindow, there: np.ndarray) -> tuple[int, int]:
    """Lowest and highest price shown: all levels, but no further from the best prices than they wander, twice."""
    best = window.price[:, :, 0][there[:, :, 0]]
    prices = window.price[there]
    reach = max(int(best.max() - best.min()), int(np.percentile(np.abs(prices - np.median(best)), 90)))
    low = max(int(prices.min()), int(best.min()) - reach)
    return low, min(int(prices.max()), int(best.max()) + reach)


def book_plot(a: Analysis, made: Heat, height: int = 340) -> Plot:
    """The heat map with the best prices, our resting orders and our fills."""
    window, instrument = made.window, a.recording.instruments[made.window.instrument]
    axis = TimeAxis([(int(window.ts[0]), int(window.ts[-1]))], a.recording.offsets.tolist())
    unit, rows = float(instrument.price_unit), made.cells.shape[1]
    low, high = (made.top / 2 - made.step * rows) * unit, made.top / 2 * unit
    plot = Plot("book", height, low, high, "Depth of the book through time, with our orders and fills")
    plot.layers.append(
        f'<image href="data:image/png;base64,{_png(made.cells)}" width="{charts.WIDE}" height="{charts.HIGH}" preserveAspectRatio="none"/>'
    )
    for side, kind in ((0, "bid"), (1, "ask")):
        there = window.quantity[:, side, 0] > 0
        plot.layers.append(path(kind, steps(axis.x(window.ts[there]), plot.y((window.price[there, side, 0]) * unit))))
    plot.layers.append(path("own", _own(a, made, axis, plot, unit)))
    fills = a.fills[(a.fills["instrument"] == window.instrument)]
    fills = fills[(fills["ts"] >= window.ts[0]) & (fills["ts"] <= window.ts[-1])]
    plot.marks = fill_marks(plot, axis, fills, instrument)
    plot.x_ticks = axis.ticks(6)
    return plot.grid(7, lambda value, shown: number(value, max(shown, instrument.price_decimals)))


def _own(a: Analysis, made: Heat, axis: TimeAxis, plot: Plot, unit: float) -> str:
    stretches, window = a.orders.stretches, made.window
    rows = a.orders.rows[stretches["order"]]
    seen = (stretches["end"] >= window.ts[0]) & (stretches["start"] <= window.ts[-1]) & (rows["instrument"] == window.instrument)
    some = stretches[seen]
    y = plot.y(some["price"] * unit)
    inside = (y >= 0) & (y <= 1)
    ends = zip(axis.x(some["start"][inside]).tolist(), axis.x(some["end"][inside]).tolist(), y[inside].tolist())
    return "".join(f"M{x0 * charts.WIDE:.0f},{h * charts.HIGH:.0f}H{x1 * charts.WIDE:.0f}" for x0, x1, h in ends)


def _png(cells: np.ndarray) -> str:
    """Base64 of a PNG: one pixel a cell, the more lots the less transparent; bids green, asks red."""
    bids, asks = cells
    lots = np.maximum(bids, asks)
    full = float(np.percentile(lots[lots > 0], 98)) if (lots > 0).any() else 1.0
    shade = np.ceil(np.sqrt(np.minimum(lots / full, 1.0)) * SHADES).astype(np.uint8)
    pixels = np.where(asks > bids, np.where(shade > 0, shade + SHADES, 0), shade).astype(np.uint8)
    height, width = pixels.shape
    raw = np.hstack([np.zeros((height, 1), np.uint8), pixels]).tobytes()
    colours = bytes((0, 0, 0)) + bytes(BID) * SHADES + bytes(ASK) * SHADES
    alpha = bytes([0]) + bytes(30 + round(k * 200 / SHADES) for k in range(SHADES)) * 2
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", colours), (b"tRNS", alpha), (b"IDAT", zlib.compress(raw, 6)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return base64.b64encode(data).decode()


def packed(a: Analysis, made: Heat) -> dict[str, Any]:
    """What the script needs to show the cell under the pointer: per column the cells that changed, as row, bid lots, ask lots."""
    instrument = a.recording.instruments[made.window.instrument]
    both = np.moveaxis(made.cells, 2, 0)
    before = np.concatenate([np.zeros_like(both[:1]), both[:-1]])
    column, row = np.nonzero((both != before).any(axis=1))
    changes: list[list[int]] = [[] for _ in range(len(made.window.ts))]
    for c, r in zip(column.tolist(), row.tolist()):
        changes[c] += [r, int(both[c, 0, r]), int(both[c, 1, r])]
    start = int(made.window.ts[0])
    return {
        "t": ((made.window.ts - start) // 1_000_000).tolist(),
        "t0": (start + a.recording.offset(start)) // 1_000_000,
        "top": (made.top - made.step) / 2 * float(instrument.price_unit),
        "step": made.step * float(instrument.price_unit),
        "rows": made.cells.shape[1],
        "decimals": instrument.price_decimals,
        "lot": float(instrument.lot),
        "changes": changes,
    }


def plot_book(a: Analysis, at: Any, seconds: float) -> Picture:
    """See `Result.plot_book`."""
    moment = int(at.timestamp() * 1e9) if isinstance(at, datetime) else busiest(a, seconds) if at is None else int(at)
    made = heat(a, moment, seconds)
    symbol = a.recording.instruments[made.window.instrument].symbol
    return Picture(f"{symbol}: the book around {clock(moment, a.recording.zone)}", [("Price", book_plot(a, made))])


def legend_of(a: Analysis, made: Heat) -> str:
    """How many of our fills are on the map, by side."""
    window = made.window
    mine = a.fills[(a.fills["instrument"] == window.instrument) & (a.fills["ts"] >= window.ts[0]) & (a.fills["ts"] <= window.ts[-1])]
    bought = int((mine["side"] == Side.BUY).sum())
    return f"{counted(bought, 'buy')}, {counted(len(mine) - bought, 'sell')}"

"""The panels of a run along time: equity, drawdown, price with our fills, position; as drawings, and as numbers for the script."""

from typing import Any

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.fills import signs
from backtest.analysis.quotes import Quotes
from backtest.numbers import number, places, quantity
from backtest.recording import strategy_name
from backtest.report import charts
from backtest.report.charts import Plot, TimeAxis, area, mark, path, steps
from backtest.report.pictures import Picture
from engine.messages.instrument import Instrument

MARKS_MOST = 400
"""Fills that are drawn singly; more are grouped by side in stretches of the axis."""
SYMBOLS_MOST = 4


class Track:
    """Stepped lines that change at the same times (ns), as their drawing and their script want them. Thinning keeps the lowest and the
    highest of each stretch of the axis, by each of the columns `by`, and all columns of those rows: what is shown together was together."""

    def __init__(self, ts: np.ndarray, columns: dict[str, np.ndarray], by: list[str]) -> None:
        self.ts, self.columns, self.by = ts, columns, by

    def _kept(self, axis: TimeAxis, buckets: int) -> np.ndarray:
        kept = [axis.thin(self.ts, self.columns[name], buckets) for name in self.by]
        return kept[0] if len(kept) == 1 else np.unique(np.concatenate(kept))

    def drawn(self, axis: TimeAxis) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Fractions along the axis and the columns, held to the end."""
        keep = self._kept(axis, charts.BUCKETS)
        held = {name: np.append(values[keep], values[-1:]) for name, values in self.columns.items()}
        return np.append(axis.x(self.ts[keep]), 1.0), held

    def packed(self, axis: TimeAxis, unit: float, names: list[str]) -> dict[str, Any]:
        """Milliseconds since the start and whole units, as differences."""
        keep = self._kept(axis, 2 * charts.BUCKETS)
        ms = (self.ts[keep] - axis.sessions[0][0]) // 1_000_000
        columns = {name: np.round(self.columns[name][keep] / unit).astype(np.int64) for name in names}
        return {"t": differences(ms), "u": unit, **{name: differences(whole) for name, whole in columns.items()}}


def differences(values: np.ndarray) -> list[int]:
    """The first value, then how each differs from the one before."""
    made: list[int] = np.diff(values, prepend=0).tolist()
    return made


def axis_of(a: Analysis) -> TimeAxis:
    return TimeAxis(a.recording.sessions, a.recording.offsets.tolist())


def account_track(a: Analysis) -> Track:
    """Net P&L and drawdown in money."""
    pnl, depth = a.curve.pnl, a.curve.drawdown
    keep = np.diff(pnl, prepend=pnl[0] - 1) != 0
    return Track(a.curve.ts[keep], {"pnl": a.money(pnl[keep]), "depth": a.money(depth[keep])}, ["pnl", "depth"])


def quote_track(a: Analysis, quote: Quotes) -> Track:
    """Bid, ask and middle of the samples that have both sides, in prices."""
    unit = float(a.recording.instruments[quote.instrument].price_unit)
    rows = quote.rows[quote.known & (quote.ts >= a.recording.opened)]
    bid, ask = rows["bid"] * unit, rows["ask"] * unit
    return Track(np.ascontiguousarray(rows["ts"]), {"bid": bid, "ask": ask, "mid": (bid + ask) / 2}, ["mid"])


def position_track(a: Analysis, instrument: int) -> Track:
    """Position in units of the instrument, all portfolios together."""
    mine = a.fills[a.fills["instrument"] == instrument]
    lot = float(a.recording.instruments[instrument].lot)
    held = np.cumsum(signs(mine) * mine["lots"]) * lot
    return Track(np.append(a.recording.opened, mine["ts"]), {"held": np.append(0.0, held)}, ["held"])


def signed(value: float, shown: int) -> str:
    return number(value, shown, sign=True)


def _nights(axis: TimeAxis) -> str:
    """Lines between two sessions."""
    return path("night", "".join(f"M{axis.place(a) * charts.WIDE:.0f},0v{charts.HIGH}" for a, _ in axis.sessions[1:]))


def equity_panel(a: Analysis, axis: TimeAxis, height: int = 220) -> Plot:
    x, drawn = account_track(a).drawn(axis)
    y = drawn["pnl"]
    made = charts.plot("equity", height, [y], "Net P&L through time", zero=True)
    zero, line = made.place(0.0), made.y(y)
    made.layers += [_nights(axis), path("soft", area(x, line, zero)), path("zero", f"M0,{zero * charts.HIGH:.0f}h{charts.WIDE}")]
    made.layers.append(path("line", steps(x, line)))
    last = float(y[-1])
    made.tags = [
        (
            made.place(last),
            signed(last, 0 if abs(last) >= 1000 else min(places(last), 4)),
            "up" if last > 0 else "down" if last < 0 else "flat",
        )
    ]
    return made.grid(5, signed)


def drawdown_panel(a: Analysis, axis: TimeAxis, height: int = 96) -> Plot:
    x, drawn = account_track(a).drawn(axis)
    y = drawn["depth"]
    made = charts.plot("drawdown", height, [y], "Drawdown: P&L below its highest so far", pad=0.0, zero=True)
    made.low, made.high = 1.12 * made.low if made.low < 0 else -1.0, 0.0
    line = made.y(y)
    made.layers += [_nights(axis), path("under", area(x, line, 0.0)), path("underline", steps(x, line))]
    return made.grid(2, signed)


def price_panel(a: Analysis, axis: TimeAxis, instrument: int, height: int = 260) -> Plot:
    track = quote_track(a, a.quotes[instrument])
    fills, one = a.fills[a.fills["instrument"] == instrument], a.recording.instruments[instrument]
    unit, decimals = float(one.price_unit), one.price_decimals
    inside = [track.columns["bid"], track.columns["ask"], fills["price"] * unit]
    made = charts.plot(f"price{instrument}", height, inside, "Bid, ask and middle with our fills", pad=0.07)
    if len(track.ts):
        x, drawn = track.drawn(axis)
        made.layers.append(_nights(axis) + path("band", _between(x, made.y(drawn["ask"]), made.y(drawn["bid"]))))
        made.layers.append(path("line thin", steps(x, made.y(drawn["mid"]))))
        last = float(drawn["mid"][-1])
        made.tags = [(made.place(last), number(last, decimals), "flat")]
    made.marks = fill_marks(made, axis, fills, one)
    return made.grid(6, lambda value, shown: number(value, max(shown, decimals)))


def _between(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> str:
    """The area between two stepped lines: one forward, the other back."""
    px, py = np.round(x * charts.WIDE).astype(int).tolist(), np.round(lower * charts.HIGH).astype(int).tolist()
    back = [f"V{py[-1]}"] + [f"H{px[k]}V{py[k - 1]}" for k in range(len(px) - 1, 0, -1)]
    return f"{steps(x, upper)}{''.join(back)}H{px[0]}z"


def fill_marks(made: Plot, axis: TimeAxis, fills: np.ndarray, instrument: Instrument) -> list[str]:
    """A triangle per fill, pointing up for a buy and down for a sale; hollow for a taker. Many are grouped, at their average price."""
    x = axis.x(fills["ts"])
    side, lots = fills["side"].astype(np.int64), fills["lots"]
    cell = np.arange(len(fills)) if len(fills) <= MARKS_MOST else (x * (MARKS_MOST // 4)).astype(np.int64) * 2 + side
    made_marks = []
    for members in _members(cell):
        weight = lots[members]
        price = float(np.average(fills["price"][members], weights=weight)) * float(instrument.price_unit)
        if not made.low <= price <= made.high:
            continue
        buy, maker = not side[members[0]], bool(fills["maker"][members].any())
        many = f"{len(members)} fills, " if len(members) > 1 else ""
        title = (
            f"{'Bought' if buy else 'Sold'} {many}{quantity(instrument, int(weight.sum()))} at {number(price, instrument.price_decimals)}"
        )
        kind = ("up" if buy else "down") + ("" if maker else " hollow")
        made_marks.append(mark("b" if buy else "s", kind, float((x[members] * weight).sum() / weight.sum()), made.place(price), title))
    return made_marks


def _members(cell: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(cell, kind="stable")
    edges = np.flatnonzero(np.diff(cell[order]))
    return [part for part in np.split(order, edges + 1) if len(part)]


def position_panel(a: Analysis, axis: TimeAxis, instrument: int, height: int = 96) -> Plot:
    x, drawn = position_track(a, instrument).drawn(axis)
    y = drawn["held"]
    made = charts.plot(f"position{instrument}", height, [y], "Position through time", zero=True, pad=0.1)
    zero, line = made.place(0.0), made.y(y)
    made.layers += [_nights(axis), path("held", area(x, line, zero)), path("line thin", steps(x, line))]
    held = round(float(y[-1]) / float(a.recording.instruments[instrument].lot))
    made.tags = [(made.place(float(y[-1])), quantity(a.recording.instruments[instrument], held, sign=True), "flat")]
    return made.grid(3, signed)


def traded(a: Analysis) -> list[int]:
    """Instruments in order of what we traded in them, the most first; those never traded last."""
    count = len(a.recording.instruments)
    amount = np.abs(a.fills["price"] * a.fills["lots"] * a.recording.values()[a.fills["instrument"]]).astype(np.float64)
    return np.argsort(-np.bincount(a.fills["instrument"], amount, count), kind="stable").tolist()


def instrument_of(a: Analysis, symbol: str | None) -> int:
    symbols = [one.symbol for one in a.recording.instruments]
    if symbol is None:
        return traded(a)[0]
    if symbol not in symbols:
        raise ValueError(f"unknown symbol {symbol!r}: this run has {', '.join(symbols)}")
    return symbols.index(symbol)


def plot(a: Analysis, names: list[str], symbol: str | None = None) -> Picture:
    """The named panels above each other, for a notebook."""
    axis, number_ = axis_of(a), instrument_of(a, symbol)
    shown = a.recording.instruments[number_].symbol
    makers = {
        "equity": lambda: ("Net P&L", equity_panel(a, axis)),
        "drawdown": lambda: ("Drawdown", drawdown_panel(a, axis)),
        "price": lambda: (f"{shown}: bid, ask and our fills", price_panel(a, axis, number_)),
        "position": lambda: (f"{shown}: position", position_panel(a, axis, number_)),
    }
    made = [makers[name]() for name in names]
    made[-1][1].x_ticks = axis.ticks()
    return Picture(strategy_name(a.recording), made)

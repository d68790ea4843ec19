"""Cards about round trips and the course of the run: distribution, excursions, periods, best and worst, drawdowns."""

from html import escape

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.definitions import Summary
from backtest.numbers import clock, count, duration, number, percent, places, price, quantity
from backtest.report import charts
from backtest.report.cards import DASH, card, side_pill, table, tone
from backtest.report.charts import path, rect
from backtest.report.panels import signed

TRIPS_DRAWN = 1500


def trip_histogram(a: Analysis, s: Summary) -> str:
    """How the P&L of closed round trips is distributed; bins meet at zero."""
    pnl = a.money(a.trips["pnl"][~a.trips["open"]])
    if not len(pnl):
        return card("Round trips", '<p class="none">No closed round trip.</p>', kind="half")
    low, high = np.percentile(pnl, [1, 99]) if len(pnl) > 200 else (pnl.min(), pnl.max())
    size = _bin(max(abs(low), abs(high)), 14)
    first, last = int(np.floor(low / size)), max(int(np.ceil(high / size)), int(np.floor(low / size)) + 1)
    bins = np.clip(np.floor(pnl / size).astype(np.int64), first, last - 1) - first
    heights = np.bincount(bins, minlength=last - first)
    made = charts.plot("trips", 210, [heights], "Distribution of the P&L of round trips", zero=True, pad=0.0)
    made.low, made.high = 0.0, 1.08 * float(heights.max())
    shown_places = max(places(size, 4) - 2, 0) if size >= 1 else places(size, 4)
    for k, height in enumerate(heights.tolist()):
        edge = (first + k) * size
        title = f"{signed(edge, shown_places)} to {signed(edge + size, shown_places)}: {height:,}"
        kind, part = ("gain" if edge >= 0 else "loss"), height / made.high
        made.layers.append(rect(kind, (k + 0.04) / len(heights), 1 - part, 0.92 / len(heights), part, title))
    every = max(1, -(-len(heights) // 6))
    edges = [k for k in range(first, last + 1) if k % every == 0]
    made.x_ticks = [((k - first) / (last - first), signed(k * size, shown_places)) for k in edges]
    body = charts.html(made.grid(4, lambda value, _: number(value, 0)))
    body += '<p class="foot">The outermost bars hold what lies beyond.</p>' if len(pnl) > 200 else ""
    right = tone(s["average_trip"], number(s["average_trip"], places(s["average_trip"]), sign=True) + " mean")
    return card("Round trips", body, f"P&L of {count(len(pnl))} closed, {a.recording.currency}", right, "half")


def _bin(reach: float, most: int) -> float:
    size = 10.0 ** np.floor(np.log10(max(reach, 1e-6) / most))
    return float(next(size * m for m in (1, 2, 5, 10) if size * m * most >= reach))


def periods(a: Analysis) -> str:
    """P&L per session, or per part of a single one."""
    sessions = a.recording.sessions
    if len(sessions) > 1:
        edges = np.array([sessions[0][0]] + [b for _, b in sessions])
        labels, what = [clock(b, a.recording.zone, "%d %b", 0) for _, b in sessions], "per day"
    else:
        (start, end), step = sessions[0], _period(sessions[0][1] - sessions[0][0])
        edges = np.array([start, *charts.round_times(start + 1, end - 1, step, a.recording.offsets.tolist()), end])
        form = "%H:%M" if step % (60 * 10**9) == 0 else "%H:%M:%S"
        labels, what = [clock(int(t), a.recording.zone, form, 0) for t in edges[:-1]], f"per {duration(step / 1e9)}"
    at = np.searchsorted(a.curve.ts, edges, "right") - 1
    pnl = np.diff(a.money(a.curve.pnl[at]))
    made = charts.plot("periods", 210, [pnl], "P&L per period", zero=True, pad=0.08)
    zero, count_ = made.place(0.0), len(pnl)
    for k, value in enumerate(pnl.tolist()):
        top, height = min(made.place(value), zero), abs(made.place(value) - zero)
        made.layers.append(
            rect("gain" if value >= 0 else "loss", (k + 0.1) / count_, top, 0.8 / count_, height, f"{labels[k]}: {signed(value, 2)}")
        )
    made.layers.append(path("zero", f"M0,{zero * charts.HIGH:.0f}h{charts.WIDE}"))
    every = -(-count_ // 6)
    made.x_ticks = [((k + 0.5) / count_, labels[k]) for k in range(0, count_, every)]
    right = f"{int((pnl > 0).sum())} of {count_} up"
    return card("P&L through the run", charts.html(made.grid(4, signed)), f"{what}, {a.recording.currency}", right, "half")


def _period(length: int) -> int:
    minutes = (1, 2, 5, 10, 15, 30, 60, 120, 240)
    steps = [s * 10**9 for s in (1, 2, 5, 10, 15, 30)] + [m * 60 * 10**9 for m in minutes]
    return next((step for step in steps if length / step <= 16), steps[-1])


def trip_table(a: Analysis) -> str:
    """The best and the worst closed round trips, and what is still open."""
    closed, held = a.trips[~a.trips["open"]], a.trips[a.trips["open"]]
    if not len(a.trips):
        return ""
    order = np.argsort(-closed["pnl"], kind="stable")
    heads = ["Entry", "Symbol", "Side", "~Quantity", "~Entry price", "~Exit price", "~Held", "~Worst", "~Best", "P&L"]
    body: list[list[str]] = []
    most = 5 if len(closed) > 9 else max(len(closed) // 2, 1)
    for name, rows in (("Best", closed[order[:most]]), ("Worst", closed[order[::-1][: min(most, len(closed) - most)]]), ("Open", held)):
        if len(rows):
            body += [[name], *(_trip_row(a, row) for row in rows)]
    return card(
        "Best and worst round trips",
        table(heads, body, words=3, kind="trips"),
        "worst and best: P&L at the last trade price while it was held",
        kind="full",
    )


def _trip_row(a: Analysis, trip: np.void) -> list[str]:
    instrument = a.recording.instruments[trip["instrument"]]
    pnl, best, worst = (a.money(int(trip[name])) for name in ("pnl", "best", "worst"))
    out = DASH if not trip["exit_lots"] else price(instrument, trip["exit_cost"] / trip["exit_lots"], 1)
    return [
        f"<time>{clock(int(trip['entry']), a.recording.zone, _form(a))}</time>",
        escape(instrument.symbol),
        side_pill(int(trip["side"])),
        quantity(instrument, int(trip["lots"])),
        price(instrument, trip["entry_cost"] / trip["lots"], 1),
        out,
        duration((trip["exit"] - trip["entry"]) / 1e9),
        number(worst, 2, sign=True),
        number(best, 2, sign=True),
        tone(pnl, number(pnl, 2, sign=True)),
    ]


def _form(a: Analysis) -> str:
    return "%H:%M:%S" if a.returns.sessions == 1 else "%d %b %H:%M:%S"


def drawdown_table(a: Analysis) -> str:
    """The deepest drawdowns."""
    if not a.drawdowns:
        return ""
    zone, form = a.recording.zone, "%H:%M:%S" if a.returns.sessions == 1 else "%d %b %H:%M"
    rows = []
    for one in a.drawdowns:
        end = clock(one.end, zone, form, 0) if one.recovered else "not yet"
        depth = a.money(one.depth)
        start, trough = clock(one.start, zone, form, 0), clock(one.trough, zone, form, 0)
        start, trough, end = (f"<time>{one}</time>" for one in (start, trough, end))
        rows.append([start, trough, end, duration((one.end - one.start) / 1e9), percent(one.part, 3), tone(depth, number(depth, 2))])
    return card(
        "Deepest drawdowns",
        table(["Peak", "Trough", "~Recovered", "Length", "~%", "Depth"], rows, words=3),
        a.recording.currency,
        kind="half",
    )


def excursions(a: Analysis) -> str:
    """P&L of each closed round trip over the worst it had to bear."""
    closed = a.trips[~a.trips["open"]]
    if len(closed) < 2:
        return ""
    worst, pnl = a.money(closed["worst"]), a.money(closed["pnl"])
    if len(closed) > TRIPS_DRAWN:  # the farthest out, they are what the picture is about
        far = np.argsort(-np.maximum(np.abs(worst), np.abs(pnl)), kind="stable")[:TRIPS_DRAWN]
        worst, pnl = worst[far], pnl[far]
    made = charts.plot("excursions", 210, [pnl], "P&L of round trips over their worst excursion", zero=True)
    left, right = min(float(worst.min()), 0.0), max(float(worst.max()), 0.0)
    left, right = left - 0.04 * (right - left), right + 0.04 * (right - left)
    x, y = (worst - left) / (right - left), made.y(pnl)
    for kind, chosen in (("dots loss", pnl < 0), ("dots gain", pnl >= 0)):
        wide, high = np.round(x[chosen] * charts.WIDE).astype(int), np.round(y[chosen] * charts.HIGH).astype(int)
        made.layers.append(path(kind, "".join(f"M{p},{q}h0" for p, q in zip(wide.tolist(), high.tolist()))))
    made.layers.append(path("zero", f"M0,{made.place(0.0) * charts.HIGH:.0f}h{charts.WIDE}"))
    values, shown_places = charts.nice_ticks(left, right, 5)
    made.x_ticks = [((value - left) / (right - left), signed(value, shown_places)) for value in values]
    what = "All trips shown" if len(closed) <= TRIPS_DRAWN else f"The {count(TRIPS_DRAWN)} farthest of {count(len(closed))} trips shown"
    body = (
        charts.html(made.grid(5, signed))
        + f'<p class="foot">Horizontal: lowest P&L while it was held, at the last trade price. Vertical: final P&L. {what}.</p>'
    )
    return card("Excursions", body, f"closed round trips, {a.recording.currency}", kind="half")

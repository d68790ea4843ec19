"""Cards about what trading cost and earned: where the P&L came from, markouts, symbols."""

from html import escape

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.definitions import Summary
from backtest.analysis.markouts import HORIZONS, Markouts, average
from backtest.analysis.sums import total
from backtest.numbers import count, number, percent, places, quantity, significant
from backtest.report import charts
from backtest.report.cards import DASH, card, table, tone
from backtest.report.charts import mark, path
from backtest.report.panels import signed

HORIZON_LABELS = ["fill", "100 ms", "1 s", "10 s", "60 s"]


def costs(a: Analysis, s: Summary) -> str:
    """Where the P&L came from, and what each kind of fill earned."""
    spread, net = s["spread_captured"] or 0.0, s["net_pnl"]
    parts = [
        ("Spread captured", spread, "middle before the fill against the fill price"),
        ("Moves while held", s["gross_pnl"] - spread, "what the middle did to the position"),
        ("Fees and rebates", -s["fees"], "rebates received less fees paid"),
        ("Net P&L", net, ""),
    ]
    low, high = min(0.0, *(value for _, value, _ in parts)), max(0.0, *(value for _, value, _ in parts))
    bars = "".join(_bar(name, value, low, high, why) for name, value, why in parts)
    return card("Where the P&L came from", f'<div class="bars">{bars}</div>{_liquidity(a)}', a.recording.currency, kind="half")


def _bar(name: str, value: float, low: float, high: float, why: str) -> str:
    span = high - low or 1.0
    zero, width = 100 * -low / span, 100 * abs(value) / span
    left, most = (zero if value >= 0 else zero - width), max(high, -low)
    bar = f'<i class="{"gain" if value >= 0 else "loss"}" style="left:{left:.1f}%;width:{width:.1f}%"></i>'
    text = tone(value, number(value, places(most) if most < 10 else 2, sign=True))
    field = f'<div style="--zero:{zero:.1f}%">{bar}</div>'
    return f'<div class="bar{"" if why else " total"}" title="{escape(why)}"><span>{name}</span>{field}<b>{text}</b></div>'


def _liquidity(a: Analysis) -> str:
    fills, rows = a.fills, []
    for name, chosen in (("Maker", fills["maker"]), ("Taker", ~fills["maker"])):
        if not chosen.any():
            continue
        fee = -a.money(total(fills["fee"][chosen]))
        rows.append([name, count(int(chosen.sum())), *_ticks(a, a.markouts, chosen), tone(fee, number(fee, 2, sign=True))])
        if a.market_markouts is not None:
            rows.append(["recorded", "", *_ticks(a, a.market_markouts, chosen), ""])
    heads = ["", "Fills", "Spread", "~100 ms", "1 s", "~10 s", "60 s", "Fees"]
    foot = "Spread captured and markouts in ticks a lot, by the middle of the book with our orders in it"
    foot += "; recorded: by the recorded market's own, without us." if a.market_markouts is not None else "."
    return table(heads, rows, kind="ticks") + f'<p class="foot">{foot}</p>'


def _ticks(a: Analysis, made: Markouts, chosen: np.ndarray) -> list[str]:
    """Mean markout of the chosen fills in ticks, a horizon each."""
    means = [average(a.recording, a.fills, made, row, chosen).ticks for row in range(len(HORIZONS))]
    return [tone(one, significant(one, sign=True)) for one in means]


def markout_chart(a: Analysis, s: Summary) -> str:
    """Mean markout in ticks by horizon, with two standard errors."""
    fills = a.fills
    tick = np.array([one.tick_units for one in a.recording.instruments])[fills["instrument"]]
    points: list[tuple[float, float] | None] = []
    spread: list[float] = []
    for row in range(len(HORIZONS)):
        known = a.markouts.known[row]
        if not known.any():
            points.append(None)
            continue
        edge, weight = (a.markouts.doubled[row] / (2 * tick))[known], fills["lots"][known].astype(np.float64)
        mean = float((edge * weight).sum() / weight.sum())
        error = float(np.sqrt((weight**2 * (edge - mean) ** 2).sum()) / weight.sum())
        points.append((mean, 2 * error))
        spread += [mean - 2 * error, mean + 2 * error]
    if not spread:
        return card("Markouts", '<p class="none">No fill with a middle around it.</p>', kind="half")
    made = charts.plot("markouts", 210, [np.array(spread)], "Mean markout in ticks by time after the fill", zero=True, pad=0.14)
    at = [(k + 0.5) / len(points) for k in range(len(points))]
    made.layers.append(path("zero", f"M0,{made.place(0) * charts.HIGH:.0f}h{charts.WIDE}"))
    line, whiskers = [], []
    for x, point in zip(at, points):
        if point:
            mean, error = point
            wide = f"{x * charts.WIDE:.0f}"
            line.append(f"{wide},{made.place(mean) * charts.HIGH:.1f}")
            whiskers.append(f"M{wide},{made.place(mean - error) * charts.HIGH:.1f}V{made.place(mean + error) * charts.HIGH:.1f}")
            made.marks.append(mark("o", "dot", x, made.place(mean), f"{significant(mean, sign=True)} ± {significant(error)} ticks"))
    made.layers += [path("whisker", "".join(whiskers)), path("line", "M" + "L".join(line))]
    made.x_ticks = list(zip(at, HORIZON_LABELS))
    body = charts.html(made.grid(5, signed)) + '<p class="foot">After the fill; ± 2 standard errors. “fill”: the middle just before it.</p>'
    right = tone(s["markout_1s_ticks"], significant(s["markout_1s_ticks"], sign=True) + " at 1 s")
    return card("Markouts", body, "ticks a lot, positive is good for us", right, "half")


def by_symbol(a: Analysis) -> str:
    """Each symbol's part, where there is more than one."""
    if len(a.recording.instruments) < 2:
        return ""
    rows = []
    for number_, one in enumerate(a.recording.instruments):
        fills, trips = a.fills["instrument"] == number_, a.trips[a.trips["instrument"] == number_]
        closed = trips["pnl"][~trips["open"]]
        pnl, fee = a.money(int(trips["pnl"].sum())), -a.money(int(a.fills["fee"][fills].sum()))
        won = percent((closed > 0).sum() / len(closed), 1) if len(closed) else DASH
        spread, second = (average(a.recording, a.fills, a.markouts, row, fills).ticks for row in (0, 2))
        left = int(trips["left"].sum())
        rows.append(
            [
                escape(one.symbol),
                count(int(fills.sum())),
                count(len(closed)),
                won,
                significant(spread, sign=True),
                significant(second, sign=True),
            ]
        )
        rows[-1] += [number(fee, 2, sign=True), quantity(one, left, sign=True), tone(pnl, number(pnl, 2, sign=True))]
    heads = ["Symbol", "Fills", "~Trips", "~Won", "~Spread, ticks", "~1 s, ticks", "Fees", "~Held at end", "P&L"]
    return card("By symbol", table(heads, rows), a.recording.currency, kind="full")

"""Cards about our orders, their place in the queue, the quality of the data, and the definitions."""

from html import escape
from itertools import pairwise

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.cautions import DISTURBED
from backtest.analysis.definitions import BY_NAME, COUNTERS, Summary
from backtest.numbers import count, duration, lot_places, percent, shown, significant
from backtest.report.cards import DASH, card, table
from engine.messages.vocabulary import OrderStatus, Reason
from engine.state.arrays import UNCOUNTED


def orders(a: Analysis, s: Summary) -> str:
    """What became of our orders."""
    rows = a.orders.rows
    if not len(rows):
        return card("Orders", '<p class="none">No order was sent.</p>', kind="half")
    status, executed = rows["status"], rows["executed"] > 0
    ended = (status == OrderStatus.CANCELLED) | (status == OrderStatus.EXPIRED)
    outcomes = [
        ("Filled", int((status == OrderStatus.FILLED).sum()), "gain"),
        ("Partly filled, then ended", int((ended & executed).sum()), "partly"),
        ("Ended unfilled", int((ended & ~executed).sum()), "idle"),
        ("Rejected", int((status == OrderStatus.REJECTED).sum()), "loss"),
        ("Open at the end", int(np.isin(status, [OrderStatus.NEW, OrderStatus.PENDING, OrderStatus.PARTIALLY_FILLED]).sum()), "plain"),
    ]
    there = [one for one in outcomes if one[1]]
    strip = "".join(f'<i class="{kind}" style="flex:{many}" title="{name}: {many:,}"></i>' for name, many, kind in there)
    lines = [[f'<i class="key {kind}"></i>{name}', count(many), percent(many / len(rows), 1)] for name, many, kind in there]
    reasons = sorted(enumerate(np.bincount(rows["reason"]).tolist()), key=lambda one: -one[1])
    shown_reasons = [(code, many) for code, many in reasons if many and code not in (Reason.NONE, Reason.REQUESTED)]
    foot = ", ".join(f"{Reason(code).name} {count(many)}" for code, many in shown_reasons[:4])
    body = f'<div class="strip">{strip}</div>' + table(["Outcome", "Orders", "Share"], lines)
    body += f'<p class="foot">Reasons: {escape(foot)}.</p>' if foot else ""
    return card("Orders", body, f"{count(len(rows))} sent", f"{significant(s['order_to_trade'])} messages a fill", "half")


def queue(a: Analysis, s: Summary) -> str:
    """How the place in the queue at entry decided who was filled."""
    rows = a.orders.rows
    rows = rows[rows["queued"] & (rows["ahead"] != UNCOUNTED)]
    if not len(rows):
        return card("Queue", '<p class="none">Your orders never rested in the book.</p>', kind="half")
    bins = _queue_bins(rows["ahead"])
    lines, shares = [], []
    for low, high in bins:
        some = rows[(rows["ahead"] >= low) & (rows["ahead"] < high)]
        met = some[some["first_fill"] > 0]
        wait = float(np.median(met["first_fill"] - met["created"])) / 1e9 if len(met) else None
        part = len(met) / len(some)
        text = "0" if high == 1 else f"{low:,}–{high - 1:,}" if high < np.iinfo(np.int64).max else f"{low:,} and more"
        shares.append(part)
        lines.append([text, count(len(some)), "", percent(part, 1), duration(wait)])
    for line, part in zip(lines, shares):
        line[2] = f'<div class="meter"><i style="width:{100 * part / (max(shares) or 1.0):.1f}%"></i></div>'
    body = table(["Lots ahead at entry", "Orders", "", "Met a fill", "~Median wait"], lines, kind="queue")
    guessed = s["estimated_share"] or 0.0
    body += f'<p class="foot">Place in the queue: {percent(1 - guessed, 1)} of maker fills exact, {percent(guessed, 1)} estimated.</p>'
    right = f"{count(s['queue_ahead_entry'])} → {count(s['queue_ahead_fill'])} lots"
    return card("Queue", body, "resting orders by lots ahead", right, "half")


def _queue_bins(ahead: np.ndarray) -> list[tuple[int, int]]:
    """Round edges at about the quarters of the lots ahead."""
    positive = ahead[ahead > 0]
    bins = [(0, 1)] if (ahead == 0).any() else []
    if not len(positive):
        return bins
    edges = [1]
    for cut in np.percentile(positive, [25, 50, 75, 95]):
        size = 10 ** max(int(np.log10(max(cut, 1))), 0)
        edges.append(int(round(cut / size) * size) or 1)
    edges = [*sorted(set(edges)), int(np.iinfo(np.int64).max)]
    found = [(low, high) for low, high in pairwise(edges) if ((ahead >= low) & (ahead < high)).any()]
    return bins + found


def data_quality(a: Analysis) -> str:
    """Lots of history that did not go as recorded."""
    volume, all_day = sum(quote.volume for quote in a.quotes), sum(quote.volume_so_far for quote in a.quotes)
    rows = []
    for name, why in COUNTERS.items():
        lots, whole = int(a.recording.counters.get(name, 0)), a.others_volume if name in DISTURBED else all_day
        rows.append([name.capitalize(), count(lots), percent(lots / whole, 2) if whole else DASH, f'<span class="why">{why}</span>'])
    body = table(["History", "Lots", "Of volume", "What"], rows, kind="data")
    r = a.recording
    foot = f"{count(r.market_commands)} market commands, {count(volume)} lots printed, {count(len(r.samples))} samples, "
    foot += f"at most one every {duration(r.resolution / 1e9)}."
    return card("Data quality", f'{body}<p class="foot">{foot}</p>', "what the file left open, and what we changed", kind="full")


def definitions(a: Analysis, s: Summary) -> str:
    """Every figure with its value, definition and source."""
    rows = []
    for name, value in s.items():
        meant = BY_NAME[name]
        text = escape(shown(value, meant.unit, unit_places=lot_places(a.recording.instruments[0])))
        source = f' <span class="source">{escape(meant.source)}</span>' if meant.source else ""
        rows.append([escape(meant.label), text, _unit_name(a, meant.unit), f'<span class="why">{escape(meant.definition)}{source}</span>'])
    body = table(["Figure", "Value", "Unit", "Definition"], rows, kind="definitions")
    return f'<details class="card full"><summary>All figures and their definitions</summary>{body}</details>'


def _unit_name(a: Analysis, unit: str) -> str:
    return {"money": a.recording.currency, "fraction": "", "seconds": "", "count": "", "text": "", "ratio": ""}.get(unit, unit)

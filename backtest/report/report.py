"""The report of a run: one HTML file with its own style, drawings and script, and nothing from elsewhere."""

import json
import os
from html import escape
from pathlib import Path
from typing import Any

from backtest.analysis.analysis import Analysis
from backtest.analysis.cautions import Caution
from backtest.analysis.definitions import Summary
from backtest.numbers import clock, count, duration
from backtest.recording import strategy_name
from backtest.report import book_picture, charts, cost_cards, day_cards, order_cards, return_cards, script, tiles, trip_cards
from backtest.report.cards import card as box
from backtest.report.charts import TimeAxis
from backtest.report.panels import (
    SYMBOLS_MOST,
    axis_of,
    drawdown_panel,
    equity_panel,
    position_panel,
    price_panel,
    traded,
)
from backtest.report.pictures import packaged
from engine.messages.vocabulary import Side

BOOK_SECONDS = 60.0


def write_report(a: Analysis, summary: Summary, warnings: list[Caution], path: Path) -> Path:
    """Write the page under a temporary name and rename it when whole; into a folder as report.html."""
    path = path / "report.html" if path.is_dir() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(page(a, summary, warnings), encoding="utf-8")
    temporary.replace(path)
    return path


def page(a: Analysis, summary: Summary, warnings: list[Caution]) -> str:
    """The whole report as HTML."""
    axis = axis_of(a)
    book = _book(a)
    body = [
        _head(a),
        _warnings(warnings),
        tiles.tiles(a, summary),
        _equity(a, axis),
        day_cards.days(a),
        return_cards.months(a),
        return_cards.rolling(a, axis),
        *[_symbol(a, axis, number_) for number_ in traded(a)[:SYMBOLS_MOST]],
        book[0],
        cost_cards.costs(a, summary),
        cost_cards.markout_chart(a, summary),
        cost_cards.by_symbol(a),
        trip_cards.trip_histogram(a, summary),
        trip_cards.excursions(a),
        trip_cards.periods(a),
        trip_cards.drawdown_table(a),
        trip_cards.trip_table(a),
        order_cards.orders(a, summary),
        order_cards.queue(a, summary),
        order_cards.data_quality(a),
        order_cards.definitions(a, summary),
        '<p class="end">Made by Tapebook. Times and figures of this page follow from the recorded facts alone.</p>',
    ]
    numbers = json.dumps({**script.numbers(a, axis), "book": book[1]}, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    title = escape(strategy_name(a.recording))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title} · Tapebook</title><style>{packaged('report.css')}{packaged('charts.css')}</style></head><body>"
        f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{charts.SHAPES}</defs></svg>'
        f'<main>{"".join(body)}</main><script type="application/json" id="numbers">{numbers}</script>'
        f"<script>{packaged('report.js')}</script></body></html>"
    )


def _head(a: Analysis) -> str:
    r, zone = a.recording, a.recording.zone
    symbols = ", ".join(one.symbol for one in r.instruments[:6]) + (" …" if len(r.instruments) > 6 else "")
    start, end = (
        clock(r.opened, zone, "%d %b %Y %H:%M:%S", 0),
        clock(r.end, zone, "%H:%M:%S" if a.returns.sessions == 1 else "%d %b %Y %H:%M:%S", 0),
    )
    days = "1 session" if a.returns.sessions == 1 else f"{a.returns.sessions} sessions"
    warm = f" · warm-up {duration((r.opened - r.start) / 1e9)}" if r.opened > r.start else ""
    when = f"{start} → {end} · {r.meta.get('time_zone') or 'UTC'} · {days}{warm}"
    entries = "".join(
        f'<div><dt>{escape(label)}</dt><dd title="{escape(str(whole))}">{escape(short)}</dd></div>'
        for label, short, whole in tiles.identity(a)
    )
    parameters = r.meta.get("parameters") or {}
    chips = "".join(f"<code><b>{escape(str(name))}</b> {escape(str(value))}</code>" for name, value in parameters.items())
    entries += f'<div class="wide"><dt>Parameters</dt><dd class="chips">{chips}</dd></div>' if chips else ""
    return (
        f'<header><div class="top"><div><h1>{escape(strategy_name(r))} <span>{escape(symbols)}</span></h1>'
        f'<p class="when">{escape(when)}</p></div><div class="tools"><button data-do="theme" hidden title="Light or dark">◐</button>'
        f'<button data-do="pair" hidden title="Colours for the colour-blind">CVD</button></div></div><dl class="id">{entries}</dl></header>'
    )


def _warnings(warnings: list[Caution]) -> str:
    if not warnings:
        return ""
    return '<ul class="warnings">' + "".join(f"<li>{escape(one.text)}</li>" for one in warnings) + "</ul>"


def _equity(a: Analysis, axis: TimeAxis) -> str:
    equity, under = equity_panel(a, axis), drawdown_panel(a, axis)
    under.x_ticks = axis.ticks()
    stretch = duration(sum(b - a_ for a_, b in axis.sessions) / 2e9 / charts.BUCKETS)
    buttons = (("out", "−"), ("in", "+"), ("reset", "Reset"))
    tools = "".join(f'<button data-do="{act}" hidden>{text}</button>' for act, text in buttons)
    body = charts.html(equity) + '<p class="name">Drawdown</p>' + charts.html(under)
    thin = f", low and high of every {stretch}" if len(a.curve.ts) > 2 * charts.BUCKETS else ""
    return box("Equity", body, f"net P&L in {a.recording.currency} at the last trade price{thin}", f'<span class="tools">{tools}</span>')


def _symbol(a: Analysis, axis: TimeAxis, instrument: int) -> str:
    """Price with our fills, and the position under it."""
    mine = a.fills[a.fills["instrument"] == instrument]
    bought = int((mine["side"] == Side.BUY).sum())
    price, position = price_panel(a, axis, instrument), position_panel(a, axis, instrument)
    position.x_ticks = axis.ticks()
    name = '<p class="name">Position</p>'
    right = f'<span class="up">▲ {count(bought)} bought</span> <span class="down">▼ {count(len(mine) - bought)} sold</span>'
    hollow = "; hollow: taker" if len(mine) and not mine["maker"].all() else ""
    return box(
        a.recording.instruments[instrument].symbol,
        charts.html(price) + name + charts.html(position),
        f"bid, ask, middle and our fills{hollow}",
        right,
    )


def _book(a: Analysis) -> tuple[str, dict[str, Any] | None]:
    """The heat map's card and the script's numbers for it."""
    if a.recording.depth_window is None:
        return "", None
    at = book_picture.busiest(a, BOOK_SECONDS)
    try:
        made = book_picture.heat(a, at, BOOK_SECONDS)
    except ValueError:
        return "", None
    instrument = a.recording.instruments[made.window.instrument]
    about = f"{instrument.symbol}, 60 s around {clock(at, a.recording.zone, digits=0)}, the busiest of ours; amber: our resting orders"
    return box(
        "Order book", charts.html(book_picture.book_plot(a, made), "dense"), about, book_picture.legend_of(a, made)
    ), book_picture.packed(a, made)

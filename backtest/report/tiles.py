"""The head of a report: who ran what, and the figures at a glance."""

from html import escape
from typing import Any

from backtest.analysis.analysis import Analysis
from backtest.analysis.definitions import BY_NAME, DAYS_MIN, Summary
from backtest.numbers import compact, count, duration, lot_places, number, percent, places, significant

SHOWN_ELSEWHERE = {"feed_latency", "order_latency", "response_latency", "maker_fee", "taker_fee", "strategy", "parameters", "time_zone"}
Tile = tuple[str, str, str, float | None]
DOUBTFUL = ("sharpe", "probabilistic_sharpe", "sortino", "volatility")
LABELS = {"fees": "Fees and rebates", "queue_ahead_fill": "Queue ahead", "probabilistic_sharpe": "Probability", "volatility": "Volatility"}
"""Figures that mean little below `cautions.DAYS_MIN` days: they are shown in grey."""


def tiles(a: Analysis, s: Summary) -> str:
    """The figures of a run: a label, the figure, what it refers to."""
    return (
        '<section class="tiles">'
        + "".join(_tile(a, *one) for one in [*_result_tiles(a, s), *_trade_tiles(a, s), *_execution_tiles(a, s)])
        + "</section>"
    )


def _tile(a: Analysis, name: str, text: str, below: str, sign: float | None = None) -> str:
    meant = BY_NAME[name]
    kind = "up" if sign and sign > 0 else "down" if sign and sign < 0 else ""
    if name in DOUBTFUL and a.returns.sessions < DAYS_MIN:
        kind = "doubt"
    return (
        f'<div class="tile" title="{escape(meant.definition)}"><span class="k">{escape(LABELS.get(name, meant.label))}</span>'
        f'<span class="v {kind}">{escape(text)}</span><span class="b">{escape(below)}</span></div>'
    )


def _result_tiles(a: Analysis, s: Summary) -> list[Tile]:
    money = a.recording.currency
    step = "day" if a.returns.daily else duration(s["return_interval"])
    fall = percent(s["max_drawdown_fraction"], 3)
    return [
        ("net_pnl", compact(s["net_pnl"], sign=True), f"{money}; gross {compact(s['gross_pnl'], sign=True)}", s["net_pnl"]),
        ("total_return", percent(s["total_return"], 3, sign=True), f"of {number(s['start_equity'], 0)}", s["total_return"]),
        ("sharpe", significant(s["sharpe"]), f"a year; {significant(s['sharpe_interval'])} per {step}", None),
        ("probabilistic_sharpe", percent(s["probabilistic_sharpe"], 1), "that the true Sharpe is above 0", None),
        ("sortino", significant(s["sortino"]), "a year", None),
        ("max_drawdown", compact(s["max_drawdown"]), f"{fall}, {duration(s['max_drawdown_duration'])}", s["max_drawdown"]),
        ("volatility", percent(s["volatility"]), f"a year, from {step} returns", None),
        ("time_in_market", percent(s["time_in_market"], 1), "of session time", None),
    ]


def _trade_tiles(a: Analysis, s: Summary) -> list[Tile]:
    makers = int(a.fills["maker"].sum())
    won = round((s["win_rate"] or 0) * s["round_trips"])
    return [
        ("fills", count(s["fills"]), f"{count(makers)} maker, {count(s['fills'] - makers)} taker", None),
        ("round_trips", count(s["round_trips"]), f"median {duration(s['trip_duration'])}; {count(s['open_trips'])} open", None),
        ("win_rate", percent(s["win_rate"], 1), f"{count(won)} of {count(s['round_trips'])}", None),
        ("profit_factor", significant(s["profit_factor"]), "won ÷ lost", None),
        (
            "average_trip",
            number(s["average_trip"], places(s["average_trip"]), sign=True),
            _unit(s["expectancy"], "bps of entry"),
            s["average_trip"],
        ),
        ("turnover", compact(s["turnover"]), f"{significant(s['turnover_cash'])} × cash", None),
        ("fill_ratio", percent(s["fill_ratio"], 1), f"of lots; {percent(s['filled_orders'], 1)} whole", None),
        ("order_to_trade", significant(s["order_to_trade"]), f"{count(s['orders'])} orders", None),
    ]


def _execution_tiles(a: Analysis, s: Summary) -> list[Tile]:
    queue = f"{count(s['queue_ahead_entry'])} → {count(s['queue_ahead_fill'])}"
    size = f"largest {compact(s['notional_max'])}"
    held: Tile = ("notional_max", compact(s["notional_max"]), "at once", None)
    if s["position_max"] is not None:
        places_ = lot_places(a.recording.instruments[0])
        held = ("position_max", number(s["position_max"], places_), f"average {number(s['position_average'], places_ or 1)}", None)
    return [
        ("maker_share", percent(s["maker_share"], 1), "of notional", None),
        (
            "spread_captured",
            compact(s["spread_captured"], sign=True),
            _unit(s["spread_captured_ticks"], "ticks a lot"),
            s["spread_captured"],
        ),
        ("markout_1s", compact(s["markout_1s"], sign=True), _unit(s["markout_1s_ticks"], "ticks a lot"), s["markout_1s"]),
        ("fees", compact(-s["fees"], sign=True), f"{compact(-s['fees_paid'])} {compact(s['rebates'], sign=True)}", -s["fees"]),
        ("queue_ahead_fill", queue, "lots, at entry → at fill", None),
        ("notional_average", compact(s["notional_average"]), size, None),
        held,
        ("market_share", percent(s["market_share"], 2), "of what others traded", None),
    ]


def _unit(value: float | None, unit: str) -> str:
    return f"{significant(value, sign=True)} {unit}"


LATENCIES = ("feed", "order", "response")


def _latencies(said: dict[str, Any]) -> str:
    given = [(name, said.get(f"{name}_latency")) for name in LATENCIES]
    return ", ".join(f"{name} {duration(v / 1e9) if isinstance(v, int | float) else v}" for name, v in given if v is not None)


def identity(a: Analysis) -> list[tuple[str, str, str]]:
    """Who ran what: label, short text, full text."""
    meta = a.recording.meta
    found: list[tuple[str, str, str]] = []
    named = {
        "run_id": "Run",
        "strategy": "Strategy",
        "data": "Data",
        "fingerprint": "Fingerprint",
        "engine": "Engine",
        "digest": "Digest",
        "seed": "Seed",
    }
    for key, label in named.items():
        if meta.get(key) not in (None, ""):
            whole = str(meta[key])
            short = f"{whole[:8]}…{whole[-4:]}" if key in ("fingerprint", "digest") and len(whole) > 16 else whole
            found.append((label, short, whole))
    several = meta.get("strategies", {})
    alike = "several" not in [meta.get(f"{name}_latency") for name in LATENCIES]
    for label, said in [("Latency", meta)] if alike else [(f"Latency of {name}", said) for name, said in several.items()]:
        if text := _latencies(said):
            found.append((label, text, text))
    for one in a.recording.instruments[:1]:
        text = f"maker {significant(float(one.maker_fee) * 1e4)} bps, taker {significant(float(one.taker_fee) * 1e4)} bps"
        found.append(("Fees", text, text))
    shown_keys = {*named, *SHOWN_ELSEWHERE, "strategies"}
    found += [(key.replace("_", " ").capitalize(), str(value), str(value)) for key, value in meta.items() if key not in shown_keys]
    found.append(("Strategy calls", count(a.recording.wakes), str(a.recording.wakes)))
    return found

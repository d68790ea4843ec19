"""The small static summary of a result that a notebook shows."""

from html import escape

from backtest.analysis.analysis import Analysis
from backtest.analysis.cautions import Caution
from backtest.analysis.definitions import Summary
from backtest.numbers import clock, count, number, percent, significant
from backtest.recording import strategy_name
from backtest.report.panels import axis_of, equity_panel
from backtest.report.pictures import Picture


def card(a: Analysis, s: Summary, warnings: list[Caution]) -> str:
    """A small static summary for a notebook: who, what to know, the main figures, the equity curve."""
    r, axis = a.recording, axis_of(a)
    shown = [
        ("Net P&L", number(s["net_pnl"], 2, sign=True)),
        ("Sharpe", significant(s["sharpe"])),
        ("Max drawdown", number(s["max_drawdown"], 2)),
        ("Fills", count(s["fills"])),
        ("Round trips", count(s["round_trips"])),
        ("Win rate", percent(s["win_rate"], 1)),
        ("Maker share", percent(s["maker_share"], 1)),
        ("Markout 1 s, ticks", significant(s["markout_1s_ticks"], sign=True)),
        ("Fees", number(s["fees"], 2)),
    ]
    cells = "".join(_cell(label, text) for label, text in shown)
    to_know = "".join(f"<div>⚠︎ {escape(one.text)}</div>" for one in warnings)
    equity = equity_panel(a, axis, 110)
    equity.x_ticks = axis.ticks(6)
    title = f"{strategy_name(r)}  {', '.join(one.symbol for one in r.instruments[:6])}"
    about = f"{clock(r.opened, r.zone, '%d %b %Y %H:%M', 0)} → {clock(r.end, r.zone, '%H:%M', 0)} {r.meta.get('time_zone') or 'UTC'}"
    picture = Picture(f"Net P&L, {r.currency}", [("", equity)])
    return (
        f'<div style="max-width:900px"><b>{escape(title)}</b> <span style="opacity:.65">{escape(about)}</span>'
        f'<div style="font-size:12px;opacity:.85;margin:4px 0">{to_know}</div>'
        f'<div style="display:flex;flex-wrap:wrap">{cells}</div>{picture._repr_svg_()}</div>'
    )


def _cell(label: str, text: str) -> str:
    figure = f'<div style="font:600 14px ui-monospace,monospace">{escape(text)}</div>'
    return f'<div style="padding:4px 18px 4px 0"><div style="font-size:11px;opacity:.65">{escape(label)}</div>{figure}</div>'

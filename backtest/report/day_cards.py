"""The card of a report about its days."""

from html import escape
from itertools import groupby
from typing import Any

from backtest.analysis.analysis import Analysis
from backtest.numbers import count, number, places
from backtest.report.cards import card, table, tone
from data.times import local_time

DAYS_MOST = 45
"""More days are shown by their months."""


def days(a: Analysis) -> str:
    """A row a day, or a month where there are many; nothing where there is one day."""
    rows, zone = a.days, a.recording.zone
    if len(rows) < 2:
        return ""
    dates = [local_time(ts, zone) for ts in rows["end"].tolist()]
    form = "%a %d %b %Y" if len(rows) <= DAYS_MOST else "%b %Y"
    groups = [[k for k, _ in group] for _, group in groupby(enumerate(dates), lambda one: one[1].strftime(form))]
    body = [_row(a, rows[group], dates[group[0]].strftime(form)) for group in groups]
    heads = ["Day" if len(rows) <= DAYS_MOST else "Month", "Net P&L", "~Fees, net", "Fills", "~Orders", "~Turnover", "Equity at its end"]
    up = f"{int((rows['pnl'] > 0).sum())} of {len(rows)} days up"
    return card("Days", table(heads, body, kind="days"), f"{a.recording.currency}; a night belongs to the day after it", up)


def _row(a: Analysis, rows: Any, name: str) -> list[str]:
    pnl, fees, turnover = (a.money(int(rows[what].sum())) for what in ("pnl", "fees", "turnover"))
    figures = [number(fees, places(fees)), count(int(rows["fills"].sum())), count(int(rows["orders"].sum())), number(turnover, 0)]
    return [escape(name), tone(pnl, number(pnl, places(pnl), sign=True)), *figures, number(a.money(int(rows["equity"][-1])), 2)]

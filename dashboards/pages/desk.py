"""The desk: what a trader looks at, and orders through."""

from typing import Any

from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page
from live.gateway.routes import TRADING


def build(visit: Visit) -> Any:
    """Ladder, chart, tape, depth through time, orders, positions, limits, alerts; order entry for who may trade."""
    symbols = [str(one["symbol"]) for one in visit.source.about.instruments]
    asked = visit.query.get("symbol", "")
    symbol = asked if asked in symbols else (symbols[0] if symbols else "")
    unknown = asked if asked and asked not in symbols else ""
    trades = bool(visit.who.roles & TRADING) and visit.who.trader is not None and visit.source.about.trades
    common = {"symbol": symbol, "trades": trades, "interval": visit.query.get("interval", ""), "unknown": unknown}
    cells = [
        Cell("kpi", "Key figures", card("kpi", **common)),
        Cell("book", "Order book", card("ladder", **common)),
        Cell("chart", "Chart", card("chart", **common)),
        *([Cell("entry", "Order entry", card("entry", **common))] if trades else []),
        Cell("limits", "Limits", card("limits", **common)),
        Cell("heat", "Depth through time", card("heat", **common)),
        Cell("positions", "Positions", card("positions", **common)),
        Cell("tape", "Trades", card("tape", **common)),
        Cell("orders", "Orders", card("blotter", **common)),
        Cell("alerts", "Alerts", card("alerts", **common)),
    ]
    return page(PLACES[0], visit, cells)

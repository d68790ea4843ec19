"""The desk: what a trader looks at, and orders through."""

from dashboards.pages.visit import Cell, Visit
from live.gateway.routes import TRADING


def cells(visit: Visit) -> list[Cell]:
    """Ladder, chart, tape, depth through time, orders, positions, limits, alerts; order entry for who may trade."""
    symbols = [str(one["symbol"]) for one in visit.source.about.instruments]
    asked = visit.query.get("symbol", "")
    symbol = asked if asked in symbols else (symbols[0] if symbols else "")
    unknown = asked if asked and asked not in symbols else ""
    trades = bool(visit.who.roles & TRADING) and visit.who.trader is not None and visit.source.about.trades
    common = {"symbol": symbol, "trades": trades, "interval": visit.query.get("interval", ""), "unknown": unknown}
    return [
        Cell("kpi", "Key figures", "kpi", common),
        Cell("book", "Order book", "ladder", common),
        Cell("chart", "Chart", "chart", common),
        *([Cell("entry", "Order entry", "entry", common)] if trades else []),
        Cell("limits", "Limits", "limits", common),
        Cell("heat", "Depth through time", "heat", common),
        Cell("positions", "Positions", "positions", common),
        Cell("tape", "Trades", "tape", common),
        Cell("orders", "Orders", "blotter", common),
        Cell("alerts", "Alerts", "alerts", common),
    ]

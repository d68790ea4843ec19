"""Risk: limits and what is used of them, exposure, refusals, switches, what an order would do, and who changed what."""

from dashboards.pages.visit import Cell, Visit
from live.gateway.routes import CONTROL, OVERSIGHT, TRADING


def cells(visit: Visit) -> list[Cell]:
    """The page; its switches are for those whom the gateway lets use them."""
    may = visit.source.about.trades
    controls = bool(visit.who.roles & CONTROL) and may
    asks = may and bool(visit.who.roles & OVERSIGHT or (visit.who.roles & TRADING and visit.who.trader))
    symbols = [str(one["symbol"]) for one in visit.source.about.instruments]
    symbol = visit.query.get("symbol", "")
    common = {"controls": controls, "asks": asks, "symbol": symbol if symbol in symbols else (symbols[0] if symbols else "")}
    return [
        Cell("kpi", "Key figures", "riskkpi", common),
        Cell("limits", "Limits", "limitboard", common),
        Cell("exposure", "Exposure", "exposure", common),
        Cell("controls", "Switches", "controls", common),
        Cell("refusals", "Breaches and failures", "refusals", common),
        Cell("whatif", "What if", "whatif", common),
        Cell("changes", "Who changed what", "changes", common),
    ]

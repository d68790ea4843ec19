"""Risk: limits and what is used of them, exposure, refusals, switches, what an order would do, and who changed what."""

from typing import Any

from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page
from live.gateway.routes import CONTROL, OVERSIGHT, TRADING


def build(visit: Visit) -> Any:
    """The page; its switches are for those whom the gateway lets use them."""
    may = visit.source.about.trades
    controls = bool(visit.who.roles & CONTROL) and may
    asks = may and bool(visit.who.roles & OVERSIGHT or (visit.who.roles & TRADING and visit.who.trader))
    symbols = [str(one["symbol"]) for one in visit.source.about.instruments]
    symbol = visit.query.get("symbol", "")
    common = {"controls": controls, "asks": asks, "symbol": symbol if symbol in symbols else (symbols[0] if symbols else "")}
    cells = [
        Cell("kpi", "Key figures", card("riskkpi", **common)),
        Cell("limits", "Limits", card("limitboard", **common)),
        Cell("exposure", "Exposure", card("exposure", **common)),
        Cell("controls", "Switches", card("controls", **common)),
        Cell("refusals", "Breaches and failures", card("refusals", **common)),
        Cell("whatif", "What if", card("whatif", **common)),
        Cell("changes", "Who changed what", card("changes", **common)),
    ]
    return page(PLACES[1], visit, cells)

"""A portfolio: what it is worth and was, what it holds, what it earned by symbol, what it traded, what settles when."""

from typing import Any

from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page


def build(visit: Visit) -> Any:
    """The page; `portfolio` in its address says whose."""
    cells = [
        Cell("kpi", "Key figures", card("folio")),
        Cell("equity", "Equity and drawdown", card("equity")),
        Cell("positions", "Positions", card("positions")),
        Cell("pnl", "P&L by symbol", card("pnl")),
        Cell("traded", "Turnover and fees", card("traded")),
        Cell("settlement", "Settlement", card("settlement")),
    ]
    return page(PLACES[2], visit, cells)

"""A portfolio: what it is worth and was, what it holds, what it earned by symbol, what it traded, what settles when."""

from dashboards.pages.visit import Cell, Visit


def cells(visit: Visit) -> list[Cell]:
    """The page; `portfolio` in its address says whose."""
    return [
        Cell("kpi", "Key figures", "folio"),
        Cell("equity", "Equity and drawdown", "equity"),
        Cell("positions", "Positions", "positions"),
        Cell("pnl", "P&L by symbol", "pnl"),
        Cell("traded", "Turnover and fees", "traded"),
        Cell("settlement", "Settlement", "settlement"),
    ]

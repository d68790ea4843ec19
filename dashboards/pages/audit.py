"""Audit: an order's life, a question in SQL to the log, cases of surveillance, and who changed what."""

from dashboards.answers.table import AUDITORS
from dashboards.pages.visit import Cell, Visit


def cells(visit: Visit) -> list[Cell]:
    """The page; `order`, `trader` and `sql` stand in its address. SQL is for compliance and admin."""
    return [
        Cell("order", "An order's life", "orderlife"),
        Cell("sql", "SQL", "sql", {"may": bool(visit.who.roles & AUDITORS)}),
        Cell("cases", "Surveillance", "cases"),
        Cell("changes", "Who changed what", "changes"),
    ]

"""Audit: an order's life, a question in SQL to the log, cases of surveillance, and who changed what."""

from typing import Any

from dashboards.answers.table import AUDITORS
from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page


def build(visit: Visit) -> Any:
    """The page; `order`, `trader` and `sql` stand in its address. SQL is for compliance and admin."""
    cells = [
        Cell("order", "An order's life", card("orderlife")),
        Cell("sql", "SQL", card("sql", may=bool(visit.who.roles & AUDITORS))),
        Cell("cases", "Surveillance", card("cases")),
        Cell("changes", "Who changed what", card("changes")),
    ]
    return page(PLACES[5], visit, cells)

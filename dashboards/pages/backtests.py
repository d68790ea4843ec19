"""Backtests: the recorded runs, some side by side, and one with its report and its book at any moment."""

from typing import Any

from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page


def build(visit: Visit) -> Any:
    """The page; what it shows of which runs stands in its address: run, compare, strategy, data, sort, page, show, at, of."""
    cells = [
        Cell("runs", "Runs", card("runs")),
        Cell("compare", "Compare", card("compare")),
        Cell("detail", "Run", card("rundetail")),
    ]
    return page(PLACES[3], visit, cells)

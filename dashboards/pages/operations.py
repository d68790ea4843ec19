"""Operations: how sessions, stages, services, files and clients stand."""

from typing import Any

from dashboards.cards.card import card
from dashboards.pages.place import PLACES
from dashboards.pages.visit import Cell, Visit, page


def build(visit: Visit) -> Any:
    """The page; `standing` in its address says which table stands open."""
    cells = [
        Cell("kpi", "Key figures", card("operationskpi")),
        Cell("throughput", "Throughput", card("throughput")),
        Cell("stages", "Stages", card("stages")),
        Cell("standing", "Standing", card("standing")),
        Cell("letters", "Dead letters", card("letters")),
        Cell("alerts", "Alerts", card("alerts")),
    ]
    return page(PLACES[4], visit, cells)

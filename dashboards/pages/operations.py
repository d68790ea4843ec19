"""Operations: how sessions, stages, services, files and clients stand."""

from dashboards.pages.visit import Cell, Visit


def cells(visit: Visit) -> list[Cell]:
    """The page; `standing` in its address says which table stands open."""
    return [
        Cell("kpi", "Key figures", "operationskpi"),
        Cell("throughput", "Throughput", "throughput"),
        Cell("stages", "Stages", "stages"),
        Cell("standing", "Standing", "standing"),
        Cell("letters", "Dead letters", "letters"),
        Cell("alerts", "Alerts", "alerts"),
    ]

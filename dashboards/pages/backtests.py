"""Backtests: the recorded runs, some side by side, and one with its report and its book at any moment."""

from dashboards.pages.visit import Cell, Visit


def cells(visit: Visit) -> list[Cell]:
    """The page; what it shows of which runs stands in its address: run, compare, strategy, data, sort, page, show, at, of."""
    return [
        Cell("runs", "Runs", "runs"),
        Cell("compare", "Compare", "compare"),
        Cell("detail", "Run", "rundetail"),
    ]

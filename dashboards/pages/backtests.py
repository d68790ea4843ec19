"""Backtests: the recorded runs, some side by side, one with its report and its book at any moment, and sweeps where there are some."""

from backtest.sweep.folder import folders
from dashboards.pages.visit import Cell, Visit


def cells(visit: Visit) -> list[Cell]:
    """The page; what it shows of which runs stands in its address: run, compare, strategy, data, sort, page, show, at, of; sweep,
    by, x, y."""
    swept = bool(folders(visit.out))
    return [
        Cell("runs", "Runs", "runs"),
        *([Cell("sweep", "Sweep", "sweep")] if swept else []),
        Cell("compare", "Compare", "compare"),
        Cell("detail", "Run", "rundetail"),
    ]

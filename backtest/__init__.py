"""The historical shell: runs, results, metrics, reports. Names are loaded when first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtest.compare import assert_same as assert_same
    from backtest.result import Result as Result
    from backtest.run import Backtest as Backtest
    from backtest.signals.bars import BarBacktest as BarBacktest
    from backtest.signals.bars import vectorised as vectorised
    from backtest.signals.lines import plot_lines as plot_lines
    from backtest.signals.sweep import sweep_bars as sweep_bars
    from backtest.statistics.luck import luck as luck
    from backtest.store import runs as runs
    from backtest.sweep.sweep import Sweep as Sweep
    from engine.strategy.examples import FastImbalanceTaker as FastImbalanceTaker
    from engine.strategy.examples import FastMarketMaker as FastMarketMaker
    from engine.strategy.examples import ImbalanceTaker as ImbalanceTaker
    from engine.strategy.examples import MarketMaker as MarketMaker

_PLACES = {
    "Backtest": "backtest.run",
    "BarBacktest": "backtest.signals.bars",
    "FastImbalanceTaker": "engine.strategy.examples",
    "FastMarketMaker": "engine.strategy.examples",
    "ImbalanceTaker": "engine.strategy.examples",
    "MarketMaker": "engine.strategy.examples",
    "Result": "backtest.result",
    "Sweep": "backtest.sweep.sweep",
    "assert_same": "backtest.compare",
    "luck": "backtest.statistics.luck",
    "plot_lines": "backtest.signals.lines",
    "runs": "backtest.store",
    "sweep_bars": "backtest.signals.sweep",
    "vectorised": "backtest.signals.bars",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'backtest' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

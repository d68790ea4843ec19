"""The historical shell: runs, results, metrics, reports. Names are loaded when first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtest.examples import FastImbalanceTaker as FastImbalanceTaker
    from backtest.examples import FastMarketMaker as FastMarketMaker
    from backtest.examples import ImbalanceTaker as ImbalanceTaker
    from backtest.examples import MarketMaker as MarketMaker
    from backtest.result import Result as Result
    from backtest.run import Backtest as Backtest
    from backtest.same import assert_same as assert_same
    from backtest.store import runs as runs

_PLACES = {
    "Backtest": "backtest.run",
    "FastImbalanceTaker": "backtest.examples",
    "FastMarketMaker": "backtest.examples",
    "ImbalanceTaker": "backtest.examples",
    "MarketMaker": "backtest.examples",
    "Result": "backtest.result",
    "assert_same": "backtest.same",
    "runs": "backtest.store",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'backtest' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

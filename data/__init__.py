"""Where rows rest: the event log, readers of market data, feeds. Names are loaded when first asked for, so `import data` is cheap."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.bars import read_bars as read_bars
    from data.depth import replay as replay
    from data.feed import DataError as DataError
    from data.feed import Feed as Feed
    from data.feed import merge as merge
    from data.lobster import read_lobster as read_lobster
    from data.log import EventLog as EventLog
    from data.synthetic import synthetic_flow as synthetic_flow

_PLACES = {
    "DataError": "data.feed",
    "EventLog": "data.log",
    "Feed": "data.feed",
    "merge": "data.feed",
    "read_bars": "data.bars",
    "read_lobster": "data.lobster",
    "replay": "data.depth",
    "synthetic_flow": "data.synthetic",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'data' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

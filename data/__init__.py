"""Where rows rest: the event log, readers of market data, feeds. Names are loaded when first asked for, so `import data` is cheap."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.bars.adjusting import adjust as adjust
    from data.bars.of_trades import bars_of as bars_of
    from data.bars.reader import read_bars as read_bars
    from data.binance.reader import read_binance as read_binance
    from data.calendars.feed import in_sessions as in_sessions
    from data.catalog.catalog import Catalog as Catalog
    from data.dbn.reader import read_dbn as read_dbn
    from data.feed import DataError as DataError
    from data.feed import Feed as Feed
    from data.formats import days as days
    from data.formats import read as read
    from data.itch.reader import read_itch as read_itch
    from data.levels.of_orders import levels_of as levels_of
    from data.lobster.reader import read_lobster as read_lobster
    from data.log.event_log import EventLog as EventLog
    from data.merged import merge as merge
    from data.quality.replay import replay as replay
    from data.synthetic.flow import synthetic_flow as synthetic_flow
    from data.tabular.reader import read_table as read_table
    from data.venues.fees import fees as fees
    from data.venues.fees import fees_per_share as fees_per_share
    from data.venues.symbols import at_venue as at_venue

_PLACES = {
    "Catalog": "data.catalog.catalog",
    "DataError": "data.feed",
    "EventLog": "data.log.event_log",
    "Feed": "data.feed",
    "adjust": "data.bars.adjusting",
    "at_venue": "data.venues.symbols",
    "bars_of": "data.bars.of_trades",
    "days": "data.formats",
    "fees": "data.venues.fees",
    "fees_per_share": "data.venues.fees",
    "in_sessions": "data.calendars.feed",
    "levels_of": "data.levels.of_orders",
    "merge": "data.merged",
    "read": "data.formats",
    "read_bars": "data.bars.reader",
    "read_binance": "data.binance.reader",
    "read_dbn": "data.dbn.reader",
    "read_itch": "data.itch.reader",
    "read_lobster": "data.lobster.reader",
    "read_table": "data.tabular.reader",
    "replay": "data.quality.replay",
    "synthetic_flow": "data.synthetic.flow",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'data' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

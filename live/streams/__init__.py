"""Market-data streams: bars, indicators, alerts and quotes from ticks, over history and over topics alike.

from live import streams
streams.run(feed).bars                                  # of a feed, or of a frame of ticks
pipeline = streams.Pipeline(instruments)                # your own consumers: pipeline.consume("bars", take, "buffer(1000)")
await streams.serve(broker, pipeline, folder)           # from market-data-raw to the other topics
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from live.configuration.streams import StreamsSettings as StreamsSettings
    from live.streams.frames import frame_ticks as frame_ticks
    from live.streams.history import Output as Output
    from live.streams.history import run as run
    from live.streams.kernels.records import TICK as TICK
    from live.streams.kernels.records import TOLD as TOLD
    from live.streams.kernels.records import Bad as Bad
    from live.streams.kernels.records import Has as Has
    from live.streams.kernels.records import Told as Told
    from live.streams.pipeline import QUOTE as QUOTE
    from live.streams.pipeline import Pipeline as Pipeline
    from live.streams.raw_packed import pack_ticks as pack_ticks
    from live.streams.serving import serve as serve

_PLACES = {
    "StreamsSettings": "live.configuration.streams",
    "frame_ticks": "live.streams.frames",
    "Output": "live.streams.history",
    "run": "live.streams.history",
    "QUOTE": "live.streams.pipeline",
    "Pipeline": "live.streams.pipeline",
    "pack_ticks": "live.streams.raw_packed",
    "TICK": "live.streams.kernels.records",
    "TOLD": "live.streams.kernels.records",
    "Bad": "live.streams.kernels.records",
    "Has": "live.streams.kernels.records",
    "Told": "live.streams.kernels.records",
    "serve": "live.streams.serving",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'live.streams' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

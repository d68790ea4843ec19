"""The streams beside a session: its market goes to market-data-raw, and what is made of that is kept for whoever asks the session."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from live.broker.port import Broker
from live.broker.topics import DEAD_LETTERS, MARKET_DATA_1MIN, MARKET_DATA_RAW, MARKET_INDICATORS, PRICE_ALERTS, topics
from live.configuration.streams import StreamsSettings
from live.streams.market_data import MarketData

if TYPE_CHECKING:
    pass

BARS_KEPT, ALERTS_KEPT = 1_440, 1_000
"""Of each symbol, and in all."""
_TOPICS = (MARKET_DATA_RAW, MARKET_DATA_1MIN, MARKET_INDICATORS, PRICE_ALERTS, DEAD_LETTERS)
Object = dict[str, Any]


class Beside:
    """The streams of a session: its newest bars, values and alerts, as their topics have them. What fails here does not end the session."""

    def __init__(self, settings: StreamsSettings, session: Any, broker: Broker, passing: bool) -> None:
        from live.streams.pipeline import Pipeline
        from live.streams.serving import Serving
        from live.streams.told_json import ToldWriter

        self.pipeline = Pipeline(session.exchange.instruments, settings)
        self.serving: Serving = Serving(
            broker,
            self.pipeline,
            Path(session.folder.path),
            shard=session.settings.broker.shard,
            passing=passing,
            notice=session.notice,
        )
        self._writer = ToldWriter(self.pipeline.folding.known)
        self._bars: dict[str, dict[str, Object]] = {one.symbol: {} for one in session.exchange.instruments}
        self.values: dict[tuple[str, str], Object] = {}
        """The latest value by symbol and name."""
        self.alerts: deque[Object] = deque(maxlen=ALERTS_KEPT)
        self.listeners: list[Callable[[Object], None]] = []
        """Told each alert."""
        self._session = session
        self.pipeline.consume("bars", self._bar)
        self.pipeline.consume("indicators", self._value)
        self.pipeline.consume("alerts", self._alert)

    def bars(self, symbol: str) -> list[Object]:
        """The bars of a symbol that were told, the oldest first, each as it was told last."""
        return [self._bars[symbol][start] for start in sorted(self._bars[symbol])]

    @property
    def taken(self) -> int:
        """The seq of the session's last trade that the streams took."""
        return self.serving.kept.seqs.get(self._session.name, 0)

    async def run(self, session: Any) -> None:
        """Serve for ever; says so and ends where the streams fail."""
        try:
            await self.serving.run()
        except Exception as error:
            session.notice("StreamsStopped", failure=f"{type(error).__name__}: {error}")
        finally:
            await self.pipeline.close()

    def _objects(self, told: np.ndarray) -> list[Object]:
        from live.streams.told_json import plain_rows

        return [msgspec.json.decode(self._writer.text(row)) for row in plain_rows(told)]

    def _bar(self, told: np.ndarray) -> None:
        for one in self._objects(told):
            kept = self._bars[one["symbol"]]
            kept[one["start"]] = one
            while len(kept) > BARS_KEPT:
                del kept[min(kept)]

    def _value(self, told: np.ndarray) -> None:
        self.values |= {(one["symbol"], one["name"]): one for one in self._objects(told)}

    def _alert(self, told: np.ndarray) -> None:
        for one in self._objects(told):
            self.alerts.append(one)
            self._session.notice(one["type"], **{"at" if name == "ts" else name: said for name, said in one.items() if name != "type"})
            for listener in self.listeners:
                listener(one)


async def connect_streams(equipment: Any, session: Any, passing: bool) -> None:
    """Line up what a session tells of its market, and its streams where `[streams]` says so; without a broker on one of their own."""
    settings: StreamsSettings | None = session.settings.streams
    runs, broker = settings is not None and settings.run, equipment.broker
    if broker is None and runs:
        from live.broker.memory import MemoryBroker

        broker, passing = MemoryBroker(), True
        await broker.open()
        await broker.ensure([topic for topic in topics(session.settings.broker.shards) if topic.name in _TOPICS])
    if broker is None:
        return
    if runs and settings is not None:
        try:
            equipment.streams = Beside(settings, session, broker, passing)
            equipment.outlets.append(equipment.streams.run)
        except Exception as error:  # what is made of the market must not keep it from opening
            session.notice("StreamsStopped", failure=f"{type(error).__name__}: {error}")
    since = (lambda: equipment.streams.taken) if passing and equipment.streams is not None else None
    equipment.outlets.append(MarketData(broker, session.settings.broker.shard, since).run)

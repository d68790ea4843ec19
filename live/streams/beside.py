"""The streams beside a session: its market goes to market-data-raw, and what is made of that is kept for whoever asks the session."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from live.broker.port import Broker
from live.broker.topics import DEAD_LETTERS, MARKET_DATA_1MIN, MARKET_DATA_RAW, MARKET_INDICATORS, PRICE_ALERTS, topics
from live.configuration.streams import StreamsSettings
from live.streams.market_data import MarketData

if TYPE_CHECKING:
    from live.streams.shown import Object

_TOPICS = (MARKET_DATA_RAW, MARKET_DATA_1MIN, MARKET_INDICATORS, PRICE_ALERTS, DEAD_LETTERS)


class Beside:
    """The streams of a session: its newest bars, values and alerts, as their topics have them. What fails here does not end the session."""

    def __init__(self, settings: StreamsSettings, session: Any, broker: Broker, passing: bool) -> None:
        from live.streams.pipeline import Pipeline
        from live.streams.serving import Serving
        from live.streams.shown import Shown
        from live.streams.told_json import ToldWriter, plain_rows

        self.pipeline = Pipeline(session.exchange.instruments, settings)
        self.serving: Serving = Serving(
            broker,
            self.pipeline,
            Path(session.folder.path),
            shard=session.settings.broker.shard,
            passing=passing,
            notice=session.notice,
        )
        known = self.pipeline.folding.known
        self._writer, self._rows = ToldWriter(known), plain_rows
        self.shown = Shown(Path(session.folder.path), session.settings.broker.shard, self.serving.kept.lineage, known)
        self.serving.before_state = self.shown.keep
        self.listeners: list[Callable[[Object], None]] = []
        """Told each alert."""
        self._session = session
        self.pipeline.consume("bars", self._bar)
        self.pipeline.consume("indicators", self._value)
        self.pipeline.consume("alerts", self._alert)

    def bars(self, symbol: str) -> "list[Object]":
        """The bars of a symbol that were told, the oldest first, each as it was told last."""
        return self.shown.bars(symbol)

    @property
    def values(self) -> "dict[tuple[str, str], Object]":
        """The latest value by symbol and name of the indicator."""
        return self.shown.values

    @property
    def alerts(self) -> "Sequence[Object]":
        """The newest alerts, the oldest first."""
        return self.shown.alerts

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
            self.shown.close()

    def _bar(self, told: np.ndarray) -> None:
        for row in self._rows(told):
            self.shown.add_bar(self._writer.text(row))

    def _value(self, told: np.ndarray) -> None:
        for row in self._rows(told):
            self.shown.add_value(self._writer.text(row))

    def _alert(self, told: np.ndarray) -> None:
        for row in self._rows(told):
            one = self.shown.add_alert(row["number"], self._writer.text(row))
            if one is None:
                continue
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

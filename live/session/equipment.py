"""What a session is connected to: its broker and market, as its settings name them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from data.feed import Feed
from engine.messages.durations import duration_ns
from live.broker.port import Broker
from live.broker.topics import topics
from live.configuration.session import SessionSettings
from live.configuration.tables import BrokerSettings
from live.ports.clock_watch import watch_clock
from live.ports.dead_man import DeadMan
from live.ports.history import HistorySource
from live.ports.lease import Lease
from live.ports.market import MarketSource
from live.ports.orders import OrderSource
from live.ports.publisher import CURSOR, Publisher, last_published
from live.pricing.service import Pricing
from live.streams.beside import connect_streams
from live.wire.portfolios import accounts

STUCK = 5.0
"""Seconds without a publication, while something waits for it, after which the broker counts as gone."""
DRAIN, GOODBYE = 3.0, 2.0
"""Seconds that the end of a session waits for the broker, and for its farewell; what is not out by then is told by the next start."""


class Equipment:
    """The session's broker; `sources` bring it commands, `outlets` tell the world what it committed."""

    def __init__(self, settings: SessionSettings, market: Feed | None, broker: Broker | None) -> None:
        self.settings, self.market = settings, market
        self.broker = broker if broker is not None else broker_of(settings.broker, settings.name)
        self._passing = broker is None and settings.broker.kind == "memory"
        self.publisher: Publisher | None = None
        self.played: MarketSource | None = None
        self.dead_man = DeadMan({one.name: duration_ns(one.silent_after) / 1e9 for one in settings.traders if one.silent_after})
        self.sources: list[Callable[[Any], Awaitable[None]]] = []
        self.outlets: list[Callable[[Any], Awaitable[None]]] = []
        self.services = supervisor_of(settings)
        self.streams: Any = None
        """The streams beside the session (`live.streams.beside.Beside`), where it runs any."""

    def beside(self) -> list[Callable[[Any], Awaitable[None]]]:
        """What runs beside the session from its start to its end."""
        return [] if self.services is None else [self.services.run]

    async def connect(self, session: Any) -> None:
        """Open the broker, see to its topics, and line up what reads and writes there. Raises BrokerError."""
        self.sources += [self.dead_man.run, watch_clock]
        if self.broker is not None:
            await self._connect(session, self.broker)
        await connect_streams(self, session, self._passing)
        if (given := self.settings.streams) is not None and (given.marks is not None or given.theoretical):
            self.sources.append(Pricing(given, session.exchange.instruments).run)
        if self.market is not None:
            speed = self.settings.market.speed if self.settings.market is not None else 1.0
            self.played = MarketSource(self.market, paced=speed > 0)
            self.sources.append(self.played.run)

    async def _connect(self, session: Any, broker: Broker) -> None:
        given = self.settings.broker
        await broker.open()
        await broker.ensure(topics(given.shards))
        lease = Lease(await broker.claim(f"shard-{given.shard}"))  # before anything of the shard is read
        self.publisher = Publisher(broker, given.shard)
        if given.exactly_once:
            session.cursors[CURSOR] = max(session.cursors.get(CURSOR, 0), await last_published(broker, given.shard, session.name))
        if session.cursors.get(CURSOR, 0) < session.seq:  # what the portfolios have become may not have been told
            self.publisher.changed(accounts(session.exchange), session.seq, int(session.exchange.state.session["ts"][0]))
        session.committer.sinks.append(self.publisher.offer)
        session.committer.portfolios = self.publisher.changed
        session.matcher.pictures = True
        skip = given.removed == "skip"
        orders = OrderSource(broker, given.shard, skip, self.settings.elsewhere(), self.publisher.reached)
        feeds: list[Any] = [orders]
        if self.settings.market is not None and self.settings.market.topic:
            feeds.append(HistorySource(broker, given.shard, skip))
        for feed in feeds:
            if self._passing:  # its topics ended with the process before
                session.cursors.pop(feed.name, None)
            self.sources.append(feed.run)
        await orders.begin(session, given.start)  # here: whoever sends once the session runs is behind where it began
        self.outlets += [self.publisher.run, lease.run]

    def checks(self, seq: int) -> dict[str, bool]:
        """Whether the broker takes what is committed: all of it is out, or something went out of late."""
        return {"broker": self.publisher is None or self.publisher.cursor >= seq or self.publisher.moved_within(STUCK)}

    async def drain(self) -> None:
        """Wait until everything that was committed is out, or the broker has had its time."""
        if self.publisher is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.publisher.drained(), DRAIN)

    async def close(self) -> None:
        """Let go of the broker."""
        if self.broker is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.broker.close(), GOODBYE)


def supervisor_of(settings: SessionSettings) -> Any:
    """Who runs the services that the settings name; None where they name none."""
    if not settings.notifications and settings.settlement is None and settings.surveillance is None:
        return None
    from live.services.supervisor import Supervisor

    return Supervisor(settings)


class Equipped:
    """What a session answers to the gateway in its own process (`Served`)."""

    equipment: Equipment

    @property
    def streams(self) -> Any:
        """See Served."""
        return self.equipment.streams

    @property
    def supervisor(self) -> Any:
        """See Served."""
        return self.equipment.services

    @property
    def writer(self) -> None:
        """It takes commands itself."""

    def heard(self, trader: str, longest: float | None) -> None:
        """A trader is there; `longest`: the seconds of silence after which its orders are cancelled, 0 for no such promise."""
        self.equipment.dead_man.heard(trader, longest)

    def checks(self: Any) -> dict[str, bool]:
        """Whether its log goes on, and its broker takes what is committed."""
        return self.equipment.checks(self.seq) | {"log": self._running and self.error is None}


def broker_of(given: BrokerSettings, session: str) -> Broker | None:
    """The broker that the settings name; None where a session in memory publishes nothing."""
    if given.kind == "memory":
        if not given.publish:
            return None
        from live.broker.memory import MemoryBroker

        return MemoryBroker()
    from live.broker.kafka import KafkaBroker

    patience = duration_ns(given.patience) / 1e9
    who = f"tapebook-{session}-{given.shard}" if given.exactly_once else None
    return KafkaBroker(given.servers, exactly_once=given.exactly_once, transactional_id=who, security=given.security, patience=patience)

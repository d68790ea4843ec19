"""The notifications of a session: rules over its facts and alerts, an outbox, and a way to each target."""

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

from live.broker.port import Broker
from live.configuration.services import LOG_TARGET, NotificationSettings, TargetSettings
from live.services.host import Host
from live.services.notifications.delivery import Delivery
from live.services.notifications.outbox import NAME, Outbox, Waiting
from live.services.notifications.rules import Found, Rules
from live.services.notifications.targets import TopicTarget, target_of
from live.services.service import STEP
from live.wire.facts import FactEncoder
from live.wire.times import time_text
from live.writer.committed import Committed

TOPIC_TARGET = " topic"
"""The target that every notification goes to where there is a broker; no target of a configuration has this name."""


class Notifications:
    """`broker`: where the topic `notifications` is; None without one."""

    name = NAME

    def __init__(
        self,
        host: Host,
        rules: Sequence[NotificationSettings],
        targets: Sequence[TargetSettings],
        broker: Broker | None = None,
        shard: int = 0,
    ) -> None:
        self._host, self._broker, self._shard = host, broker, shard
        self._given = list(rules)
        if broker is not None:
            self._given = [one.model_copy(update={"to": [*one.to, TOPIC_TARGET]}) for one in rules]
        listed = {one.name: one for one in targets}
        used = dict.fromkeys(name for one in rules for name in one.to)
        self._targets = [listed.get(name) or TargetSettings(name=LOG_TARGET, kind="log") for name in used]
        self._seq = 0
        self._outbox: Outbox | None = None
        self.deliveries: list[Delivery] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alerts: list[tuple[str, str, int, dict[str, Any]]] = []
        self._some = threading.Lock()
        host.alerts.append(self.alert)

    def open(self) -> int:
        """See Service."""
        self._outbox = Outbox(self._host)
        self._seq = self._outbox.position()
        encoder = FactEncoder(self._host.name, self._host.names, self._host.decimals)
        self._rules = Rules(self._given, self._host.name, encoder)
        for piece in self._host.log.read_facts(self._host.number, 1, self._seq, rows=STEP):
            self._rules.learn(piece)
        return self._seq + 1

    def take(self, batch: Committed) -> None:
        """See Service."""
        found = list(self._rules.facts(batch.facts))
        last = max(self._seq, batch.last_seq)
        if found:
            self._put(found, last)
        self._seq = last

    def tick(self, now: int) -> None:
        """Keep where we are, and what was noticed."""
        with self._some:
            alerts, self._alerts = self._alerts, []
        found = [one for alert in alerts if (one := self._noticed(*alert)) is not None]
        assert self._outbox is not None
        if found or self._seq > self._outbox.position():
            self._put(found, self._seq)

    def alert(self, key: str, kind: str, ts: int, said: dict[str, Any]) -> None:
        """Something was noticed: it is kept within a second."""
        with self._some:
            self._alerts.append((key, kind, ts, said))

    def _noticed(self, key: str, kind: str, ts: int, said: dict[str, Any]) -> Found | None:
        whole = {"session": self._host.name, "seq": None, "ts": time_text(ts), "kind": kind, **said}
        return self._rules.alert(key, kind, ts, said, json.dumps(whole, default=str).encode())

    def _put(self, found: list[Found], position: int) -> None:
        assert self._outbox is not None
        if self._outbox.put(found, position) and self._loop is not None:
            self._loop.call_soon_threadsafe(self._call)

    def _call(self) -> None:
        for one in self.deliveries:
            one.news.set()

    def position(self) -> int:
        """See Service."""
        return self._seq

    async def deliver(self) -> None:
        """Deliver for ever what waits, and what comes."""
        self._loop = asyncio.get_running_loop()
        session, dead = self._host.name, self._dead
        self.deliveries = [Delivery(given, target_of(given), session, dead) for given in self._targets]
        if self._broker is not None:
            given = TargetSettings.model_construct(name=TOPIC_TARGET, kind="log", timeout="60s")
            self.deliveries.append(Delivery(given, TopicTarget(self._broker, self._shard), session, dead))
        outbox = await asyncio.to_thread(Outbox, self._host)
        try:
            await asyncio.gather(*(one.run(outbox) for one in self.deliveries))
        finally:
            self._loop = None
            for one in self.deliveries:
                await one.target.close()
            outbox.close()

    async def _dead(self, told: Waiting, error: BaseException) -> None:
        await self._host.dead(self.name, told.seq, told.value, error)

    def close(self) -> None:
        """See Service."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    def wipe(self) -> str:
        """See Service: what was told is not told again; what was missed is."""
        outbox = Outbox(self._host)
        outbox.begin_again()
        outbox.close()
        return "looks at every fact again; what was sent is not sent again"

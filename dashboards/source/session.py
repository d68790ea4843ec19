"""A session in this process."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from dashboards.source.models import ModelSource
from dashboards.source.port import About, Payload, Topic
from engine.exchange import Exchange
from live.gateway import shapes
from live.gateway.desk import Desk
from live.session.session import Session
from live.writer.committed import Committed

T = TypeVar("T")


class SessionSource(ModelSource):
    """Reads a session's own read models, and asks its exchange between two batches. `desk`: the gateway's, where there is one."""

    def __init__(self, session: Session, desk: Desk | None = None) -> None:
        super().__init__()
        self.session, self._lent = session, desk is not None
        self.desk = desk or Desk(session)
        self.models = self.desk.models
        self.figures: dict[str, Callable[[], Payload]] = {}
        """What stands beside the session, and says how it does."""
        self._paced: tuple[float, dict[str, int]] = (0.0, {})
        self._rates: dict[str, int] = {}
        self._known: tuple[int, list[dict[str, Any]]] = (-1, [])
        self.about = self._about()

    def _about(self) -> About:
        listed = tuple(shapes.instrument(one) for one in self.models.names.instruments)
        return About("session", self.session.name, True, True, listed)

    @property
    def gone(self) -> str:
        """Why nothing comes any more."""
        if self.session.error is not None:
            return f"the session ended: {self.session.error}"
        if self.desk.failed is not None:
            return f"nothing is shown any more: {self.desk.failed}"
        return "the session has stopped" if self.session.intake.closed else ""

    async def open(self) -> None:
        """Be told of each batch."""
        if not self._lent:
            self.desk.open()
        self.remember_past()
        self.desk.listeners.append(self._committed)

    async def close(self) -> None:
        """Be told no more."""
        if self._committed in self.desk.listeners:
            self.desk.listeners.remove(self._committed)
        if not self._lent:
            self.desk.close()

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """Between two batches, once that is committed."""
        return await self.session.ask(question)

    def _committed(self, batch: Committed) -> None:
        self.heard(batch.facts)

    def actions(self) -> list[dict[str, Any]]:
        """As they were written down; read again when there are more."""
        count = sum(one["kind"] == "PrivilegedAction" for one in self.desk.alerts)
        if count != self._known[0]:
            self._known = (count, self.desk.actions())
        return self._known[1]

    def alerts(self, topic: Topic) -> list[dict[str, Any]]:
        """The gateway's alerts and the session's notices."""
        seen = [one for one in reversed(self.desk.alerts) if topic.whole or one["kind"] != "PrivilegedAction"]
        seen = [one for one in seen if "portfolio" not in one or topic.sees(one["portfolio"] or "")]
        return sorted([*seen, *self.desk.notices()], key=lambda one: str(one["ts"]), reverse=True)

    def operating(self) -> Payload:
        """Rates since the reading before, stages with their histograms, and what the gateway counts."""
        meters, now = self.session.meters, time.monotonic()
        counts = {name: meters.counts[name] for name in ("commands", "facts")}
        if now - self._paced[0] >= 0.5:
            before, told = self._paced[0], self._paced[1]
            self._rates = (
                {f"{name}_per_second": round((counts[name] - told.get(name, 0)) / (now - before)) for name in counts} if told else {}
            )
            self._paced = (now, counts)
        stages = {
            name: {"count": one.count, "p50": one.percentile(0.5), "p99": one.percentile(0.99), "max": one.maximum, "buckets": one.counts}
            for name, one in meters.stages.items()
        }
        beside = {name: figures() for name, figures in self.figures.items()}
        return {**dict.fromkeys(f"{name}_per_second" for name in counts), **self._rates, "stages": stages, **beside}

    def standing(self) -> Payload:
        """Rates and times of the session's stages."""
        session, meters = self.session, self.session.meters
        counts = meters.counts
        stages = {name: [one.percentile(0.5), one.percentile(0.99)] for name, one in meters.stages.items()}
        return {
            "state": session.folder.said.get("state", ""),
            "started": session.folder.said.get("started"),
            "commands": counts["commands"],
            "facts": counts["facts"],
            "batches": counts["batches"],
            "waiting": session.intake.rows,
            "lag": session.seq - self.models.seq,
            "active": self.desk.tallies.settled().active,
            "stages": stages,
        }

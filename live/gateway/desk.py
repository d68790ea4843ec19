"""The gateway's view of a session: its read models, its facts as JSON, and the one way in for commands."""

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl

from data.segments.audit_file import mark
from engine.exchange import Exchange
from engine.messages.commands import Command
from engine.messages.names import Names, record
from engine.messages.vocabulary import Kind
from live.configuration.words import STREAM_ALERTS
from live.gateway import shapes
from live.gateway.facts import Told, owned
from live.gateway.operations.tallies import Tallies
from live.gateway.problems import Problem
from live.gateway.security.audit import FILE as AUDIT_FILE
from live.gateway.security.audit import Audit, actions_in
from live.gateway.security.rates import Rate
from live.models.read_models import ReadModels
from live.session.served import Served
from live.wire.times import time_text
from live.writer.committed import Committed

T = TypeVar("T")
PIECE = 1 << 16
ALERTS_KEPT = 1_000
PREVIEWS = 10.0
"""Previews a second of one user: each copies the exchange's state."""
_log = logging.getLogger("tapebook.gateway")


class Desk:
    """What the operations work with. Read models are as of the last commit whenever anybody is answered."""

    def __init__(self, session: Served) -> None:
        self.session = session
        self.names: Names = session.exchange.names
        self.decimals = session.exchange.decimals
        self.models: ReadModels = session.models
        self.told = Told(session.name, self.names, self.decimals)
        self._encoder = self.told.encoder(1)
        self.tallies = Tallies(self.names)
        self.alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS_KEPT)
        self.listeners: list[Callable[[Committed], None]] = []
        self.previews = Rate(PREVIEWS, PREVIEWS)
        self.failed: Exception | None = None
        self.ready = False
        self._audit = Audit(session.folder.path / AUDIT_FILE)
        self._given: dict[str, int] = {}

    def open(self) -> None:
        """Look at each batch from now on, behind the session's read models."""
        self.tallies.active = len(self.models.active_orders())
        self.session.committer.sinks.append(self._committed)
        self.ready = True

    def close(self) -> None:
        """Look no more."""
        self.ready = False
        if self._committed in self.session.committer.sinks:
            self.session.committer.sinks.remove(self._committed)

    def _committed(self, batch: Committed) -> None:
        try:
            self.tallies.add(batch.facts)
            for listener in self.listeners:
                listener(batch)
        except Exception as odd:  # what is shown must not end what is traded
            self.failed = odd
            _log.exception("clients get no more, from seq %d on", self.models.seq)
            self.close()

    # the way in

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Carry out commands; returns their facts (FACT) once they are committed. Raises Problem."""
        return await self._sent(lambda: self.session.send(command))

    async def _sent(self, send: Callable[[], Awaitable[np.ndarray]]) -> np.ndarray:
        if self.session.writer is not None:
            raise read_only(self.session.writer)
        if not self.ready:
            raise stopping("the gateway is not ready")
        try:
            return await send()
        except RuntimeError as odd:
            raise stopping(str(odd)) from None
        except ValueError as odd:
            raise Problem(422, "MALFORMED", str(odd)) from None

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """What the exchange says between two batches, once that is committed. Raises Problem."""
        try:
            return await self.session.ask(question)
        except RuntimeError as odd:
            raise stopping(str(odd)) from None

    def next_id(self, trader: str) -> int:
        """An id for the trader's next order that was not given to a request before."""
        made = max(self.models.next_order_id(trader), self._given.get(trader, 0) + 1)
        self._given[trader] = made
        return made

    def facts_of(self, trader: str, facts: np.ndarray) -> list[str]:
        """Facts that concern a trader's orders, as JSON, in their order."""
        number = self.names.traders.get(trader)
        self._encoder.day = self.models.day
        return [text for who, _, text in owned(self._encoder, facts, self.owner) if who == number]

    def owner(self, trader: int, order_id: int) -> tuple[int, int] | None:
        """Portfolio and side (numbers) of an order that the read models keep."""
        try:
            row = self.models.order_row(order_id, self.told.trader(trader))
        except KeyError:
            return None
        return self.names.portfolios[row["portfolio"]], int(row["side"] == "SELL")

    def rows(self, frame: pl.DataFrame) -> list[dict[str, Any]]:
        """The rows of a frame of the read models or the log."""
        return shapes.rows(frame, self.names, self.decimals)

    # notes

    def alert(self, kind: str, **more: Any) -> None:
        """Keep what was noticed for `/v1/alerts`."""
        self.alerts.append({"seq": self.models.seq, "ts": time_text(time.time_ns()), "kind": kind, **more})

    def notices(self) -> list[dict[str, Any]]:
        """What the session noticed, newest first, but for the alerts of its streams, which are in `alerts`."""
        return [shapes.plain({"seq": 0, **one}) for one in reversed(self.session.notices) if one["kind"] not in STREAM_ALERTS]

    async def audit(self, who: str, action: str, reason: str, **more: Any) -> tuple[int, str]:
        """Write down a privileged action, durably, before it is carried out; returns the line's number and hash."""
        entry = {"ts": time_text(time.time_ns()), "seq": self.models.seq, "who": who, "action": action, "reason": reason, **more}
        line = await self._audit.write(entry)
        self.alerts.append({**entry, "kind": "PrivilegedAction"})
        self.session.journal.say("privileged action", **entry)
        return line

    async def carry_out(self, command: Command, number: int, digest: str) -> np.ndarray:
        """Carry out the action of an audit line. A NOTICE before it, in the same commit, seals the line: the log says who and why.
        Returns the action's facts. Raises Problem."""
        seal = record(Kind.NOTICE, order_id=number, price=mark(digest))
        facts = await self._sent(lambda: self.session.run(np.concatenate([seal, self.session.exchange.encode(command)])))
        return facts[facts["kind"] != Kind.NoticeGiven]

    async def audited(self, number: int, facts: np.ndarray, refused: str | None) -> None:
        """Write down what came of the action of a line: the seq of its first fact (so the log says who and why), or why it was refused."""
        told = {"fact": int(facts["seq"][0]), "kind": Kind(int(facts["kind"][0])).name} if len(facts) else {}
        await self._audit.write({"ts": time_text(time.time_ns()), "of": number, "refused": refused, **told})

    def actions(self, most: int = 200) -> list[dict[str, Any]]:
        """The newest privileged actions of the session's whole life, newest first, as they were written down."""
        return actions_in(self.session.folder.path / AUDIT_FILE, most)


def read_only(where: str) -> Problem:
    """405: nothing is taken here."""
    return Problem(405, "READ_ONLY", where, headers={"allow": "GET"})


def stopping(detail: str) -> Problem:
    """503: nothing is taken now."""
    return Problem(503, "NOT_READY", detail, headers={"retry-after": "1"})

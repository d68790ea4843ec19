"""A service: a projection that follows a session's log, and how a batch that it cannot take is narrowed down to the message at fault."""

import asyncio
import json
from typing import Any, Protocol

import numpy as np

from engine.messages.records import FACT
from engine.messages.vocabulary import Kind
from live.services.host import Host, Standstill
from live.writer.committed import Committed

STEP = 1 << 16
"""Seqs that are read at once."""


class Service(Protocol):
    """Follows the log from its stored position. Its methods are called one at a time; what blocks runs in a thread of its own."""

    @property
    def name(self) -> str:
        """What it is called."""

    def open(self) -> int:
        """Read what is stored; returns the seq to follow from. Raises ServiceError."""

    def take(self, batch: Committed) -> None:
        """Make what follows from a batch durable, with the position behind it: all of it, or nothing and an exception."""

    def tick(self, now: int) -> None:
        """Once a second; `now`: ns UTC of the session's clock."""

    def close(self) -> None:
        """Let go of everything."""

    def position(self) -> int:
        """The last seq that was taken."""

    def wipe(self) -> str:
        """While it is closed, forget what the log says again, so that it begins anew; says what was done. Raises ServiceError."""


class Feeder:
    """Gives a service its batches, and puts aside what it cannot take."""

    def __init__(self, service: Service, host: Host) -> None:
        self.service, self._host = service, host
        self._dead: set[int] = set()

    async def open(self) -> int:
        """Returns the seq to follow from. Raises ServiceError."""
        return await asyncio.to_thread(self.service.open)

    async def feed(self, batch: Committed) -> None:
        """Let the service take a batch. Where that fails it begins again from what it stored, and takes the batch in halves; a single fact
        that fails again becomes a dead letter, and the service goes on behind it. Raises Standstill where it cannot."""
        try:
            await asyncio.to_thread(self._take, batch)
        except Standstill:
            raise
        except Exception as error:
            await self._narrow(batch, error)

    def _take(self, batch: Committed) -> None:
        if self._dead and len(batch.facts):
            batch = batch._replace(facts=batch.facts[~np.isin(batch.facts["seq"], list(self._dead))])
        self.service.take(batch)

    async def _narrow(self, batch: Committed, error: Exception) -> None:
        if len(batch.facts) <= 1:
            seq = int(batch.facts["seq"][0]) if len(batch.facts) else batch.last_seq
            await self._host.dead(self.service.name, seq, _shown(batch), error)
            self._dead.add(seq)
        await asyncio.to_thread(self._again, _first(batch))
        for part in halves(batch) if len(batch.facts) > 1 else (batch,):
            await self.feed(part)

    def _again(self, until: int) -> None:
        """Begin anew from what is stored, and come back to where we were."""
        self.service.close()
        first = self.service.open()
        while first < until:
            last = min(until, first + STEP) - 1
            commands, facts = self._host.log.read(self._host.number, first, last)
            self._take(Committed(commands.records, commands.seqs, facts))
            first = last + 1


def _first(batch: Committed) -> int:
    """The seq of its first row."""
    ends = [int(seqs[0]) for seqs in (batch.seqs, batch.facts["seq"]) if len(seqs)]
    return min(ends, default=0)


def halves(batch: Committed) -> tuple[Committed, Committed]:
    """A batch in two, each with the commands that stand before its facts."""
    middle = len(batch.facts) // 2
    border = int(batch.facts["seq"][middle])
    early = batch.seqs < border
    return (
        Committed(batch.commands[early], batch.seqs[early], batch.facts[:middle]),
        Committed(batch.commands[~early], batch.seqs[~early], batch.facts[middle:]),
    )


def _shown(batch: Committed) -> bytes:
    """The message as a dead letter holds it: the fields of the fact as they are."""
    if not len(batch.facts):
        return b"{}"
    fact = batch.facts[0]
    said: dict[str, Any] = {name: int(fact[name]) for name in FACT.names or () if name not in ("value", "limit")}
    return json.dumps({**said, "kind": Kind(said["kind"]).name}).encode()

"""A session that another process writes, followed by its sealed segments: its exchange and read models, and no way to change them."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from data.log.event_log import EventLog
from data.segments.place import has_ended, said_of
from engine.exchange import Exchange
from engine.messages.commands import Command
from live.configuration.session import SessionSettings
from live.configuration.tables import GatewaySettings
from live.models.read_models import ReadModels
from live.session.journal import Journal
from live.session.recovery import SessionError
from live.writer.committed import Committed
from live.writer.meters import Meters

T = TypeVar("T")
LAG_MAX = 5.0
"""Seconds that what was committed may take to be shown, before a reader says that it is not ready."""


class ReaderFolder:
    """The folder of a session as one of its readers sees it; what the reader says of itself stands in `readers/PID.json` there."""

    def __init__(self, path: Path) -> None:
        self.path, self.said = path, dict[str, Any]()
        self._file = path / "readers" / f"{os.getpid()}.json"

    def tell(self, state: str, **more: Any) -> None:
        """Write down how the reader stands."""
        self.said |= {"pid": os.getpid(), "state": state, **more}
        self._file.parent.mkdir(exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self.said, indent=2) + "\n")
        os.replace(part, self._file)

    def gone(self) -> None:
        """The reader goes."""
        self._file.unlink(missing_ok=True)


class _Sinks:
    def __init__(self) -> None:
        self.sinks: list[Callable[[Committed], None]] = []


class _Nothing:
    closed, rows = False, 0


class Followed:
    """A session by its folder, as of the last segment: every fact is carried out again on an exchange of its own, so books, accounts and
    limits are those of the session. Any number of readers stand beside one writer, which does not know of them. Raises LogError."""

    streams: Any = None
    supervisor: Any = None

    def __init__(self, folder: Path, gateway: GatewaySettings) -> None:
        self.folder = ReaderFolder(folder)
        self._log = EventLog.open(folder)
        self._name = str(self._log.frame("sessions")["session_id"][0])
        self._number = self._log.session(self._name)
        self._rows = self._log.follow_async(self._number, 1)  # from here on the log reads segments: the session may start again
        self.settings = SessionSettings.model_construct(name=self._name, gateway=gateway, traders=[])
        self.meters, self.notices = Meters(), list[dict[str, Any]]()
        self.committer, self.intake = _Sinks(), _Nothing()
        self.journal = Journal(folder, f"{self._name}.reader", file=f"reader-{os.getpid()}.log")
        self.error: BaseException | None = None
        self._reached, self._late = asyncio.Event(), 0.0

    async def open(self) -> None:
        """Come to where the session stands now. Raises LogError, SessionError."""
        self._exchange = await asyncio.to_thread(self._log.state, self._number)
        self._exchange.forget_facts()
        self._exchange.state.session["history_facts"] = True
        self.models = await asyncio.to_thread(ReadModels.from_log, self._log, self._number, self._exchange.names)
        at = int(self._exchange.state.session["seq"][0])
        if self.models.seq != at:
            await self._catch_up(at)
        self._rows = self._log.follow_async(self._number, self.models.seq + 1)

    async def _catch_up(self, at: int) -> None:
        """Segments came between the two looks: the one that is behind takes in what the other has seen."""
        commands, facts = await asyncio.to_thread(self._log.read, self._number, min(at, self.models.seq) + 1, max(at, self.models.seq))
        if at < self.models.seq:
            self._exchange.run(commands.records)
        else:
            self.models.apply(commands.records, commands.seqs, facts)

    async def keep_up(self) -> None:
        """Take in what the session commits, for ever. Raises LogError, SessionError where the segments are not this session's."""
        async for commands, facts in self._rows:
            began = time.perf_counter()
            self._exchange.run(commands.records)
            self.models.apply(commands.records, commands.seqs, facts)
            if self._exchange.state.session["seq"][0] != self.models.seq:
                raise SessionError(f"{self.folder.path}: carried out again, the session is elsewhere than at seq {self.models.seq}")
            batch = Committed(commands.records, commands.seqs, facts)
            for sink in self.committer.sinks:
                sink(batch)
            self.meters.counts["batches"] += 1
            self.meters.counts["commands"] += len(commands.seqs)
            self.meters.counts["facts"] += len(facts)
            self.meters.stage("follow").observe(time.perf_counter() - began)
            self._late = max(0.0, time.time() - int(commands.records["ts"][-1]) / 1e9) if len(commands.records) else 0.0
            self.meters.gauges["lag_seconds"] = self._late

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
        self.journal.close()
        self.folder.gone()

    @property
    def name(self) -> str:
        """The session's name."""
        return self._name

    @property
    def number(self) -> int:
        """Its number in the log."""
        return self._number

    @property
    def seq(self) -> int:
        """The last seq that was taken in."""
        return self.models.seq

    @property
    def log(self) -> EventLog:
        """The log, of segments."""
        return self._log

    @property
    def exchange(self) -> Exchange:
        """The exchange that carries it out again."""
        return self._exchange

    @property
    def writer(self) -> str | None:
        """Where commands go."""
        said = said_of(self.folder.path)
        where = f"send it to {said['url']}" if said.get("url") else "its session has no gateway"
        state = "" if said.get("state") == "running" else f"; that session's state is {said.get('state', 'unknown')}"
        return f"this process only reads session {self._name!r}; {where}{state}"

    def checks(self) -> dict[str, bool]:
        """Whether the segments are there, and no further behind than they may be."""
        there = (self.folder.path / "segments").is_dir()
        return {"log": there and self.error is None, "lag": has_ended(self.folder.path) or self._late < LAG_MAX}

    def heard(self, trader: str, longest: float | None) -> None:
        """Nobody is waited for here."""

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Raises RuntimeError: nothing is sent here."""
        raise RuntimeError(self.writer)

    async def run(self, commands: Any) -> np.ndarray:
        """Raises RuntimeError: nothing is sent here."""
        raise RuntimeError(self.writer)

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """What the exchange says; it stands between two batches whenever somebody may ask."""
        return question(self._exchange)

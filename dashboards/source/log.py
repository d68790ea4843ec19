"""An event log: a session that has ended, as it stood at its last row, or one that runs, followed through its sealed segments."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dashboards.source.models import ModelSource
from dashboards.source.port import About, Payload, SourceError
from data.log.event_log import EventLog
from data.segments.place import has_ended, log_of, said_of
from engine.errors import TapebookError
from engine.exchange import Exchange
from live.gateway import shapes
from live.gateway.security.audit import FILE as AUDIT_FILE
from live.gateway.security.audit import actions_in
from live.models.read_models import ReadModels
from live.wire.times import time_text

T = TypeVar("T")


class LogSource(ModelSource):
    """Replays what the log holds; `path`: its file, or the folder of a session. `session`: which of several; the last without it."""

    def __init__(self, path: Path, session: str | None = None) -> None:
        super().__init__()
        self.path, self.folder, self._named = path, log_of(path)[0].parent, session
        self.about = About("log", str(path), False, False, ())
        self._following: asyncio.Task[None] | None = None
        self._ended = ""

    @property
    def gone(self) -> str:
        """Why nothing comes any more, of a session that was followed."""
        return self._ended

    async def open(self) -> None:
        """Read it. Raises SourceError with the mend."""
        try:
            await asyncio.to_thread(self._read)
        except (TapebookError, OSError, ValueError) as odd:
            raise SourceError(f"{self.path}: {odd}") from None
        self.remember_past()
        if self.about.live:
            self._following = asyncio.create_task(self._follow_log())

    def _read(self) -> None:
        if not log_of(self.path)[0].exists() and not log_of(self.path)[1].is_dir():
            raise ValueError("there is no log; name log.duckdb, or the folder of a session or of a run")
        self.log = EventLog.open(self.path)
        listed = self.log.sessions()
        if not len(listed):
            raise ValueError("the log holds no session yet")
        self.number = self.log.session(self._named) if self._named else int(listed["session"][-1])
        name = self.log.session_id(self.number)
        meta = self.log.meta(self.number)
        if "feed" in meta:
            raise ValueError(f"it is the log of a backtest, which keeps its feed by reference; show it with --run {self.folder}")
        self.exchange = self.log.state(self.number)
        self.models = ReadModels.from_log(self.log, self.number, self.exchange.names)
        seq = int(self.exchange.state.session[0]["seq"])
        if self.models.seq > seq:  # more was sealed between the two looks
            commands, _ = self.log.read(self.number, seq + 1, self.models.seq)
            self.exchange.run(commands.records)
        instruments = tuple(shapes.instrument(one) for one in self.exchange.instruments)
        runs = not has_ended(self.folder) and said_of(self.folder).get("state") in ("running", "starting", "stopping")
        self.about = About("log", name, runs, False, instruments)

    async def _follow_log(self) -> None:
        """Take in what is sealed, as it comes."""
        try:
            async for commands, facts in self.log.follow_async(self.number, self.models.seq + 1, until_ended=True):
                self.exchange.run(commands.records)
                self.models.apply(commands.records, commands.seqs, facts)
                self.heard(facts)
            self._ended = "the session has ended"
        except (TapebookError, OSError, ValueError) as odd:
            self._ended = f"the log cannot be followed: {odd}"

    async def close(self) -> None:
        """Close the log."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        if hasattr(self, "log"):
            self.log.close()

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """The exchange as of the last row."""
        return question(self.exchange)

    def actions(self) -> list[dict[str, Any]]:
        """What lies beside the log, as it was written down."""
        return actions_in(self.folder / AUDIT_FILE)

    def standing(self) -> Payload:
        """Until when it goes."""
        state = "following" if self.about.live and not self._ended else "recorded"
        return {"state": state, "until": time_text(int(self.exchange.state.session[0]["ts"])), "active": len(self.models.active_orders())}

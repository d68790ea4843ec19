"""A live session: one writer, one process, from its configuration to its last commit."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import polars as pl

from data.feed import Feed
from data.segments.writer import SegmentWriter
from data.terminal import OUT
from data.write_ahead.session_log import SessionLog
from engine.exchange import Exchange
from engine.messages.commands import Command
from engine.messages.names import record
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from live.broker.port import Broker
from live.configuration.session import SessionSettings, read_settings
from live.models.market import quotes
from live.session import kept_models
from live.session.equipment import Equipment, Equipped
from live.session.journal import Journal, where
from live.session.opening import instruments_of
from live.session.recovery import Recovered, SessionError, recover
from live.session.status import SessionFolder
from live.session.tasks import Opened, Tasks
from live.writer.clock import Clock, WallClock
from live.writer.committed import Committed
from live.writer.committer import Committer
from live.writer.days import Days
from live.writer.followers import Followers
from live.writer.intake import Intake, Question, Request
from live.writer.matcher import Matched, Matcher
from live.writer.meters import Meters

__all__ = ["Session", "SessionError"]

T = TypeVar("T")


class Session(Equipped):
    """A live session, as an asynchronous context: it is started, takes commands from whoever sends them, and is drained at the end.

    `settings`: its configuration; `out`: its files lie under `out`/live/NAME; `market`: a feed that is played beside the participants;
    `clock`: where time comes from; `broker`: instead of the one that the settings name. Raises SessionError, LogError, BrokerError.
    """

    def __init__(
        self, settings: SessionSettings, out: Path | str = OUT, *, market: Feed | None = None, clock: Clock | None = None,
        broker: Broker | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.clock: Clock = clock or WallClock()
        self.folder = SessionFolder(out, settings.name)
        self.meters, self.intake = Meters(), Intake()
        self.equipment = Equipment(settings, market, broker)
        self.services: list[Callable[[Any], Awaitable[None]]] = self.equipment.beside()
        """What runs beside it, from its start to its end; one that raises ends it."""
        self.notices: list[dict[str, Any]] = []
        self._thread, self._keeper = ThreadPoolExecutor(1, "log"), kept_models.Keeper(self.folder.path, self.notice)
        self._tasks, self._opened = Tasks(self.intake.close), Opened()
        self._sources: list[asyncio.Task[Any]] = []
        self._seq, self._running = 0, False

    @classmethod
    def from_toml(cls, path: Path | str, out: Path | str = OUT, **options: Any) -> Self:
        """The session that a TOML file describes. Raises ConfigurationError with every problem at once."""
        from live.session.market import clock_of, market_of

        settings = read_settings(path, **options)
        market = market_of(settings, Path(path).parent)
        return cls(settings, out, market=market, clock=clock_of(settings, market))

    # what others ask of it

    @property
    def name(self) -> str:
        """Its name, and that of its log's session."""
        return self.settings.name

    @property
    def error(self) -> BaseException | None:
        """What ended it; None while it runs, and where it was stopped in order."""
        return self._tasks.error

    @property
    def exchange(self) -> Exchange:
        """The exchange; others ask it through `ask`, which waits for the commit."""
        return self._recovered.driver.exchange

    @property
    def log(self) -> SessionLog:
        """Its event log."""
        return self._recovered.log

    @property
    def number(self) -> int:
        """Its session's number in the log."""
        return self._recovered.session

    @property
    def seq(self) -> int:
        """The last seq that is committed."""
        return self._seq

    @property
    def cursors(self) -> dict[str, int]:
        """Where each source stood when the session started."""
        return self._recovered.cursors

    def note_cursor(self, source: str, offset: int) -> None:
        """Keep in the log, with the next commit, how far something has come."""
        self.committer.cursors[source] = offset

    def notice(self, kind: str, **said: Any) -> None:
        """Say something that the operator should know."""
        self.notices.append({"ts": self.clock.now(), "kind": kind, **said})
        del self.notices[:-1_000]
        self.journal.say(kind, **said)

    def watch(self, heard: Callable[[set[str]], None]) -> None:
        """Be told which traders commands of a batch came from."""
        self.matcher.heard = heard

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Send commands; returns their facts (FACT) once they are committed. Raises ValueError, and sends none, where one is odd."""
        await self.intake.space()
        given = [command] if isinstance(command, Command) else list(command)
        return await self._put(self.exchange.encode(*given))

    async def run(self, commands: Any) -> np.ndarray:
        """Send many commands: records (COMMAND, with this session's numbers), or columns as `Exchange.commands` takes them; returns their
        facts once they are committed."""
        await self.intake.space()
        records = isinstance(commands, np.ndarray) and commands.dtype == COMMAND
        return await self._put(commands.copy() if records else self.exchange.commands(commands))

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """What the exchange says between two batches, once everything that it has seen is committed."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.intake.put(Question(question, answer))
        return await answer

    async def quotes(self) -> pl.DataFrame:
        """Best prices, last trade and mark of every instrument, as a frame."""
        return await self.ask(quotes)

    def follow(self, from_seq: int = 1) -> AsyncIterator[Committed]:
        """Commands and facts from `from_seq` on, without gap or repeat: what is in the log, then each batch as it is committed."""
        return self.followers.follow(from_seq)

    async def _put(self, commands: np.ndarray) -> np.ndarray:
        answer: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        self.intake.put(Request(commands, answer, arrived=time.monotonic_ns()))
        return await answer

    # its life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open or recover the log and begin to take commands."""
        self.folder.hold()
        self._running, self.journal = True, Journal(self.folder.path, self.name)
        try:
            self.folder.tell("starting")
            await self._start()
            self.folder.tell("running", log=str(self.folder.path / "log.duckdb"), broker=self.settings.broker.kind)
            self.journal.say("running", session=self.name, seq=self._seq, fresh=self._recovered.fresh)
        except BaseException as error:
            await self._end(error)
            raise

    async def _start(self) -> None:
        self._open(await self._opened.open(self._recover, lambda made: made.log.close))
        self.models = await asyncio.to_thread(kept_models.load, self.folder.path, self.log, self.number, self.exchange.names)
        self.segments = await self._opened.open(lambda: SegmentWriter(self.folder.path, self.log, self.number), lambda made: made.close)
        self.committer.sinks += [self._seen, self.segments.add, self.followers.offer]
        await self.equipment.connect(self)
        spawn = self._tasks.spawn
        self._matching = spawn(self._match())
        for work in (self.committer.run(), self._tick(), *(outlet(self) for outlet in self.equipment.outlets)):
            spawn(work)
        self._sources = [spawn(service(self)) for service in [*self.equipment.sources, *self.services]]

    def _recover(self) -> Recovered:
        market, path = self.equipment.market, self.folder.path / "log.duckdb"
        opening = market.session_opening if market is not None else None
        instruments = instruments_of(self.settings, market)
        now = self.clock.now() + (opening is not None)  # a recorded session begins with its first row
        return recover(self.settings, path, instruments, now, opening)

    def _open(self, recovered: Recovered) -> None:
        self._recovered = recovered
        self._seq = recovered.log.last_seq(recovered.session)
        driver, day = recovered.driver, self.settings.day
        driver.failed = self._strategy_failed
        turns = (day.start, day.end, day.time_zone, day.calendar) if day is not None else ()
        days = Days(len(driver.exchange.instruments), *turns)
        days.begin(int(driver.clock["now"]))  # turns that came while it did not run are made up for
        self.matcher = Matcher(driver, self.intake, self.clock, days, self.meters)
        self.committer = Committer(recovered.log, recovered.session, self._thread, self.meters)
        self.matcher.hand = self.committer.offer
        self.matcher.logged = lambda strategy, ts, text: self.journal.say(text, strategy=strategy, ts=ts)
        self.followers = Followers(self)

    def _seen(self, batch: Committed) -> None:
        self.models.apply(batch.commands, batch.seqs, batch.facts)
        self._seq = batch.last_seq

    async def _match(self) -> None:
        kept = self.matcher.commands
        while True:
            await self.committer.room()
            if not await self.matcher.work():
                return
            if self.matcher.commands - kept >= self.settings.snapshot_every:
                kept = self.matcher.commands
                await self._keep()
            await asyncio.sleep(0)

    async def _keep(self) -> None:
        """Keep the state, once all before is committed, while nothing is matched; the read models as they are, meanwhile or later."""
        await self.committer.idle()
        await self._keeper.keep(self.models)
        await asyncio.get_running_loop().run_in_executor(self._thread, self.log.snapshot, self.number, self.exchange)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.committer.flush()

    def _strategy_failed(self, k: int, error: Exception) -> None:
        strategy = self._recovered.driver.participants[k].trader
        self.notice("StrategyStopped", strategy=strategy, failure=f"{type(error).__name__}: {error}", at=where(error))

    async def ended(self) -> None:
        """Wait until something has ended it. Raises what did."""
        await self._tasks.ended()

    async def stop(self) -> None:
        """Take no more, carry out and commit what was taken, keep the state, and close. Raises what ended it before."""
        if not self._running:
            return
        with contextlib.suppress(OSError):
            self.folder.tell("stopping")
        failed: BaseException | None = None
        try:
            await self._tasks.cancel(self._sources)
            self.intake.close()
            if self.error is None:
                await self._tasks.unless_one_fails(self._drain())
        except BaseException as error:
            failed = error
        await self._end(self.error or failed)
        if self.error is not None:
            raise self.error

    async def _drain(self) -> None:
        """The session's last row says until when it ran; then its state is kept, and what was committed is told."""
        await self._matching
        driver = self._recovered.driver
        closing = record(Kind.NOTICE, ts=max(self.clock.now(), self.matcher.now + 1))
        self.committer.offer(Matched(driver.turn(closing, int(closing["ts"][0]), settle=False)))
        await self._keep()
        await self._keeper.done()
        await self.equipment.drain()
        self.committer.flush()
        await self.committer.idle()
        for strategy in driver.strategies:
            strategy.on_stop()

    async def _end(self, error: BaseException | None) -> None:
        """Close everything that was opened, whatever fails."""
        self._running = False
        self.intake.close()
        await self._tasks.cancel()
        await self.equipment.close()
        await asyncio.to_thread(self._thread.shutdown)
        closing = await self._opened.close()
        self._tasks.error = error or closing
        self.intake.fail(f"session {self.name!r} has ended before this was committed: {self.error or 'it was stopped'}; ask its next start")
        if hasattr(self, "followers"):
            self.followers.end()
        with contextlib.suppress(OSError):
            self.folder.tell("failed" if self.error is not None else "ended", seq=self._seq)
        self.journal.say("ended", session=self.name, seq=self._seq, error=self.error)
        self.journal.close()
        self.folder.release()

"""A live session: one writer, one process, from its configuration to its last commit."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from data.feed import Feed
from engine.exchange import Exchange
from engine.messages.commands import Command
from engine.messages.names import record
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from live.session.clock import Clock, WallClock
from live.session.committed import Committed
from live.session.committer import Committer
from live.session.days import Days
from live.session.intake import Intake, Question, Request
from live.session.matcher import Matcher
from live.session.meters import Meters
from live.session.opening import instruments_of
from live.session.recovery import Recovered, SessionError, recover
from live.session.settings import SessionSettings, read_settings
from live.session.status import SessionFolder

T = TypeVar("T")
OUT = ".tapebook"
FOLLOWER_ROOM = 1 << 20
"""Rows that may wait for a follower; one that is further behind reads on in the log."""


class Session:
    """A live session, as an asynchronous context: it is started, takes commands from whoever sends them, and is drained at the end.

    `settings`: its configuration; `out`: its files lie under `out`/live/NAME; `market`: a feed that is played beside the participants, by
    default what the settings say; `clock`: where time comes from. Raises SessionError, LogError, ConfigurationError.
    """

    def __init__(self, settings: SessionSettings, out: Path | str = OUT, *, market: Feed | None = None, clock: Clock | None = None) -> None:
        self.settings, self.market = settings, market
        self.clock: Clock = clock or WallClock()
        self.folder = SessionFolder(out, settings.name)
        self.meters = Meters()
        self.intake = Intake()
        self.error: BaseException | None = None
        self.notices: list[dict[str, Any]] = []
        self.services: list[Callable[[Session], Any]] = []
        """Coroutines that run beside the session, from its start to its end; one that raises ends it."""
        self._thread = ThreadPoolExecutor(1, "log")
        self._tasks: list[asyncio.Task[Any]] = []
        self._ended = asyncio.Event()
        self._followers: list[asyncio.Queue[Committed]] = []

    @classmethod
    def from_toml(cls, path: Path | str, out: Path | str = OUT, **options: Any) -> Self:
        """The session that a TOML file describes. Raises ConfigurationError with every problem at once."""
        return cls(read_settings(path, **options), out)

    # what others ask of it

    @property
    def name(self) -> str:
        """Its name, and that of its log's session."""
        return self.settings.name

    @property
    def exchange(self) -> Exchange:
        """The exchange; others ask it through `ask`, which waits for the commit."""
        return self._recovered.driver.exchange

    @property
    def log(self) -> Any:
        """Its event log; read it through other threads or `read_only` readers."""
        return self._recovered.log

    @property
    def number(self) -> int:
        """The number of its session in the log."""
        return self._recovered.session

    @property
    def seq(self) -> int:
        """The last seq that is committed."""
        return self._seq

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Send commands; returns their facts (FACT) once they are committed. Raises ValueError where a number or a word is none."""
        await self.intake.space()
        given = [command] if isinstance(command, Command) else list(command)
        rows = [self.exchange.encode(one) for one in given]
        return await self._put(np.concatenate(rows) if rows else np.zeros(0, COMMAND))

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

    async def follow(self, from_seq: int = 1) -> AsyncIterator[Committed]:
        """Commands and facts from `from_seq` on, without gap or repeat: what is in the log, then each batch as it is committed."""
        at = from_seq
        while True:
            queue: asyncio.Queue[Committed] = asyncio.Queue()
            self._followers.append(queue)
            try:
                async for batch in self._logged(at, self._seq):
                    yield batch
                    at = batch.last_seq + 1
                while queue in self._followers or not queue.empty():
                    batch = await queue.get()
                    if batch.last_seq >= at:
                        batch = since(batch, at)
                        yield batch
                        at = batch.last_seq + 1
            finally:
                if queue in self._followers:
                    self._followers.remove(queue)

    async def _logged(self, first: int, last: int) -> AsyncIterator[Committed]:
        step = 1 << 16
        while first <= last:
            read = self._recovered.log.read
            commands, facts = await asyncio.to_thread(read, self.number, first, min(last, first + step - 1))
            yield Committed(commands.records, commands.seqs, facts)
            first += step

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
        try:
            self.folder.tell("starting")
            self._open(await asyncio.to_thread(self._recover))
            for work in (self._match, self.committer.run, self._tick):
                self._spawn(work())
            for service in self.services:
                self._spawn(service(self))
            self.folder.tell("running", log=str(self.folder.path / "log.duckdb"))
        except BaseException:
            self.folder.tell("failed")
            self.folder.release()
            raise

    def _recover(self) -> Recovered:
        return recover(self.settings, self.folder.path / "log.duckdb", instruments_of(self.settings, self.market), self.clock.now())

    def _open(self, recovered: Recovered) -> None:
        self._recovered = recovered
        self._seq = recovered.log.last_seq(recovered.session)
        driver = recovered.driver
        driver.failed = self._strategy_failed
        days = Days(self.settings.day, len(driver.exchange.instruments))
        days.begin(max(int(driver.clock["now"]), 0 if recovered.fresh else self.clock.now()))
        self.matcher = Matcher(driver, self.intake, self.clock, days, self.meters)
        self.committer = Committer(recovered.log, recovered.session, self._thread, self.meters)
        self.matcher.hand = self.committer.offer
        self.committer.sinks.append(self._committed)

    def _committed(self, batch: Committed) -> None:
        self._seq = batch.last_seq
        for queue in list(self._followers):
            if queue.qsize() > FOLLOWER_ROOM // max(1, len(batch.facts)):
                self._followers.remove(queue)
            else:
                queue.put_nowait(batch)

    async def _match(self) -> None:
        kept = self.matcher.commands
        while True:
            await self.committer.room()
            if not await self.matcher.work():
                return
            if self.matcher.commands - kept >= self.settings.snapshot_every:
                kept = self.matcher.commands
                await self._snapshot()
            await asyncio.sleep(0)

    async def _snapshot(self) -> None:
        """Keep the state, once everything before it is committed; nothing is matched meanwhile."""
        await self.committer.idle()
        await asyncio.get_running_loop().run_in_executor(self._thread, self.log.snapshot, self.number, self.exchange)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.committer.flush()

    def _strategy_failed(self, k: int, error: Exception) -> None:
        name = self._recovered.driver.participants[k].trader
        self.notices.append({"kind": "StrategyStopped", "strategy": name, "error": f"{type(error).__name__}: {error}"})

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.append(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and task.exception() is not None and self.error is None:
            self.error = task.exception()
            self.intake.close()
            self._ended.set()

    async def ended(self) -> None:
        """Wait until something has ended it. Raises what did."""
        await self._ended.wait()
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        """Take no more, carry out and commit what was taken, keep the state, and close. Raises what ended it before."""
        with contextlib.suppress(FileNotFoundError):
            self.folder.tell("stopping")
        matching, *others = self._tasks
        self.intake.close()
        try:
            if self.error is None:
                await matching
                await self._close()
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.to_thread(self._thread.shutdown)
            self.log.close()
            self.folder.tell("failed" if self.error is not None else "ended", seq=self._seq)
            self.folder.release()
        if self.error is not None:
            raise self.error

    async def _close(self) -> None:
        """The session's last row says until when it ran; then its state is kept."""
        driver, matcher = self._recovered.driver, self.matcher
        closing = record(Kind.NOTICE, ts=max(self.clock.now(), matcher.now + 1))
        from live.session.matcher import Matched

        self.committer.offer(Matched(driver.turn(closing, int(closing["ts"][0]), settle=False)))
        await self._snapshot()
        for strategy in driver.strategies:
            strategy.on_stop()


def since(batch: Committed, seq: int) -> Committed:
    """What of a batch has `seq` or a later one."""
    if not len(batch.seqs) or batch.seqs[0] >= seq:
        return batch
    keep = batch.seqs >= seq
    return Committed(batch.commands[keep], batch.seqs[keep], batch.facts[batch.facts["seq"] >= seq])


__all__ = ["Session", "SessionError"]

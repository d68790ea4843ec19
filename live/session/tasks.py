"""What runs within a session: tasks of which one that fails ends it, and what it has opened, which is closed again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from live.session.recovery import SessionError

T = TypeVar("T")


class Tasks:
    """The tasks of a session; `failed` is called when one of them raises, or is cancelled by something that is not the session."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._failed, self._tasks, self._stopping = failed, list[asyncio.Task[Any]](), False
        self._ended = asyncio.Event()

    def spawn(self, work: Any) -> "asyncio.Task[Any]":
        """Run it beside the others."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.append(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled():
            error = task.exception()
        else:
            error = None if self._stopping else SessionError(f"a task of the session was cancelled ({task.get_coro()}); start it again")
        if error is not None and self.error is None:
            self.error = error
            self._failed()
            self._ended.set()

    async def ended(self) -> None:
        """Wait until something has ended it. Raises what did."""
        await self._ended.wait()
        if self.error is not None:
            raise self.error

    async def cancel(self, tasks: "list[asyncio.Task[Any]] | None" = None, wait: float = 1.0) -> None:
        """Cancel some of them, or all, and give them `wait` seconds to end."""
        self._stopping = True
        chosen = self._tasks if tasks is None else tasks
        for task in chosen:
            task.cancel()
        if chosen:
            await asyncio.wait(chosen, timeout=wait)

    async def unless_one_fails(self, work: Awaitable[None]) -> None:
        """Do some work, which may wait for a task for ever once that has failed. Raises what failed."""
        working, failing = asyncio.ensure_future(work), asyncio.ensure_future(self.ended())
        try:
            done, _ = await asyncio.wait([working, failing], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (working, failing):
                task.cancel()
            await asyncio.gather(working, failing, return_exceptions=True)


class Opened:
    """What a session has opened, to be closed in reverse."""

    def __init__(self) -> None:
        self._closers: list[Callable[[], Any]] = []

    async def open(self, make: Callable[[], T], closer: Callable[[T], Callable[[], Any]]) -> T:
        """Make something in a thread, which cannot be stopped: who is cancelled meanwhile waits for it, so that it can be closed."""
        making = asyncio.ensure_future(asyncio.to_thread(make))
        try:
            return await asyncio.shield(making)
        finally:
            self._closers.append(closer(await making))

    async def close(self) -> BaseException | None:
        """Close all of it; returns the first error."""
        first: BaseException | None = None
        closers, self._closers = self._closers, []
        for close in reversed(closers):
            try:
                await asyncio.to_thread(close)
            except Exception as error:
                first = first or error
        return first

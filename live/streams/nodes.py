"""Our own nodes of a streamz graph: where micro-batches enter, and where consumers are told, each with the backpressure it names.

streamz's own buffer and latest lose values or stop in silence where a consumer raises (0.6.6), so these do their work under a supervisor.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from streamz import Source, Stream

from live.streams.kernels.records import TOLD

Take = Callable[[np.ndarray], Awaitable[None] | None]
_BUFFER = re.compile(r"buffer\((\d+)\)")


class Supervisor:
    """Sees every exception of the graph: the first is raised to whoever emits next, and by `check`."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Any) -> None:
        """Run a node's loop."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        task.add_done_callback(self._done)
        self._tasks.append(task)

    def _done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None and self.error is None:
            self.error = task.exception()

    def check(self) -> None:
        """Raises what a node failed with."""
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        """End the loops."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class MicroBatches(Source):
    """Where micro-batches enter. Who puts one waits until all that must wait has taken it."""

    def __init__(self) -> None:
        super().__init__(asynchronous=True)

    def start(self) -> None:
        """Batches are put, none is fetched."""

    async def put(self, batch: np.ndarray) -> None:
        """Through the graph; raises what a node or a blocking consumer raises."""
        await self.emit(batch, asynchronous=True)


class Consumer(Stream):
    """The end of a branch. `dropped` counts rows that a consumer who was too slow did not get."""

    def __init__(self, upstream: Stream, take: Take, supervisor: Supervisor) -> None:
        super().__init__(upstream)
        self.take, self.supervisor, self.dropped = take, supervisor, 0

    async def settled(self) -> None:
        """Wait until it has taken all that it will get of what was put."""


class Block(Consumer):
    """Who emits waits for it; nothing is dropped."""

    def update(self, x: np.ndarray, who: Any = None, metadata: Any = None) -> Any:
        """Its awaitable, which who emits waits for."""
        made = self.take(x) if len(x) else None
        return made if made is not None else []


class _Waiting(Consumer):
    """A consumer with a loop of its own, which nobody waits for."""

    def __init__(self, upstream: Stream, take: Take, supervisor: Supervisor) -> None:
        super().__init__(upstream, take, supervisor)
        self._some, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        supervisor.spawn(self._run())

    def update(self, x: np.ndarray, who: Any = None, metadata: Any = None) -> Any:
        """Keep it for the loop."""
        if len(x):
            self._keep(x)
            self._idle.clear()
            self._some.set()
        return []

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while len(batch := self._next()):
                made = self.take(batch)
                if made is not None:
                    await made
            self._idle.set()

    async def settled(self) -> None:
        """Wait until it has taken all that is kept. Raises what it failed with."""
        while not self._idle.is_set():
            self.supervisor.check()
            await asyncio.wait([asyncio.ensure_future(self._idle.wait())], timeout=0.05)

    def _keep(self, rows: np.ndarray) -> None:
        raise NotImplementedError

    def _next(self) -> np.ndarray:
        raise NotImplementedError


class Buffer(_Waiting):
    """Keeps up to `size` rows for a slow consumer; beyond that the oldest are dropped."""

    def __init__(self, upstream: Stream, take: Take, supervisor: Supervisor, size: int) -> None:
        self._parts: deque[np.ndarray] = deque()
        self._rows, self._size = 0, size
        super().__init__(upstream, take, supervisor)

    def _keep(self, rows: np.ndarray) -> None:
        self._parts.append(rows)
        self._rows += len(rows)
        while self._rows > self._size:
            oldest, over = self._parts.popleft(), self._rows - self._size
            dropped = min(over, len(oldest))
            if dropped < len(oldest):
                self._parts.appendleft(oldest[dropped:])
            self._rows -= dropped
            self.dropped += dropped

    def _next(self) -> np.ndarray:
        if not self._parts:
            return np.zeros(0, TOLD)
        rows = self._parts.popleft()
        self._rows -= len(rows)
        return rows


class Latest(_Waiting):
    """Keeps of each thing (symbol, and what is told of it) the newest row; one that it takes the place of is dropped."""

    def __init__(self, upstream: Stream, take: Take, supervisor: Supervisor) -> None:
        self._rows: dict[tuple[int, ...], np.ndarray] = {}
        super().__init__(upstream, take, supervisor)

    def _keep(self, rows: np.ndarray) -> None:
        names = [name for name in ("kind", "symbol", "indicator", "part") if name in (rows.dtype.names or ())]
        for at, key in enumerate(zip(*(rows[name].tolist() for name in names))):
            self.dropped += key in self._rows
            self._rows.pop(key, None)
            self._rows[key] = rows[at : at + 1]

    def _next(self) -> np.ndarray:
        rows, self._rows = self._rows, {}
        return np.concatenate(list(rows.values())) if rows else np.zeros(0, TOLD)


def check_policy(policy: str) -> None:
    """Raises ValueError for what is no choice of backpressure."""
    if policy not in ("block", "latest") and not ((found := _BUFFER.fullmatch(policy)) and int(found[1]) > 0):
        raise ValueError(f"{policy!r} is no choice of backpressure; name block, latest, or buffer(1000)")


def consumer(policy: str, upstream: Stream, take: Take, supervisor: Supervisor) -> Consumer:
    """The node of a consumer with its choice of backpressure."""
    check_policy(policy)
    if found := _BUFFER.fullmatch(policy):
        return Buffer(upstream, take, supervisor, int(found[1]))
    return (Block if policy == "block" else Latest)(upstream, take, supervisor)

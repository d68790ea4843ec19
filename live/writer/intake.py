"""What waits for the matcher: requests in the order in which they came, and no more of them than there is room for."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import TapebookError

ROOM = 1 << 17
"""Commands that may wait; who brings more waits himself."""


class Stopping(TapebookError, RuntimeError):
    """The session takes no more, or it has ended without an answer."""


@dataclass(slots=True)
class Request:
    """Commands that came together."""

    commands: np.ndarray
    """COMMAND; their `ts` is set when they are taken, unless they are timed."""
    answer: "asyncio.Future[np.ndarray] | None" = None
    """Is given their facts (FACT) once they are committed."""
    source: str = ""
    offset: int = 0
    """Where the source goes on behind them."""
    timed: bool = False
    """A recorded market's rows, in time order: their times hold."""
    arrived: int = 0
    """Monotonic ns."""


@dataclass(slots=True)
class Question:
    """What is asked of the exchange between two batches; answered once all that it saw is committed."""

    ask: Callable[[Any], Any]
    answer: "asyncio.Future[Any]"


class Intake:
    """A queue with a bound on its commands."""

    def __init__(self, room: int = ROOM) -> None:
        self.room, self.rows = room, 0
        self.closed = False
        self._waiting: deque[Request | Question] = deque()
        self._unanswered: set[asyncio.Future[Any]] = set()
        self._some = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def space(self) -> None:
        """Wait until there is room; from then on, until the next await, nobody else may put anything. Raises Stopping."""
        while self.rows >= self.room and not self.closed:
            self._space.clear()
            await self._space.wait()
        self._check_open()

    def put(self, request: Request | Question) -> None:
        """Behind all others. Raises Stopping once it is closed."""
        self._check_open()
        self._waiting.append(request)
        if request.answer is not None:
            self._unanswered.add(request.answer)
            request.answer.add_done_callback(self._unanswered.discard)
        if isinstance(request, Request):
            self.rows += len(request.commands)
        self._some.set()

    def take(self, most: int) -> list[Request | Question]:
        """What waits, in order, up to about `most` commands."""
        taken: list[Request | Question] = []
        rows = 0
        while self._waiting and rows < most:
            one = self._waiting.popleft()
            taken.append(one)
            if isinstance(one, Request):
                rows += len(one.commands)
        self.rows -= rows
        if self.rows < self.room:
            self._space.set()
        if not self._waiting:
            self._some.clear()
        return taken

    async def wait(self, seconds: float | None) -> None:
        """Until something waits, or the time has passed."""
        if self._waiting:
            return
        try:
            await asyncio.wait_for(self._some.wait(), seconds)
        except TimeoutError:
            return

    def wake(self) -> None:
        """Let the one who waits look again."""
        self._some.set()

    def close(self) -> None:
        """Take no more."""
        self.closed = True
        self._some.set()
        self._space.set()

    def fail(self, why: str) -> None:
        """Tell everybody who still waits for an answer that none comes."""
        for answer in list(self._unanswered):
            if not answer.done():
                answer.set_exception(Stopping(why))

    def _check_open(self) -> None:
        if self.closed:
            raise Stopping("the session takes no more commands: it is stopping; send them to its next start")

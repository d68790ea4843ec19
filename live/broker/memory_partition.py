"""One partition in memory: records by offset, bounded by age and bytes, and those who wait for the next one."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from live.broker.checks import keyless
from live.broker.port import FOR_EVER, Message, OffsetRemoved, Outgoing, Topic

_SLACK = 1000
"""Records of a compacted partition beyond twice its keys before it is compacted anew; removed ones before their places are given back."""
_REMOVED = Message("", 0, -1, None, b"")


def _size(message: Message) -> int:
    return len(message.value) + len(message.key or b"")


def _offset(message: Message) -> int:
    return message.offset


class MemoryPartition:
    """Records in the order of their offsets. Safe among threads."""

    def __init__(self, topic: Topic, number: int, bytes_max: int, clock: Callable[[], float]) -> None:
        self.topic, self.number = topic.name, number
        self._retention = float("inf") if topic.retention_ms == FOR_EVER else topic.retention_ms / 1000
        self._compacted, self._bytes_max, self._clock = topic.compacted, bytes_max, clock
        self._messages: list[Message] = []
        self._start = self._bytes = self._first = self._end = 0
        """Of `messages`, those before `start` are removed; `bytes` are of the others."""
        self._compact_above = _SLACK
        self._ages: deque[tuple[int, float]] = deque()
        """(end, moment) of each append: what lies before `end` is as old as that, or older."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._lock = Lock()

    def check(self, group: Sequence[Outgoing]) -> None:
        """Raises BrokerError for records that may not be added."""
        if self._compacted and any(message.key is None for message in group):
            raise keyless(self.topic)

    def append(self, group: Sequence[Outgoing]) -> None:
        """Add records, remove those that are too old or too many, wake whoever waits."""
        with self._lock:
            made = [Message(self.topic, self.number, at, m.key, m.value, tuple(m.headers)) for at, m in enumerate(group, self._end)]
            self._messages += made
            self._bytes += sum(map(_size, made))
            self._end += len(made)
            self._ages.append((self._end, self._clock()))
            self._trim()
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            with suppress(RuntimeError):  # of a loop that is closed
                future.get_loop().call_soon_threadsafe(_wake, future)

    def _trim(self) -> None:
        if self._compacted:
            self._ages.clear()
            if len(self._messages) > self._compact_above:
                self._compact()
            return
        oldest = self._clock() - self._retention
        while self._ages and (self._ages[0][1] < oldest or self._ages[0][0] <= self._first):
            self._first = max(self._first, self._ages.popleft()[0])
        while self._start < len(self._messages) and (
            self._messages[self._start].offset < self._first or (self._bytes > self._bytes_max and self._start < len(self._messages) - 1)
        ):
            self._remove_oldest()
        if self._start > max(_SLACK, len(self._messages) // 2):
            del self._messages[: self._start]
            self._start = 0

    def _remove_oldest(self) -> None:
        message = self._messages[self._start]
        self._first = max(self._first, message.offset + 1)
        self._bytes -= _size(message)
        self._messages[self._start] = _REMOVED
        self._start += 1

    def _compact(self) -> None:
        latest = {message.key: message for message in self._messages}
        self._messages = sorted(latest.values(), key=_offset)
        self._bytes = sum(map(_size, self._messages))
        self._compact_above = 2 * len(latest) + _SLACK

    def ends(self) -> tuple[int, int]:
        """The earliest offset that is still there, and the one that the next record gets."""
        with self._lock:
            self._trim()
            return self._first, self._end

    def from_offset(self, offset: int, most: int) -> list[Message]:
        """Up to `most` records from `offset` on. Raises OffsetRemoved."""
        with self._lock:
            self._trim()
            if offset < self._first:
                raise OffsetRemoved(self.topic, self.number, offset, self._first)
            at = bisect_left(self._messages, offset, lo=self._start, key=_offset)
            return self._messages[at : at + most]

    async def wait_for(self, offset: int, seconds: float) -> None:
        """Until a record with `offset` or above is there, or the time is over."""
        with self._lock:
            if self._end > offset:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            with self._lock:
                self._waiting.discard(future)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)

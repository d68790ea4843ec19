"""A broker within the process: what a session runs on where nobody names another, and what tests run on."""

import asyncio
from collections.abc import Callable, Sequence
from time import time
from weakref import WeakValueDictionary

from live.broker.checks import check_offset, check_partition, closed_reader, fenced, not_open, unknown_topic, wrong_partitions
from live.broker.memory_partition import MemoryPartition
from live.broker.placement import Placement
from live.broker.port import BEGINNING, END, Message, Outgoing, Topic

PARTITION_BYTES_MAX = 64 * 2**20


class _Store:
    """The topics of one broker, which several `MemoryBroker` of a name share."""

    def __init__(self) -> None:
        self.topics: dict[str, list[MemoryPartition]] = {}
        self.claims: dict[str, MemoryClaim] = {}


_named: WeakValueDictionary[str, _Store] = WeakValueDictionary()


class MemoryBroker:
    """Topics in memory, gone with the process. Brokers of one `name` share theirs; without a name each has its own.

    A partition keeps what the retention of its topic says, and `bytes_max` bytes at most: the oldest records go first. `clock` gives
    seconds. Threads and event loops may share one.
    """

    def __init__(self, name: str | None = None, *, bytes_max: int = PARTITION_BYTES_MAX, clock: Callable[[], float] = time) -> None:
        self._store = _Store()
        if name is not None:
            self._store = _named.setdefault(name, self._store)
        self._placement, self._opened = Placement(), False
        self._bytes_max, self._clock = bytes_max, clock

    async def open(self) -> None:
        """There is nothing to connect to."""
        self._opened = True

    async def close(self) -> None:
        """Its readers still read; whoever else has the name keeps the topics."""
        self._opened = False

    def _topics(self) -> dict[str, list[MemoryPartition]]:
        if not self._opened:
            raise not_open("the broker in memory")
        return self._store.topics

    def _partitions(self, topic: str) -> list[MemoryPartition]:
        topics = self._topics()
        if topic not in topics:
            raise unknown_topic(topic)
        return topics[topic]

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create what is missing."""
        have = self._topics()
        for topic in topics:
            if topic.name not in have:
                have[topic.name] = [MemoryPartition(topic, at, self._bytes_max, self._clock) for at in range(topic.partitions)]
            elif len(have[topic.name]) != topic.partitions:
                raise wrong_partitions(topic, len(have[topic.name]))

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """All of them, or none: readers see each partition's share at once."""
        topics = self._topics()
        groups = self._placement.place(messages, {topic: len(partitions) for topic, partitions in topics.items()})
        for (topic, at), group in groups.items():
            topics[topic][at].check(group)
        for (topic, at), group in groups.items():
            topics[topic][at].append(group)
        await asyncio.sleep(0)  # who publishes in a loop lets the readers run, as with a broker elsewhere

    async def read(self, topic: str, partition: int, offset: int) -> "MemoryReader":
        """A reader from `offset` on."""
        partitions = self._partitions(topic)
        check_partition(topic, partition, len(partitions))
        first, end = partitions[partition].ends()
        check_offset(topic, partition, offset, first, end)
        return MemoryReader(partitions[partition], {BEGINNING: first, END: end}.get(offset, offset))

    async def claim(self, name: str) -> "MemoryClaim":
        """Take a name, among the brokers that share our topics."""
        self._topics()
        self._store.claims[name] = made = MemoryClaim(self._store, name)
        return made

    async def ends(self, topic: str) -> list[tuple[int, int]]:
        """(first, end) of each partition."""
        return [partition.ends() for partition in self._partitions(topic)]


class MemoryClaim:
    """A name among the brokers of a store."""

    def __init__(self, store: _Store, name: str) -> None:
        self._store, self._name = store, name

    async def check(self) -> None:
        """Raises Fenced once another claimed the name."""
        if self._store.claims[self._name] is not self:
            raise fenced("the broker in memory", self._name)

    async def release(self) -> None:
        """Nothing is held."""


class MemoryReader:
    """Reads one partition of a broker in memory."""

    def __init__(self, partition: MemoryPartition, position: int) -> None:
        self._partition, self.position, self._closed = partition, position, False

    async def take(self, most: int, wait: float) -> list[Message]:
        """Up to `most` records, in order; [] after `wait` seconds without one."""
        if self._closed:
            raise closed_reader(self._partition.topic, self._partition.number)
        found = self._partition.from_offset(self.position, most)
        if found or wait <= 0:
            await asyncio.sleep(0)
        else:
            await self._partition.wait_for(self.position, wait)
            found = self._partition.from_offset(self.position, most)
        if found:
            self.position = found[-1].offset + 1
        return found

    async def close(self) -> None:
        """Nothing is held."""
        self._closed = True

"""What a session asks of a message broker: topics of partitions, records in order with offsets, and nothing else.

`live.broker.memory.MemoryBroker` and `live.broker.kafka.KafkaBroker` are the two that speak it; one test holds both to it.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.errors import TapebookError

BEGINNING, END = -1, -2
"""Offsets that `Broker.read` takes in place of a number: the first record that is still there, and the next one to come."""
FOR_EVER = -1
MESSAGE_BYTES_MAX = 1_000_000
"""Key, value and headers of one message together: what a Kafka takes as it comes, less its own frame."""


class BrokerError(TapebookError):
    """What a broker could not do, where, and the mend."""


class Fenced(BrokerError):
    """Somebody else publishes under our transactional id now: we must stop."""


class OffsetRemoved(BrokerError):
    """Retention removed the record that a reader wants next. `first` is the earliest offset that is still there."""

    def __init__(self, topic: str, partition: int, offset: int, first: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: offset {offset} is gone, the first that is still there is {first}; "
            "read from there and take what is missing from the log, or give the topic a longer retention"
        )
        self.first = first


class Topic(NamedTuple):
    """A topic as it shall be."""

    name: str
    partitions: int = 1
    retention_ms: int = FOR_EVER
    """Milliseconds a record stays at least; -1 is for ever."""
    compacted: bool = False
    """Of each key, the latest record stays, whatever its age."""
    key: str = ""
    """What the keys of its records name."""
    writers: str = ""
    value: str = ""
    """What its values are."""


class Message(NamedTuple):
    """A record as it was read. Without a value (a Kafka tombstone), `value` is empty."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Outgoing(NamedTuple):
    """A record to be published. Without a partition its key decides; without both, all such records of a `publish` go to one partition."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Reader(Protocol):
    """Reads one partition, from an offset on. One task takes; a taker that is cancelled loses no record."""

    position: int
    """Offset of the next record, at the earliest: what to store, and to read from after a restart."""

    async def take(self, most: int, wait: float) -> list[Message]:
        """Up to `most` records in the order of their offsets; [] after `wait` seconds without one.

        Raises OffsetRemoved where retention overtook this reader, BrokerError where the broker refuses. In an outage no record comes.
        """
        ...

    async def close(self) -> None: ...


class Claim(Protocol):
    """That we, and nobody else, are who a name says: the session of a shard. Who claims last has it."""

    async def check(self) -> None:
        """Raises Fenced once somebody else has claimed the name. Waits through outages, in which nobody can."""
        ...

    async def release(self) -> None:
        """We check no more; the name stays ours until it is claimed again."""
        ...


class Broker(Protocol):
    """A message broker, from `open` to `close`."""

    async def open(self) -> None:
        """Connect. Raises BrokerError with what was tried and the mend."""
        ...

    async def close(self) -> None: ...

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create what is missing. Raises BrokerError for a topic that is there with another number of partitions."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns once all are acknowledged. The order is kept within a partition. Waits through outages.

        May be cancelled, and then some may be out.

        Raises BrokerError, before anything is sent, for an unknown topic or partition and for a message that is too large; Fenced where
        another publisher took our place.
        """
        ...

    async def read(self, topic: str, partition: int, offset: int) -> Reader:
        """A reader from `offset` on: a number, BEGINNING or END. Raises OffsetRemoved, and BrokerError for one that lies beyond the end."""
        ...

    async def claim(self, name: str) -> Claim:
        """Take a name, from whoever has it: their next check, and their publishing with `exactly_once`, raises Fenced."""
        ...

    async def ends(self, topic: str) -> list[tuple[int, int]]:
        """(first, end) of each partition: the earliest offset that is still there, and the one that the next record gets."""
        ...

"""The brokers that the contract is held against, and a genuine Kafka for them."""

import asyncio
import functools
import gc
import inspect
import logging
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from live.broker.memory import MemoryBroker
from live.broker.port import Broker, Message, Outgoing, Reader, Topic
from live.broker.server import KafkaServer

HOUR_MS = 3_600_000
SECONDS_MAX = 120
_names = count()


class _Errors(logging.Handler):
    """What asyncio has to complain of: errors that nobody looked at, tasks that were forgotten."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test as one that pytest runs. It leaves no task and no unseen error behind."""

    @functools.wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        errors = _Errors()
        logging.getLogger("asyncio").addHandler(errors)
        try:
            asyncio.run(asyncio.wait_for(test(*args, **fixtures), getattr(test, "seconds_max", SECONDS_MAX)))
            gc.collect()
        finally:
            logging.getLogger("asyncio").removeHandler(errors)
        assert not errors.said, errors.said

    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run


def within(seconds: float) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., Coroutine[Any, Any, None]]]:
    """How long an async test may take, where that is not SECONDS_MAX; stands below `in_loop`."""

    def mark(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
        test.seconds_max = seconds  # type: ignore[attr-defined]
        return test

    return mark


def a_topic(partitions: int = 1, **more: Any) -> Topic:
    """A topic of a name that no other test has."""
    return Topic(f"test-{next(_names)}", partitions, **{"retention_ms": HOUR_MS, **more})


def numbered(topic: Topic, first: int, end: int, partition: int | None = 0) -> list[Outgoing]:
    """Messages whose values are `first` to `end` - 1."""
    return [Outgoing(topic.name, partition, None, b"%d" % number) for number in range(first, end)]


def numbers(messages: list[Message]) -> list[int]:
    """The values of `numbered`."""
    return [int(message.value) for message in messages]


async def take_all(reader: Reader, expected: int, wait: float = 20) -> list[Message]:
    """`expected` messages, or as many as come before nothing does for `wait` seconds."""
    found: list[Message] = []
    while len(found) < expected:
        more = await reader.take(expected - len(found), wait)
        if not more:
            break
        found += more
    return found


class InMemory:
    """`MemoryBroker`: those of one instance of this class are one broker."""

    gapless = True

    def __init__(self) -> None:
        self._name, self._now = f"contract-{next(_names)}", 0.0

    def make(self) -> Broker:
        """A broker, not opened."""
        return MemoryBroker(self._name, clock=lambda: self._now)

    async def remove_all(self, broker: Broker, topic: Topic) -> None:
        """What retention does after a while."""
        self._now += 2 * topic.retention_ms / 1000


class OnKafka:
    """`KafkaBroker` on a genuine Kafka."""

    gapless = True

    def __init__(self, server: KafkaServer) -> None:
        self.server = server

    def make(self, **more: Any) -> Broker:
        """A broker, not opened."""
        from live.broker.kafka import KafkaBroker

        return KafkaBroker(self.server.servers, **more)

    async def remove_all(self, broker: Broker, topic: Topic) -> None:
        """What retention does after a while."""
        from aiokafka import TopicPartition
        from aiokafka.admin import RecordsToDelete

        from live.broker.kafka_client import admin, client_settings

        ends = [end for _, end in await broker.ends(topic.name)]
        async with admin(client_settings(self.server.servers)) as client:
            await client.describe_topics()
            await client._client.fetch_all_metadata()
            client._client.add_topic(topic.name)
            await client._client.force_metadata_update()
            await client.delete_records({TopicPartition(topic.name, at): RecordsToDelete(end) for at, end in enumerate(ends)})


class OnKafkaExactlyOnce(OnKafka):
    """`KafkaBroker` with a transaction a publish. The end of each takes an offset of its own."""

    gapless = False

    def make(self, **more: Any) -> Broker:
        """A broker, not opened, with an id of its own."""
        return super().make(exactly_once=True, transactional_id=f"contract-{next(_names)}", **more)

"""The side of the Kafka broker that reads: one consumer a partition, watched, and made anew where it stalls."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from live.broker.checks import check_offset, closed_reader
from live.broker.kafka_client import Settings, log, make_consumer, may_mend, offset_ends, partitions_of, reason
from live.broker.port import BrokerError, Message

STALL, STALL_MAX = 5.0, 60.0
_PROBE_SECONDS = 5.0
_as_message = cast(Callable[[tuple[Any, ...]], Message], partial(tuple.__new__, Message))
"""Message, in half the time that its own constructor takes."""


class KafkaReader:
    """Reads one partition, what is committed. Through an outage it waits.

    aiokafka's consumer may stay silent after its broker was restarted, and says so nowhere. So where nothing came for `stall` seconds
    while somebody waited, and the partition's end lies beyond our position, another consumer takes its place at our position.
    """

    def __init__(self, settings: Settings, topic: str, partition: int, position: int, stall: float = STALL) -> None:
        self.position = position
        self._settings, self._partition, self._stall = settings, TopicPartition(topic, partition), stall
        self._consumer: AIOKafkaConsumer | None = None
        self._watching: asyncio.Task[None] | None = None
        self._waiting_since: float | None = None
        self._failed: BrokerError | None = None

    async def start(self) -> None:
        """Connect and go to our position."""
        self._consumer = await self._assigned()
        self._watching = asyncio.create_task(self._watch())

    async def _assigned(self) -> AIOKafkaConsumer:
        consumer = make_consumer(self._settings)
        try:
            await consumer.start()
            consumer.assign([self._partition])
            consumer.seek(self._partition, self.position)
        except BaseException:
            await _stopped(consumer)
            raise
        return consumer

    async def take(self, most: int, wait: float) -> list[Message]:
        """Up to `most` records, in order; [] after `wait` seconds without one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            left = deadline - loop.time()
            if found := await self._taken(most, max(left, 0.0)):
                self.position, self._waiting_since = found[-1].offset + 1, None
                return self._messages(found)
            if left <= 0:
                return []

    def _messages(self, found: list[ConsumerRecord]) -> list[Message]:
        topic, partition = self._partition
        return [_as_message((topic, partition, r.offset, r.key, r.value or b"", r.headers)) for r in found]

    async def _taken(self, most: int, wait: float) -> list[ConsumerRecord]:
        if self._failed is not None:
            raise self._failed
        if self._consumer is None:
            raise closed_reader(*self._partition)
        if self._waiting_since is None:
            self._waiting_since = asyncio.get_running_loop().time()
        try:
            if wait < 0.001:  # for which getmany would not let the fetcher run
                await asyncio.sleep(0)
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=most)
        except ConsumerStoppedError:  # another took its place
            await asyncio.sleep(0.01)
            return []
        except OffsetOutOfRangeError:
            await self._explain()
            return []
        except KafkaError as error:
            if not may_mend(error):
                raise BrokerError(f"{self._partition.topic}[{self._partition.partition}] cannot be read: {reason(error)}") from error
            await asyncio.sleep(0.01)
            return []
        except asyncio.CancelledError:
            self._go_back()
            raise
        records = found.get(self._partition, [])
        if records and records[0].offset < self.position:  # of a consumer that was made before the last ones were taken
            records = [record for record in records if record.offset >= self.position]
        return records

    def _go_back(self) -> None:
        """A taker was cancelled: what its consumer may have given it comes again."""
        with suppress(Exception):
            assert self._consumer is not None
            self._consumer.seek(self._partition, self.position)

    async def _explain(self) -> None:
        """Kafka does not have our offset: raises why. During an outage nobody knows, and the next take asks again."""
        with suppress(KafkaError, OSError, TimeoutError):
            first, end = await self._ends()
            check_offset(self._partition.topic, self._partition.partition, self.position, first, end)

    async def _ends(self) -> tuple[int, int]:
        async with asyncio.timeout(_PROBE_SECONDS):
            await partitions_of(self._settings, self._partition.topic)
            (ends,) = await offset_ends(self._settings, [self._partition])
            return ends

    async def _watch(self) -> None:
        """Makes another consumer where ours has stalled; waits longer each time that this brought nothing."""
        loop, stall, seen = asyncio.get_running_loop(), self._stall, self.position
        while True:
            await asyncio.sleep(self._stall / 4)
            if self.position != seen:
                stall, seen = self._stall, self.position
            if self._waiting_since is None or loop.time() - self._waiting_since < stall:
                continue
            try:
                if (await self._ends())[1] > self.position:
                    await self._replace()
                    stall = min(2 * stall, STALL_MAX)
            except BrokerError as error:
                self._failed = error
                return
            except (KafkaError, OSError, TimeoutError):  # an outage: there is nothing to read from
                continue
            self._waiting_since = loop.time() if self._waiting_since is not None else None

    async def _replace(self) -> None:
        log.warning("%s[%d]: Kafka's consumer stalls at offset %d and is made anew", *self._partition, self.position)
        async with asyncio.timeout(2 * _PROBE_SECONDS):
            made = await self._assigned()
        old, self._consumer = self._consumer, made
        if old is not None:
            await _stopped(old)

    @property
    def closed(self) -> bool:
        """Before start() and after close()."""
        return self._consumer is None

    async def close(self) -> None:
        """Let go of the broker."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.wait([watching])
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _stopped(consumer)


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_PROBE_SECONDS):
            await consumer.stop()

"""The side of the Kafka broker that publishes: an idempotent producer, watched, and made anew where it does not recover by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from live.broker.checks import fenced, not_open
from live.broker.kafka_batches import REFUSED, batches, discard, enqueue
from live.broker.kafka_client import PAUSE, PAUSE_MAX, Settings, log, may_mend, partitions_of, reason, topic_partitions
from live.broker.kafka_reader import KafkaReader
from live.broker.placement import Partition
from live.broker.port import BrokerError, Outgoing

BATCH_BYTES = 256 * 1024
TRANSACTION_MS = 5 * 60 * 1000
"""A transaction that an outage cuts in two must outlive it: the broker takes an expired one for fencing."""
STALL = 6.0
_PROBES, _PROBE_SECONDS, _GOODBYE_SECONDS = 2, 5.0, 2.0
_MENDABLE = (KafkaError, OSError, TimeoutError)
T = TypeVar("T")
Groups = Mapping[Partition, Sequence[Outgoing]]


class KafkaProducer:
    """Publishes batches, and sends again what was not acknowledged: a record may come twice where a producer had to be made anew.

    `stall` is the number of seconds without an acknowledgement from a broker that answers after which that is done.
    """

    def __init__(
        self,
        servers: str,
        settings: Settings,
        transactional_id: str | None,
        *,
        still_ours: Callable[[], Awaitable[bool]] | None = None,
        stall: float = STALL,
    ) -> None:
        self._servers, self._settings, self._transactional_id, self._stall = servers, settings, transactional_id, stall
        self._producer: AIOKafkaProducer | None = None
        self._making, self._transaction = asyncio.Lock(), asyncio.Lock()
        self._locks: dict[Partition, asyncio.Lock] = {}
        self._fenced = self._started = self._closed = False
        self._still_ours = still_ours

    async def start(self) -> None:
        """Connect, and with a transactional id fence whoever had it before."""
        async with self._making:
            if self._producer is None:
                await self._make()

    async def _make(self) -> AIOKafkaProducer:
        transaction: dict[str, Any] = {}
        if self._transactional_id:
            transaction = {"transactional_id": self._transactional_id, "transaction_timeout_ms": TRANSACTION_MS}
        made = AIOKafkaProducer(**self._settings, enable_idempotence=True, acks="all", max_batch_size=BATCH_BYTES, **transaction)
        try:
            await made.start()
        except BaseException:
            await discard(made)
            raise
        if self._closed:  # while it was being made: nobody would close it
            await discard(made)
            raise not_open(f"the producer of Kafka at {self._servers}")
        self._producer, self._started = made, True
        return made

    async def _current(self) -> AIOKafkaProducer:
        """The producer; made anew where there is none, however long an outage takes."""
        pause = PAUSE
        async with self._making:
            while self._producer is None:
                if self._closed:
                    raise not_open(f"the producer of Kafka at {self._servers}")
                try:
                    async with asyncio.timeout(3 * self._stall):
                        await self._check_still_ours()
                        await self._make()
                except _MENDABLE as error:
                    if not may_mend(error):
                        raise BrokerError(f"Kafka at {self._servers} refuses our producer: {reason(error)}") from error
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, PAUSE_MAX)
            return self._producer

    async def _check_still_ours(self) -> None:
        """A transactional producer made anew would fence who took our place while it was gone. Raises Fenced."""
        if self._transactional_id and self._started and self._still_ours and not await self._still_ours():
            self._fenced = True
            raise fenced(f"Kafka at {self._servers}", self._transactional_id)

    async def close(self) -> None:
        """Let go of the broker, for good; what is not acknowledged may be lost."""
        self._closed = True
        if self._producer is not None:
            await self._drop(self._producer)

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        """Whoever sends next makes another. Who waits for an acknowledgement of this one gets an error, and sends again."""
        if self._producer is producer:
            self._producer = None
        await discard(producer)

    async def send(self, groups: Groups) -> None:
        """Returns once all are acknowledged. Raises Fenced, BrokerError."""
        if self._transactional_id:
            async with self._transaction:
                await self._send_as_one(groups)
        else:
            await _together(self._send(partition, messages) for partition, messages in groups.items())

    async def _send(self, partition: Partition, messages: Sequence[Outgoing]) -> None:
        """One partition's records. What fails is sent again, with all that follows it, so that the order holds."""
        done = 0
        async with self._locks.setdefault(partition, asyncio.Lock()):
            while done < len(messages):
                producer = await self._current()
                acknowledged, error = await self._send_once(producer, partition, messages[done:])
                done += acknowledged
                if error is not None:
                    await self._recover(producer, partition, error)

    async def _send_once(
        self, producer: AIOKafkaProducer, partition: Partition, messages: Sequence[Outgoing]
    ) -> tuple[int, Exception | None]:
        """How many from the front are acknowledged, and what stopped the others."""
        sent: list[tuple[int, Awaitable[Any]]] = []
        acknowledged = 0
        try:
            for batch, count in batches(producer, messages):
                sent.append((count, await self._watched(enqueue(producer, batch, partition))))
            for count, future in sent:
                await self._watched(future)
                acknowledged += count
        except _MENDABLE as error:
            return acknowledged, error
        return acknowledged, None

    async def _recover(self, producer: AIOKafkaProducer, partition: Partition, error: Exception) -> None:
        """After this, sending again makes sense. Raises BrokerError where it does not."""
        await self._drop(producer)
        if isinstance(error, REFUSED):
            raise BrokerError(f"{partition[0]}[{partition[1]}]: Kafka refuses a message: {reason(error)}") from error
        log.warning("%s[%d]: Kafka's producer is made anew (%s)", *partition, reason(error))
        with suppress(*_MENDABLE):  # an outage, which _current waits through
            async with asyncio.timeout(_PROBE_SECONDS):
                await partitions_of(self._settings, partition[0])

    async def _send_as_one(self, groups: Groups) -> None:
        """All groups in one transaction."""
        places: dict[Partition, int] = {}
        while True:
            if self._fenced:
                raise fenced(f"Kafka at {self._servers}", str(self._transactional_id))
            producer = await self._current()
            try:
                if len(places) == len(groups) and await self._is_committed(*next(iter(places.items()))):
                    return
                places.clear()
                await self._transact(producer, groups, places)
                return
            except (ProducerFenced, InvalidProducerEpoch) as error:
                self._fenced = True
                await self._drop(producer)
                raise fenced(f"Kafka at {self._servers}", str(self._transactional_id)) from error
            except _MENDABLE as error:
                await self._recover(producer, next(iter(groups)), error)
            except BaseException:
                await self._abort(producer)
                raise

    async def _transact(self, producer: AIOKafkaProducer, groups: Groups, places: dict[Partition, int]) -> None:
        """One attempt. `places` gets the offset of each partition's first record: once all have one, the commit may have happened."""
        await self._watched(producer.begin_transaction())
        sent = []
        for partition, messages in groups.items():
            for batch, _ in batches(producer, messages):
                sent.append((partition, await self._watched(enqueue(producer, batch, partition))))
        for partition, future in sent:
            places.setdefault(partition, (await self._watched(future)).offset)
        await self._watched(producer.commit_transaction())

    async def _is_committed(self, partition: Partition, offset: int) -> bool:
        """Did a transaction whose end we did not see commit its record at `offset`? A new producer of our id has ended it by now."""
        reader = KafkaReader(self._settings, *partition, offset)
        await reader.start()
        try:
            return any(message.offset == offset for message in await reader.take(1, _PROBE_SECONDS))
        finally:
            await reader.close()

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        """An open transaction keeps readers from what follows it."""
        with suppress(Exception):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await producer.abort_transaction()
        await self._drop(producer)

    async def _watched(self, awaited: Awaitable[T]) -> T:
        """Its result. Raises TimeoutError where it does not come although the broker answers: aiokafka may wait for ever then."""
        task, answers = asyncio.ensure_future(awaited), 0
        try:
            while not (await asyncio.wait([task], timeout=self._stall))[0]:
                answers = answers + 1 if await self._answers() else 0
                if answers == _PROBES:
                    raise TimeoutError(f"no acknowledgement for {_PROBES * self._stall:g} s from a broker that answers")
            return task.result()
        finally:
            task.cancel()

    async def _answers(self) -> bool:
        with suppress(*_MENDABLE):
            async with asyncio.timeout(_PROBE_SECONDS):
                await topic_partitions(self._settings)
                return True
        return False


async def _together(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them; where one fails or we are cancelled, none goes on."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

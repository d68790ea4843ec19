"""What we do with aiokafka's producer beneath its own methods.

Batches: one future a batch instead of one a message, which is what makes bulk quick; and an end for a producer that is stuck.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from live.broker.placement import Partition
from live.broker.port import BrokerError, Outgoing

REFUSED = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    InvalidTopicError,
    UnsupportedForMessageFormatError,
    UnknownError,
)
"""What sending again does not mend."""
_GOODBYE_SECONDS = 2.0


def batches(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> Iterator[tuple[BatchBuilder, int]]:
    """The messages of one partition in batches, each with how many are in it."""
    at = 0
    while at < len(messages):
        batch, began, now = producer.create_batch(), at, int(time.time() * 1000)
        while at < len(messages):
            _, _, key, value, headers = messages[at]
            if batch.append(timestamp=now, key=key, value=value, headers=list(headers)) is None:
                break
            at += 1
        if at == began:
            raise BrokerError(
                f"{messages[at].topic}: a message of {len(messages[at].value):,} bytes does not fit into a batch; send it in several"
            )
        yield batch, at - began


async def enqueue(producer: AIOKafkaProducer, batch: BatchBuilder, partition: Partition) -> "asyncio.Future[Any]":
    """Give a batch to the producer; returns the future of its acknowledgement."""
    while True:
        try:
            future = await producer.send_batch(batch, partition[0], partition=partition[1])
        except (KafkaTimeoutError, UnknownTopicOrPartitionError):  # in an outage the batch before this one keeps the place
            await asyncio.sleep(0)
            continue
        future.add_done_callback(_look)
        return future


def _look(future: "asyncio.Future[Any]") -> None:
    """An error that nobody waits for any more is no news."""
    if future.done() and not future.cancelled():
        future.exception()


async def discard(producer: AIOKafkaProducer) -> None:
    """End a producer that may be stuck, which its own stop() would wait for. Whoever waits for an acknowledgement gets an error."""
    accumulator, sender = producer._message_accumulator, producer._sender.sender_task
    producer._closed = True
    waiting = [*chain.from_iterable(accumulator._batches.values()), *accumulator._pending_batches]
    accumulator._pending_batches.update(waiting)  # where its own callback looks for each, those that wait to be sent again too
    accumulator.fail_all(KafkaError("the producer was made anew"))
    for batch in waiting:
        _look(batch._drain_waiter)
    if sender is not None:
        sender.cancel()
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await producer.client.close()
    if sender is not None:
        await asyncio.wait([sender], timeout=_GOODBYE_SECONDS)
        _look(sender)
    if producer._txn_manager is not None and (ending := producer._txn_manager._transaction_waiter) is not None:
        _look(ending)

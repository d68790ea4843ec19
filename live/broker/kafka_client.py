"""What all parts of the Kafka broker share: settings, clients for a moment, and trying again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from live.broker.checks import unknown_topic
from live.broker.placement import Partition
from live.broker.port import BrokerError
from live.broker.security import security_settings

try:
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError
except ImportError as missing:
    raise BrokerError(f"Kafka needs the extra `live` ({missing}); install it: pip install 'tapebook[live]'") from missing

log = logging.getLogger("tapebook.broker")
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each attempt of an outage; we tell of the outage

REQUEST_MS = 10_000
PAUSE, PAUSE_MAX = 0.1, 2.0
_SETTLING = 1.5
"""Seconds in which a broker that has just started may not know its topics yet."""

Settings = Mapping[str, Any]
T = TypeVar("T")


def client_settings(servers: str, security: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The arguments of each client. Raises BrokerError."""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise BrokerError(f"servers: {server.strip()!r} is not host:port; name one or more, with commas between")
    return {"bootstrap_servers": servers, "request_timeout_ms": REQUEST_MS, "client_id": "tapebook", **security_settings(security)}


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator's client, for a moment."""
    client = AIOKafkaAdminClient(**settings)
    try:
        await client.start()
        yield client
    finally:
        await client.close()


def make_consumer(settings: Settings) -> AIOKafkaConsumer:
    """A consumer that belongs to no group, and does not choose an offset by itself."""
    return AIOKafkaConsumer(**settings, group_id=None, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="none")


def reason(error: BaseException) -> str:
    """An error of aiokafka's in a few words."""
    said = str(error)
    return f"{type(error).__name__}: {said}" if said and said != type(error).__name__ else type(error).__name__


def may_mend(error: BaseException) -> bool:
    """Is it worth trying again?"""
    return not isinstance(error, KafkaError) or bool(error.retriable)


async def persist(servers: str, what: str, attempt: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Try until it works or the time is over. Raises BrokerError, which says what was tried; at once, where trying again mends nothing."""
    loop = asyncio.get_running_loop()
    deadline, pause, said = loop.time() + seconds, PAUSE, False
    while True:
        try:
            async with asyncio.timeout(2 * REQUEST_MS / 1000):
                return await attempt()
        except (KafkaError, OSError, TimeoutError) as error:
            if not may_mend(error):
                raise BrokerError(f"Kafka at {servers}, {what}: {reason(error)}") from error
            left = deadline - loop.time()
            if left <= 0:
                raise BrokerError(
                    f"Kafka at {servers} does not answer ({what}; tried for {seconds:g} s: {reason(error)}); "
                    "start it (tapebook kafka start), or mend `servers`"
                ) from error
            if not said:
                log.warning("Kafka at %s does not answer (%s: %s); trying again", servers, what, reason(error))
                said = True
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, PAUSE_MAX)


async def topic_partitions(settings: Settings) -> dict[str, int]:
    """How many partitions each topic has. Asks for all: a broker that makes topics by itself must not make one that is only asked for."""
    async with admin(settings) as client:
        return {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}


async def partitions_of(settings: Settings, topic: str) -> int:
    """How many partitions a topic has. Raises BrokerError for an unknown one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLING
    while not (count := (await topic_partitions(settings)).get(topic, 0)):
        if loop.time() > deadline:
            raise unknown_topic(topic)
        await asyncio.sleep(PAUSE)
    return count


async def offset_ends(settings: Settings, partitions: Iterable[Partition]) -> list[tuple[int, int]]:
    """(first, end) of each of these partitions, as readers of what is committed see it."""
    client = make_consumer(settings)
    try:
        await client.start()
        asked = [TopicPartition(*partition) for partition in partitions]
        first, end = await client.beginning_offsets(asked), await client.end_offsets(asked)
        return [(first[partition], end[partition]) for partition in asked]
    finally:
        await client.stop()

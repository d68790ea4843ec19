"""Does a Kafka take topics yet?"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

_NO_ERROR, _NAME = 0, "tapebook.is-it-ready"


def takes_topics(servers: str, cluster: str, security: Mapping[str, Any] | None = None) -> bool:
    """Would this Kafka, and no other that has its port, make a topic if it were asked to? None is made."""
    host, _, port = servers.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return asyncio.run(_asked(servers, cluster, security))


async def _asked(servers: str, cluster: str, security: Mapping[str, Any] | None) -> bool:
    from aiokafka.admin import NewTopic
    from aiokafka.errors import KafkaError

    from live.broker.kafka_client import admin, client_settings

    try:
        async with asyncio.timeout(10), admin(client_settings(servers, security)) as client:
            if (await client.describe_cluster())["cluster_id"] != cluster:
                return False
            answer = await client.create_topics([NewTopic(_NAME, 1, 1)], validate_only=True, timeout_ms=5000)
    except (KafkaError, OSError, TimeoutError):
        return False
    return all(error[1] == _NO_ERROR for error in answer.topic_errors)

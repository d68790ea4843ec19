"""A name that one session has at a time, by means of Kafka: who claims it fences whoever had it."""

import json
import os
import socket
import uuid

from live.broker.kafka_client import Settings, offset_ends
from live.broker.kafka_producer import KafkaProducer
from live.broker.kafka_reader import KafkaReader
from live.broker.port import Outgoing
from live.broker.topics import SESSION_CLAIMS

_LOOK_BACK = 5000
"""Offsets in which the latest claimant of a name is found: all of them write once a second or so."""
_WAIT = 2.0


class KafkaClaim:
    """A name, held by a transactional id of Kafka's: each check is a small transaction, which fails once another has it."""

    def __init__(self, servers: str, settings: Settings, name: str) -> None:
        self._servers, self._settings, self._name = servers, settings, name
        self._token = uuid.uuid4().hex
        self._producer = KafkaProducer(servers, settings, f"tapebook.claim.{name}", still_ours=self.is_ours)

    async def take(self) -> None:
        """Fence whoever has the name, and write that it is ours."""
        await self._producer.start()
        await self.check()

    async def check(self) -> None:
        """Raises Fenced once another claimed the name."""
        who = {"session": self._name, "token": self._token, "host": socket.gethostname(), "pid": os.getpid()}
        message = Outgoing(SESSION_CLAIMS.name, 0, self._name.encode(), json.dumps(who).encode())
        await self._producer.send({(SESSION_CLAIMS.name, 0): [message]})

    async def is_ours(self) -> bool:
        """Was it we who wrote last under this name?"""
        ((first, end),) = await offset_ends(self._settings, [(SESSION_CLAIMS.name, 0)])
        reader, latest = KafkaReader(self._settings, SESSION_CLAIMS.name, 0, max(first, end - _LOOK_BACK)), self._token
        await reader.start()
        try:
            while reader.position < end and (found := await reader.take(_LOOK_BACK, _WAIT)):
                latest = next((json.loads(m.value)["token"] for m in reversed(found) if m.key == self._name.encode()), latest)
        finally:
            await reader.close()
        return bool(latest == self._token)

    async def release(self) -> None:
        """Let go of the broker."""
        await self._producer.close()

"""One writer a shard: who starts later on the same shard of a Kafka fences the one before, which stops."""

import asyncio

from live.broker.port import Broker, Outgoing
from live.broker.topics import SESSION_LEASES
from live.writer.face import Running

EVERY = 0.5
"""Seconds between two signs of life: within two of them and a transaction, a fenced session knows."""


class Lease:
    """Holds a shard by a transactional id of the broker's: each sign of life is a transaction, and the broker refuses that of a session
    whose id somebody else has taken."""

    def __init__(self, broker: Broker, shard: int) -> None:
        self.broker, self.shard = broker, shard

    async def run(self, session: Running) -> None:
        """Hold it for ever. Raises Fenced."""
        while True:
            sign = Outgoing(SESSION_LEASES, self.shard, str(self.shard).encode(), session.name.encode())
            await self.broker.publish([sign])
            await asyncio.sleep(EVERY)

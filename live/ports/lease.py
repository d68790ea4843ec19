"""One writer a shard: who starts later on the same shard of a broker takes it, and the one before stops."""

import asyncio

from live.broker.port import Claim
from live.writer.face import Running

EVERY = 0.5
"""Seconds between two looks: a session that lost its shard knows within two of them."""


class Lease:
    """Holds a shard by the broker's claim on its name."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    async def run(self, session: Running) -> None:
        """Hold it for ever; the broker lets go of it when it closes. Raises Fenced once another session has it."""
        while True:
            await self.claim.check()
            await asyncio.sleep(EVERY)

"""The topic `orders.commands` as a source of a session: JSON in, requests out, what cannot be read into `dead-letters`."""

import asyncio
import time

from live.broker.port import BEGINNING, Broker
from live.broker.topics import ORDERS_COMMANDS
from live.wire.dead_letters import dead_letter
from live.wire.orders import OrderReader
from live.writer.face import Running
from live.writer.intake import Request

MOST = 4_096
"""Messages that are taken at once."""
WAIT = 0.5


class OrderSource:
    """Reads the shard's partition from where the log says that it has come to. A message is carried out once: its offset is committed with
    its facts."""

    def __init__(self, broker: Broker, shard: int) -> None:
        self.broker, self.shard = broker, shard
        self.name = f"{ORDERS_COMMANDS}[{shard}]"

    async def run(self, session: Running) -> None:
        """Take messages for ever. Raises BrokerError, OffsetRemoved."""
        reader = await self.broker.read(ORDERS_COMMANDS, self.shard, session.cursors.get(self.name, BEGINNING))
        orders = OrderReader(session.exchange)
        counts = session.meters.counts
        while True:
            messages = await reader.take(MOST, WAIT)
            if not messages:
                continue
            await session.intake.space()
            decoded = orders.decode([message.value for message in messages])
            counts["messages"] += len(messages)
            if decoded.refused:
                # They are out before their offset is kept: a crash in between tells them twice, never not at all. Meanwhile nobody may use
                # the names that the messages introduced.
                counts["dead_letters"] += len(decoded.refused)
                with session.intake.held():
                    await self.broker.publish([dead_letter(messages[index], why) for index, why in decoded.refused])
            session.intake.put(Request(decoded.commands, None, self.name, messages[-1].offset + 1, arrived=time.monotonic_ns()))
            await asyncio.sleep(0)

"""The topic `orders.commands` as a source of a session: JSON in, requests out, what cannot be read into `dead-letters`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import numpy as np

from engine.messages.names import NO_SYMBOL
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from live.broker.port import Broker, Message, Reader
from live.broker.topics import ORDERS_COMMANDS
from live.ports.taking import Start, begin_reading
from live.wire.dead_letters import dead_letter
from live.wire.orders import Decoded, OrderReader
from live.writer.face import Running
from live.writer.intake import Request

MOST = 4_096
"""Messages that are taken at once."""
WAIT = 0.5
NAMING = [Kind.PORTFOLIO, Kind.TRADER]


class OrderSource:
    """Reads the shard's partition from where the log says that it has come to. A message is carried out once: its offset is committed with
    its facts. `elsewhere`: symbol to the shard that trades it, where that is not ours. `told` waits until everything up to a seq is out."""

    def __init__(
        self,
        broker: Broker,
        shard: int,
        skip: bool = False,
        elsewhere: Mapping[str, int] | None = None,
        told: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.broker, self.shard, self.skip, self.elsewhere, self.told = broker, shard, skip, elsewhere or {}, told
        self.name = f"{ORDERS_COMMANDS}[{shard}]"
        self._reader: Reader

    async def begin(self, session: Running, start: Start = "beginning") -> None:
        """Go to where the log says; a session that has taken nothing yet, to the topic's beginning or end. Raises BrokerError."""
        self._reader = await begin_reading(self.broker, ORDERS_COMMANDS, self.shard, self.name, session, self.skip, start)

    async def run(self, session: Running) -> None:
        """Take messages for ever. Raises BrokerError."""
        orders = OrderReader(session.exchange)
        while True:
            messages = await self._reader.take(MOST, WAIT)
            session.meters.counts["messages"] += len(messages)
            while messages:
                messages = await self._put(session, orders, messages)
                await asyncio.sleep(0)

    async def _put(self, session: Running, orders: OrderReader, messages: list[Message]) -> list[Message]:
        """Put the commands of messages; returns those that are still to be put, behind the dead letters among them.

        Dead letters are out behind what came before the first of them, and before their own offset is kept: a crash in between tells
        them twice, never not at all. What comes behind is read again then: others may have introduced names meanwhile, for nobody waits
        for a broker that does not take a letter.
        """
        await session.intake.space()
        mark = session.exchange.names.mark()
        decoded = self._sorted(messages, orders.decode([message.value for message in messages]))
        if not decoded.refused:
            session.intake.put(Request(decoded.commands, None, self.name, messages[-1].offset + 1, arrived=time.monotonic_ns()))
            return []
        session.exchange.names.forget(mark)
        refused = dict(decoded.refused)
        first = min(refused)
        before = self._sorted(messages[:first], orders.decode([message.value for message in messages[:first]])).commands
        answer: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        session.intake.put(Request(before, answer, self.name, messages[first].offset, arrived=time.monotonic_ns()))
        await answer
        if self.told is not None:
            await self.told(session.seq)
        await self.broker.publish([dead_letter(messages[index], why) for index, why in refused.items()])
        session.meters.counts["dead_letters"] += len(refused)
        left = [message for index, message in enumerate(messages[first:], first) if index not in refused]
        await session.intake.space()
        at = left[0].offset if left else messages[-1].offset + 1
        session.intake.put(Request(np.zeros(0, COMMAND), None, self.name, at))
        return left

    def _sorted(self, messages: list[Message], decoded: Decoded) -> Decoded:
        """Commands of a symbol that another shard trades are refused, with its number."""
        commands, owner, refused = decoded
        if not self.elsewhere:
            return decoded
        unknown = np.flatnonzero((commands["instrument"] == NO_SYMBOL) & ~np.isin(commands["kind"], NAMING))
        away = {int(owner[k]): where for k in unknown if (where := self._shard_of(messages[int(owner[k])].value)) is not None}
        kept = ~(np.isin(owner, list(away)) & ~np.isin(commands["kind"], NAMING))
        why = f"trades it, and this is shard {self.shard}; send it to the partition of that number"
        said = [(k, f"symbol: shard {where} {why}") for k, where in away.items()]
        return Decoded(commands[kept], owner[kept], sorted([*refused, *said]))

    def _shard_of(self, value: bytes) -> int | None:
        return self.elsewhere.get(str(msgspec.json.decode(value).get("symbol")))

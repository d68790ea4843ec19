"""The topic `market-history` as a source of a session: packed records of a market's history, which its participants trade beside."""

import asyncio
import time

import numpy as np

from engine.exchange import Exchange
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from live.broker.port import Broker, Message
from live.broker.topics import MARKET_HISTORY
from live.ports.taking import begin_reading
from live.wire.dead_letters import dead_letter
from live.wire.errors import WireError
from live.wire.packed import unpack
from live.writer.face import Running
from live.writer.intake import Request

MOST = 64
"""Messages that are taken at once, of some thousand records each."""
WAIT = 0.5
KINDS = [kind for kind in Kind if Kind.ADD <= kind <= Kind.TRADE]
"""What a market's history consists of; whoever writes the topic has no other say in the session."""


class HistorySource:
    """Reads the shard's partition from where the log says that it has come to.

    The session is the only clock, so the rows are stamped as they come. A message's key is the symbol of all its rows; without one, rows
    name instruments by the session's numbers.
    """

    def __init__(self, broker: Broker, shard: int, skip: bool = False) -> None:
        self.broker, self.shard, self.skip = broker, shard, skip
        self.name = f"{MARKET_HISTORY}[{shard}]"

    async def run(self, session: Running) -> None:
        """Take messages for ever. Raises BrokerError."""
        reader = await begin_reading(self.broker, MARKET_HISTORY, self.shard, self.name, session, self.skip)
        while True:
            for message in await reader.take(MOST, WAIT):
                try:
                    rows = rows_of(message, session.exchange)
                except WireError as error:
                    session.meters.counts["dead_letters"] += 1
                    await self.broker.publish([dead_letter(message, error)])
                    rows = np.zeros(0, COMMAND)
                await session.intake.space()
                session.intake.put(Request(rows, None, self.name, message.offset + 1, arrived=time.monotonic_ns()))
                await asyncio.sleep(0)


def rows_of(message: Message, exchange: Exchange) -> np.ndarray:
    """The rows (COMMAND) of a message, with this session's numbers. Raises WireError where they are no history of its instruments."""
    rows = unpack(message).records.copy()
    if rows.dtype != COMMAND:
        raise WireError("record", "market-history takes commands, not facts; pack the rows of a feed")
    if not np.isin(rows["kind"], KINDS).all():
        raise WireError("kind", f"market-history takes {', '.join(kind.name for kind in KINDS)} alone; send others to orders.commands")
    if message.key:
        rows["instrument"] = _number(message.key, exchange)
    if len(rows) and int(rows["instrument"].max()) >= len(exchange.instruments):
        raise WireError("instrument", f"there are {len(exchange.instruments)}, counted from 0; give the message its symbol as key")
    return rows


def _number(key: bytes, exchange: Exchange) -> int:
    number = exchange.names.symbols.get(key.decode(errors="replace"))
    if number is None:
        raise WireError(
            "key", f"no instrument {key[:40]!a}, there are {', '.join(exchange.names.symbols)}; list it, or send it to its shard"
        )
    return number

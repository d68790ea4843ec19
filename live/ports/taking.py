"""How a source begins on its topic: where the log says, or, where retention took that away, by what the settings say."""

import asyncio
from typing import Literal

import numpy as np

from engine.messages.records import COMMAND, FACT
from live.broker.port import BEGINNING, END, Broker, BrokerError, OffsetRemoved, Reader
from live.writer.face import Running

Start = Literal["beginning", "end"]


async def begin_reading(
    broker: Broker, topic: str, shard: int, name: str, session: Running, skip: bool, start: Start = "beginning"
) -> Reader:
    """A reader of the shard's partition. `skip`: go on behind messages that are gone, and say so; `start`: where a session that has taken
    nothing of it yet begins. Raises BrokerError with the mend."""
    at = session.cursors.get(name)
    if at is None:
        return await _first_time(broker, topic, shard, name, session, start)
    try:
        return await broker.read(topic, shard, at)
    except OffsetRemoved as gone:
        if not skip:
            raise BrokerError(_lost(name, session, at, gone.first)) from None
        session.notice("MessagesRemoved", source=name, failure=f"offsets {at} to {gone.first - 1} were removed before they were taken")
        return await broker.read(topic, shard, gone.first)


async def _first_time(broker: Broker, topic: str, shard: int, name: str, session: Running, start: Start) -> Reader:
    """Where it begins is in the log before anything is read: after a crash it does not begin elsewhere."""
    reader = await broker.read(topic, shard, END if start == "end" else BEGINNING)
    (first, end) = (await broker.ends(topic))[shard]
    nothing = np.zeros(0, COMMAND), np.zeros(0, FACT)
    await asyncio.to_thread(session.log.append, session.number, *nothing, cursors={name: reader.position})
    if first < end:
        said = "are carried out" if start == "beginning" else "are left alone"
        session.notice("EarlierMessages", source=name, offsets=f"{first} to {end - 1}", what=f"from before the session began, {said}")
    return reader


def _lost(name: str, session: Running, at: int, first: int) -> str:
    return (
        f"{name}: session {session.name!r} goes on at offset {at}, but retention removed all before {first}: they are lost to it; "
        'set broker = { removed = "skip" } to go on behind them, and give the topic a longer retention'
    )

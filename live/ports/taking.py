"""How a source begins on its topic: where the log says, or, where retention took that away, by what the settings say."""

from live.broker.port import BEGINNING, Broker, BrokerError, OffsetRemoved, Reader
from live.writer.face import Running


async def begin_reading(broker: Broker, topic: str, shard: int, name: str, session: Running, skip: bool) -> Reader:
    """A reader of the shard's partition. `skip`: go on behind messages that are gone, and say so. Raises BrokerError with the mend."""
    at = session.cursors.get(name, BEGINNING)
    try:
        return await broker.read(topic, shard, at)
    except OffsetRemoved as gone:
        if not skip:
            raise BrokerError(_lost(name, session, at, gone.first)) from None
        session.notice("MessagesRemoved", source=name, failure=f"offsets {at} to {gone.first - 1} were removed before they were taken")
        return await broker.read(topic, shard, gone.first)


def _lost(name: str, session: Running, at: int, first: int) -> str:
    return (
        f"{name}: session {session.name!r} goes on at offset {at}, but retention removed all before {first}: they are lost to it; "
        'set broker = { removed = "skip" } to go on behind them, and give the topic a longer retention'
    )

"""Streams in a process to be killed: `python -m tests.live.streams.load SERVERS FOLDER BEGIN_AT` prints a line, and serves."""

import asyncio
import sys

from live import KafkaBroker, streams
from tests.live.streams.ticks import LISTED


async def main(servers: str, folder: str, begin_at: int) -> None:
    """Serve until it is killed."""
    broker = KafkaBroker(servers)
    await broker.open()
    pipeline = streams.Pipeline(LISTED, streams.StreamsSettings(store_every="50ms"))
    print("serves", flush=True)
    await streams.serve(broker, pipeline, folder, begin_at=begin_at)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

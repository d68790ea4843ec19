"""Runs the streams of a Kafka's market data from the command line, in a process of their own."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from data.configuration import ConfigurationError
from data.terminal import say, say_json
from engine.errors import TapebookError
from live.broker.topics import topics
from live.configuration.session import SessionSettings, read_settings
from live.configuration.streams import StreamsSettings
from live.session.equipment import broker_of
from live.session.status import SessionFolder


async def run_streams(file: Path, servers: str | None, seconds: float | None, out: Path, as_json: bool) -> int:
    """Run them; returns the exit code. Raises ConfigurationError."""
    settings = read_settings(file)
    broker = settings.broker.model_copy(update={"servers": servers or settings.broker.servers, "exactly_once": False})
    if broker.kind != "kafka" and servers is None:
        raise ConfigurationError([f"{file}: the broker is in memory, where no other process reads; name a Kafka, or give --servers"])
    made = broker_of(broker.model_copy(update={"kind": "kafka"}), settings.name)
    assert made is not None
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stopped.set)
    pipeline = _pipeline(settings, file)
    try:
        await made.open()
        await made.ensure(topics(settings.broker.shards))
        await _until(stopped, seconds, _serving(settings, pipeline, made, out))
    except (TapebookError, OSError) as error:
        print(f"tapebook: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        await pipeline.close()
        await made.close()
    counts = pipeline.counts
    if as_json:
        say_json({"session": settings.name, **counts})
    else:
        say(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "no tick came")
    return 0


def _pipeline(settings: SessionSettings, file: Path) -> Any:
    from live.streams.pipeline import Pipeline

    try:
        return Pipeline([one.instrument() for one in settings.listed()], settings.streams or StreamsSettings())
    except ValueError as odd:
        raise ConfigurationError([f"{file}: {odd}"]) from None


def _serving(settings: SessionSettings, pipeline: Any, broker: Any, out: Path) -> Any:
    from live.streams.serving import serve

    def notice(kind: str, **said: Any) -> None:
        print(f"tapebook: {kind}: {said.get('failure', said)}", file=sys.stderr, flush=True)

    folder = SessionFolder(out, settings.name).path
    return serve(broker, pipeline, folder, shard=settings.broker.shard, notice=notice)


async def _until(stopped: asyncio.Event, seconds: float | None, serving: Any) -> None:
    """Serve until a signal or the time; raises what the streams raise."""
    task, stop = asyncio.ensure_future(serving), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({task, stop}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for one in (task, stop):
            one.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)

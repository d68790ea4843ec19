"""`tapebook live read`: the read side of a session's gateway as a process of its own."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import NamedTuple

from data.segments.place import find_session
from data.terminal import say, say_json
from live.configuration.session import read_settings
from live.configuration.tables import GatewaySettings
from live.session.followed import Followed


class ReaderOptions(NamedTuple):
    """What the command line said."""

    follow: str
    port: int | None
    configuration: Path | None
    seconds: float | None
    out: Path
    as_json: bool


def folder_of(options: ReaderOptions) -> Path:
    """The session's folder, by its path or its name. Raises LogError."""
    given = Path(options.follow)
    if (given / "session.json").exists() or (given / "segments").is_dir():
        return given.absolute()
    return find_session(options.follow, options.out).absolute()


def gateway_of(options: ReaderOptions) -> GatewaySettings:
    """Where to listen, and who may ask: the `[gateway]` of a configuration, else loopback and the session's own issuer."""
    made = read_settings(options.configuration).gateway if options.configuration is not None else GatewaySettings(port=0)
    port = options.port if options.port is not None else (0 if options.configuration is not None else made.port)
    return made.model_copy(update={"port": port})


async def read(options: ReaderOptions) -> int:
    """Serve until a signal, or for so long; returns the exit code. Raises LogError, ConfigurationError, SessionError."""
    from live.gateway.server import Gateway

    stopped = asyncio.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(which, stopped.set)
    session = Followed(folder_of(options), gateway_of(options))
    tasks: list[asyncio.Task[object]] = []
    try:
        await session.open()
        serving = Gateway(session, session.settings.gateway)
        tasks = [asyncio.create_task(work) for work in (session.keep_up(), serving.serve(), stopped.wait(), _announced(session, options))]
        wait = None if options.seconds is None else asyncio.create_task(asyncio.sleep(options.seconds))
        ends = [*tasks[:3], *([wait] if wait is not None else [])]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            session.close()
    return 0


async def _announced(session: Followed, options: ReaderOptions) -> None:
    """Say where it listens."""
    while "url" not in session.folder.said:
        await asyncio.sleep(0.01)
    url = session.folder.said["url"]
    if options.as_json:
        say_json({"session": session.name, "url": url, "seq": session.seq})
    else:
        say(f"session {session.name!r} from seq {session.seq:,} on, to be read at {url}; Ctrl-C ends it")

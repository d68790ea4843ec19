"""Runs a session from the command line: signals, the table while it runs, and what it came to."""

import asyncio
import gc
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from data.configuration import ConfigurationError
from data.log.event_log import EventLog
from data.terminal import say, say_json
from engine.errors import TapebookError
from live.cli.pages import LOADERS
from live.configuration.session import SessionSettings, read_settings
from live.session.market import clock_of, market_of
from live.session.session import Session

COUNTED = (
    "SELECT (SELECT count(*) FROM commands), (SELECT count(*) FROM facts), (SELECT count(*) FROM trades), (SELECT count(*) FROM orders)"
)


class Options(NamedTuple):
    """What the command line said."""

    file: Path | None
    demo: bool
    kafka: bool
    replay: str | None
    speed: float
    seconds: float | None
    port: int | None
    out: Path
    as_json: bool
    gateway: bool


async def run_session(session: Session, options: Options) -> int:
    """Run it; returns the exit code."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stopped.set)
    began = time.monotonic()
    try:
        if not await _started(session, stopped):
            return 0
    except (TapebookError, OSError) as error:
        return _failed(error)
    settle_memory()
    ending: BaseException | None = None
    try:
        await _until(session, options, stopped)
    except BaseException as error:
        ending = error
    try:
        await session.stop()
    except Exception as error:
        ending = ending or error
    if ending is not None:
        return _failed(ending)
    _report(session, options, time.monotonic() - began)
    return 0


def settle_memory() -> None:
    """What is loaded by now stays: the garbage collector need not walk through it again for each few thousand messages."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _started(session: Session, stopped: asyncio.Event) -> bool:
    """Start it; False where a signal came first, which it need not wait out."""
    starting, signalled = asyncio.create_task(session.start()), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([starting, signalled], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        await starting
        return True
    except asyncio.CancelledError:
        if stopped.is_set():
            return False
        raise
    finally:
        signalled.cancel()


def session_of(options: Options, settings: SessionSettings | None = None) -> Session:
    """The session that the options name, or that of `settings`. Raises ConfigurationError and the like."""
    settings = settings or _settings(options)
    market = market_of(settings, Path() if options.replay or options.file is None else options.file.parent)
    session = Session(settings, options.out, market=market, clock=clock_of(settings, market))
    if options.demo:
        from live.demo.crowd import Crowd
        from live.demo.settings import TRADERS

        session.services.append(Crowd(TRADERS).run)
    if options.gateway:
        session.services.append(_gateway())
    return session


def _gateway() -> Any:
    """The gateway as a service. Raises ConfigurationError where its libraries are not installed."""
    try:
        from live.gateway.server import Gateway, serve
    except ModuleNotFoundError as odd:
        mend = "install the extra gateway: uv sync --extra gateway, or give --no-gateway"
        raise ConfigurationError([f"the gateway needs {odd.name}, which is not installed; {mend}"]) from None
    mounts = [mount for load in LOADERS if (mount := load()) is not None]  # now: no import is to hold up a session that runs

    def mount_all(gateway: Gateway) -> None:
        for mount in mounts:
            mount(gateway)

    return lambda session: serve(session, mount=mount_all)


def _settings(options: Options) -> SessionSettings:
    more: dict[str, Any] = {}
    if options.port is not None:
        more["gateway"] = {"port": options.port}
    if options.kafka:
        from live.broker.server import KafkaServer

        more["broker"] = {"kind": "kafka", "servers": KafkaServer(options.out / "kafka").start().servers}
    if options.replay is not None:
        path = _recorded(options)
        more["market"] = {"file": str(path.resolve()), "speed": options.speed}
    if options.demo:
        from live.demo.settings import demo_settings

        return demo_settings(**more)
    if options.file is not None:
        return read_settings(options.file, **more)
    if options.replay is None:
        raise ValueError("name a session's configuration, or take --demo or --replay; see tapebook live --help")
    return SessionSettings.read(None, {"name": f"replay-{path.stem}", "gateway": {"port": 0}, **more})


def _recorded(options: Options) -> Path:
    """The file to replay, or the folder of a recorded session by its name."""
    assert options.replay is not None
    folder = options.out / "live" / options.replay
    return folder if folder.is_dir() else Path(options.replay)


async def _until(session: Session, options: Options, stopped: asyncio.Event) -> None:
    """Wait for a signal, the time, the end of a replay, or a failure; meanwhile show how the session stands."""
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(session.ended())]
    if options.seconds is not None:
        waits.append(asyncio.create_task(asyncio.sleep(options.seconds)))
    if options.replay is not None and session.equipment.played is not None:
        waits.append(asyncio.create_task(session.equipment.played.over.wait()))
    if not options.as_json:
        from live.cli.table import show

        waits.append(asyncio.create_task(show(session)))
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _failed(error: BaseException) -> int:
    if not isinstance(error, TapebookError | OSError | asyncio.CancelledError):
        import traceback

        traceback.print_exception(error)
    print(f"tapebook: {' '.join(str(error).split())}", file=sys.stderr)
    return 1


def _report(session: Session, options: Options, seconds: float) -> None:
    """What the session came to, held against its log."""
    with EventLog(session.folder.path / "log.duckdb", read_only=True) as log:
        commands, facts, trades, orders = log.rows(COUNTED)[0]
        seq = log.last_seq(session.number)
    said = {
        "session": session.name,
        "folder": str(session.folder.path),
        "url": session.folder.said.get("url"),
        "commands": commands,
        "facts": facts,
        "trades": trades,
        "orders": orders,
        "seq": seq,
        "digest": session.exchange.digest(),
        "seconds": round(seconds, 3),
    }
    if options.as_json:
        say_json(said)
    else:
        say(f"session {session.name!r}: {commands:,} commands, {facts:,} facts, {trades:,} trades in {seconds:,.1f} s; {said['folder']}")

"""`tapebook live attach`: a strategy in a process of its own."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from data.named_file import named_text
from data.terminal import say, say_json
from engine.messages.durations import duration_ns
from engine.strategy.load import load_strategy
from live.attach.attachment import Attachment, Failed
from live.client.errors import ClientError, Malformed
from live.client.place import Place

TOKEN = "TAPEBOOK_TOKEN"
"""The environment variable that holds the token where no file is named."""


class AttachOptions(NamedTuple):
    """What the command line said."""

    strategy: str
    url: str
    token_file: Path | None
    portfolio: str | None
    settings: list[str]
    silent_after: str | None
    verify: Path | None
    patience: float
    keep_orders: bool
    seconds: float | None
    as_json: bool


def token_of(file: Path | None) -> Callable[[], str] | str:
    """Where the token comes from: a file, read at every connection, so that it can be renewed; else the environment. Raises Malformed."""
    if file is None:
        if not os.environ.get(TOKEN):
            raise Malformed(f"there is no token: name a file with --token-file, or export {TOKEN}", field="token")
        return os.environ[TOKEN]

    def read() -> str:
        try:
            return named_text(file)
        except (OSError, UnicodeDecodeError) as odd:
            why = getattr(odd, "strerror", None) or "is not text"
            raise Malformed(f"{file}: {why}; write a token there, as `tapebook token` prints it", field="token") from None

    read()
    return read


def attachment_of(options: AttachOptions) -> Attachment:
    """The attachment that the options name. Raises ClientError, StrategyError, ValueError."""
    parameters: dict[str, Any] = {}
    for given in options.settings:
        name, equals, value = given.partition("=")
        if not equals or not name:
            raise ValueError(f"--set {given!r} is not written name=value, like --set edge=2")
        parameters[name] = value
    silent = None if options.silent_after is None else duration_ns(options.silent_after) / 1e9
    strategy = load_strategy(options.strategy)
    strategy(**parameters)
    return Attachment(
        Place(options.url, token_of(options.token_file), options.verify),
        strategy,
        parameters,
        portfolio=options.portfolio,
        silent_after=silent,
        patience=options.patience,
        keep_orders=options.keep_orders,
        said=(lambda ts, text: None) if options.as_json else _line,
    )


def _line(ts: int, text: str) -> None:
    say(f"{datetime.fromtimestamp(ts / 1e9, UTC):%H:%M:%S.%f} {text}")


async def _stop_after(seconds: float | None, attachment: Attachment, stopped: asyncio.Event) -> None:
    """Stop so long after the strategy has begun."""
    await attachment.begun.wait()
    if seconds is not None:
        await asyncio.sleep(seconds)
        stopped.set()


async def attach(attachment: Attachment, options: AttachOptions) -> int:
    """Run it until a signal, or for so long; returns the exit code."""
    import sys

    stopped, loop, began = asyncio.Event(), asyncio.get_running_loop(), time.monotonic()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stopped.set)
    timing = asyncio.ensure_future(_stop_after(options.seconds, attachment, stopped))
    try:
        said = await attachment.run(stopped) | {"seconds": round(time.monotonic() - began, 3)}
    except (ClientError, Failed) as error:
        if isinstance(error, Malformed):
            raise
        print(f"tapebook: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        timing.cancel()
    if options.as_json:
        say_json(said)
    else:
        say(f"{options.strategy} as {said['trader']}: {said['sent']:,} commands, {said['fills']:,} fills, P&L {said['pnl']:,.2f}")
    return 0

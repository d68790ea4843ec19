"""Rebuilds a service from the log: of a session that runs, by asking it; of another, here."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.log.event_log import EventLog
from data.log.sessions import names_of
from data.segments.place import find_session, said_of
from engine.messages.hints import did_you_mean
from engine.messages.instrument import money_decimals
from live.configuration.services import ServiceSettings
from live.services.catalogue import NAMES, made
from live.services.host import FOLDER, ServiceError, keep_letter
from live.services.service import STEP, Feeder
from live.services.supervisor import REQUEST, SETTINGS, STATUS
from live.writer.committed import Committed

PATIENCE = 60.0
"""Seconds that a running session has for an answer; a rebuild takes as long as it takes, while the session runs."""


class LogHost:
    """A session that does not run, as its log has it. Alerts are not told: they are found again, not new."""

    def __init__(self, folder: Path, log: EventLog, number: int) -> None:
        self.folder, self.log, self.number = folder / FOLDER, log, number
        self.name = log.session_id(number)
        self.names = names_of(log.file, number)
        self.decimals = money_decimals(self.names.instruments)
        self.alerts: list[Callable[[str, str, int, dict[str, Any]], None]] = []
        self.letters = 0

    def alert(self, key: str, kind: str, ts: int, **said: Any) -> None:
        """See Host."""
        for heard in self.alerts:
            heard(key, kind, ts, said)

    async def dead(self, service: str, seq: int, value: bytes, error: BaseException) -> None:
        """See Host."""
        self.letters += 1
        keep_letter(self.folder, service, seq, value, error)


def rebuild(service: str, session: str, out: Path) -> dict[str, Any]:
    """Make a service of a session anew from its log; returns what it came to. Raises ServiceError, LogError."""
    if service not in NAMES:
        raise ServiceError(f"no service {service!r}; {did_you_mean(service, list(NAMES), 'there are ' + ', '.join(NAMES))}")
    folder = find_session(session, out)
    if is_running(folder):
        return ask(folder, service, "rebuild")
    given = read_settings(folder, session)
    make = made(given)
    if service not in make:
        raise ServiceError(f"session {session!r} has no {service}; it has: {', '.join(make) or 'none'}")
    with EventLog(folder / "log.duckdb", read_only=True) as log:
        host = LogHost(folder, log, log.session(session))
        one = make[service](host, [], None, 0)
        said = one.wipe()
        asyncio.run(catch_up(Feeder(one, host), host))
        return {"service": service, "said": said, "seq": one.position(), "dead_letters": host.letters}


async def catch_up(feeder: Feeder, host: Any) -> None:
    """Take in all that is in the log, in pieces."""
    first, end = await feeder.open(), host.log.last_seq(host.number)
    try:
        while first <= end:
            last = min(end, first + STEP - 1)
            commands, facts = host.log.read(host.number, first, last)
            await feeder.feed(Committed(commands.records, commands.seqs, facts))
            first = last + 1
        feeder.service.tick(int(host.log.frame("batches", host.number)["last_ts"].max()))
    finally:
        feeder.service.close()


def is_running(folder: Path) -> bool:
    """Whether a process runs the session of a folder."""
    from live.session.status import read_status

    return (read_status(folder) or {}).get("state") in ("starting", "running", "stopping")


def ask_session(session: str, out: Path, service: str, what: str) -> dict[str, Any]:
    """Ask the session of a name to stop or start a service. Raises ServiceError where it does not run."""
    folder = find_session(session, out)
    if not is_running(folder):
        raise ServiceError(f"session {session!r} does not run; start it with tapebook live")
    return ask(folder, service, what)


def standing(session: str, out: Path) -> dict[str, dict[str, Any]]:
    """How the services of a session stand. Raises ServiceError where it has none."""
    folder = find_session(session, out)
    try:
        said: dict[str, dict[str, Any]] = json.loads((folder / FOLDER / STATUS).read_text())["services"]
    except (OSError, ValueError):
        raise ServiceError(f"session {session!r} has no services; name some in its configuration") from None
    return said if is_running(folder) else {name: {**one, "state": "stopped"} for name, one in said.items()}


def ask(folder: Path, service: str, what: str) -> dict[str, Any]:
    """Ask a running session to rebuild, stop or start a service, and wait for the answer. Raises ServiceError."""
    request = folder / FOLDER / f"{service}{REQUEST}"
    answer = request.with_suffix(".answer")
    if not request.parent.is_dir():
        raise ServiceError(
            f"session {folder.name!r} has no services; name some in its configuration: notifications, settlement, surveillance"
        )
    answer.unlink(missing_ok=True)
    part = request.with_suffix(".asked")
    part.write_text(what)
    part.replace(request)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline or (what == "rebuild" and is_running(folder)):  # a long log takes its time
        if answer.exists():
            said = json.loads(answer.read_text())
            answer.unlink(missing_ok=True)
            if "error" in said:
                raise ServiceError(f"session {folder.name!r}: {said['error']}")
            return {"service": service, **said}
        time.sleep(0.05)
    request.unlink(missing_ok=True)
    raise ServiceError(
        f"session {folder.name!r} (process {said_of(folder).get('pid')}) has not answered within {PATIENCE:g} s; look at its log"
    )


def read_settings(folder: Path, session: str) -> ServiceSettings:
    """The settings that the session ran its services with. Raises ServiceError."""
    path = folder / FOLDER / SETTINGS
    try:
        return ServiceSettings.model_validate_json(path.read_text())
    except OSError:
        raise ServiceError(f"session {session!r} has run no services: {path} is not there; name some in its configuration") from None
    except ValidationError as error:
        raise ServiceError(f"{path}: {error.errors()[0]['msg']}; start the session once, which writes it") from None

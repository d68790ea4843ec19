"""Runs the services of a session beside it: each in a task of its own, restarted when it fails; none of them ends the session."""

import asyncio
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.log.event_log import EventLog
from engine.errors import TapebookError
from engine.messages.names import Names
from live.broker.port import Outgoing
from live.broker.topics import DEAD_LETTERS
from live.configuration.services import ServiceSettings, service_settings
from live.services.catalogue import NOTIFICATIONS, made
from live.services.endings import to_its_end
from live.services.host import FOLDER, keep_letter
from live.services.notifications.service import Notifications
from live.services.service import Feeder, Service

SETTINGS, STATUS = "settings.json", "status.json"
REQUEST = ".request"
TICK = 0.5
LONGEST = 60.0
"""Seconds between two tries of a service that fails."""


class SessionHost:
    """A running session as one service sees it; names are its own copy, for services run in threads."""

    def __init__(self, session: Any, alerts: list[Callable[[str, str, int, dict[str, Any]], None]]) -> None:
        self._session, self.alerts = session, alerts
        self.folder = Path(session.log.path).parent / FOLDER
        self.name, self.number, self.decimals = session.name, session.number, session.exchange.decimals
        self.names = Names(session.exchange.names.instruments)
        self.letters = 0
        self.refresh()

    @property
    def log(self) -> EventLog:
        """Its log."""
        log: EventLog = self._session.log
        return log

    def refresh(self) -> None:
        """Learn the names that were introduced since, while nobody reads them."""
        known = self._session.exchange.names
        for mine, theirs in ((self.names.portfolios, known.portfolios), (self.names.traders, known.traders)):
            if len(mine) < len(theirs):
                mine.update(theirs)

    def alert(self, key: str, kind: str, ts: int, **said: Any) -> None:
        """See Host."""
        for heard in self.alerts:
            heard(key, kind, ts, said)

    async def dead(self, service: str, seq: int, value: bytes, error: BaseException) -> None:
        """Into the file beside the services, and onto `dead-letters` where there is a broker."""
        self.letters += 1
        await asyncio.to_thread(keep_letter, self.folder, service, seq, value, error)
        self._session.notice("DeadLetter", service=service, seq=seq, failure=f"{type(error).__name__}: {error}")
        equipment = self._session.equipment
        if equipment.broker is not None:
            shard = self._session.settings.broker.shard
            said = {"topic": f"service:{service}", "partition": shard, "offset": seq, "error": str(error)[:4_000], "service": service}
            headers = tuple((name, str(one).encode()) for name, one in said.items())
            await equipment.broker.publish([Outgoing(DEAD_LETTERS, shard, None, value[:900_000], headers)])


@dataclass
class Kept:
    """A service, and how it stands."""

    service: Service
    host: SessionHost
    state: str = "stopped"
    error: str = ""
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: "asyncio.Task[None] | None" = None


class Supervisor:
    """The services of a session, by its settings; a service of the session itself (`session.services`)."""

    def __init__(self, settings: Any) -> None:
        self.settings: ServiceSettings = service_settings(settings)
        self._targets = settings.targets
        self.kept: dict[str, Kept] = {}
        self._told: set[int] = set()
        self._alerts: list[Callable[[str, str, int, dict[str, Any]], None]] = []

    def service(self, name: str) -> Any:
        """A service by its name, once the session runs."""
        return self.kept[name].service

    async def run(self, session: Any) -> None:
        """Run them until the session ends."""
        self._session, self._loop = session, asyncio.get_running_loop()
        self._folder = Path(session.log.path).parent / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / SETTINGS, self.settings.model_dump_json(indent=2))
        self._alerts.append(self._notice)
        broker, shard = session.equipment.broker, session.settings.broker.shard
        for name, make in made(self.settings).items():
            host = SessionHost(session, self._alerts)
            self.kept[name] = Kept(make(host, self._targets, broker, shard), host)
        for name in self.kept:
            self.start(name)
        try:
            while True:
                await asyncio.sleep(TICK)
                self._hear()
                await self._asked()
                self._say()
        finally:
            for name in self.kept:
                await self.stop(name)
            self._say()

    def start(self, name: str) -> None:
        """Let a service run that was stopped."""
        one = self.kept[name]
        if one.task is None or one.task.done():
            one.state, one.error, one.failures = "running", "", 0
            one.task = asyncio.create_task(self._keep(one))

    async def stop(self, name: str) -> None:
        """Stop a service; where it was is stored."""
        one = self.kept[name]
        if one.task is not None:
            one.task.cancel()
            await asyncio.wait([one.task])
            one.task, one.state = None, "stopped"

    async def rebuild(self, name: str) -> str:
        """Stop a service, let it forget, and start it from the first fact on; says what was done."""
        await self.stop(name)
        said = await asyncio.to_thread(self.kept[name].service.wipe)
        self.start(name)
        return said

    async def _keep(self, one: Kept) -> None:
        """Run a service; where it fails, again after a while."""
        while True:
            try:
                await self._run(one)
                return
            except Exception as error:
                one.failures += 1
                one.error = f"{type(error).__name__}: {error}"
                one.state = "failed"
                self._session.notice("ServiceFailed", service=one.service.name, failure=one.error)
                if isinstance(error, TapebookError) and one.failures > 5:
                    return  # what a person has to mend
                await asyncio.sleep(min(LONGEST, 0.25 * 2**one.failures) * (1 + random.random() / 4))
                one.state = "running"

    async def _run(self, one: Kept) -> None:
        """Until the session ends. Raises what the service, or a way to its targets, raised."""
        feeder = Feeder(one.service, one.host)
        first = await to_its_end(feeder.open())
        works = [self._follow(one, feeder, first), self._tick(one)]
        if isinstance(one.service, Notifications):
            works.append(one.service.deliver())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await to_its_end(asyncio.to_thread(one.service.close))

    async def _follow(self, one: Kept, feeder: Feeder, first: int) -> None:
        async for batch in self._session.follow(first):
            async with one.lock:
                one.host.refresh()
                await to_its_end(feeder.feed(batch))
            one.failures = 0

    async def _tick(self, one: Kept) -> None:
        while True:
            await asyncio.sleep(TICK)
            async with one.lock:
                await to_its_end(asyncio.to_thread(one.service.tick, self._session.clock.now()))

    def _notice(self, key: str, kind: str, ts: int, said: dict[str, Any]) -> None:
        """What a service noticed is a notice of the session too; notifications have it already."""
        self._loop.call_soon_threadsafe(self._noted, kind, said)

    def _noted(self, kind: str, said: dict[str, Any]) -> None:
        self._session.notice(kind, **said)
        self._told.add(id(self._session.notices[-1]))

    def _hear(self) -> None:
        """Tell notifications what the session noticed since."""
        notices = self._session.notices
        told = {id(one) for one in notices}
        for one in notices:
            if id(one) not in self._told and NOTIFICATIONS in self.kept:
                said = {name: value for name, value in one.items() if name not in ("ts", "kind")}
                self.kept[NOTIFICATIONS].service.alert(_key(one), one["kind"], int(one["ts"]), said)  # type: ignore[attr-defined]
        self._told = told

    async def _asked(self) -> None:
        """Do what another process asked for by a file."""
        for path in sorted(self._folder.glob(f"*{REQUEST}")):
            name, what = path.name.removesuffix(REQUEST), path.read_text().strip()
            said = await self._answer(name, what)
            _write(path.with_suffix(".answer"), json.dumps(said))
            path.unlink(missing_ok=True)

    async def _answer(self, name: str, what: str) -> dict[str, Any]:
        if name not in self.kept:
            return {"error": f"no service {name!r}; there are: {', '.join(self.kept) or 'none'}"}
        try:
            if what == "rebuild":
                return {"said": await self.rebuild(name)}
            if what == "stop":
                await self.stop(name)
            else:
                self.start(name)
            return {"said": self.kept[name].state}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _say(self) -> None:
        """Write down how the services stand."""
        said = {
            name: {
                "state": one.state,
                "seq": one.service.position(),
                "behind": max(0, self._session.seq - one.service.position()),
                "dead_letters": one.host.letters,
                "error": one.error,
            }
            for name, one in self.kept.items()
        }
        _write(self._folder / STATUS, json.dumps({"pid": os.getpid(), "services": said}))


def _key(notice: dict[str, Any]) -> str:
    """What tells a notice from others. An alert of the streams, which a crash may repeat, is known by its symbol and its tick's time."""
    if "symbol" in notice and "at" in notice:
        return f"{notice['at']}-{notice['symbol']}-{notice['kind']}"
    return f"{notice['ts']}-{notice['kind']}"


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)

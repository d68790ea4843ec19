"""A genuine Kafka of one node, started and stopped from Python."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from live.broker.port import BrokerError
from live.broker.server.command import cluster_of, format_storage, server_command
from live.broker.server.held import is_held, try_lock
from live.broker.server.jars import jars
from live.broker.server.java import find_java
from live.broker.server.properties import HOST, Ports, as_text, free_ports, ports_of
from live.broker.server.ready import takes_topics

_POLL = 0.05
_TRIES = 3


class Running(NamedTuple):
    """A Kafka that runs: where clients connect, its process, its folder, and how long its start took."""

    servers: str
    pid: int
    folder: str
    seconds: float


class KafkaServer:
    """A Kafka with its data under `folder`; only one at a time runs there, whoever starts it, and it outlives who did.

    `port` 0 is the last one of this folder, or any. `properties` go to server.properties, `security` is how clients must come then.
    All methods block: in an event loop call them by `asyncio.to_thread`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        port: int = 0,
        properties: Mapping[str, str] | None = None,
        security: Mapping[str, Any] | None = None,
        heap: str = "512m",
    ) -> None:
        self.folder = Path(folder).resolve()
        self._port, self._more, self._security, self._heap = port, dict(properties or {}), security, heap
        self._state, self._lock, self._log = self.folder / "server.json", self.folder / "lock", self.folder / "kafka.log"
        self._properties = self.folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, wait: float = 90) -> Running:
        """Start, and return when a topic can be made; one that runs already is as good.

        Raises Unavailable where neither Java nor the jars can be had, BrokerError where it does not come up in `wait` seconds.
        """
        deadline = time.monotonic() + wait
        while (held := try_lock(self._lock)) is None:
            if running := self.status():
                return running
            if time.monotonic() > deadline:
                raise BrokerError(f"{self.folder}: another start has {self._lock} and is not ready in {wait:.0f} s; see {self._log}")
            time.sleep(_POLL)
        try:
            return self._start(held, deadline)
        finally:
            os.close(held)  # Java has it now

    def _start(self, held: int, deadline: float) -> Running:
        began = time.monotonic()
        self._state.unlink(missing_ok=True)
        java, path = find_java(), jars()
        ports = ports_of(self._properties, self._port)
        for left in reversed(range(_TRIES)):
            self._properties.write_text(as_text(self.folder / "data", ports, self._more))
            format_storage(java, path, self.folder, self._properties)
            process, since = self._run(server_command(java, path, self._properties, self._heap), held)
            if self._came_up(process, ports, deadline):
                break
            said = self._said(since)
            if "BindException" not in said or self._port or not left:
                raise BrokerError(f"Kafka did not start in {self.folder}: {said or 'it took too long'}; see {self._log}")
            ports = free_ports()  # another process was quicker
        running = Running(f"{HOST}:{ports.client}", process.pid, str(self.folder), round(time.monotonic() - began, 3))
        self._write(running)
        return running

    def _run(self, command: Sequence[str], held: int) -> tuple["subprocess.Popen[bytes]", int]:
        """Java with the lock in its hands, apart from our terminal; and where in the log its words begin."""
        with self._log.open("ab") as log:
            since = log.tell()
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(held,), start_new_session=True
            )
        return self._process, since

    def _came_up(self, process: "subprocess.Popen[bytes]", ports: Ports, deadline: float) -> bool:
        """Can a topic be made before the deadline? A Kafka that is late is ended."""
        cluster = cluster_of(self.folder)
        while process.poll() is None:
            if takes_topics(f"{HOST}:{ports.client}", cluster, self._security):
                return True
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
            time.sleep(_POLL)
        return False

    def _said(self, since: int) -> str:
        """The telling line of what Java wrote from that byte on."""
        with self._log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        telling = [line for line in lines if "Exception" in line or "Error" in line or "ERROR" in line]
        return next((line for line in telling if "BindException" in line), telling[-1] if telling else "").strip()

    def _write(self, running: Running) -> None:
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps(running._asdict()))
        new.replace(self._state)

    def status(self) -> Running | None:
        """The Kafka that runs in this folder, from when it takes topics; None without one."""
        if not is_held(self._lock):
            return None
        try:
            running = Running(**json.loads(self._state.read_text()))
            os.kill(running.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return running

    @property
    def servers(self) -> str:
        """Where clients connect. Raises BrokerError where it does not run."""
        running = self.status()
        if running is None:
            raise BrokerError(f"{self.folder}: no Kafka runs here; start() it")
        return running.servers

    def stop(self, wait: float = 60) -> bool:
        """End it in order, or by force after `wait` seconds; False where none runs."""
        return self._end(signal.SIGTERM, wait)

    def kill(self) -> bool:
        """End it at once, as a crash would; False where none runs."""
        return self._end(signal.SIGKILL, 10)

    def _end(self, how: signal.Signals, wait: float) -> bool:
        running = self.status()
        if running is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(running.pid, how)
        if not self._gone(wait):
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            if not self._gone(10):
                raise BrokerError(f"{self.folder}: the Kafka with pid {running.pid} does not end; end it by hand")
        self._state.unlink(missing_ok=True)
        return True

    def _gone(self, wait: float) -> bool:
        return _until(lambda: not is_held(self._lock) and (self._process is None or self._process.poll() is not None), wait)


def _until(holds: Callable[[], bool], wait: float) -> bool:
    deadline = time.monotonic() + wait
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return held

"""The folder of a session: who runs it, and how it stands (`session.json`)."""

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from live.session.recovery import SessionError

FILE = "session.json"


class SessionFolder:
    """`OUT/live/NAME`, held by one process at a time."""

    def __init__(self, out: Path | str, name: str) -> None:
        self.path = Path(out) / "live" / name
        self.name = name
        self._lock = FileLock(str(self.path / "session.lock"))
        self.said: dict[str, Any] = {}
        self.entrance = ""
        """Path behind its URL that signs a person in to its pages, once; it is told to the terminal alone."""

    def hold(self) -> None:
        """Make the folder ours. Raises SessionError where a session runs in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            said = read_status(self.path) or {}
            raise SessionError(
                f"{self.path}: session {self.name!r} runs already (process {said.get('pid', 'unknown')}); stop it with "
                f"`tapebook live stop {self.name}`, or give another name"
            ) from None
        except OSError as error:
            raise SessionError(f"{self.path}: {error.strerror or error}; name a folder that can be written with --out") from None

    def tell(self, state: str, **more: Any) -> None:
        """Write down how the session stands: a reader sees the old file or the new one."""
        self.said |= {"session": self.name, "pid": os.getpid(), "state": state, **more}
        self.said.setdefault("started", datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"))
        part = self.path / f"{FILE}.part"
        part.write_text(json.dumps(self.said, indent=2) + "\n")
        os.replace(part, self.path / FILE)

    def release(self) -> None:
        """Let another process have it."""
        self._lock.release()


def read_status(folder: Path) -> dict[str, Any] | None:
    """What `session.json` says; None where there is none. A state "running" of a process that is gone is "killed"."""
    try:
        said: dict[str, Any] = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return None
    if said.get("state") in ("starting", "running", "stopping") and not _alive(int(said.get("pid", 0))):
        said["state"] = "killed"
    return said


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def status_of(out: Path | str, name: str) -> dict[str, Any]:
    """How the session `name` under `out` stands. Raises SessionError where there is none."""
    said = read_status(Path(out) / "live" / name)
    if said is None:
        known = ", ".join(str(one["session"]) for one in sessions(out)) or "none"
        raise SessionError(f"no session {name!r} under {Path(out) / 'live'}; there are: {known}")
    return said


def stop_session(out: Path | str, name: str, wait: float = 30) -> dict[str, Any]:
    """Ask a session's process to stop, and wait until it has. Raises SessionError where it does not run, or does not stop."""
    said = status_of(out, name)
    if said["state"] not in ("starting", "running", "stopping"):
        raise SessionError(f"session {name!r} does not run: it {said['state']}")
    os.kill(int(said["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        said = status_of(out, name)
        if said["state"] not in ("starting", "running", "stopping"):
            return said
        time.sleep(0.05)
    raise SessionError(f"session {name!r} (process {said['pid']}) has not stopped within {wait:g} s; look at its log, or kill it")


def sessions(out: Path | str) -> list[dict[str, Any]]:
    """How each session under `out` stands, newest first."""
    found = [said for folder in sorted((Path(out) / "live").glob("*/")) if (said := read_status(folder)) is not None]
    return sorted(found, key=lambda said: str(said.get("started")), reverse=True)

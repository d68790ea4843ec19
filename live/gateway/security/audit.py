"""What privileged people did: who, what and why, durable before it is carried out, then what came of it; each line seals the one before."""

import asyncio
import hashlib
import json
import os
from pathlib import Path
from typing import Any

FILE = "audit.jsonl"


class Audit:
    """The audit file of a session, one JSON object a line. `hash` of a line is the SHA-256 of the hash before and the line without it, so
    a line that is changed, taken out or put in breaks the chain from there on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = asyncio.Lock()
        self._last: str | None = None
        self._count = 0

    async def write(self, entry: dict[str, Any]) -> int:
        """Append it durably; returns its number, from 1."""
        async with self._lock:
            await asyncio.to_thread(self._append, entry)
            return self._count

    def _append(self, entry: dict[str, Any]) -> None:
        if self._last is None:
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
            self._count, self._last = len(lines), str(json.loads(lines[-1])["hash"]) if lines else ""
        self._count += 1
        body = {"number": self._count, **entry}
        text = json.dumps(body, ensure_ascii=False)
        self._last = sealed(self._last, text)
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps({**body, "hash": self._last}, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def sealed(before: str, text: str) -> str:
    """The hash of a line behind a hash."""
    return hashlib.sha256((before + text).encode()).hexdigest()


def actions_in(path: Path, most: int = 200) -> list[dict[str, Any]]:
    """The newest actions of an audit file, newest first, as they were written down; none where there is no file. Lines that tell how an
    action ended are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[-most:]
    except FileNotFoundError:
        return []
    return [one for one in map(json.loads, reversed(lines)) if "action" in one]


def broken_line(path: Path) -> int | None:
    """The number of the first line that is not what was written; None where all are."""
    before = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
            given = found.pop("hash")
        except (ValueError, KeyError, AttributeError):
            return number
        before = sealed(before, json.dumps(found, ensure_ascii=False))
        if before != given or found.get("number") != number:
            return number
    return None

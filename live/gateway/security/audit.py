"""What privileged people did: who, what and why, durable before it is carried out, then what came of it; each line seals the one before."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from data.segments.audit_file import FILE, actions_in, sealed

__all__ = ["FILE", "Audit", "actions_in"]


class Audit:
    """The audit file of a session, one JSON object a line. `hash` of a line is the SHA-256 of the hash before and the line without it, so
    a line that is changed, taken out or put in breaks the chain from there on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = asyncio.Lock()
        self._last: str | None = None
        self._count = 0

    async def write(self, entry: dict[str, Any]) -> tuple[int, str]:
        """Append it durably; returns its number, from 1, and its hash."""
        async with self._lock:
            return await asyncio.to_thread(self._append, entry)

    def _append(self, entry: dict[str, Any]) -> tuple[int, str]:
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
        return self._count, self._last

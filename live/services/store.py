"""What a service keeps: an SQLite file in which its projection and the seq that it has come to are stored in one transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from live.services.host import Host, ServiceError

_TABLES = "CREATE TABLE IF NOT EXISTS positions (name TEXT PRIMARY KEY, value INTEGER NOT NULL, log TEXT NOT NULL)"


class Store:
    """`SERVICE.sqlite` of a session. `tables`: what else it holds. A reader in another process sees whole transactions.

    Raises ServiceError where it cannot be opened, or belongs to another log of that name.
    """

    def __init__(self, host: Host, service: str, tables: tuple[str, ...] = ()) -> None:
        self.path = host.folder / f"{service}.sqlite"
        self._service = service
        host.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.con = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            self.con.execute("PRAGMA journal_mode = WAL")
            self.con.execute("PRAGMA synchronous = FULL")
            for table in (_TABLES, *tables):
                self.con.execute(table)
            self._log = _mark(host)
            self._check(host)
        except sqlite3.Error as error:
            raise ServiceError(f"{self.path}: {error}; take it from a backup, or {_rebuild(host, service)}") from None

    def _check(self, host: Host) -> None:
        found = self.rows("SELECT log FROM positions WHERE log <> ? AND log <> ''", self._log)
        if found and self._log:
            self.close()
            raise ServiceError(f"{self.path}: was made from another log of a session {host.name!r}; {_rebuild(host, self._service)}")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.con.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it; durable once it is left."""
        self.con.execute("BEGIN IMMEDIATE")
        try:
            yield self.con
            self.con.execute("COMMIT")
        except BaseException:
            self.con.execute("ROLLBACK")
            raise

    def position(self, name: str = "seq") -> int:
        """How far the service has come; 0 at the beginning."""
        found = self.rows("SELECT value FROM positions WHERE name = ?", name)
        return int(found[0][0]) if found else 0

    def put_position(self, value: int, name: str = "seq") -> None:
        """Say how far the service has come; within the transaction that holds what it made of it."""
        self.con.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (name, value, self._log))

    def close(self) -> None:
        """Let go of the file."""
        self.con.close()


def _mark(host: Host) -> str:
    """What tells this log from another one of the same name: the hash of its first batch."""
    found = host.log.rows("SELECT hash FROM batches WHERE session = ? AND batch = 1", [host.number])
    return str(found[0][0]) if found else ""


def _rebuild(host: Host, service: str) -> str:
    return f"run tapebook live rebuild {service} --session {host.name}"


def remove(path: Path) -> None:
    """Delete a store, with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

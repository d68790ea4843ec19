"""What is to be told, and to whom it was: stored with the seq up to which facts were looked at, so that nothing is told twice."""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from live.services.host import Host
from live.services.notifications.rules import Found
from live.services.store import Store

NAME = "notifications"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, seq INTEGER, ts INTEGER, kind TEXT, value BLOB, since REAL)",
    "CREATE TABLE IF NOT EXISTS deliveries (n INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT, key TEXT, state TEXT, UNIQUE (target, key))",
    "CREATE INDEX IF NOT EXISTS waiting ON deliveries (target, n) WHERE state = 'waiting'",
)


class Waiting(NamedTuple):
    """A notification that waits for a target."""

    n: int
    key: str
    seq: int
    ts: int
    kind: str
    value: bytes
    since: float
    """Seconds since 1970, when it was first to be told."""


class Outbox:
    """The outbox of a session; threads may share it. Raises ServiceError."""

    def __init__(self, host: Host) -> None:
        self._store, self._lock = Store(host, NAME, _TABLES), threading.Lock()

    def position(self) -> int:
        """The last seq that was looked at."""
        with self._lock:
            return self._store.position()

    def put(self, found: Sequence[Found], position: int | None) -> int:
        """Keep what is to be told, and where we are; returns how many are new. What is there already changes nothing."""
        new = 0
        with self._lock, self._store.transaction() as con:
            for one in found:
                row = (one.key, one.seq, one.ts, one.kind, one.value, time.time())
                con.execute("INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?)", row)
                for target in one.targets:
                    done = con.execute("INSERT OR IGNORE INTO deliveries (target, key, state) VALUES (?, ?, 'waiting')", (target, one.key))
                    new += done.rowcount
            if position is not None:
                self._store.put_position(position)
        return new

    def waiting(self, target: str, most: int = 50) -> list[Waiting]:
        """The oldest that wait for a target."""
        query = (
            "SELECT n, d.key, seq, ts, kind, value, since FROM deliveries d JOIN objects o ON o.key = d.key "
            "WHERE target = ? AND state = 'waiting' ORDER BY n LIMIT ?"
        )
        with self._lock:
            return [Waiting(*row) for row in self._store.rows(query, target, most)]

    def done(self, ns: Iterable[int], state: str = "sent") -> None:
        """They were told, or are told no more (state "dead"). An object that nobody waits for is dropped; that it was told stays known."""
        with self._lock, self._store.transaction() as con:
            for n in ns:
                con.execute("UPDATE deliveries SET state = ? WHERE n = ?", (state, n))
                con.execute(
                    "DELETE FROM objects WHERE key = (SELECT key FROM deliveries WHERE n = ?1) AND NOT EXISTS "
                    "(SELECT 1 FROM deliveries d WHERE d.key = objects.key AND d.state = 'waiting')",
                    (n,),
                )

    def counts(self) -> dict[tuple[str, str], int]:
        """How many of each target are in each state."""
        with self._lock:
            rows = self._store.rows("SELECT target, state, count(*) FROM deliveries GROUP BY 1, 2")
        return {(target, state): count for target, state, count in rows}

    def begin_again(self) -> None:
        """Look at all facts again; what was told stays known."""
        with self._lock, self._store.transaction() as con:
            con.execute("DELETE FROM positions")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._store.close()

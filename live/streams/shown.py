"""What the streams beside a session told last, for whoever asks the session; kept in a file, so that a restart shows it again."""

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from live.streams.folding import Known
from live.streams.kept import KeptError

BARS_KEPT, ALERTS_KEPT = 1_440, 1_000
"""Of each symbol, and in all."""
Object = dict[str, Any]
_TABLES = (
    "CREATE TABLE IF NOT EXISTS lineage (name TEXT)",
    "CREATE TABLE IF NOT EXISTS bars (symbol TEXT, start TEXT, value BLOB, PRIMARY KEY (symbol, start)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS latest (symbol TEXT, name TEXT, value BLOB, PRIMARY KEY (symbol, name)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS alerts (number INTEGER PRIMARY KEY, value BLOB)",
)
_BAR, _OLD = "INSERT OR REPLACE INTO bars VALUES (?, ?, ?)", "DELETE FROM bars WHERE symbol = ? AND start < ?"
_VALUE, _ALERT = "INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", "INSERT OR IGNORE INTO alerts VALUES (?, ?)"
_PAST = "DELETE FROM alerts WHERE number <= ?"


class Shown:
    """The newest bars of each symbol, the latest value of each indicator and the newest alerts, as their topics have them.

    They are in `streams-SHARD.sqlite`, never older than the state of the streams: what is told again behind that state takes the place of
    what stands there. `lineage` is that state's: what was told under another is forgotten, and what is not known any more is not shown.
    Raises KeptError.
    """

    def __init__(self, folder: Path, shard: int, lineage: str, known: Known) -> None:
        self.values: dict[tuple[str, str], Object] = {}
        """The latest value by symbol and name."""
        self.alerts: deque[Object] = deque(maxlen=ALERTS_KEPT)
        self._bars: dict[str, dict[str, Object]] = {one.symbol: {} for one in known.instruments}
        self._last_alert = 0
        self._changes: list[tuple[str, tuple[Any, ...]]] = []
        path = folder / f"streams-{shard}.sqlite"
        try:
            self._con = self._open(path, lineage)
            self._load(known.value_names())
        except (sqlite3.Error, msgspec.DecodeError) as odd:
            raise KeptError(f"{path}: the bars that were told cannot be read ({odd}); remove it, and new ones are shown") from None

    def _open(self, path: Path, lineage: str) -> sqlite3.Connection:
        con = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("PRAGMA synchronous = FULL")
        for table in _TABLES:
            con.execute(table)
        if con.execute("SELECT name FROM lineage").fetchall() != [(lineage,)]:
            with con:
                con.execute("BEGIN")
                for name in ("lineage", "bars", "latest", "alerts"):
                    con.execute(f"DELETE FROM {name}")
                con.execute("INSERT INTO lineage VALUES (?)", (lineage,))
        return con

    def _load(self, names: frozenset[str]) -> None:
        read = msgspec.json.decode
        for symbol, start, value in self._con.execute("SELECT symbol, start, value FROM bars ORDER BY start"):
            if symbol in self._bars:
                self._bars[symbol][start] = read(value)
        for symbol, name, value in self._con.execute("SELECT symbol, name, value FROM latest"):
            if symbol in self._bars and name in names:
                self.values[symbol, name] = read(value)
        for number, value in self._con.execute("SELECT number, value FROM alerts ORDER BY number"):
            self.alerts.append(read(value))
            self._last_alert = number

    def bars(self, symbol: str) -> list[Object]:
        """The bars of a symbol that were told, the oldest first, each as it was told last."""
        return [self._bars[symbol][start] for start in sorted(self._bars[symbol])]

    def add_bar(self, text: str) -> None:
        """A bar, or its revision."""
        one = msgspec.json.decode(text)
        symbol, start = one["symbol"], one["start"]
        kept = self._bars[symbol]
        kept[start] = one
        self._changes.append((_BAR, (symbol, start, text.encode())))
        if len(kept) > BARS_KEPT:
            del kept[min(kept)]
            self._changes.append((_OLD, (symbol, min(kept))))

    def add_value(self, text: str) -> None:
        """A value of an indicator."""
        one = msgspec.json.decode(text)
        self.values[one["symbol"], one["name"]] = one
        self._changes.append((_VALUE, (one["symbol"], one["name"], text.encode())))

    def add_alert(self, number: int, text: str) -> Object | None:
        """An alert; None for one that was told before the restart."""
        if number <= self._last_alert:
            return None
        self._last_alert, one = number, msgspec.json.decode(text)
        self.alerts.append(one)
        self._changes += [(_ALERT, (number, text.encode())), (_PAST, (number - ALERTS_KEPT,))]
        made: Object = one
        return made

    def keep(self) -> Callable[[], None]:
        """What makes durable, in a thread, all that was told so far."""
        changes, self._changes = self._changes, []

        def write() -> None:
            with self._con:
                self._con.execute("BEGIN IMMEDIATE")
                for query, values in changes:
                    self._con.execute(query, values)

        return write if changes else lambda: None

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

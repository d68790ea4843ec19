"""Surveillance of a session while it runs: cases as soon as all that they depend on has happened, kept and told."""

import polars as pl

from data.surveillance.cases import named
from engine.messages.vocabulary import Kind
from live.configuration.services import SurveillanceSettings
from live.services.host import Host
from live.services.store import Store, remove
from live.writer.committed import Committed

NAME = "surveillance"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS cases (rule TEXT, trader TEXT, symbol TEXT, first_seq INTEGER, last_seq INTEGER, started INTEGER, "
    "ended INTEGER, value REAL, threshold REAL, facts INTEGER, text TEXT, seqs TEXT, "
    "PRIMARY KEY (rule, trader, symbol, first_seq, last_seq))",
)
GRACE = 5_000_000_000
"""ns of silence after which time is taken to have come on, though no fact says so."""


class Surveillance:
    """Cases are in `surveillance.sqlite`, with the time up to which there are no more to be found."""

    name = NAME

    def __init__(self, host: Host, given: SurveillanceSettings) -> None:
        self._host, self._given = host, given
        self._store: Store | None = None
        self._seq = 0

    def open(self) -> int:
        """See Service: begins where the day began, or as far back as the rules look, and tells only what was not told."""
        self._store = Store(self._host, NAME, _TABLES)
        self._surveyor = self._given.surveyor()
        until = self._store.position("until")
        first = self._first(until)
        self._quiet = self._store.position("seq")  # cases of the facts up to here are kept already
        self._seq = first - 1
        return first

    def _first(self, until: int) -> int:
        """The seq from which the surveyor has to see facts, to find what is due after `until`."""
        if not until:
            return 1
        query = (
            f"SELECT least(coalesce((SELECT max(seq) FROM facts WHERE session = $1 AND kind = {Kind.DayStarted:d} AND ts <= $2), 1), "
            "coalesce((SELECT min(seq) FROM facts WHERE session = $1 AND ts >= $3), 1))"
        )
        return int(self._host.log.rows(query, [self._host.number, until, until - self._surveyor.reach])[0][0])

    def take(self, batch: Committed) -> None:
        """See Service."""
        until = self._surveyor.until
        found = self._surveyor.add(batch.facts)
        self._seq = max(self._seq, batch.last_seq)
        if len(found) or self._surveyor.until > until:
            self._put(found)

    def tick(self, now: int) -> None:
        """Minutes pass without facts, too."""
        until = self._surveyor.until
        found = self._surveyor.reached(now - GRACE) if until else None
        if found is not None and self._surveyor.until > until:
            self._put(found)

    def _put(self, found: pl.DataFrame) -> None:
        """Keep cases, and how far we are; tell those that were not there."""
        assert self._store is not None
        new = []
        with self._store.transaction() as con:
            for row in named(found, self._host.names).iter_rows(named=True):
                times = [int(row[name].timestamp() * 1_000_000) * 1_000 for name in ("started", "ended")]
                key = tuple(row[name] for name in ("rule", "trader", "symbol", "first_seq", "last_seq"))
                rest = tuple(row[name] for name in ("value", "threshold", "facts", "text"))
                values = (*key, *times, *rest, " ".join(map(str, row["seqs"])))
                if con.execute(f"INSERT OR IGNORE INTO cases VALUES ({', '.join('?' * 12)})", values).rowcount:
                    new.append((row, times[1]))
            self._store.put_position(max(self._seq, self._quiet), "seq")
            self._store.put_position(max(self._surveyor.until, self._store.position("until")), "until")
            for row, ended in new:  # before they count as kept: told again rather than not at all
                said = {
                    name: row[name] for name in ("rule", "trader", "symbol", "first_seq", "last_seq", "value", "threshold", "facts", "text")
                }
                self._host.alert(
                    "-".join(map(str, ("case", row["rule"], row["trader"], row["symbol"], row["last_seq"]))),
                    "SurveillanceCase",
                    ended,
                    **said,
                )

    def cases(self) -> int:
        """How many cases are kept."""
        assert self._store is not None
        return int(self._store.rows("SELECT count(*) FROM cases")[0][0])

    def position(self) -> int:
        """See Service."""
        return self._seq

    def close(self) -> None:
        """See Service."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def wipe(self) -> str:
        """See Service."""
        remove(self._host.folder / f"{NAME}.sqlite")
        return "its cases are looked for again from the first fact on"

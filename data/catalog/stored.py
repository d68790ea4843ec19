"""A stored day as a feed, and a feed's days to be stored."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog.files import as_commands, instrument_from, read_rows
from data.feed import BATCH_ROWS, Commands, Feed
from data.levels.writing import OPENING
from data.times import local_time, zone_of
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Grain, Kind

GRAINS = {"orders": Grain.ORDERS, "levels": Grain.LEVELS, "bars": Grain.BARS}
"""What each kind of a catalog is made of."""


class Stored(Feed):
    """A day of a symbol out of a catalog."""

    def __init__(self, path: Path, said: dict[str, Any]) -> None:
        self.path, self.said = path, said
        self.instruments, self.counts = [instrument_from(said["instrument"])], {}
        self.name = f"{self.instrument.symbol} {said['date']}"
        self.time_zone, self.grain = said["time_zone"], GRAINS[said["kind"]]
        self.date = datetime.date.fromisoformat(said["date"])

    @property
    def source(self) -> str:
        return str(self.path)

    @property
    def fingerprint(self) -> str:
        """That of the source, with the symbol and the day."""
        return f"{self.said['fingerprint']}:{self.instrument.symbol}:{self.said['date']}"

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND), as the source gave them."""
        commands = as_commands(read_rows(self.path))
        for first in range(0, len(commands), rows):
            yield commands[first : first + rows]


class DayCutter:
    """Cuts the commands of one instrument into the days of a clock. What a book of levels holds at midnight opens the next day; orders
    have one history, which stays together under its first day."""

    def __init__(self, zone: str, grain: Grain) -> None:
        self.zone, self.grain = zone_of(zone), grain
        self.day: datetime.date | None = None
        self.ends = -(2**63)  # ns UTC at which the day ends
        self.held: list[Commands] = []
        self.book: dict[tuple[int, int], int] = {}

    def take(self, commands: Commands) -> Iterator[tuple[datetime.date, Commands]]:
        """The days that end within these commands."""
        while len(commands):
            if self.day is None or (self.grain != Grain.ORDERS and commands["ts"][0] >= self.ends):
                yield from self.finish()
                self._begin(int(commands["ts"][0]))
            cut = len(commands) if self.grain == Grain.ORDERS else int(np.searchsorted(commands["ts"], self.ends))
            self.held.append(commands[:cut])
            if self.grain == Grain.LEVELS:
                self._follow(commands[:cut])
            commands = commands[cut:]

    def finish(self) -> Iterator[tuple[datetime.date, Commands]]:
        """The day so far."""
        if self.day is not None and self.held:
            yield self.day, np.concatenate(self.held)
        self.held = []

    def _begin(self, ts: int) -> None:
        self.day = local_time(ts, self.zone).date()
        following = datetime.datetime.combine(self.day + datetime.timedelta(days=1), datetime.time(), self.zone)
        self.ends = int(following.timestamp()) * 10**9
        if self.book:
            opening = np.zeros(len(self.book), COMMAND)
            opening["kind"], opening["flags"], opening["ts"] = Kind.LEVEL, OPENING, ts
            for k, ((side, price), lots) in enumerate(sorted(self.book.items())):
                opening["side"][k], opening["price"][k], opening["quantity"][k] = side, price, lots
            self.held.append(opening)

    def _follow(self, commands: Commands) -> None:
        for row in commands[(commands["kind"] == Kind.LEVEL) | (commands["kind"] == Kind.CLEAR)]:
            if row["kind"] == Kind.CLEAR:
                self.book.clear()
            elif row["quantity"]:
                self.book[int(row["side"]), int(row["price"])] = int(row["quantity"])
            else:
                self.book.pop((int(row["side"]), int(row["price"])), None)

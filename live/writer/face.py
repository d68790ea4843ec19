"""What those who stand around a session see of it."""

from typing import Any, Protocol

from data.log.event_log import EventLog
from engine.exchange import Exchange
from live.writer.clock import Clock
from live.writer.intake import Intake
from live.writer.meters import Meters


class Running(Protocol):
    """A session while it runs."""

    clock: Clock
    intake: Intake
    meters: Meters

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def exchange(self) -> Exchange:
        """Its exchange: for names and numbers; what it says of orders is ahead of the log."""

    @property
    def log(self) -> EventLog:
        """Its log."""

    @property
    def number(self) -> int:
        """The number of its session in the log."""

    @property
    def seq(self) -> int:
        """The last seq that is committed."""

    @property
    def cursors(self) -> dict[str, int]:
        """Where each source stood when the session started."""

    def note_cursor(self, source: str, offset: int) -> None:
        """Keep in the log, with the next commit, how far something has come."""

    def notice(self, kind: str, **said: Any) -> None:
        """Say something that the operator should know."""

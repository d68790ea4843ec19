"""What those who stand around a session see of it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from data.log.event_log import EventLog
from engine.exchange import Exchange
from engine.messages.commands import Command
from live.models.read_models import ReadModels
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

    @property
    def models(self) -> ReadModels:
        """What is committed, as people ask for it."""

    def notice(self, kind: str, **said: Any) -> None:
        """Say something that the operator should know."""

    def watch(self, heard: Callable[[set[str]], None]) -> None:
        """Be told which traders commands of a batch came from."""

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Send commands; returns their facts once they are committed."""

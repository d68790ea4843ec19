"""What a gateway shows: a session that runs in its process, or one that another process writes and that is followed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from data.log.event_log import EventLog
from engine.exchange import Exchange
from engine.messages.commands import Command
from live.configuration.session import SessionSettings
from live.models.read_models import ReadModels
from live.writer.committed import Committed
from live.writer.meters import Meters

T = TypeVar("T")


class Commits(Protocol):
    """What is committed, for whoever looks at each batch."""

    sinks: list[Callable[[Committed], None]]


class Waiting(Protocol):
    """What waits to be matched."""

    closed: bool
    rows: int


class Place(Protocol):
    """The folder of a session, and what is said of who serves it."""

    path: Path
    said: dict[str, Any]

    def tell(self, state: str, **more: Any) -> None:
        """Write down how it stands."""


class Lines(Protocol):
    """Log lines."""

    def say(self, message: str, *, error: BaseException | None = None, **said: Any) -> None:
        """One line."""


class Served(Protocol):
    """A session as a gateway sees it; `models` are as of `seq`, the last that is committed."""

    settings: SessionSettings
    meters: Meters
    notices: list[dict[str, Any]]
    models: ReadModels

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def number(self) -> int:
        """Its number in the log."""

    @property
    def seq(self) -> int:
        """The last seq that is committed."""

    @property
    def log(self) -> EventLog:
        """Its log."""

    @property
    def exchange(self) -> Exchange:
        """Its exchange: for names and numbers."""

    @property
    def error(self) -> BaseException | None:
        """What ended it."""

    @property
    def committer(self) -> Commits:
        """Whom each commit is told to."""

    @property
    def intake(self) -> Waiting:
        """What waits."""

    @property
    def folder(self) -> Place:
        """Where it lies."""

    @property
    def journal(self) -> Lines:
        """Its log lines."""

    @property
    def writer(self) -> str | None:
        """None where it takes commands here; else what is said to who sends one: where they go."""

    @property
    def streams(self) -> Any:
        """The streams beside it; None where there are none."""

    @property
    def supervisor(self) -> Any:
        """Who runs its services; None where there are none."""

    def checks(self) -> dict[str, bool]:
        """What has to be true for it to be ready, beside what the gateway itself looks at."""

    def heard(self, trader: str, longest: float | None) -> None:
        """A trader is there; `longest`: the seconds of silence after which its orders are to be cancelled."""

    async def send(self, command: Command | Sequence[Command]) -> np.ndarray:
        """Carry out commands; returns their facts."""

    async def run(self, commands: Any) -> np.ndarray:
        """Carry out records (COMMAND); returns their facts."""

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """What the exchange says between two batches."""

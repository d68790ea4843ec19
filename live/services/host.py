"""What a service sees of the session that it lives on: its log, its names, and whom to tell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from data.log.event_log import EventLog
from engine.errors import TapebookError
from engine.messages.names import Names

FOLDER = "services"
LETTERS = "dead-letters.jsonl"


class ServiceError(TapebookError):
    """A service that cannot start or go on; the message says why and what to do."""


class Standstill(ServiceError):
    """Nothing more can be taken until a person has mended what the message says; no fact is at fault, and none is put aside."""


class Host(Protocol):
    """A session, running or read from its log alone."""

    folder: Path
    """Where the services keep what is theirs."""

    @property
    def name(self) -> str:
        """The session's name."""

    @property
    def log(self) -> EventLog:
        """Its log."""

    @property
    def number(self) -> int:
        """The number of its session in the log."""

    @property
    def names(self) -> Names:
        """What its numbers are called."""

    @property
    def decimals(self) -> int:
        """Decimals of its money."""

    @property
    def alerts(self) -> list[Callable[[str, str, int, dict[str, Any]], None]]:
        """Who hears the alerts of services: id, kind, ts (ns UTC), fields."""

    def alert(self, key: str, kind: str, ts: int, **said: Any) -> None:
        """Tell people something that a service found; `key` is the same when the same is found again."""

    async def dead(self, service: str, seq: int, value: bytes, error: BaseException) -> None:
        """Put aside a message that a service cannot take."""


def keep_letter(folder: Path, service: str, seq: int, value: bytes, error: BaseException) -> None:
    """Write a dead letter down beside the services' own files: a line of JSON."""
    said = {"service": service, "seq": seq, "error": f"{type(error).__name__}: {error}", "value": value.decode("utf-8", "replace")}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LETTERS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")

"""The session's own log lines: JSON, one object a line, in `session.log` beside its event log."""

import json
import logging
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

FILE = "session.log"
BYTES = 16 << 20
KEPT = 4
"""Older files that are kept."""


def where(error: BaseException) -> str:
    """File, line and function in which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename} line {frames[-1].lineno}, in {frames[-1].name}" if frames else ""


class _Lines(logging.Formatter):
    """A record as one line of JSON; names follow the Elastic Common Schema."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {"@timestamp": at, "log.level": record.levelname.lower(), "message": record.getMessage()}
        said |= {"ecs.version": "8.11", "service.name": "tapebook"} | getattr(record, "said", {})
        if record.exc_info and record.exc_info[1] is not None:
            said["error.message"], said["error.stack_trace"] = str(record.exc_info[1]), self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class _File(RotatingFileHandler):
    """Where a line cannot be written, the session goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: the disk is full, and standard error belongs to the command."""


class Journal:
    """Writes the log lines of one session."""

    def __init__(self, folder: Path, session: str, file: str = FILE) -> None:
        self._logger = logging.getLogger(f"tapebook.live.{session}")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._handler = _File(folder / file, maxBytes=BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        self._handler.setFormatter(_Lines())
        self._logger.addHandler(self._handler)

    def say(self, message: str, *, error: BaseException | None = None, **said: Any) -> None:
        """One line."""
        level = logging.ERROR if error is not None else logging.INFO
        self._logger.log(level, message, extra={"said": said}, exc_info=error)

    def close(self) -> None:
        """Let go of the file."""
        self._logger.removeHandler(self._handler)
        self._handler.close()

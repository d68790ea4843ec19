"""A job's log: one line of JSON an event, on standard error for the scheduler and in a file."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def now() -> str:
    """The time as ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JobLog:
    """Writes `{"ts", "level", "event", "job", "date", …}` lines, appended to `path` and printed by `echo`."""

    def __init__(self, path: Path, job: str, date: str, echo: Callable[[str], None] | None = None) -> None:
        self.path, self.about = path, {"job": job, "date": date}
        self.echo = echo or (lambda line: print(line, file=sys.stderr, flush=True))

    def say(self, event: str, level: str = "info", **fields: Any) -> None:
        """One event. A log file that cannot be written is no reason to fail."""
        line = json.dumps({"ts": now(), "level": level, "event": event, **self.about, **fields}, default=str)
        self.echo(line)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            return

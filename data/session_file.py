"""A session of a log as a feed, opened by the log's path."""

from collections.abc import Sequence
from pathlib import Path

from data.feed import Feed
from data.log.event_log import EventLog


def read_session(path: Path | str, session: int = 1, without: Sequence[str] = ()) -> Feed:
    """A session of the log at `path` as a feed; see `EventLog.feed`."""
    return EventLog(path, read_only=True).feed(session, without)

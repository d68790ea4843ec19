"""Where the log of what a page shows lies, opened to be read and closed again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboards.answers.port import AnswerError
from dashboards.source.log import LogSource
from dashboards.source.port import Source
from dashboards.source.remote import RemoteSource
from dashboards.source.run import RunSource
from dashboards.source.session import SessionSource
from data.log.event_log import EventLog


def folder_of(source: Source) -> Path:
    """The folder of the source's log. Raises AnswerError where it lies elsewhere."""
    if isinstance(source, SessionSource):
        return Path(source.session.folder.path)
    if isinstance(source, LogSource):
        return source.folder
    if isinstance(source, RunSource) and source.result.folder is not None:
        return source.result.folder
    where = f"with the session at {source.url}" if isinstance(source, RemoteSource) else "nowhere: the run was not recorded"
    raise AnswerError(f"the log lies {where}; on the machine where it is, `tapebook dash --log DIR/live/NAME` shows this")


def path_of(source: Source) -> Path:
    """The path by which the log is opened. Raises AnswerError."""
    return source.path if isinstance(source, LogSource) else folder_of(source)


@contextmanager
def reading(source: Source) -> Iterator[tuple[EventLog, int]]:
    """The log, read-only, beside the session that writes it, and the session's number. Raises AnswerError, LogError."""
    with EventLog.open(path_of(source)) as log:
        if isinstance(source, LogSource):
            yield log, source.number
        elif isinstance(source, SessionSource):
            yield log, log.session(source.session.name)
        else:
            yield log, log.session(source.result.meta["run_id"])  # type: ignore[attr-defined]

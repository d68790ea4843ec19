"""What lies ahead of a log goes into it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.log.batch import Batch, LoggedCommands
from data.log.rows import joined
from data.log.schema import LogError
from data.write_ahead.files import Entry, entries_in, paths_of

if TYPE_CHECKING:
    from data.log.event_log import EventLog


def lies_ahead(log: Path) -> bool:
    """Whether something was committed that the log at `log` may not have yet: its session was killed."""
    return any(path.exists() and path.stat().st_size for path in paths_of(log))


def merged(entries: Sequence[Entry]) -> tuple[Batch, dict[str, int]]:
    """Entries as one batch, and where the sources stand after the last."""
    commands = LoggedCommands(*(joined(arrays) for arrays in zip(*(one.batch.commands for one in entries))))
    cursors: dict[str, int] = {}
    for one in entries:
        cursors.update(one.cursors)
    return Batch(commands, joined([one.batch.facts for one in entries]), {}), cursors


def take_in(log: "EventLog") -> None:
    """Append to a log, open to be written, what lies ahead of it, in one transaction. Raises LogError where it is of another log."""
    paths = paths_of(log.path)
    entries = sorted((entry for path in paths for entry in entries_in(path)), key=lambda entry: entry.number)
    known = dict(log.file.rows("SELECT session, genesis FROM sessions"))
    for entry in entries:
        if known.get(entry.session) != entry.genesis:
            raise LogError(f"{paths[0]}: belongs to another log than {log.path.name}; put that log back, or move {paths[0].name} away")
    for session in sorted({entry.session for entry in entries}):
        end = log.last_seq(session)
        fresh = [entry for entry in entries if entry.session == session and (entry.batch.span() or (end + 1, end + 1))[1] > end]
        if fresh:
            batch, cursors = merged(fresh)
            log.append(
                session, batch.commands.records, batch.facts, batch.commands.seqs, cursors=cursors, positions=batch.commands.positions
            )
    for path in paths:
        path.unlink(missing_ok=True)

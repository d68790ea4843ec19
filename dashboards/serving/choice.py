"""What `tapebook dash` shows: the source that its options name."""

from pathlib import Path
from typing import NamedTuple

from dashboards.source.log import LogSource
from dashboards.source.port import Source
from dashboards.source.remote import RemoteSource
from dashboards.source.run import RunSource
from data.configuration import ConfigurationError
from data.named_file import named_text
from live.gateway.security.principals import Principal, Role

READER = Principal("you", frozenset({Role.VIEWER, Role.COMPLIANCE}))
"""Who reads a recording at this machine: sees everything, trades nothing."""


class Choice(NamedTuple):
    """What the command line names."""

    session: str | None
    run: str | None
    log: Path | None
    token: str | None
    token_file: Path | None
    out: Path


def source_of(choice: Choice) -> Source:
    """The source that is named; without a name the newest run. Raises ConfigurationError."""
    named = [name for name in ("session", "run", "log") if getattr(choice, name)]
    if len(named) > 1:
        raise ConfigurationError([f"{' and '.join('--' + name for name in named)} together say two things; name one of them"])
    if choice.log is not None:
        return LogSource(choice.log)
    if choice.session is None:
        return RunSource(choice.run, choice.out)
    if not choice.session.startswith(("http://", "https://")):
        raise ConfigurationError([f"--session {choice.session!r} is not an address; write one such as http://127.0.0.1:8000"])
    return RemoteSource(choice.session, _token(choice))


def _token(choice: Choice) -> str:
    if choice.token:
        return choice.token
    if choice.token_file is None:
        mend = "tapebook token --role trader --trader NAME --portfolio NAME > FILE"
        raise ConfigurationError([f"--session needs the token that the pages act with: --token-file FILE; one is made by {mend}"])
    try:
        return named_text(choice.token_file).strip()
    except (OSError, UnicodeDecodeError) as odd:
        raise ConfigurationError([f"--token-file {choice.token_file}: {getattr(odd, 'strerror', None) or 'is not text'}"]) from None

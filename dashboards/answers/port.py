"""What pages ask once rather than follow: a question with who asks it, and what is wrong with one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from dashboards.source.port import Source
from engine.errors import TapebookError
from live.gateway.security.principals import Principal, Role


class Asked(NamedTuple):
    """A question of a page: what stands behind its question mark, of whom, about what."""

    who: Principal
    query: dict[str, str]
    source: Source
    out: Path
    """The folder of runs and sessions."""

    def text(self, name: str) -> str:
        """A parameter that must be there. Raises AnswerError."""
        if not self.query.get(name):
            raise AnswerError(f"{name} is missing; write {name}=… behind the question mark")
        return self.query[name]

    def number(self, name: str, usual: int, least: int, most: int) -> int:
        """A whole number. Raises AnswerError."""
        given = self.query.get(name, str(usual))
        if not given.removeprefix("-").isdigit() or not given.isascii() or len(given) > 20 or not least <= int(given) <= most:
            raise AnswerError(f"{name} is {given[:30]!r}; it is a whole number from {least:,} to {most:,}")
        return int(given)


class AnswerError(TapebookError, ValueError):
    """A question that has no answer: what is wrong and what to do about it, in one line."""


class Html(NamedTuple):
    """A whole page as the answer."""

    text: str


Answerer = Callable[[Asked], Awaitable[Any]]


class Answer(NamedTuple):
    """A question that pages may ask: for whom, and who answers it (JSON, or Html)."""

    roles: frozenset[Role]
    give: Answerer

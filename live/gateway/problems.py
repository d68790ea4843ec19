"""Problem details (RFC 9457): every refusal in one shape, for REST, WebSocket and server-sent events."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from engine.errors import TapebookError

MEDIA_TYPE = "application/problem+json"


class Problem(TapebookError):
    """Why a request was refused: what was wrong, and what would be right.

    `status`: of HTTP; `code`: a word for programs, of a refused order the name of its reason; `path`: of the field that is meant; `more`:
    further members of the answer; `headers`: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        path: str | None = None,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.path = status, code, detail, path
        self.more, self.headers = dict(more or {}), dict(headers or {})

    def members(self) -> dict[str, Any]:
        """The members of the answer's object."""
        made: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.path is not None:
            made["errors"] = [{"path": self.path, "detail": self.detail}]
        return made | self.more

    def body(self) -> bytes:
        """The answer's body."""
        return msgspec.json.encode(self.members())


def malformed(path: str, detail: str, status: int = 422) -> Problem:
    """A field, a parameter or a body that cannot be read."""
    return Problem(status, "MALFORMED", detail, path=path)


def missing(what: str, name: object, mend: str) -> Problem:
    """404: nothing has that name."""
    return Problem(404, "NOT_FOUND", f"there is no {what} {name!r}; {mend}")

"""What a gateway refused, as typed exceptions with the members of its problem details."""

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import TapebookError


class ClientError(TapebookError):
    """Something that a client asked for and did not get.

    `status`: of HTTP, 0 where no answer came; `code`: a word for programs, of a refused order the name of its `Reason`; `field`: the path
    of the field that is meant, None where there is none; `detail`: the sentence; `problem`: every member of the answer.
    """

    def __init__(self, detail: str, *, status: int = 0, code: str = "", field: str | None = None, problem: Mapping[str, Any] = {}) -> None:
        super().__init__(detail)
        self.detail, self.status, self.code, self.field, self.problem = detail, status, code, field, dict(problem)


class Unreachable(ClientError):
    """No answer: the gateway cannot be reached, or it went away meanwhile. Whether a command arrived is not known; send it again with its
    id, which is harmless."""


class Unauthorized(ClientError):
    """401: there is no token, or it is no good or has expired."""


class Forbidden(ClientError):
    """403: not for the token's roles, trader or portfolios."""


class NotFound(ClientError):
    """404: nothing has that name."""


class Malformed(ClientError, ValueError):
    """400, 413, 422: a field, a parameter or a message that cannot be read; `field` says which."""


class Refused(ClientError):
    """409, 422: the exchange refused a command; `code` is the name of the `Reason`. `value` and `limit`: what was found and what is
    allowed, decimal texts or None; `order`: of a repeated id the first order."""

    @property
    def value(self) -> str | None:
        """What was found."""
        return self.problem.get("value")

    @property
    def limit(self) -> str | None:
        """What is allowed."""
        return self.problem.get("limit")

    @property
    def order(self) -> dict[str, Any] | None:
        """The order that stands there already."""
        return self.problem.get("order")


class TooManyRequests(ClientError):
    """429: `retry_after` says how many seconds to wait."""

    retry_after: float = 1.0


class Unavailable(ClientError):
    """405 of a reader that takes no commands, 5xx: the session stops, is not ready, or failed."""


class Gone(ClientError):
    """What was followed cannot be gone on with: another session answers under the same address, or its log begins later."""


_KINDS: dict[int, type[ClientError]] = {
    400: Malformed,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Refused,
    413: Malformed,
    429: TooManyRequests,
}


def error_of(status: int, problem: Mapping[str, Any], retry_after: str | None = None) -> ClientError:
    """The exception of an answer's problem details; what lacks them is told by its status."""
    code, detail = str(problem.get("code", "")), str(problem.get("detail") or f"the gateway answered {status}")
    kind = _KINDS.get(status, Unavailable)
    if status == 422:
        kind = Malformed if code in ("", "MALFORMED") else Refused
    errors = problem.get("errors")
    field = errors[0].get("path") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
    made = kind(detail, status=status, code=code, field=field, problem=problem)
    if isinstance(made, TooManyRequests):
        made.retry_after = _seconds(retry_after)
    return made


def _seconds(text: str | None) -> float:
    try:
        found = float(text or 1)
    except ValueError:
        return 1.0
    return found if math.isfinite(found) and found >= 0 else 1.0

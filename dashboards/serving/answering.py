"""Answers of the pages over HTTP: GET /dash/data/NAME, for who is signed in and has a role for it."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.answers.port import AnswerError, Asked, Html
from dashboards.answers.table import ANSWERS
from dashboards.source.port import Source
from engine.errors import TapebookError
from live.gateway.problems import MEDIA_TYPE, Problem
from live.gateway.security.principals import Principal

PATH = "/dash/data/"
_log = logging.getLogger("tapebook.dashboards")


class Answering:
    """Answers from `source`, and from the folder `out` of runs and sessions."""

    def __init__(self, source: Source, out: Path) -> None:
        self.source, self.out = source, out

    async def answer(self, request: Request, who: Principal | None) -> Response:
        """One question."""
        name = request.url.path.removeprefix(PATH)
        if who is None:
            return problem(Problem(401, "UNAUTHORIZED", "sign in first"))
        if name not in ANSWERS or request.method != "GET":
            return problem(Problem(404, "NOT_FOUND", f"there is no answer {name[:40]!r}"))
        if not who.roles & ANSWERS[name].roles:
            roles = ", ".join(sorted(ANSWERS[name].roles))
            return problem(Problem(403, "FORBIDDEN", f"this is for {roles}; your token has another role"))
        try:
            found = await ANSWERS[name].give(Asked(who, dict(request.query_params), self.source, self.out))
        except asyncio.CancelledError:  # the server goes
            return problem(Problem(503, "NOT_READY", "the server stops"))
        except AnswerError as odd:
            return problem(Problem(422, "NO_ANSWER", str(odd)))
        except (TapebookError, OSError, LookupError, ValueError) as odd:
            _log.info("no answer to %s", name, exc_info=odd)
            return problem(Problem(422, "NO_ANSWER", str(odd)))
        return HTMLResponse(found.text) if isinstance(found, Html) else Response(_json(found), media_type="application/json")


def _json(found: Any) -> bytes:
    return msgspec.json.encode(found)


def problem(what: Problem) -> Response:
    """A problem as an answer."""
    return Response(msgspec.json.encode(what.members()), what.status, media_type=MEDIA_TYPE)

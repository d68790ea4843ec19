"""The ASGI application: the table of routes, each behind its roles, and OpenAPI beside it."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from live.gateway import control, orders, reading
from live.gateway.calls import NOBODY, Answer, Call
from live.gateway.desk import Desk, read_only
from live.gateway.documents import documentation, openapi
from live.gateway.problems import MEDIA_TYPE, Problem, malformed
from live.gateway.routes import ROUTES, Route
from live.gateway.security.guard import Guard

Operation = Callable[[Desk, Call], Awaitable[Any]]
Endpoint = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger("tapebook.gateway")
OPERATIONS: dict[str, Operation] = {
    name: getattr(module, name)
    for module in (orders, reading, control)
    for name in (route.operation for route in ROUTES)
    if hasattr(module, name)
}


class Application(FastAPI):
    """The framework's, but for our routes without parameters: its middleware has nothing to do for those, and costs a fifth of an order."""

    direct: dict[tuple[str, str], Endpoint]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        endpoint = self.direct.get((scope.get("method", ""), scope.get("path", "")))
        if endpoint is None:
            await super().__call__(scope, receive, send)
        else:
            await (await endpoint(Request(scope, receive)))(scope, receive, send)


def application(desk: Desk, guard: Guard, more: dict[str, Operation]) -> FastAPI:
    """The application of a session. `more`: operations that need more than the desk, by name."""
    app = Application(title="Tapebook", version="1", openapi_url=None, docs_url=None, redoc_url=None)
    operations = {**OPERATIONS, **more}
    endpoints = [(route, _endpoint(desk, guard, route, operations[route.operation])) for route in ROUTES]
    for route, endpoint in endpoints:
        app.add_route(route.path, endpoint, methods=[route.method])
    app.direct = {(route.method, route.path): endpoint for route, endpoint in endpoints if "{" not in route.path}
    described = openapi()

    async def schema(request: Request) -> Response:
        headers = {"cache-control": "no-cache"}
        return answered(Answer(200, described, headers), request.headers.get("if-none-match"))

    async def docs(request: Request) -> Response:
        return HTMLResponse(documentation())

    app.add_route("/v1/openapi.json", schema, methods=["GET"])
    app.add_route("/docs", docs, methods=["GET"])
    app.openapi = lambda: described  # type: ignore[method-assign]
    app.add_exception_handler(404, _unknown)
    app.add_exception_handler(405, _method)
    return app


def _endpoint(desk: Desk, guard: Guard, route: Route, operation: Operation) -> Endpoint:
    known = {one.name for one in route.query}

    async def endpoint(request: Request) -> Response:
        try:
            who = NOBODY if route.open else await guard.admit(request, route.roles)
            if route.writes and desk.session.writer is not None:
                raise read_only(desk.session.writer)
            query = dict(request.query_params)
            for name in query:
                if name not in known and not route.open:
                    raise malformed(name[:40], f"unknown parameter; there are {', '.join(sorted(known)) or 'none here'}")
            path = {name: unquote(str(value)) for name, value in request.path_params.items()}
            call = Call(who, path, query, await request.body(), request.headers, guard.address(request.scope))
            made = await operation(desk, call)
            return made if isinstance(made, Response) else answered(made, request.headers.get("if-none-match") if route.tagged else None)
        except Problem as problem:
            return refused(problem)
        except Exception:
            _log.exception("%s %s failed", route.method, route.path)
            return refused(Problem(500, "INTERNAL", "an error of Tapebook's own; the log of the session says where"))

    return endpoint


def answered(answer: Answer, known: str | None = None) -> Response:
    """An answer as a response; `known`: the tags of those that the client has (If-None-Match), where that may be used."""
    body, headers = answer.body(), dict(answer.headers)
    if answer.status == 200 and body:
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers.setdefault("etag", tag)
        if known is not None and (known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]):
            return Response(None, 304, headers)
    return Response(body, answer.status, headers, answer.media_type)


def refused(problem: Problem) -> Response:
    """A problem as a response."""
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)


async def _unknown(request: Request, odd: Exception) -> Response:
    return refused(Problem(404, "NOT_FOUND", f"there is nothing at {request.url.path[:200]}; see /docs"))


async def _method(request: Request, odd: Exception) -> Response:
    path = request.url.path[:200]
    return refused(
        Problem(405, "METHOD_NOT_ALLOWED", f"{request.method} is not for {path}; see /docs", headers=getattr(odd, "headers", None))
    )

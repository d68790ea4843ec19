"""`tapebook dash`: the pages in a process of their own, over a session elsewhere, a recorded run or a log."""

import asyncio
import contextlib
import json
import signal
import urllib.error
import urllib.request
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from dashboards.pages.place import present
from dashboards.serving.answering import Answering
from dashboards.serving.choice import READER, Choice, source_of
from dashboards.serving.doors import Doors
from dashboards.serving.entrance import Entrance, OneHolder
from dashboards.serving.hub import Hub
from dashboards.serving.panel_app import add_pages
from dashboards.serving.socket import PageSocket
from dashboards.serving.visits import Visits
from dashboards.source.port import Source, SourceError
from dashboards.source.remote import RemoteSource
from data.configuration import ConfigurationError
from data.terminal import say
from live.gateway.operations.connections import BoundedHead
from live.gateway.problems import MEDIA_TYPE, Problem
from live.gateway.security.configuration import Secured
from live.gateway.security.guard import Guard, GuardedApp
from live.gateway.server import bound, url_of

ANSWER_SECONDS = 10


async def serve(choice: Choice, port: int, seconds: float | None = None) -> int:
    """Serve until Ctrl-C, SIGTERM or so many seconds. Raises ConfigurationError with one line for what cannot be shown."""
    source = source_of(choice)
    try:
        await source.open()
    except SourceError as odd:
        raise ConfigurationError([str(odd)]) from None
    try:
        await _serve(source, choice, port, seconds)
    finally:
        await source.close()
    return 0


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Signals are ours."""
        yield


async def _serve(source: Source, choice: Choice, port: int, seconds: float | None) -> None:
    holder = OneHolder(getattr(source, "who", READER))
    entrance, visits, hub = Entrance(holder), Visits(), Hub(source)
    app = FastAPI(title="Tapebook", openapi_url=None, docs_url=None, redoc_url=None)
    if isinstance(source, RemoteSource):
        app.add_route("/v1/{path:path}", _forward(source), methods=["GET", "POST", "PUT", "DELETE"])
    living = add_pages(app, source, visits, choice.out)
    socket = PageSocket(hub)
    doors = Doors(app, entrance, {place.path: place for place in present()}, socket, visits, Answering(source, choice.out), holder)
    guard = Guard(holder, Secured())  # type: ignore[arg-type]
    listening = bound("127.0.0.1", port)
    config = uvicorn.Config(
        GuardedApp(doors, guard, False),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        http=BoundedHead,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server, stopped = _Server(config), asyncio.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(which, stopped.set)
    works = [server.serve([listening]), hub.run(), living(), stopped.wait(), *([asyncio.sleep(seconds)] if seconds is not None else [])]
    tasks = [asyncio.ensure_future(work) for work in works]
    say(f"pages over {source.about.kind} {source.about.name!r}: {url_of(listening, False)}{entrance.once(holder.token)}")
    done, _ = await asyncio.wait([tasks[0], *tasks[2:]], return_when=asyncio.FIRST_COMPLETED)
    socket.close()
    server.should_exit = True
    await asyncio.wait([tasks[0]], timeout=3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    listening.close()
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()


def _forward(source: RemoteSource) -> Any:
    """A page's request to the gateway goes on to the session, with the token that the pages act with."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def asked(method: str, where: str, body: bytes) -> tuple[int, bytes, str]:
        headers = {"authorization": f"Bearer {source.token}", "content-type": "application/json"}
        request = urllib.request.Request(where, body or None, headers, method=method)
        try:
            with opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read(), answer.headers.get("content-type", "application/json")
        except urllib.error.HTTPError as odd:
            return odd.code, odd.read(), odd.headers.get("content-type", MEDIA_TYPE)
        except OSError as odd:
            problem = Problem(503, "UNREACHABLE", f"the session at {source.url} does not answer: {odd}")
            return 503, json.dumps(problem.members()).encode(), MEDIA_TYPE

    async def forward(request: Request) -> Response:
        if request.headers.get("authorization") is None:
            return Response(json.dumps(Problem(401, "UNAUTHORIZED", "sign in first").members()), 401, media_type=MEDIA_TYPE)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        status, body, kind = await asyncio.to_thread(asked, request.method, source.url + path, await request.body())
        return Response(body, status, media_type=kind)

    return forward

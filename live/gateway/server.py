"""Starts the gateway in a session's process, and stops it with the session."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from data.configuration import ConfigurationError
from live.configuration.tables import GatewaySettings
from live.gateway.application import application
from live.gateway.desk import Desk
from live.gateway.operations.connections import BoundedHead, Connections
from live.gateway.operations.health import Health
from live.gateway.operations.tracing import NoTraces, Traces, Tracing
from live.gateway.security.configuration import secured
from live.gateway.security.guard import Guard, GuardedApp
from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.tokens import Verifier
from live.gateway.streams.hub import Hub
from live.gateway.streams.server_events import stream_operation
from live.gateway.streams.web_socket import MESSAGE_MAX, Sockets
from live.session.served import Served

STOP_SECONDS = 2
BACKLOG = 2_048


class _Server(uvicorn.Server):
    """Leaves signals to the session."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


class Gateway:
    """The gateway of a session: what it is made of, and the application."""

    def __init__(self, session: Served, settings: GatewaySettings) -> None:
        self.settings, self.secured = settings, secured(settings)
        self.desk = Desk(session)
        out = Path(session.folder.path).parent.parent
        self.issuer = LocalIssuer(out) if self.secured.auth is None else None
        self.guard = Guard(Verifier(self.secured.auth, self.issuer), self.secured)
        self.hub = Hub(self.desk)
        self.health = Health(self.desk, self.hub, self.guard)
        self.sockets = Sockets(self.desk, self.hub, self.guard, self.abort)
        self.connections = Connections()
        traces = self.secured.traces
        self.traces: Tracing = NoTraces() if traces is None else Traces(session.name, traces.endpoint, traces.ratio)
        self.app = application(self.desk, self.guard, self._operations())
        self.beside: list[Callable[[], Awaitable[None]]] = []
        """What runs while it serves, for what was mounted."""
        self._server = self._make_server(GuardedApp(self._route, self.guard, self.secured.tls is not None, self.traces))

    def _operations(self) -> dict[str, Any]:
        async def issue_token(desk: Desk, call: Any) -> Any:
            from live.gateway.control import token_for

            return token_for(self.issuer, self.secured.clients, call)

        found = {name: getattr(self.health, name) for name in ("healthz", "readyz", "metrics")}
        return {**found, "issue_token": issue_token, "stream": stream_operation(self.hub, self.abort)}

    async def _route(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and scope["path"] == "/v1/ws":
            await self.sockets.serve(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def serve(self) -> None:
        """Listen, tell the URL in `session.json`, and serve until it is cancelled."""
        given, session = self.settings, self.desk.session
        listening = bound(given.host, given.port)
        serving: asyncio.Task[None] | None = None
        try:
            self.desk.open()
            self.hub.open()
            serving = asyncio.create_task(self._server.serve([listening]))
            while not self._server.started:
                await asyncio.sleep(0.005)
                if serving.done():
                    serving.result()
            session.folder.tell("running", url=url_of(listening, self.secured.tls is not None))
            watching = self.connections.run(lambda: self._server.server_state.connections)
            await asyncio.gather(serving, self.hub.run(), self._figures(), watching, *(work() for work in self.beside))
        finally:
            await self._stop(serving)
            listening.close()

    async def _figures(self) -> None:
        """Metrics on a port of their own, where one is configured."""
        if self.settings.metrics_port is None:
            return
        listening = bound(self.settings.host, self.settings.metrics_port)
        self.desk.session.folder.tell("running", metrics=url_of(listening, False) + "/metrics")
        async with await asyncio.start_server(self.health.serve_plain, sock=listening) as server:
            await server.serve_forever()

    async def _stop(self, serving: "asyncio.Task[None] | None") -> None:
        """Tell the clients, answer what is being answered, and go."""
        self.hub.close()
        if serving is not None and not serving.done():
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(asyncio.shield(serving), STOP_SECONDS + 2)
        self.desk.close()
        await asyncio.to_thread(self.traces.close)

    def abort(self, scope: Any) -> None:
        """Cut the connection of a client that reads nothing, with all that is still to be sent."""
        for one in list(self._server.server_state.connections):
            if getattr(one, "scope", None) is scope:
                one.transport.abort()

    def _make_server(self, guarded: GuardedApp) -> _Server:
        tls = self.secured.tls
        config = uvicorn.Config(
            guarded,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=MESSAGE_MAX,
            ws_per_message_deflate=False,
            http=BoundedHead,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=tls.cert if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        return _Server(config)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any. Raises ConfigurationError."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, kind, proto)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except OSError as odd:
        where = f"{host}:{port}"
        raise ConfigurationError([f"gateway: cannot listen on {where}: {odd.strerror or odd}; give another port, or 0 for any"]) from None
    made.setblocking(False)
    return made


def url_of(listening: socket.socket, tls: bool) -> str:
    """Where clients on this machine connect."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


async def serve(session: Served, settings: GatewaySettings | None = None, mount: Callable[["Gateway"], None] | None = None) -> None:
    """Serve a session until it is cancelled; a service of the session (`session.services`).

    Tells the URL in `session.json` once it accepts. `mount`: adds pages to the gateway's `app` before. Raises ConfigurationError where it
    may not or cannot listen.
    """
    gateway = Gateway(session, settings or session.settings.gateway)
    if mount is not None:
        mount(gateway)
    await gateway.serve()

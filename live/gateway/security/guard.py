"""The guard before the application: tokens and roles, rates, sizes, origins and the headers of every answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from starlette.requests import HTTPConnection

from live.gateway.operations.tracing import NoTraces, Span, Tracing
from live.gateway.problems import MEDIA_TYPE, Problem
from live.gateway.security.configuration import Secured
from live.gateway.security.principals import Principal, Role
from live.gateway.security.rates import Rate
from live.gateway.security.tokens import Verifier, refused
from live.wire.command_json import MESSAGE_BYTES_MAX

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS_MAX = 10.0
PROTOCOL = "bearer"
"""Sub-protocol of a WebSocket whose token stands behind it: `bearer, TOKEN`."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_FOR_OTHERS = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, if-none-match, last-event-id, traceparent"),
    (b"access-control-expose-headers", b"etag, retry-after, x-next-cursor"),
    (b"access-control-max-age", b"600"),
)
"""For pages of the sites in gateway.origins."""
_FOR_API = ((b"cache-control", b"no-store"),)
_FOR_TLS = ((b"strict-transport-security", b"max-age=31536000"),)


class Guard:
    """Decides who comes in. `verifier` checks tokens; `secured`: the security of the configuration."""

    def __init__(self, verifier: Verifier, secured: Secured) -> None:
        self.verifier, self.secured = verifier, secured
        rates = secured.rates
        self.users = Rate(rates.user, rates.user * rates.burst)
        self.addresses = Rate(rates.address, rates.address * rates.burst)
        self.failures = Rate(rates.failures, rates.failures * rates.burst * 10)
        self.denied = 0

    def address(self, scope: Mapping[str, Any]) -> str:
        """The address that asks."""
        return scope["client"][0] if scope.get("client") else ""

    async def admit(self, connection: HTTPConnection, roles: frozenset[Role]) -> Principal:
        """Who asks, if that may. Raises Problem (401, 403, 429)."""
        who = await self.holder(connection)
        self.allow(who, roles, f"{connection.scope.get('method', 'WS')} {connection.url.path[:200]}")
        return who

    async def holder(self, connection: HTTPConnection) -> Principal:
        """The holder of the request's token. Raises Problem (401, 429)."""
        address = self.address(connection.scope)
        try:
            who = await self.verifier.check(token_of(connection))
        except Problem as odd:
            if odd.status == 401:
                self.denied += 1
                self.failures.check(address, "address without a good token")
            raise
        self.users.check(who.subject, "user")
        return who

    def allow(self, who: Principal, roles: frozenset[Role], what: str) -> None:
        """Raises Problem (403) where none of the token's roles is one of `roles`."""
        if not who.roles & roles:
            self.denied += 1
            own, needed = (", ".join(sorted(role.value for role in some)) or "none" for some in (who.roles, roles))
            raise Problem(403, "FORBIDDEN", f"{what} is for {needed}; the token's roles: {own}")

    def check_origin(self, headers: Mapping[str, str], tls: bool) -> None:
        """Raises Problem (403) for a page of another site."""
        origin = headers.get("origin")
        own = f"{'https' if tls else 'http'}://{headers.get('host', '')}"
        if origin is not None and origin != own and origin not in self.secured.origins:
            raise Problem(403, "FOREIGN_ORIGIN", f"pages of {origin[:200]} may not ask here; name it in gateway.origins")


def token_of(connection: HTTPConnection) -> str:
    """The bearer token of a request, or of a WebSocket's sub-protocols. Raises Problem (401)."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    offered = [part.strip() for part in connection.headers.get("sec-websocket-protocol", "").split(",")]
    if len(offered) == 2 and offered[0] == PROTOCOL:
        return offered[1]
    raise refused("a token is required: authorization: Bearer TOKEN; `tapebook token` prints one")


class GuardedApp:
    """Every request passes here: address rate, origin, size and time of the body, headers of the answer."""

    def __init__(self, app: App, guard: Guard, tls: bool, traces: Tracing | None = None) -> None:
        self.app, self.guard, self.traces = app, guard, traces or NoTraces()
        self.tls = tls
        self._headers = _HEADERS + (_FOR_TLS if tls else ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers, method = HTTPConnection(scope).headers, scope.get("method", "WS")
        with self.traces.span(f"{method} {scope['path'][:200]}", headers, **{"http.request.method": method}) as span:
            await self._serve(scope, receive, self._with_headers(scope, headers, send, span), send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, bare: Send) -> None:
        headers = HTTPConnection(scope).headers
        try:
            self.guard.addresses.check(self.guard.address(scope), "address")
            self.guard.check_origin(headers, self.tls)
            if scope["type"] == "http":
                if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                    await _preflight(send)
                    return
                receive = await _bounded(scope, receive)
                await self.app(scope, receive, send)
                return
        except Problem as problem:
            await deny(scope, receive, send, problem)
            return
        await self.app(scope, receive, bare)

    def _with_headers(self, scope: Scope, asked: Mapping[str, str], send: Send, span: Span) -> Send:
        more = self._headers + (_FOR_API if scope["path"].startswith("/v1") else ())
        origin = asked.get("origin")
        if origin is not None and origin in self.guard.secured.origins:
            more += ((b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin"), *_FOR_OTHERS)

        async def sent(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                span.set("http.response.status_code", message["status"])
                own = {name.lower() for name, _ in message.get("headers", ())}
                message = {**message, "headers": [*message.get("headers", ()), *(one for one in more if one[0] not in own)]}
            await send(message)

        return sent


async def _preflight(send: Send) -> None:
    """What a browser asks before a page of another, permitted site does; the headers of the answer say the rest."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Read the whole body, which has bounds in size and time, and give it on. Raises Problem (408, 413)."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return receive
    body = bytearray()
    too_long = Problem(413, "TOO_LARGE", f"the body is longer than {MESSAGE_BYTES_MAX:,} bytes", headers={"connection": "close"})
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > MESSAGE_BYTES_MAX:
            raise too_long
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MESSAGE_BYTES_MAX:
                    raise too_long
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    break
    except TimeoutError:
        raise Problem(408, "TOO_SLOW", f"the body took longer than {BODY_SECONDS_MAX:g} s", headers={"connection": "close"}) from None
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def given() -> Message:
        return whole.pop() if whole else await receive()

    return given


async def deny(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """Answer with a problem; a WebSocket is not opened then."""
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    if scope["type"] == "websocket":
        await receive()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in problem.headers.items()),
    ]
    body = problem.body()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{kind}.start", "status": problem.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})

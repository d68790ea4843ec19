"""The doors before the pages: who is signed in, to which pages, and whose requests to the gateway a page may send.

Pure ASGI, around everything: middleware that was added before Panel's routes would not see them, and Panel on some Pythons asks neither
for the origin of a WebSocket nor for who opens it.
"""

import asyncio
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from dashboards.pages.place import Place
from dashboards.serving.answering import PATH as ANSWERS_AT
from dashboards.serving.answering import Answering
from dashboards.serving.entrance import COOKIE_BYTES_MAX, Entrance, OneHolder
from dashboards.serving.exporting import PATH as EXPORT_AT
from dashboards.serving.exporting import exported
from dashboards.serving.notices import forbidden, sign_in
from dashboards.serving.socket import PageSocket
from dashboards.serving.viewers import EXPIRED
from dashboards.serving.visits import HEADER, Visits
from live.gateway.problems import Problem
from live.gateway.security.guard import App, Receive, Scope, Send, deny, token_of
from live.gateway.security.principals import Principal

ASSETS = Path(__file__).parents[1] / "assets"
PAGE_HEADER = b"x-tapebook-page"
"""Scripts of our pages send it; forms and images of other sites cannot."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
OPEN = ("/static/", "/components/")
"""Panel's libraries, which are the same for everybody."""


class Doors:
    """Lets requests in. `pages`: by path; `app`: the gateway with Panel's routes beside it, or Panel's alone."""

    def __init__(
        self,
        app: App,
        entrance: Entrance,
        pages: dict[str, Place],
        socket: PageSocket,
        visits: Visits,
        answering: Answering,
        own: OneHolder | None = None,
    ) -> None:
        self.app, self.entrance, self.pages, self.socket, self.visits = app, entrance, pages, socket, visits
        self._answering, self._holder = answering, own
        """Of a process of our own, where nobody behind the doors asks for a token."""
        self._assets = StaticFiles(directory=ASSETS)
        self._own: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self._home,
            "/favicon.ico": self._icon,
            "/enter": self._enter,
            "/signin": self._sign_in,
            "/signout": self._sign_out,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope.get("path", "")
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif path == "/dash/ws":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http" and path in self._own:
            await (await self._own[path](Request(scope, receive)))(scope, receive, _page(send))
        elif scope["type"] == "http" and path.startswith(ANSWERS_AT):
            request = Request(scope, receive)
            await (await self._answering.answer(request, await self.entrance.holder(request)))(scope, receive, _page(send))
        elif scope["type"] == "http" and path.startswith(EXPORT_AT):
            request = Request(scope, receive)
            await (await exported(request, await self.entrance.holder(request), self._answering))(scope, receive, _page(send))
        elif path.startswith("/dash/assets/"):
            inner = {**scope, "path": path.removeprefix("/dash/assets"), "root_path": ""}
            await self._assets(inner, receive, _page(send, b"public, max-age=3600"))
        elif path.startswith(OPEN):
            await self.app(scope, receive, _page(send, b"public, max-age=3600"))
        elif "/" + path.split("/")[1] in self.pages:
            await self._panel(scope, receive, send)
        elif path.startswith("/v1/"):
            await self._gateway(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    # pages

    async def _panel(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A page of Panel, or its WebSocket."""
        connection = HTTPConnection(scope)
        place = self.pages["/" + scope["path"].split("/")[1]]
        who = await self.entrance.holder(connection)
        if who is None or not who.roles & place.roles:
            await self._outside(scope, receive, send, who, place)
            return
        inner = {**scope, "headers": [*_without(scope, b"cookie", b"authorization", HEADER.encode())]}
        inner["headers"].append((HEADER.encode(), self.visits.enter(who).encode()))
        if scope["type"] == "http":
            await self.app(inner, receive, _page(send))
        else:
            await _until_expiry(self.app, inner, receive, send, who.expires)

    async def _outside(self, scope: Scope, receive: Receive, send: Send, who: Principal | None, place: Place) -> None:
        if scope["type"] == "websocket":
            await deny(scope, receive, send, Problem(401 if who is None else 403, "FORBIDDEN", "sign in first"))
            return
        if who is None:
            asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope.get("query_string") else "")
            made: Response = RedirectResponse(f"/signin?next={urllib.parse.quote(asked, safe='')}", 303)
        else:
            made = HTMLResponse(forbidden(place.title, place.roles, who, self.pages.values()), 403)
        await made(scope, receive, _page(send))

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = await self.entrance.holder(HTTPConnection(scope)) if scope["type"] == "websocket" else None
        if who is None:
            await deny(scope, receive, send, Problem(401, "UNAUTHORIZED", "sign in first"))
        else:
            await self.socket.serve(who, receive, send)

    async def _gateway(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = await self._with_token(scope)
        if self._holder is not None:
            try:
                await self._holder.check(token_of(HTTPConnection(scope)))
            except Problem as odd:
                await deny(scope, receive, send, odd)
                return
        await self.app(scope, receive, send)

    async def _with_token(self, scope: Scope) -> Scope:
        """A request of one of our pages asks the gateway with its viewer's token."""
        connection = HTTPConnection(scope)
        token = self.entrance.token_of(connection)
        named = {name for name, _ in scope["headers"]}
        if token is None or b"authorization" in named or PAGE_HEADER not in named:
            return scope
        return {**scope, "headers": [*_without(scope, b"cookie"), (b"authorization", f"Bearer {token}".encode())]}

    # signing in and out

    async def _home(self, request: Request) -> Response:
        return RedirectResponse("/desk", 303)

    async def _icon(self, request: Request) -> Response:
        return RedirectResponse("/dash/assets/icon.svg", 301)

    async def _enter(self, request: Request) -> Response:
        token = self.entrance.redeemed(request.query_params.get("key", ""))
        if token is None:
            return HTMLResponse(sign_in("/desk", "This address has signed somebody in already, or is too old. Paste a token instead."), 401)
        return self._kept(request, token, _local(request.query_params.get("next", "/desk")))

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return HTMLResponse(sign_in(_local(request.query_params.get("next", "/desk"))))
        form = dict(urllib.parse.parse_qsl((await request.body()).decode("utf-8", "replace")))
        token, to = form.get("token", "").strip(), _local(form.get("next", "/desk"))
        try:
            await self.entrance.admission.check(token)
        except Problem as odd:
            return HTMLResponse(sign_in(to, odd.detail), odd.status)
        if len(token) > COOKIE_BYTES_MAX:
            return HTMLResponse(
                sign_in(to, f"The token is longer than {COOKIE_BYTES_MAX:,} characters; ask for one with fewer names."), 422
            )
        return self._kept(request, token, to)

    async def _sign_out(self, request: Request) -> Response:
        return RedirectResponse("/signin", 303, {"set-cookie": self.entrance.cookie(request, "")})

    def _kept(self, request: Request, token: str, to: str) -> Response:
        return RedirectResponse(to, 303, {"set-cookie": self.entrance.cookie(request, token), "cache-control": "no-store"})


def _local(path: str) -> str:
    """A path of ours; anything else is the desk."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path else "/desk"


def _without(scope: Scope, *names: bytes) -> list[tuple[bytes, bytes]]:
    return [one for one in scope["headers"] if one[0].lower() not in names]


def _page(send: Send, caching: bytes = b"no-store") -> Send:
    """Answers of pages have a policy of their own: scripts and styles are ours alone."""

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            own = [(b"content-security-policy", POLICY.encode()), (b"cache-control", caching), (b"referrer-policy", b"same-origin")]
            names = {name for name, _ in own}
            kept = [one for one in message.get("headers", ()) if one[0].lower() not in names]
            message = {**message, "headers": [*kept, *own]}
        await send(message)

    return sent


async def _until_expiry(app: App, scope: Scope, receive: Receive, send: Send, expires: int) -> None:
    """A WebSocket that does not outlive its token (s since 1970; 0 is for ever)."""
    over: asyncio.Event = asyncio.Event()

    async def heard() -> Any:
        waiting, ending = asyncio.ensure_future(receive()), asyncio.ensure_future(over.wait())
        await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return {"type": "websocket.disconnect", "code": EXPIRED}

    async def ended() -> None:
        await asyncio.sleep(max(0.0, expires - time.time()))
        await send({"type": "websocket.close", "code": EXPIRED, "reason": "the token has expired"})
        over.set()

    timer = asyncio.create_task(ended()) if expires else None
    try:
        await app(scope, heard, send)
    finally:
        if timer is not None:
            timer.cancel()

"""Signing in: a token in a cookie that scripts cannot read, and an address that signs in once."""

import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from starlette.requests import HTTPConnection

from live.gateway.problems import Problem
from live.gateway.security.principals import Principal
from live.gateway.security.tokens import refused

COOKIE_BYTES_MAX = 3_800
ONCE_SECONDS = 3_600.0


class Admission(Protocol):
    """Says whose token it is. Raises Problem (401)."""

    async def check(self, token: str) -> Principal:
        """Who holds it."""
        ...


class OneHolder:
    """One person at this machine: what is shown is theirs; the token is made up at the start and known to nobody else."""

    def __init__(self, holder: Principal) -> None:
        self.holder, self.token = holder, secrets.token_urlsafe(32)

    async def check(self, token: str) -> Principal:
        """The holder, for the one token."""
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            raise refused("this is not the sign-in of this process; use the address that it printed, or start it again")
        return self.holder


class Entrance:
    """Cookies and addresses of one server. `tls`: cookies go over TLS alone."""

    def __init__(self, admission: Admission, tls: bool = False) -> None:
        self.admission, self.tls = admission, tls
        self._once: dict[str, tuple[str, float]] = {}

    def once(self, token: str) -> str:
        """The path of an address that signs in with `token`, one time within the hour."""
        key = secrets.token_urlsafe(18)
        self._once[key] = (token, time.monotonic() + ONCE_SECONDS)
        return f"/enter?key={key}"

    def redeemed(self, key: str) -> str | None:
        """The token of an address; None for one that was used, or is too old."""
        token, until = self._once.pop(key, ("", 0.0))
        return token if token and time.monotonic() < until else None

    def token_of(self, connection: HTTPConnection) -> str | None:
        """The token in the request's cookie."""
        try:
            found = SimpleCookie(connection.headers.get("cookie", "")).get(self.name(connection))
        except CookieError:
            return None
        return found.value if found is not None and found.value else None

    async def holder(self, connection: HTTPConnection) -> Principal | None:
        """Who is signed in; None for nobody."""
        token = self.token_of(connection)
        if token is None:
            return None
        try:
            return await self.admission.check(token)
        except Problem:
            return None

    def name(self, connection: HTTPConnection) -> str:
        """The cookie's name: cookies do not tell ports apart, and several sessions may run on one machine."""
        port = connection.headers.get("host", "").rpartition(":")[2]
        return f"tapebook_{port if port.isdigit() else 'desk'}"

    def cookie(self, connection: HTTPConnection, token: str) -> str:
        """The header that keeps the token ("": that lets go of it)."""
        end = "" if token else "; Max-Age=0"
        return f"{self.name(connection)}={token}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self.tls else ''}{end}"

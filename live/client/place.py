"""Where a client connects, and with which token: addresses, TLS, and how long it waits before it tries again."""

import random
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from data.named_file import named_text
from live.client.errors import Malformed
from live.client.requests import read_token
from live.gateway.security.loopback import loopback

Token = str | Callable[[], str]
"""A token, or what returns the one that holds now: it is asked at every connection, so a token that expires can be renewed."""


class Place:
    """A gateway's address. `verify`: the PEM file of the authority that signed its certificate, where the system does not know it.

    Raises Malformed for what is not an address, and for a plain one on another machine, where everybody on the way could read the token.
    """

    def __init__(self, url: str, token: Token, verify: Path | str | None = None) -> None:
        parts = urlsplit(url)
        try:
            known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise Malformed(f"{url!r} is not an address of a gateway; write http://127.0.0.1:8000, or https://…", field="url")
        if parts.username or parts.query or parts.fragment:
            raise Malformed("an address has no user, query or fragment; the token is given beside it", field="url")
        if parts.scheme == "http" and not loopback(parts.hostname or ""):
            raise Malformed(f"{url!r}: the token would be readable on its way; write https://", field="url")
        self.url = url.rstrip("/")
        self._token = token
        self.tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            try:
                self.tls = ssl.create_default_context(cadata=None if verify is None else named_text(verify))
            except (OSError, ValueError, ssl.SSLError) as odd:
                raise Malformed(f"{verify}: {odd}; name a PEM file of certificates", field="verify") from None

    def headers(self) -> dict[str, str]:
        """The header with the token that holds now. Raises Malformed."""
        return {"authorization": f"Bearer {read_token(self._token() if callable(self._token) else self._token)}"}

    @property
    def renews(self) -> bool:
        """Whether another token may come when one has expired."""
        return callable(self._token)

    @property
    def socket(self) -> str:
        """The address of the WebSocket."""
        return "ws" + self.url.removeprefix("http") + "/v1/ws"


class Backoff:
    """How long to wait before the next try, and whether there is one: `patience` seconds without success end it; None waits on."""

    def __init__(
        self, patience: float | None, now: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self.patience, self._now, self._chance = patience, now, chance
        self.succeeded()

    def succeeded(self) -> None:
        """It works; the next failure is the first."""
        self._tries, self._failing = 0, None

    _failing: float | None = None

    def next(self) -> float | None:
        """Seconds until the next try, doubled each time up to 5 s, at random within a half; None where patience is at its end."""
        now = self._now()
        self._failing = now if self._failing is None else self._failing
        if self.patience is not None and now - self._failing > self.patience:
            return None
        self._tries += 1
        return float(min(5.0, 0.05 * 2 ** min(self._tries, 10)) * (0.5 + self._chance() / 2))

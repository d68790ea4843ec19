"""The local issuer of tokens: a key of its own under the output folder, for development and for one machine."""

import os
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import msgspec
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from live.gateway.security.principals import Role
from live.session.recovery import SessionError

FILE = "issuer.json"
ISSUER, AUDIENCE = "tapebook", "tapebook"
HOURS_MAX = 24 * 366


class LocalIssuer:
    """Signs tokens with the EdDSA key in `OUT/issuer.json` (0600), which it makes where there is none."""

    def __init__(self, out: Path | str) -> None:
        self.path = Path(out) / FILE
        self.key = self._read() or self._made()

    def _read(self) -> OKPKey | None:
        try:
            if self.path.stat().st_mode & 0o077:
                raise SessionError(f"{self.path}: others may read the issuer's key; run chmod 600 {self.path}, or delete it for a new one")
            return OKPKey.import_key(msgspec.json.decode(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise SessionError(f"{self.path}: it holds no key; delete it, and a new one is made (tokens of the old one end)") from None

    def _made(self) -> OKPKey:
        """A new key; where another process makes one meanwhile, that one."""
        key = OKPKey.generate_key("Ed25519", auto_kid=True)
        part = self.path.with_name(f"{FILE}.{os.getpid()}.part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(key.as_dict(private=True)))
        try:
            os.link(part, self.path)
        except FileExistsError:
            return self._read() or key
        finally:
            part.unlink()
        return key

    def public(self) -> str:
        """Its public key, as a JSON key set."""
        return msgspec.json.encode({"keys": [self.key.as_dict(private=False)]}).decode()

    def token(
        self,
        roles: Iterable[Role],
        *,
        trader: str | None = None,
        portfolios: Iterable[str] = (),
        hours: float = 8,
        subject: str | None = None,
        now: float | None = None,
    ) -> str:
        """A signed token. Raises ValueError for hours that are none."""
        if not 0 < hours <= HOURS_MAX:
            raise ValueError(f"hours is {hours:g}; a token lasts above 0 and at most {HOURS_MAX} hours")
        issued = int(time.time() if now is None else now)
        named = sorted(role.value for role in roles)
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject or trader or "-".join(named), "iat": issued}
        claims |= {"exp": issued + max(1, int(hours * 3600)), "roles": named, "portfolios": sorted(portfolios)}
        if trader is not None:
            claims["trader"] = trader
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # that EdDSA has a newer name
            return jwt.encode({"alg": "EdDSA", "kid": self.key.kid}, claims, self.key, algorithms=["EdDSA"])

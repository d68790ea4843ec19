"""Tokens are checked here: of the local issuer, or of an outside one by its keys."""

import asyncio
import time
import urllib.request
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, RSAKey

from data.configuration import ConfigurationError
from data.named_file import named_bytes
from live.gateway.problems import Problem
from live.gateway.security.configuration import AuthSettings
from live.gateway.security.issuer import AUDIENCE, ISSUER, LocalIssuer
from live.gateway.security.principals import Principal, Role

ALGORITHMS = ["EdDSA", "Ed25519", "RS256"]
LEEWAY = 5
"""Seconds that clocks may differ."""
TOKEN_BYTES_MAX = 8_192
_KEPT_MAX = 4_096
_KEYS_LAST, _KEYS_APART, _KEYS_WAIT, _KEYS_BYTES_MAX = 300.0, 10.0, 5.0, 1 << 20


def refused(detail: str) -> Problem:
    """401."""
    return Problem(401, "UNAUTHORIZED", detail, headers={"www-authenticate": 'Bearer realm="tapebook"'})


class Verifier:
    """Checks signature, issuer, audience, time and claims; remembers tokens that it has checked until they expire."""

    def __init__(self, auth: AuthSettings | None, local: LocalIssuer | None) -> None:
        self.issuer, self.audience = (auth.issuer, auth.audience) if auth else (ISSUER, AUDIENCE)
        self.url = auth.jwks_url if auth else None
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._kept: OrderedDict[str, Principal] = OrderedDict()
        self._read, self._lock = float("-inf"), asyncio.Lock()
        self._keys = KeySet([local.key] if local is not None else [])
        if auth is not None and auth.key_file is not None:
            self._keys = _keys_in(auth.key_file)

    async def check(self, token: str) -> Principal:
        """Who holds the token. Raises Problem (401) for one that is not good."""
        known = self._kept.get(token)
        if known is not None:
            if known.expires + LEEWAY > time.time():
                return known
            del self._kept[token]
        if len(token) > TOKEN_BYTES_MAX:
            raise refused(f"the token is longer than {TOKEN_BYTES_MAX:,} characters")
        await self._fresh(force=False)
        try:
            claims = self._decoded(token)
        except KeyError:
            await self._fresh(force=True)
            try:
                claims = self._decoded(token)
            except KeyError:
                raise refused("the token is signed with a key that its issuer does not name; get a new one") from None
        made = principal(claims)
        self._kept[token] = made
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return made

    def _decoded(self, token: str) -> dict[str, Any]:
        """The claims. Raises KeyError for an unknown key, Problem for what else is wrong."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            try:
                made = jwt.decode(token, self._key_of, algorithms=ALGORITHMS)
                self._claims.validate(made.claims)
            except JoseError as odd:
                raise refused(f"the token is not good: {odd.description or odd.error}; get a new one") from None
            except KeyError:
                raise
            except Exception:  # of whatever else stands where a token should
                raise refused("the token cannot be read; it is three parts in base64url, with points between them") from None
        return made.claims

    def _key_of(self, signed: Any) -> Any:
        kid = signed.headers().get("kid")
        found = [key for key in self._keys.keys if kid is None or key.kid == kid]
        if len(found) != 1:
            raise KeyError(kid)
        return found[0]

    async def _fresh(self, force: bool) -> None:
        """Ask an outside issuer for its keys: every few minutes, and for a key that is not known, but not at every false token."""
        if self.url is None or time.monotonic() - self._read < (_KEYS_APART if force else _KEYS_LAST):
            return
        async with self._lock:
            if time.monotonic() - self._read < (_KEYS_APART if force else _KEYS_LAST):
                return
            try:
                self._keys = KeySet.import_key_set(await asyncio.to_thread(_fetched, self.url))
                self._read = time.monotonic()
            except (OSError, ValueError, KeyError, TypeError, JoseError) as odd:
                if not self._keys.keys:
                    detail = f"the issuer's keys cannot be read from {self.url}: {odd}"
                    raise Problem(503, "ISSUER_UNREACHABLE", detail, headers={"retry-after": "5"}) from None
                self._read = time.monotonic() - _KEYS_LAST + _KEYS_APART  # the old ones hold meanwhile


def _fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=_KEYS_WAIT) as answer:
        return msgspec.json.decode(answer.read(_KEYS_BYTES_MAX))


def _keys_in(file: Path) -> KeySet:
    """The keys of a file: a key set or one key as JSON, or a public RSA key as PEM."""
    try:
        text = named_bytes(file)
        if text.lstrip().startswith(b"-----"):
            return KeySet([RSAKey.import_key(text)])
        found = msgspec.json.decode(text)
        return KeySet.import_key_set(found if "keys" in found else {"keys": [found]})
    except (OSError, ValueError, KeyError, TypeError, JoseError) as odd:
        raise ConfigurationError([f"gateway.auth.key_file: {file}: {odd}; name a JSON key set, or a public key as PEM"]) from None


def principal(claims: Mapping[str, Any]) -> Principal:
    """Who a token's claims say that its holder is. Raises Problem (401) for claims of a wrong kind."""
    roles, trader, portfolios = claims.get("roles", []), claims.get("trader"), claims.get("portfolios", [])
    texts = [claims["sub"], *([] if trader is None else [trader])]
    for name, given in (("roles", roles), ("portfolios", portfolios)):
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise refused(f"the token's claim {name} is not a list of texts")
    if not all(isinstance(one, str) for one in texts):
        raise refused("the token's claims sub and trader are texts")
    known = {role.value: role for role in Role}
    return Principal(
        claims["sub"], frozenset(known[one] for one in roles if one in known), trader or None, frozenset(portfolios), int(claims["exp"])
    )

"""The keys of `[gateway]` that concern security."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.configuration import ConfigurationError
from live.configuration.tables import GatewaySettings
from live.gateway.security.loopback import loopback


class Keys(BaseModel):
    """A table; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AuthSettings(Keys):
    """An outside issuer of tokens: its name, the audience, and where its public keys are."""

    issuer: str = Field(min_length=1)
    audience: str = "tapebook"
    jwks_url: str | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.jwks_url is None) == (self.key_file is None):
            raise ValueError("name the issuer's keys by jwks_url or by key_file, one of them")
        if self.jwks_url is not None and not self.jwks_url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
            raise ValueError(f"jwks_url {self.jwks_url!r} could be changed on its way; write https://")
        return self


class TlsSettings(Keys):
    """Certificate chain and private key, PEM files."""

    cert: Path
    key: Path


class ClientSettings(Keys):
    """A program that may get tokens from the local issuer by its secret (OAuth2 client credentials)."""

    id: str = Field(min_length=1)
    secret: str = Field(min_length=16, repr=False)
    roles: list[str] = Field(min_length=1)
    trader: str | None = None
    portfolios: list[str] = Field(default_factory=list)
    hours: float = Field(1, gt=0, le=24 * 366)


class RateSettings(Keys):
    """Requests a second, and at once; 0 is no limit."""

    user: float = Field(2_000, ge=0)
    address: float = Field(4_000, ge=0)
    failures: float = Field(5, ge=0)
    """Bad tokens of one address."""
    burst: float = Field(2, gt=0)
    """Seconds' worth of requests that may come at once."""


def insecure(host: str, tls: Any, auth: Any) -> str | None:
    """What is wrong with an address that others reach; None where nothing is."""
    lacking = [name for name, given in (("tls", tls), ("auth", auth)) if given is None]
    if loopback(host) or not lacking:
        return None
    return f'{host!r} is reached by other machines, and {" and ".join(lacking)} is missing; set them, or host = "127.0.0.1"'


class TraceSettings(Keys):
    """A collector of traces (OTLP over HTTP), and the part of the requests that is traced."""

    endpoint: str = Field(pattern=r"^https?://")
    ratio: float = Field(1.0, ge=0, le=1)


class Secured(Keys):
    """What `[gateway]` says of security, and of traces."""

    traces: TraceSettings | None = None

    tls: TlsSettings | None = None
    auth: AuthSettings | None = None
    origins: list[str] = Field(default_factory=list)
    """Other sites whose pages may ask, as https://desk.example."""
    rates: RateSettings = RateSettings()
    clients: list[ClientSettings] = Field(default_factory=list)


def secured(settings: GatewaySettings) -> Secured:
    """The security of a gateway. Raises ConfigurationError with every problem, and for an address that it may not listen on."""
    given = {name: getattr(settings, name) for name in Secured.model_fields if getattr(settings, name) is not None}
    try:
        made = Secured(**given)
    except ValidationError as odd:
        places = ((".".join(["gateway", *map(str, one["loc"])]), one["msg"].removeprefix("Value error, ")) for one in odd.errors())
        raise ConfigurationError([f"{place}: {says}" for place, says in places]) from None
    problem = insecure(settings.host, made.tls, made.auth)
    if problem is not None:
        raise ConfigurationError([f"gateway.host: {problem}"])
    for file in (made.tls.cert, made.tls.key) if made.tls is not None else ():
        if not file.is_file():
            raise ConfigurationError([f"gateway.tls: {file}: there is no such file; name a PEM file"])
    return made

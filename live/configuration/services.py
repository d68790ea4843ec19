"""The tables of a session's file for the services that live on its log: notifications and their targets, settlement, surveillance."""

import base64
import binascii
import os
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from data.configuration import Key, Problems
from data.named_file import named_text
from data.settlement.terms import Terms
from data.surveillance.rule import SurveillanceError
from data.surveillance.surveyor import Surveyor
from engine.messages.durations import duration_ns
from engine.messages.hints import did_you_mean
from live.configuration.tables import Decimals, Part
from live.configuration.words import FIELDS, WHEN

LOG_TARGET = "log"
"""The target that is always there: the session's own log."""


class Secret(Part):
    """A secret, by the environment variable or the file that holds it: it never stands in the configuration itself."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        if isinstance(given, str):
            raise ValueError('a secret does not stand in the file; write { env = "NAME" } or { file = "path" }')
        return given

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('name one place: { env = "NAME" } or { file = "path" }')
        self.read()
        return self

    def read(self) -> str:
        """The secret. Raises ValueError where the variable is not set, or the file cannot be read or is empty."""
        if self.env is not None:
            found = os.environ.get(self.env, "")
            mend = f"the environment variable {self.env} is not set; export it"
        else:
            try:
                found = named_text(str(self.file)).strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{self.file}: {getattr(error, 'strerror', None) or 'is not text'}; name the file of the secret") from None
            mend = f"{self.file}: is empty; write the secret into it"
        if not found:
            raise ValueError(mend)
        return found


def positive(given: str) -> str:
    """A duration above 0."""
    if duration_ns(given) <= 0:
        raise ValueError(f"{given!r} is not a time above 0; write one like 5s")
    return given


class TargetSettings(Part):
    """Where notifications go: the session's log, a webhook that is signed as Standard Webhooks say, or e-mail."""

    name: str = Field(min_length=1, max_length=40)
    kind: Literal["log", "webhook", "email"]
    url: str | None = None
    secret: Secret | None = None
    host: str = "127.0.0.1"
    port: int = Field(25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password: Secret | None = None
    sender: str | None = None
    to: list[str] = Field(default_factory=list)
    timeout: str = "10s"
    """Of one try, from the connection to the answer."""
    attempts: int = Field(5, ge=1, le=100)
    """Tries before a pause, each after twice the wait and some chance."""
    first_wait: str = "500ms"
    longest_wait: str = "30s"
    failures: int = Field(5, ge=1)
    """Failures in a row that open the circuit breaker."""
    pause: str = "30s"
    """How long it stays open."""
    give_up: str = "24h"
    """Age at which a notification that cannot be delivered becomes a dead letter."""

    _durations = field_validator("timeout", "first_wait", "longest_wait", "pause", "give_up")(positive)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        found: dict[str, str] = {}
        if self.kind == "webhook":
            if not (self.url or "").startswith(("http://", "https://")):
                found["url"] = f"{self.url!r} is not an address of a webhook; write https://…"
            if self.secret is None:
                found["secret"] = 'a webhook is signed; name its secret: { env = "NAME" } or { file = "path" }, base64 behind whsec_'
            elif not _is_key(self.secret.read()):
                found["secret"] = "is not a signing secret; it is whsec_ and base64 of 24 bytes or more"
        if self.kind == "email" and not (self.sender and self.to):
            found["to"] = 'an e-mail needs a sender, and whom it goes to: to = ["ann@example.org"]'
        if found:
            raise Problems(found)
        return self


def _is_key(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret.removeprefix("whsec_") + "==")) >= 24
    except (binascii.Error, ValueError):
        return False


class NotificationSettings(Part):
    """A rule: which facts or alerts are told to whom. `where`: fields of the fact, each a value or a list of values."""

    when: str | list[str]
    where: dict[str, Any] = Field(default_factory=dict)
    to: list[str] = Field(default_factory=lambda: [LOG_TARGET])

    @model_validator(mode="after")
    def _checked(self) -> Self:
        found: dict[str | Key, str] = {}
        for name in self.events():
            if name not in WHEN:
                found["when"] = f"no fact or alert {name!r}; {did_you_mean(name, sorted(WHEN), 'tapebook explain lists the facts')}"
        for name in self.where:
            if name not in FIELDS:
                found["where", name] = f"no field {name!r}; {did_you_mean(name, sorted(FIELDS), 'tapebook explain lists the fields')}"
        if found:
            raise Problems(found)
        return self

    def events(self) -> list[str]:
        """The names of the facts and alerts."""
        return [self.when] if isinstance(self.when, str) else list(self.when)


class SettlementSettings(Part):
    """How what was traded settles. `custodian`: who says whether it did."""

    custodian: Literal["immediate", "simulated", "manual"] = "immediate"
    failures: float = Field(0.05, ge=0, le=1)
    """Of a simulated custodian: the part of all tries that fail."""
    seed: int = 0
    retries: int = Field(3, ge=0)
    """Tries after the first, each on the next day of the calendar; then the trade is compensated."""
    time_zone: str | None = None
    """Whose date a trade has; that of the session's day by default."""


class SurveillanceSettings(Part):
    """Which rules watch the session, and their parameters."""

    rules: list[str] = Field(default_factory=list)
    set: dict[str, dict[str, Decimals]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        try:
            self.surveyor()
        except SurveillanceError as error:
            raise ValueError(str(error)) from None
        return self

    def surveyor(self) -> Surveyor:
        """The surveyor."""
        return Surveyor(self.rules or None, self.set)


def target_problems(given: Any) -> dict[str | Key, str]:
    """Targets that are named twice, or named and not listed, in a session's settings."""
    known = [LOG_TARGET]
    found: dict[str | Key, str] = {}
    for k, target in enumerate(given.targets):
        if target.name in known and not (target.name == LOG_TARGET and target.kind == "log"):
            found["targets", k] = f"{target.name!r} is named twice; give each a name of its own"
        known.append(target.name)
    for k, rule in enumerate(given.notifications):
        for name in rule.to:
            if name not in known:
                there = "there are " + ", ".join(known)
                found["notifications", k, "to"] = f"no target {name!r}; {did_you_mean(name, known, there)}"
    return found


class ServiceSettings(Part):
    """What the services of a session need of its settings; kept beside the log, so that they can be rebuilt from it. It names no secret."""

    notifications: list[NotificationSettings] = Field(default_factory=list)
    settlement: SettlementSettings | None = None
    surveillance: SurveillanceSettings | None = None
    terms: dict[str, tuple[int, str | None]] = Field(default_factory=dict)

    def terms_by_symbol(self) -> dict[str, Terms]:
        """Symbol to terms of settlement."""
        return {symbol: Terms(*one) for symbol, one in self.terms.items()}


def service_settings(given: Any) -> ServiceSettings:
    """Of a session's settings."""
    settlement = given.settlement
    zone = given.day.time_zone if given.day is not None else "UTC"
    if settlement is not None and settlement.time_zone is None:
        settlement = settlement.model_copy(update={"time_zone": zone})
    terms = {one.symbol: tuple(one.settle.terms()) for one in given.listed() if one.settle is not None}
    return ServiceSettings(notifications=given.notifications, settlement=settlement, surveillance=given.surveillance, terms=terms)

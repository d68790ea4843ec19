"""Where notifications go: a log line, the topic `notifications`, a signed webhook, an e-mail. Each sends one, or says why it could not."""

import json
import logging
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Protocol

from engine.messages.durations import duration_ns
from live.broker.port import Broker, Outgoing
from live.broker.topics import NOTIFICATIONS
from live.configuration.services import TargetSettings
from live.services.host import ServiceError
from live.services.notifications.outbox import Waiting
from live.wire.times import time_text

PARTED = frozenset((408, 425, 429))
"""Answers below 500 after which a webhook is tried again."""


class Refused(Exception):
    """The target will never take it: it becomes a dead letter."""


class Unreachable(Exception):
    """The target did not take it now: it is tried again."""


class Target(Protocol):
    """Sends one notification at a time."""

    async def send(self, session: str, told: Waiting) -> None:
        """Raises Refused, Unreachable; anything else is our own mistake, and a dead letter as well."""

    async def close(self) -> None: ...


class LogTarget:
    """A line in the session's own log."""

    async def send(self, session: str, told: Waiting) -> None:
        """Write it."""
        said = {"notification": told.key, "event": told.kind, "object": json.loads(told.value)}
        logging.getLogger(f"tapebook.live.{session}").info("notification", extra={"said": said})

    async def close(self) -> None:
        """Nothing is held."""


class TopicTarget:
    """The topic `notifications`: the object as it stands on the other topics, under its portfolio."""

    def __init__(self, broker: Broker, shard: int) -> None:
        self._broker, self._shard = broker, shard

    async def send(self, session: str, told: Waiting) -> None:
        """Publish it."""
        key = str(json.loads(told.value).get("portfolio") or "").encode()
        await self._broker.publish([Outgoing(NOTIFICATIONS, self._shard, key, told.value, (("id", told.key.encode()),))])

    async def close(self) -> None:
        """The broker is the session's."""


class WebhookTarget:
    """A POST as Standard Webhooks say: `webhook-id` is the same whenever the same is sent again, so that a receiver can tell."""

    def __init__(self, given: TargetSettings) -> None:
        import httpx2
        from standardwebhooks import Webhook

        assert given.secret is not None
        self._url, self._signer, self._errors = str(given.url), Webhook(given.secret.read()), httpx2.HTTPError
        self._client = httpx2.AsyncClient(timeout=duration_ns(given.timeout) / 1e9)

    async def send(self, session: str, told: Waiting) -> None:
        """Post it; 2xx is taken, 4xx but for 408, 425 and 429 refuses it, and so does a redirect."""
        now = datetime.now(UTC)
        body = f'{{"type":{json.dumps(told.kind)},"timestamp":"{time_text(told.ts)}","data":{told.value.decode()}}}'
        headers = {
            "content-type": "application/json",
            "webhook-id": told.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(told.key, now, body),
        }
        try:
            answer = await self._client.post(self._url, content=body.encode(), headers=headers)
        except self._errors as error:
            raise Unreachable(f"{self._url}: {type(error).__name__} {error}".strip()) from None
        if answer.is_success:
            return
        said = f"{self._url} answered {answer.status_code}"
        raise (Unreachable if answer.status_code >= 500 or answer.status_code in PARTED else Refused)(said)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class EmailTarget:
    """An e-mail over SMTP; its Message-ID is the same whenever the same is sent again."""

    def __init__(self, given: TargetSettings) -> None:
        self._given = given
        self._password = given.password.read() if given.password is not None else None

    async def send(self, session: str, told: Waiting) -> None:
        """Send it; what the server refuses for good (5xx) is not tried again."""
        import aiosmtplib

        given = self._given
        options: dict[str, Any] = {"username": given.user, "password": self._password} if given.user else {}
        try:
            refused, _ = await aiosmtplib.send(
                self._message(session, told),
                hostname=given.host,
                port=given.port,
                timeout=duration_ns(given.timeout) / 1e9,
                use_tls=given.security == "tls",
                start_tls=given.security == "starttls",
                **options,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            raise (Refused if all(code >= 500 for code in codes) else Unreachable)(
                f"{given.host} refused all recipients: {codes}"
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            raise (Refused if error.code >= 500 else Unreachable)(f"{given.host} answered {error.code} {error.message}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unreachable(f"{given.host}:{given.port}: {type(error).__name__} {error}") from None
        if refused:
            logging.getLogger(f"tapebook.live.{session}").info(
                "some recipients were refused", extra={"said": {"recipients": list(refused)}}
            )

    def _message(self, session: str, told: Waiting) -> EmailMessage:
        said = json.loads(told.value)
        made = EmailMessage()
        made["From"], made["To"] = str(self._given.sender), ", ".join(self._given.to)
        about = " ".join(str(said[name]) for name in ("portfolio", "trader", "symbol", "reason") if said.get(name))
        made["Subject"] = " ".join(f"[{session}] {told.kind} {about}".split())
        made["Message-ID"] = f"<{told.key}@tapebook>"
        made["Date"] = datetime.fromtimestamp(told.since, UTC)
        made.set_content("\n".join(f"{name}: {value}" for name, value in said.items() if value is not None) + "\n")
        return made

    async def close(self) -> None:
        """Nothing is held."""


def target_of(given: TargetSettings) -> Target:
    """The target that settings describe. Raises ServiceError where its library is not installed."""
    try:
        import purgatory  # noqa: F401  # so that what delivery needs is missed now
        import stamina  # noqa: F401

        if given.kind == "webhook":
            return WebhookTarget(given)
        if given.kind == "email":
            import aiosmtplib  # noqa: F401

            return EmailTarget(given)
    except ModuleNotFoundError as odd:
        mend = "install the extra services: uv sync --extra services"
        raise ServiceError(f"the target {given.name!r} needs {odd.name}, which is not installed; {mend}") from None
    return LogTarget()

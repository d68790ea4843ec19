"""Telling somebody how a job ended: a webhook, signed where there is a secret, and e-mail."""

import base64
import hashlib
import hmac
import json
import os
import smtplib
import time
import urllib.request
from email.message import EmailMessage
from typing import Any

from backtest.jobs.settings import JobError, Notify

SECONDS = 10.0
TRIES = 3


def signed(message_id: str, ts: int, body: bytes, secret: str) -> str:
    """The header `webhook-signature`: v1 and the base64 of an HMAC-SHA256 of `id.timestamp.body` (Standard Webhooks 1.0).

    `secret`: base64, with or without its prefix "whsec_". Raises JobError where it is not.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise JobError("the webhook's secret is not base64; take one like whsec_… from who receives it") from None
    made = hmac.new(key, b".".join([message_id.encode(), str(ts).encode(), body]), hashlib.sha256)
    return "v1," + base64.b64encode(made.digest()).decode()


def post(address: str, said: dict[str, Any], secret: str | None, message_id: str, ts: int) -> None:
    """Send one webhook. The id is the same for the same outcome of a job, so that one that came twice can be told. Raises OSError."""
    body = json.dumps(said, default=str).encode()
    headers = {"content-type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(ts), "user-agent": "tapebook"}
    if secret is not None:
        headers["webhook-signature"] = signed(message_id, ts, body, secret)
    with urllib.request.urlopen(urllib.request.Request(address, body, headers, method="POST"), timeout=SECONDS) as answer:
        answer.read()


def mail(notify: Notify, subject: str, text: str) -> None:
    """Send one e-mail through the server that the job names. Raises OSError (smtplib's errors are)."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, notify.sender, ", ".join(notify.email)
    message.set_content(text)
    host, _, port = notify.smtp.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=SECONDS) as server:
        server.send_message(message)


def tell(notify: Notify | None, said: dict[str, Any], pause: float = 1.0) -> list[str]:
    """Tell whom the job names; returns what could not be told, a line each. It is tried three times."""
    if notify is None or (notify.when == "failure" and said["outcome"] == "ok"):
        return []
    ways: list[tuple[str, Any]] = []
    if notify.webhook:
        secret = os.environ.get(notify.secret_env) if notify.secret_env else None
        if notify.secret_env and not secret:
            return [f"webhook: the environment variable {notify.secret_env} is not set, so nothing was sent"]
        name = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:24]
        ways.append(("webhook", lambda: post(str(notify.webhook), said, secret, f"msg_{name}", int(time.time()))))
    if notify.email:
        subject = f"Tapebook job {said['job']} {said['date']}: {said['outcome']}"
        ways.append(("e-mail", lambda: mail(notify, subject, "\n".join([subject, "", *said["problems"], "", said["summary"]]))))
    return [problem for name, way in ways if (problem := _tried(name, way, pause))]


def _tried(name: str, way: Any, pause: float) -> str:
    for number in range(1, TRIES + 1):
        try:
            way()
            return ""
        except (OSError, JobError, ValueError) as error:
            if number == TRIES or isinstance(error, JobError):
                return f"{name}: {error}"
            time.sleep(pause * number)
    return ""

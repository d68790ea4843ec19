"""How a Kafka wants its clients to come: TLS and SASL, from a mapping as it stands in a session's file."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.named_file import named_bytes, named_text
from live.broker.port import BrokerError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
NAMES = ("protocol", "mechanism", "username", "password", "password_file", "ca", "cert", "key", "key_password")


def security_settings(security: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments of aiokafka's clients. Raises BrokerError, which never shows a password.

    `protocol` is one of PROTOCOLS, `mechanism` one of MECHANISMS with `username` and `password` or `password_file`; `ca`, `cert` and
    `key` are PEM files: whom we believe (else the system's authorities), and who we are, where the broker asks.
    """
    if not security:
        return {}
    _check_names(security)
    protocol = str(security.get("protocol", "SASL_SSL" if "username" in security else "SSL"))
    _check_one_of("protocol", protocol, PROTOCOLS)
    settings: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        settings |= _login(security)
    elif "username" in security:
        raise BrokerError(f"security: {protocol} takes no username; use SASL_SSL, or leave it out")
    if protocol.endswith("SSL"):
        settings["ssl_context"] = _tls(security)
    return settings


def _check_names(security: Mapping[str, Any]) -> None:
    for name, value in security.items():
        if name not in NAMES:
            raise BrokerError(f"security: {name} is not known; it may have {', '.join(NAMES)}")
        if not isinstance(value, str | Path):
            raise BrokerError(f"security: {name} is a text, not {type(value).__name__}")


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BrokerError(f"security: {name} {value!r} is not known; it is one of {', '.join(known)}")


def _login(security: Mapping[str, Any]) -> dict[str, Any]:
    mechanism = str(security.get("mechanism", "PLAIN"))
    _check_one_of("mechanism", mechanism, MECHANISMS)
    if "username" not in security or ("password" in security) == ("password_file" in security):
        raise BrokerError("security: SASL needs username, and one of password and password_file")
    password = security["password"] if "password" in security else _read(security, "password_file").strip()
    return {"sasl_mechanism": mechanism, "sasl_plain_username": str(security["username"]), "sasl_plain_password": password}


def _read(security: Mapping[str, Any], name: str) -> str:
    try:
        return named_text(security[name])
    except (OSError, UnicodeDecodeError) as error:
        raise BrokerError(f"security: {name} {security[name]} cannot be read: {error}") from None


def _tls(security: Mapping[str, Any]) -> ssl.SSLContext:
    if ("cert" in security) != ("key" in security):
        raise BrokerError("security: cert and key come together")
    try:
        for name in ("ca", "cert", "key"):
            if name in security:
                named_bytes(security[name])  # a pipe would hang
        context = ssl.create_default_context(cafile=security.get("ca"))
        if "cert" in security:
            context.load_cert_chain(security["cert"], security["key"], security.get("key_password"))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(f"{name} {security[name]}" for name in ("ca", "cert", "key") if name in security)
        raise BrokerError(f"security: {files or 'the system'}: {error}") from None
    return context

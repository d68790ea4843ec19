"""Messages of the WebSocket as they come: one object each, with a type, data, and an `id` that comes back in the answer."""

import re
from typing import Any

import msgspec

from engine.messages.hints import did_you_mean
from live.gateway.calls import unreadable
from live.gateway.problems import malformed
from live.gateway.routes import MESSAGES
from live.wire.command_json import read_object
from live.wire.errors import WireError
from live.wire.numbers import Written

Given = dict[str, Any]
_ID = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def parsed(raw: str | bytes) -> Given:
    """The object of a message. Raises Problem."""
    try:
        return read_object(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw)
    except WireError as odd:
        raise unreadable(odd) from None


def identity_of(given: Any) -> str | None:
    """The request's `id` as JSON. Raises Problem."""
    if given is None:
        return None
    if isinstance(given, Written):
        if _ID.fullmatch(given):
            return str(given)
    elif isinstance(given, str) and len(given) <= 64:
        return msgspec.json.encode(given.encode("utf-8", "replace").decode()).decode()
    raise malformed("id", "it is neither a text of up to 64 characters nor a whole number")


def kind_of(given: Any) -> str:
    """The message that is meant. Raises Problem."""
    if not isinstance(given, str) or given not in MESSAGES:
        mend = did_you_mean(given if isinstance(given, str) else "", MESSAGES, f"it is one of {', '.join(MESSAGES)}")
        raise malformed("type", f"{str(given)[:40]!r} is not a known message; {mend}")
    return given


def shown(raw: str | bytes) -> str:
    """The beginning of a message that could not be read."""
    return (raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))[:200].encode("utf-8", "replace").decode()

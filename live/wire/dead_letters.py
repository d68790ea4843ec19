"""Messages that could not be read, as they came, with why."""

from live.broker.port import MESSAGE_BYTES_MAX, Message, Outgoing
from live.wire.routes import DEAD_LETTERS

ERROR_BYTES_MAX = 4_096
_KEY_BYTES_MAX = 100_000
_FRAME = 256
"""Bytes of the names and numbers of our headers, at most."""


def dead_letter(message: Message, error: Exception | str) -> Outgoing:
    """The record of `dead-letters` for a message: its bytes and key, then where it stood and the error in the headers `topic`, `partition`,
    `offset` and `error`; behind them the headers that it came with.

    It stands in the partition of its shard. A message that leaves no room for that loses its own headers, and then its end, and the error
    says so."""
    key, value, came = message.key, message.value, tuple((name, text or b"") for name, text in message.headers)
    key = key if key is None else key[:_KEY_BYTES_MAX]
    room = MESSAGE_BYTES_MAX - ERROR_BYTES_MAX - _FRAME - len(message.topic) - len(key or b"")
    if len(value) + sum(len(name.encode()) + len(text) for name, text in came) > room:
        error = f"cut from {len(value):,} bytes and {len(came)} headers: {error}"
        value, came = value[: max(0, room)], ()
    why = str(error).encode("utf-8", "backslashreplace")[:ERROR_BYTES_MAX].decode("utf-8", "ignore").encode()
    headers = (
        ("topic", message.topic.encode()),
        ("partition", str(message.partition).encode()),
        ("offset", str(message.offset).encode()),
        ("error", why),
    )
    return Outgoing(DEAD_LETTERS, message.partition, key, value, headers + came)

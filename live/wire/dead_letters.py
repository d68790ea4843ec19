"""Messages that could not be read, as they came, with why."""

from live.broker.port import Message, Outgoing
from live.wire.routes import DEAD_LETTERS

ERROR_BYTES_MAX = 4_096


def dead_letter(message: Message, error: Exception | str) -> Outgoing:
    """The record of `dead-letters` for a message: its bytes and key, then where it stood and the error in the headers `topic`, `partition`,
    `offset` and `error`; behind them the headers that it came with."""
    why = str(error).encode("utf-8", "backslashreplace")[:ERROR_BYTES_MAX].decode("utf-8", "ignore").encode()
    headers = (
        ("topic", message.topic.encode()),
        ("partition", str(message.partition).encode()),
        ("offset", str(message.offset).encode()),
        ("error", why),
    )
    return Outgoing(DEAD_LETTERS, None, message.key, message.value, headers + tuple(message.headers))

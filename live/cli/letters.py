"""Dead letters: read from their topic, and sent again to where they came from."""

from pathlib import Path
from typing import Any

from live.broker.port import BEGINNING, Broker, BrokerError, Message, Outgoing
from live.broker.topics import DEAD_LETTERS
from live.configuration.session import read_settings
from live.session.equipment import broker_of

MOST = 10_000


async def letters_of(file: Path, limit: int) -> list[Message]:
    """The newest dead letters of the session's shard, oldest first. Raises BrokerError."""
    settings = read_settings(file)
    broker = _broker(file)
    await broker.open()
    try:
        return (await _read(broker, settings.broker.shard))[-limit:]
    finally:
        await broker.close()


async def send_again(file: Path, offset: int | None) -> int:
    """Send all dead letters, or the one at `offset`, to their topic and partition again; returns how many. Raises BrokerError."""
    settings = read_settings(file)
    broker = _broker(file)
    await broker.open()
    try:
        found = [one for one in await _read(broker, settings.broker.shard) if offset is None or one.offset == offset]
        if offset is not None and not found:
            raise BrokerError(f"{DEAD_LETTERS}: there is no offset {offset}; see tapebook live dead-letters list")
        sent = [one for one in found if not _of_service(one)]
        if offset is not None and not sent:
            name = _of_service(found[0])
            raise BrokerError(
                f"{DEAD_LETTERS}: offset {offset} is of a service and came from no topic; see tapebook live rebuild {name} --help"
            )
        await broker.publish([_as_it_came(one) for one in sent])
        return len(sent)
    finally:
        await broker.close()


def _broker(file: Path) -> Broker:
    settings = read_settings(file)
    broker = broker_of(settings.broker, settings.name)
    if broker is None or settings.broker.kind == "memory":
        raise BrokerError(f"{file}: the session's broker is its own memory, and has no dead letters outside it; name a Kafka as its broker")
    return broker


async def _read(broker: Broker, shard: int) -> list[Message]:
    _, end = (await broker.ends(DEAD_LETTERS))[shard]
    reader = await broker.read(DEAD_LETTERS, shard, BEGINNING)
    found: list[Message] = []
    while reader.position < end:
        taken = await reader.take(MOST, 1.0)
        if not taken:
            break
        found += taken
    return found


def _of_service(letter: Message) -> str:
    """The service that put it aside; "" where it came from a topic."""
    topic = dict(letter.headers[:4]).get("topic", b"").decode(errors="replace")
    return topic.removeprefix("service:") if topic.startswith("service:") else ""


def _as_it_came(letter: Message) -> Outgoing:
    said = dict(letter.headers[:4])
    return Outgoing(said["topic"].decode(), int(said["partition"]), letter.key, letter.value, tuple(letter.headers[4:]))


def shown(letters: list[Message]) -> list[dict[str, Any]]:
    """Dead letters as people and scripts read them."""
    made = []
    for one in letters:
        said = {name: value.decode(errors="replace") for name, value in one.headers[:4]}
        came = f"{said.get('topic')}[{said.get('partition')}]@{said.get('offset')}"
        made.append({"offset": one.offset, "from": came, "error": said.get("error", ""), "value": one.value.decode(errors="replace")})
    return made

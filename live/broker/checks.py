"""What a broker refuses, in the same words for each of them."""

from live.broker.port import BEGINNING, END, MESSAGE_BYTES_MAX, BrokerError, Fenced, OffsetRemoved, Outgoing, Topic


def unknown_topic(topic: str) -> BrokerError:
    """The error for a topic that nobody created."""
    return BrokerError(f"{topic}: the broker has no such topic; create it with Broker.ensure, or mend the name")


def wrong_partitions(topic: Topic, count: int) -> BrokerError:
    """The error for a topic that is there, but with `count` partitions."""
    return BrokerError(
        f"{topic.name}: has {count} partition{'s' * (count != 1)}, {topic.partitions} are asked for; "
        "set `shards` to what the broker has, or delete the topic there"
    )


def check_partition(topic: str, partition: int, count: int) -> None:
    """Raises BrokerError for a partition that a topic of `count` does not have."""
    if not 0 <= partition < count:
        raise BrokerError(f"{topic}: there is no partition {partition}; it has {count}, counted from 0")


def check_offset(topic: str, partition: int, offset: int, first: int, end: int) -> None:
    """Raises OffsetRemoved or BrokerError for an offset outside `first` to `end`."""
    if offset in (BEGINNING, END) or first <= offset <= end:
        return
    if 0 <= offset < first:
        raise OffsetRemoved(topic, partition, offset, first)
    raise BrokerError(
        f"{topic}[{partition}]: there is no offset {offset}, the next record gets {end}; the topic was made anew, or this is another broker"
    )


def check_message(message: Outgoing) -> None:
    """Raises BrokerError for what is no message, or too large a one."""
    topic, _, key, value, headers = message
    if not isinstance(value, bytes) or not (key is None or isinstance(key, bytes)):
        raise BrokerError(
            f"{topic}: key and value of a message are bytes, not {type(key).__name__} and {type(value).__name__}; encode them"
        )
    if headers and not all(isinstance(name, str) and isinstance(text, bytes) for name, text in headers):
        raise BrokerError(f"{topic}: a header is a name and bytes, not {headers!r:.100}; encode it")
    size = len(value) + len(key or b"") + (sum(len(name) + len(text) for name, text in headers) if headers else 0)
    if size > MESSAGE_BYTES_MAX:
        raise BrokerError(f"{topic}: a message has {size:,} bytes, the most is {MESSAGE_BYTES_MAX:,}; send it in several")


def keyless(topic: str) -> BrokerError:
    """The error for a record without a key where only the latest of each key stays."""
    return BrokerError(f"{topic}: a record without a key, in a topic that keeps the latest of each key; give it one")


def fenced(where: str, name: str) -> Fenced:
    """The error for one whose place another took."""
    return Fenced(f"{where}: another session is {name!r} now, so this one stops; run one of them")


def not_open(what: str) -> BrokerError:
    """The error for a broker before its open() or after its close()."""
    return BrokerError(f"{what} is not open; await its open() first")


def closed_reader(topic: str, partition: int) -> BrokerError:
    """The error for a reader after its close()."""
    return BrokerError(f"{topic}[{partition}]: this reader is closed; Broker.read gives another")

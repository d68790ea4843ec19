"""Which partition a message goes to: the same for every broker."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from live.broker.checks import check_message, check_partition, unknown_topic
from live.broker.port import MESSAGE_BYTES_MAX, Outgoing

Partition = tuple[str, int]
"""Topic and number."""
SMALL = MESSAGE_BYTES_MAX // 2
_MASK, _M, _SEED = 0xFFFFFFFF, 0x5BD1E995, 0x9747B28C


@lru_cache(maxsize=65536)
def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's own clients put a key: murmur2, whose top bit is dropped."""
    whole = len(key) // 4 * 4
    h = _SEED ^ len(key)
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if whole < len(key):
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return ((h ^ h >> 15) & 0x7FFFFFFF) % partitions


class Placement:
    """Groups messages by partition, in their order."""

    def __init__(self) -> None:
        self._turn = 0

    def place(self, messages: Sequence[Outgoing], partitions: Mapping[str, int]) -> dict[Partition, list[Outgoing]]:
        """The messages by partition; `partitions` is how many each topic has. Raises BrokerError for the first message amiss."""
        groups: dict[Partition, list[Outgoing]] = {}
        self._turn += 1
        for message in messages:
            topic, at, key, value, headers = message
            if headers or type(value) is not bytes or type(key) is not bytes or len(value) > SMALL or len(key) > SMALL:
                check_message(message)
            if at is not None and (topic, at) in groups:
                groups[topic, at].append(message)
                continue
            count = partitions.get(topic)
            if count is None:
                raise unknown_topic(topic)
            if at is None:
                at = self._turn % count if key is None else partition_of(key, count)
            check_partition(topic, at, count)
            groups.setdefault((topic, at), []).append(message)
        return groups

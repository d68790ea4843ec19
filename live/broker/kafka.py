"""A Kafka as broker, through aiokafka: manual assignment of partitions, offsets kept by who reads, an idempotent producer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.errors import for_code

from live.broker.checks import check_offset, check_partition, not_open, wrong_partitions
from live.broker.kafka_claim import KafkaClaim
from live.broker.kafka_client import PAUSE, Settings, admin, client_settings, offset_ends, partitions_of, persist, topic_partitions
from live.broker.kafka_producer import KafkaProducer
from live.broker.kafka_reader import KafkaReader
from live.broker.placement import Placement
from live.broker.port import BEGINNING, END, FOR_EVER, BrokerError, Outgoing, Topic
from live.broker.topics import SESSION_CLAIMS

_EXISTS = 36
_DEFAULT_REPLICAS = -1
"""As many copies as the broker's own default says."""
_FIRST_WAIT = 30.0


class KafkaBroker:
    """Topics of a Kafka at `servers` ("host:port,host:port").

    With `exactly_once` each `publish` is one transaction, under `transactional_id`: readers of what is committed see all of it or none, and
    who opens a broker with the same id later fences this one. It costs some 30 ms a publish. `security` is a mapping as in
    `live.broker.security`. `patience` is how many seconds open, ensure, read and ends try to reach the broker; publish and readers wait
    through outages however long.
    """

    def __init__(
        self,
        servers: str,
        *,
        exactly_once: bool = False,
        transactional_id: str | None = None,
        security: Mapping[str, Any] | None = None,
        patience: float = _FIRST_WAIT,
    ) -> None:
        if exactly_once != bool(transactional_id):
            raise BrokerError("exactly_once and transactional_id come together: name the one who publishes, such as 'desk-0'")
        self._servers, self._patience = servers, patience
        self._settings: Settings = client_settings(servers, security)
        self._transactional_id = transactional_id
        self._producer: KafkaProducer | None = None
        self._placement = Placement()
        self._counts: dict[str, int] = {}
        self._readers: list[KafkaReader] = []
        self._claims: list[KafkaClaim] = []

    async def open(self) -> None:
        """Connect; with `exactly_once`, fence whoever had our id. Raises BrokerError after `patience` seconds of trying."""
        await persist(self._servers, "connecting", lambda: topic_partitions(self._settings), self._patience)
        producer = KafkaProducer(self._servers, self._settings, self._transactional_id, still_ours=self._still_ours)
        await persist(self._servers, "starting a producer", producer.start, self._patience)
        self._producer = producer

    async def close(self) -> None:
        """Let go of the broker, and close its readers."""
        producer, self._producer = self._producer, None
        readers, self._readers = self._readers, []
        if producer is not None:
            await producer.close()
        claims, self._claims = self._claims, []
        await asyncio.gather(*(reader.close() for reader in readers), *(claim.release() for claim in claims))

    def _opened(self) -> KafkaProducer:
        if self._producer is None:
            raise not_open(f"Kafka at {self._servers}")
        return self._producer

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create what is missing, with as many copies as the broker's default says."""
        self._opened()
        await persist(self._servers, "creating topics", lambda: self._ensure(topics), self._patience)

    async def _ensure(self, topics: Sequence[Topic]) -> None:
        have = await topic_partitions(self._settings)
        if missing := [topic for topic in topics if topic.name not in have]:
            await self._create(missing)
            have = await topic_partitions(self._settings)
        for topic in topics:
            if have[topic.name] != topic.partitions:
                raise wrong_partitions(topic, have[topic.name])
        self._counts |= {topic.name: topic.partitions for topic in topics}

    async def _create(self, topics: Sequence[Topic]) -> None:
        """Create topics, and wait until each partition has its leader: the first to publish would find none."""
        async with admin(self._settings) as client:
            answer = await client.create_topics([_new(topic) for topic in topics])
        for name, code, *text in answer.topic_errors:
            if code not in (0, _EXISTS):
                said = ": ".join(str(part) for part in (for_code(code).__name__, *text) if part)
                raise BrokerError(f"{name}: Kafka at {self._servers} does not create this topic: {said}")
        while not {topic.name for topic in topics} <= (await topic_partitions(self._settings)).keys():
            await asyncio.sleep(PAUSE / 5)
        await offset_ends(self._settings, [(topic.name, at) for topic in topics for at in range(topic.partitions)])

    async def _count(self, topic: str, patience: float) -> int:
        if topic not in self._counts:
            self._counts[topic] = await persist(self._servers, topic, lambda: partitions_of(self._settings, topic), patience)
        return self._counts[topic]

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns once all are acknowledged, whatever outage comes between. May be cancelled."""
        producer = self._opened()
        for topic in {message.topic for message in messages} - self._counts.keys():
            await self._count(topic, float("inf"))
        groups = self._placement.place(messages, self._counts)
        if groups:
            await producer.send(groups)

    async def read(self, topic: str, partition: int, offset: int) -> KafkaReader:
        """A reader from `offset` on, of what is committed."""
        self._opened()
        count = await self._count(topic, self._patience)
        check_partition(topic, partition, count)
        first, end = (await self.ends(topic))[partition]
        check_offset(topic, partition, offset, first, end)
        reader = KafkaReader(self._settings, topic, partition, {BEGINNING: first, END: end}.get(offset, offset))
        await persist(self._servers, f"reading {topic}", reader.start, self._patience)
        self._readers = [*(other for other in self._readers if not other.closed), reader]
        return reader

    async def claim(self, name: str) -> KafkaClaim:
        """Take a name from whoever has it."""
        await self.ensure([SESSION_CLAIMS])
        claim = KafkaClaim(self._servers, self._settings, name)
        await persist(self._servers, f"claiming {name}", claim.take, self._patience)
        self._claims.append(claim)
        return claim

    async def _still_ours(self) -> bool:
        """Has nobody taken a name of ours? Asked before our producer is made anew."""
        return all([await claim.is_ours() for claim in self._claims])

    async def ends(self, topic: str) -> list[tuple[int, int]]:
        """(first, end) of each partition, as readers of what is committed see it."""
        self._opened()
        count = await self._count(topic, self._patience)
        partitions = [(topic, at) for at in range(count)]
        return await persist(self._servers, f"offsets of {topic}", lambda: offset_ends(self._settings, partitions), self._patience)


def _new(topic: Topic) -> NewTopic:
    settings = {"cleanup.policy": "compact"} if topic.compacted else {"cleanup.policy": "delete"}
    settings["retention.ms"] = str(FOR_EVER if topic.compacted else topic.retention_ms)
    made = NewTopic(topic.name, topic.partitions, 1, topic_configs=settings)
    made.replication_factor = _DEFAULT_REPLICAS  # which its constructor does not take
    return made

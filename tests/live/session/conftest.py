"""A Kafka of its own for each test of a session: topics of sessions have fixed names."""

from collections.abc import Iterator

import pytest

from live.broker.server import KafkaServer


@pytest.fixture
def a_kafka(tmp_path_factory: pytest.TempPathFactory, kafka: KafkaServer) -> Iterator[KafkaServer]:
    """One whose topics nobody wrote to."""
    server = KafkaServer(tmp_path_factory.mktemp("own-kafka"))
    server.start()
    yield server
    server.kill()

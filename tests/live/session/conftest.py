"""A Kafka of its own for each test of a session: topics of sessions have fixed names."""

from collections.abc import Iterator

import pytest

from live.broker.server import KafkaServer, Unavailable


@pytest.fixture
def a_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One whose topics nobody wrote to."""
    server = KafkaServer(tmp_path_factory.mktemp("own-kafka"))
    try:
        server.start()
    except Unavailable as error:
        pytest.skip(f"no Kafka can be started here: {error}")
    yield server
    server.kill()

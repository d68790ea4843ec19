"""A genuine Kafka for the tests, started by the same code as `tapebook kafka start`."""

from collections.abc import Iterator

import pytest

from live.broker.server import KafkaServer, Unavailable


@pytest.fixture(scope="session")
def started_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One Kafka for all tests of this process."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
    except Unavailable as error:
        pytest.skip(f"no Kafka can be started here: {error}")
    yield server
    server.kill()


@pytest.fixture
def kafka(started_kafka: KafkaServer) -> KafkaServer:
    """A Kafka that runs, whatever the test before did to it."""
    started_kafka.start()
    return started_kafka

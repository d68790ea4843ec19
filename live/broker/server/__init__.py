"""A genuine Apache Kafka of one node on this machine: `KafkaServer(folder).start()`, and `tapebook kafka`."""

from live.broker.server.kafka_server import KafkaServer, Running
from live.broker.server.unavailable import Unavailable

__all__ = ["KafkaServer", "Running", "Unavailable"]

"""A genuine Apache Kafka of one node on this machine: `KafkaServer(folder).start()`, and `tapebook kafka`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from live.broker.server.kafka_server import KafkaServer, Running
    from live.broker.server.unavailable import Unavailable

__all__ = ["KafkaServer", "Running", "Unavailable"]


def __getattr__(name: str) -> Any:  # the help of the command line imports this package, and nothing behind it
    if name == "Unavailable":
        from live.broker.server import unavailable

        return unavailable.Unavailable
    if name in __all__:
        from live.broker.server import kafka_server

        return getattr(kafka_server, name)
    raise AttributeError(f"module 'live.broker.server' has no attribute {name!r}")

"""The real-time shell: sessions fed by participants, strategies and Kafka, and what stands around them."""

from importlib import import_module
from typing import Any

_WHERE = {
    "Session": "live.session.session",
    "SessionError": "live.session.recovery",
    "SessionSettings": "live.configuration.session",
    "Broker": "live.broker.port",
    "MemoryBroker": "live.broker.memory",
    "KafkaBroker": "live.broker.kafka",
    "streams": "live.streams",
    "Client": "live.client.client",
    "AsyncClient": "live.client.async_client",
    "ClientError": "live.client.errors",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'live' has no attribute {name!r}")
    found = import_module(_WHERE[name])
    return found if _WHERE[name] == f"live.{name}" else getattr(found, name)

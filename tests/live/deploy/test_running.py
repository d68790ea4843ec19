"""The deployment run by hand: the session on genuine Kafka with TLS and tokens, a genuine Prometheus, shipped log lines."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from live.broker.server import KafkaServer
from tests.live.deploy.test_files import BIN, DEPLOY, needs

SHARES = 7


class Deployed:
    """A session as the image's command starts it, but for its ports, and its secrets as `prepare.sh` makes them."""

    def __init__(self, folder: Path, kafka: KafkaServer) -> None:
        secrets = folder / "secrets"
        environment = {**os.environ, "TAPEBOOK": str(BIN / "tapebook")}
        subprocess.run(["sh", DEPLOY / "prepare.sh", secrets], check=True, env=environment, stdout=subprocess.DEVNULL)
        text = (DEPLOY / "session.toml").read_text().replace('"0.0.0.0"', '"127.0.0.1"')
        file = folder / "session.toml"
        file.write_text(re.sub(r"port = \d+", "port = 0", text))
        said = {"SESSION": "desk", "KAFKA": kafka.servers, "SHARD": "0", "SHARDS": "1", "SECRETS": str(secrets)}
        environment |= {f"TAPEBOOK_{name}": value for name, value in said.items()}
        self.data, self.signing = folder / "data", secrets / "signing"
        self.tls = ssl.create_default_context(cafile=str(secrets / "tls.crt"))
        words = [BIN / "tapebook", "live", file, "--out", self.data]
        self.process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.url, self.metrics = until(self._urls, 90)

    def _urls(self) -> tuple[str, str] | None:
        assert self.process.poll() is None, self.process.stderr.read() if self.process.stderr else ""
        try:
            said = json.loads((self.data / "live" / "desk" / "session.json").read_text())
        except (OSError, ValueError):
            return None
        return (said["url"], said["metrics"]) if "metrics" in said else None

    def token(self, *words: str) -> str:
        """A token of the issuer whose public half the session knows."""
        made = subprocess.run([BIN / "tapebook", "token", *words, "--out", self.signing], check=True, capture_output=True, text=True)
        return made.stdout.strip()

    def send(self, token: str, **order: str) -> dict[str, Any]:
        """The answer to a new order."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + "/v1/orders", json.dumps(order).encode(), headers)
        with urllib.request.urlopen(request, context=self.tls, timeout=10) as answer:
            return dict(json.load(answer))


def until(found: Callable[[], Any], seconds: float) -> Any:
    """What comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (value := found()) is not None:
            return value
        time.sleep(0.1)
    raise AssertionError(f"nothing after {seconds} s")


@pytest.fixture
def deployed(tmp_path: Path, kafka: KafkaServer) -> Iterator[Deployed]:
    needs("openssl")
    made = Deployed(tmp_path, kafka)
    yield made
    made.process.send_signal(signal.SIGTERM)
    assert made.process.wait(60) == 0


def trade(deployed: Deployed) -> None:
    """Ann buys and sells; her limit refuses a third order."""
    token = deployed.token("--role", "trader", "--trader", "ann", "--portfolio", "fund")
    order = {"symbol": "AAPL", "type": "LIMIT", "quantity": str(SHARES), "price": "150.00", "portfolio": "fund"}
    made = deployed.send(token, side="SELL", **order)
    assert made["order"]["status"] == "NEW"
    other = deployed.send(token, side="BUY", self_trade="NONE", **order)
    assert other["order"]["status"] == "FILLED"
    with pytest.raises(urllib.error.HTTPError) as refused:
        deployed.send(token, side="BUY", **{**order, "quantity": "6000"})
    assert json.load(refused.value)["code"] == "POSITION_LIMIT"


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def test_prometheus_scrapes_it_and_answers_every_question_of_the_board(deployed: Deployed, tmp_path: Path) -> None:
    program, port = needs("prometheus"), free_port()
    target = urllib.parse.urlsplit(deployed.metrics).netloc
    configuration = (
        (DEPLOY / "prometheus.yml").read_text().replace("session:9464", target).replace("scrape_interval: 5s", "scrape_interval: 1s")
    )
    (tmp_path / "prometheus.yml").write_text(configuration)
    shutil.copy(DEPLOY / "alerts.yml", tmp_path)
    words = [program, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    prometheus = subprocess.Popen([*words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)

    def answer(question: str) -> list[Any] | None:
        try:
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": question})
            with urllib.request.urlopen(url, timeout=5) as said:
                return json.load(said)["data"]["result"] or None
        except urllib.error.URLError:
            return None

    try:
        until(lambda: answer('up{job="tapebook"} == 1'), 30)
        trade(deployed)
        traded = until(lambda: answer("trading_trades_executed_total"), 30)
        assert [(one["metric"]["symbol"], one["value"][1]) for one in traded] == [("AAPL", "1")]
        volume = until(lambda: answer("trading_trade_volume"), 30)
        assert float(volume[0]["value"][1]) == SHARES
        board = json.loads((DEPLOY / "grafana" / "session.json").read_text())
        questions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        assert len(questions) > 15
        for question in questions:
            until(lambda asked=question: answer(asked), 30)
    finally:
        prometheus.terminate()
        prometheus.wait(20)


def test_log_lines_reach_a_collector_as_they_are(deployed: Deployed, tmp_path: Path) -> None:
    program = needs("rsyslogd")
    spool, port = tmp_path / "spool", free_port()
    spool.mkdir()
    (tmp_path / "logs.conf").write_text((DEPLOY / "logs.conf").read_text().replace("/var/spool/rsyslog", str(spool)))
    environment = {**os.environ, "TAPEBOOK_LOGS": str(deployed.data / "live"), "COLLECTOR_HOST": "127.0.0.1", "COLLECTOR_PORT": str(port)}
    with socket.create_server(("127.0.0.1", port)) as collector:
        collector.settimeout(30)
        words = [program, "-n", "-f", str(tmp_path / "logs.conf"), "-i", str(tmp_path / "pid")]
        shipping = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        try:
            taken, _ = collector.accept()
            with taken, taken.makefile("r") as lines:
                first = json.loads(lines.readline())
        finally:
            shipping.terminate()
            shipping.wait(20)
    written = (deployed.data / "live" / "desk" / "session.log").read_text().splitlines()[0]
    assert first == json.loads(written)
    assert first["service.name"] == "tapebook"
    assert first["ecs.version"]

"""The read side as a process of its own: the same answers as the writer's gateway, and no writes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

import tapebook as tb
from live import Client as Impatient
from live.client.errors import Unavailable
from tapebook import run_command_line
from tests.support.live_gateway import running

ROOT = Path(__file__).parents[3]
Client = partial(Impatient, timeout=60)
"""Kernels may have to be compiled meanwhile."""
SHOWN = [
    "/v1/orders", "/v1/orders?status=active", "/v1/orders/1", "/v1/orders/1/history", "/v1/traders/ann/orders", "/v1/portfolios",
    "/v1/traders/ann/execution-summary", "/v1/portfolios/fund1", "/v1/portfolios/fund1/limits", "/v1/instruments", "/v1/book/AAPL",
    "/v1/trades/AAPL", "/v1/bars/AAPL", "/v1/quotes", "/v1/breaches", "/v1/compliance-failures", "/v1/openapi.json",
]  # fmt: skip


@contextmanager
def reader(out, *words):
    """A reader in a process of its own; its url."""
    words = [sys.executable, "-m", "tapebook", "live", "read", "--out", str(out), "--json", *words]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        text = line
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        yield json.loads(text)["url"], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, process.stderr.read()
        process.stdout.close()
        process.stderr.close()


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A writer with some trades, and a reader beside it."""
    out = tmp_path_factory.mktemp("out")
    with running(out) as s:
        ann, bob = Client(s.url, s.ann()), Client(s.url, s.bob())
        ann.send(tb.limit(1, "AAPL", tb.Side.BUY, 100, "150.00"))
        with reader(out, "--follow", "desk") as (url, _):
            for k in range(5):
                bob.send(tb.limit(0, "AAPL", tb.Side.SELL, 7 + k, "150.00"))
            with pytest.raises(tb.ClientError):
                ann.send(tb.limit(2, "AAPL", tb.Side.BUY, 600, "150.00"))
            yield s, url


def test_the_same_answers(both):
    s, url = both
    tokens = {"ann": s.ann(), "risk": s.token("risk")}
    seq = Client(s.url, tokens["risk"]).book("AAPL")["seq"]
    until(lambda: Client(url, tokens["risk"]).book("AAPL")["seq"] == seq)
    for path in SHOWN:
        for name, token in tokens.items():
            asked = path + (
                "?trader=ann" if name == "risk" and path.startswith(("/v1/orders/1", "/v1/orders?")) and "?" not in path else ""
            )
            here = s.ask("GET", asked, token)
            there = other(s, url).ask("GET", asked, token)
            assert there == here, asked


class other:
    """The requests of `Running`, to another url."""

    def __init__(self, s, url):
        self._s, self.url = s, url

    def ask(self, *words, **more):
        here, self._s.url = self._s.url, self.url
        try:
            return self._s.ask(*words, **more)
        finally:
            self._s.url = here


def test_no_writes(both):
    s, url = both
    client = Client(url, s.ann())
    before = s.session.models.seq
    for write in (
        lambda: client.send(tb.limit(9, "AAPL", tb.Side.BUY, 1, "1.00")),
        lambda: client.cancel(1),
        lambda: client.replace(1, quantity=5),
        lambda: client.cancel_all(),
        lambda: Client(url, s.token("risk")).kill("drill", portfolio="fund1"),
    ):
        with pytest.raises(Unavailable) as odd:
            write()
        assert (odd.value.status, odd.value.code) == (405, "READ_ONLY")
        assert s.url in odd.value.detail
    assert s.session.models.seq == before
    assert other(s, url).ask("POST", "/v1/orders", None, {})[0] == 401
    assert other(s, url).ask("POST", "/v1/orders", s.token("viewer"), {})[0] == 403


def test_what_comes_is_followed(both):
    s, url = both
    begin = s.session.models.seq + 1
    bob = Client(s.url, s.bob())
    made = bob.send(tb.limit(0, "AAPL", tb.Side.SELL, 1, "170.00"))["order"]
    bob.cancel(made["order_id"])
    facts = Client(url, s.bob()).follow(begin)
    assert [next(facts)["kind"] for _ in range(2)] == ["OrderCreated", "OrderCancelled"]
    facts.close()
    code, said = other(s, url).ask("GET", "/readyz")
    assert (code, said["checks"]["lag"]) == (200, True)


def test_several_readers_and_a_writer_that_starts_again(tmp_path):
    with running(tmp_path) as s:
        Client(s.url, s.ann()).send(tb.limit(1, "AAPL", tb.Side.BUY, 5, "10.00"))
    risk = s.token("risk")
    with reader(tmp_path, "--follow", str(tmp_path / "live" / "desk")) as (first, _), reader(tmp_path, "--follow", "desk") as (second, _):
        assert Client(first, risk).book("AAPL")["bids"] == [["10.00", "5", 1]]
        with pytest.raises(Unavailable, match="ended"):
            Client(first, s.ann()).cancel(1)
        with running(tmp_path) as s:
            Client(s.url, s.ann()).send(tb.limit(2, "AAPL", tb.Side.BUY, 6, "11.00"))
            for url in (first, second):
                until(lambda url=url: len(Client(url, risk).book("AAPL")["bids"]) == 2)
            assert len(list((tmp_path / "live" / "desk" / "readers").glob("*.json"))) == 2
    assert not list((tmp_path / "live" / "desk" / "readers").glob("*.json"))
    assert json.loads((tmp_path / "live" / "desk" / "session.json").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(("words", "says"), [(["--follow", "none"], "no live session"), (["--follow", "x", "--port", "x"], "--port")])
def test_what_is_wrong(tmp_path, capsys, words, says):
    assert run_command_line(["live", "read", "--out", str(tmp_path), *words]) == 2
    assert says in capsys.readouterr().err

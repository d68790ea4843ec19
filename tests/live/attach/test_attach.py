"""A strategy in a process of its own: the same class, its orders and account from facts that arrived, over outages, too."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

import tapebook as tb
from live import Client as Impatient
from live.attach.attachment import Attachment, Failed
from live.client.errors import Forbidden, Malformed, Unauthorized, Unreachable
from live.client.place import Place
from tests.support.live_gateway import running

ROOT = Path(__file__).parents[3]
Client = partial(Impatient, timeout=60)
"""Kernels may have to be compiled meanwhile."""
BUY, SELL = tb.Side.BUY, tb.Side.SELL


class Quoter(tb.Strategy):
    """Quotes a tick around the middle, and writes down what it is told."""

    size = tb.Parameter(5, low=1)
    every = "50ms"

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.heard = []

    def on_start(self):
        self.heard.append(("start", self.cash, self.position("AAPL"), self.book("AAPL").bid))

    def on_timer(self):
        book = self.book("AAPL")
        if book.bid is not None and not self.orders:
            self.buy(self.size, book.bid, "AAPL", post_only=True)

    def on_accepted(self, order):
        self.heard.append(("accepted", order.order_id, order.price))

    def on_fill(self, fill):
        self.heard.append(("fill", fill.order_id, fill.price, fill.quantity, fill.is_maker))

    def on_cancelled(self, order):
        self.heard.append(("cancelled", order.order_id))

    def on_trade(self, trade):
        self.heard.append(("trade", trade.price, trade.quantity))


class Refused(tb.Strategy):
    """Sends what cannot be, each in another way."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.heard = []

    def on_start(self):
        self.buy(10_000, 100, "AAPL")
        self.buy(1, 100, 7)
        self.cancel(77_777)
        self.buy(0, 100, "AAPL")

    def on_rejected(self, order):
        self.heard.append((order.order_id, order.reason.name))


class Deep(tb.Strategy):
    """Looks three levels down."""

    depth = 3
    every = "20ms"

    def on_timer(self):
        self.seen = self.levels(BUY, "AAPL")


class Broken(tb.Strategy):
    """Raises with an order open."""

    every = "100ms"

    def on_start(self):
        self.buy(1, 100, "AAPL")

    def on_timer(self):
        if self.orders and self.orders[0].accepted:
            raise RuntimeError("the strategy broke")


class Silent(tb.Strategy):
    """Leaves one order."""

    def on_start(self):
        self.buy(1, 100, "AAPL")


@contextmanager
def attached(s, kind, token=None, **more):
    """The strategy against a session, in a thread."""
    made = Attachment(Place(s.url, token or s.ann()), kind, more.pop("parameters", {}), **more)
    found, stop = {}, threading.Event()

    def work():
        async def main():
            stopped = asyncio.Event()

            async def watch():
                while not stop.is_set():
                    await asyncio.sleep(0.01)
                stopped.set()

            watching = asyncio.ensure_future(watch())
            try:
                found["said"] = await made.run(stopped)
            except Exception as error:
                found["error"] = error
            watching.cancel()

        asyncio.run(main())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made, found
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def heard(made):
    return made.driver.strategies[0].heard if hasattr(made, "driver") else []


def test_the_same_class_trades_through_the_gateway(tmp_path):
    with running(tmp_path) as s:
        ann, bob = Client(s.url, s.ann()), Client(s.url, s.bob())
        ann.send(tb.limit(1, "AAPL", BUY, 3, "150.00"))
        bob.send(tb.limit(1, "AAPL", SELL, 3, "150.00"))
        ann.send(tb.limit(2, "AAPL", BUY, 7, "140.00"))  # of a former process
        bob.send(tb.limit(2, "AAPL", BUY, 9, "148.00"))
        with attached(s, Quoter, silent_after=2.0) as (made, found):
            until(lambda: any(one[0] == "accepted" for one in heard(made)))
            assert heard(made)[0] == ("start", 999_550.0, 3, 14_800)
            assert ann.order(2)["status"] == "CANCELLED"
            bob.cancel(2)
            bob.send(tb.limit(3, "AAPL", SELL, 5, "148.00"))
            until(lambda: any(one[0] == "fill" for one in heard(made)))
            fill = next(one for one in heard(made) if one[0] == "fill")
            assert fill[2:] == (14_800.0, 5, True)
            until(lambda: ("trade", 14_800.0, 5) in heard(made))
            strategy = made.driver.strategies[0]
            assert strategy.position("AAPL") == 8
            assert strategy.cash == float(ann.portfolio("fund1")["cash"])
            bob.send(tb.limit(4, "AAPL", BUY, 1, "147.00"))
            until(lambda: len(ann.orders("active")) == 1)
        assert found["said"]["position"] == {"AAPL": 8}
        assert found["said"]["fills"] == 1
        assert len(ann.orders("active")) == 0
        ids = ann.orders()["order_id"].to_list()
        assert len(set(ids)) == len(ids)


def test_what_is_refused_is_told(tmp_path):
    with running(tmp_path) as s, attached(s, Refused) as (made, _found):
        until(lambda: len(heard(made)) == 4)
        assert sorted(reason for _, reason in heard(made)) == ["INVALID_QUANTITY", "POSITION_LIMIT", "UNKNOWN_INSTRUMENT", "UNKNOWN_ORDER"]
        assert made.driver.strategies[0].orders == []


def cut(s):
    for client in list(s.hub().clients):
        s.loop.call_soon_threadsafe(client.close, 4408, "too slow")


def test_an_outage_loses_nothing(tmp_path):
    """Connections are cut while it trades; its position is the session's, and it sends each order once."""
    with running(tmp_path) as s:
        bob, ann = Client(s.url, s.bob()), Client(s.url, s.ann())
        bob.send(tb.limit(1, "AAPL", BUY, 1, "100.00"))
        with attached(s, Quoter, parameters={"size": 2}) as (_made, found):
            for k in range(40):
                until(lambda: len(ann.orders("active")) == 1)
                if k % 3 == 0:
                    cut(s)
                bob.send(tb.limit(0, "AAPL", SELL, 2, "100.00", self_trade=tb.SelfTrade.CANCEL_MAKER))
                bob.send(tb.limit(0, "AAPL", BUY, 1, "100.00"))
            cut(s)  # just before it is stopped
        assert found["said"]["connections"] > 5
        assert len(ann.orders("active")) == 0
        assert found["said"]["position"] == {"AAPL": int(ann.positions().row(0, named=True)["quantity"])}
        assert found["said"]["fills"] == ann.trades("AAPL", limit=1_000).height


def test_deeper_levels(tmp_path):
    with running(tmp_path) as s:
        bob = Client(s.url, s.bob())
        for k in range(4):
            bob.send(tb.limit(0, "AAPL", BUY, 10 + k, 100 - k))
        with attached(s, Deep) as (made, _found):
            until(
                lambda: (
                    hasattr(made, "driver") and getattr(made.driver.strategies[0], "seen", []) == [(10_000, 10), (9_900, 11), (9_800, 12)]
                )
            )
            bob.cancel_all()
            until(lambda: made.driver.strategies[0].seen == [])


def test_a_strategy_that_raises_leaves_no_order(tmp_path):
    with running(tmp_path) as s:
        with attached(s, Broken) as (_made, found):
            until(lambda: "error" in found)
        assert isinstance(found["error"], Failed)
        assert "the strategy broke" in str(found["error"])
        assert "test_attach.py line" in str(found["error"])
        assert Client(s.url, s.ann()).orders()["status"].to_list() == ["CANCELLED"]


def test_one_that_falls_silent_is_cancelled(tmp_path):
    with running(tmp_path) as s:
        ann = Client(s.url, s.ann())
        with attached(s, Silent, silent_after=0.6, keep_orders=True) as (made, _found):
            until(lambda: ann.orders("active").height == 1)
            time.sleep(1.2)
            assert ann.orders("active").height == 1  # it says that it is there
            s.session.equipment.dead_man.promise("ann", 0.3)  # now it is too slow
            made.silent_after = 60.0
            until(lambda: ann.orders("active").height == 0)
        assert any(one["kind"] == "TraderSilent" for one in Client(s.url, s.token("risk")).alerts())


@pytest.mark.parametrize(
    ("roles", "more", "odd"),
    [(["viewer"], {}, Forbidden), (["trader"], {"portfolio": "fund2"}, Malformed), (["trader"], {"token": "bad"}, Unauthorized)],
    ids=str,
)
def test_who_may_not(tmp_path, roles, more, odd):
    with running(tmp_path) as s:
        token = more.pop("token", None) or s.token(*roles, trader="ann" if "trader" in roles else None, portfolios=["fund1"])
        with attached(s, Quoter, token, **more) as (_made, found):
            until(lambda: "error" in found)
        assert isinstance(found["error"], odd)


def test_a_gateway_that_is_gone_ends_it(tmp_path):
    with running(tmp_path) as s:
        with attached(s, Quoter, patience=0.3) as (made, found):
            until(lambda: hasattr(made, "driver"))
            until(lambda: made.counts["connections"] == 1)
            s.stop()
            until(lambda: "error" in found)
        assert isinstance(found["error"], Unreachable)


def command(*words, **more):
    return subprocess.run([sys.executable, "-m", "tapebook", "live", "attach", *words], capture_output=True, text=True, timeout=120, **more)


def test_the_command(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import tapebook as tb\n\nclass Maker(tb.Strategy):\n    every = '50ms'\n    edge = tb.Parameter(1)\n\n"
        "    def on_timer(self):\n        if not self.orders:\n            self.buy(self.edge, 100, 'AAPL')\n"
    )
    with running(tmp_path) as s:
        (tmp_path / "token").write_text(s.ann())
        words = ["mine:Maker", "--url", s.url, "--token-file", str(tmp_path / "token")]
        done = command(
            *words, "--set", "edge=3", "--for", "3", "--json", cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(Path.home())}
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["trader"], said["session"]) == ("ann", "desk")
        row = Client(s.url, s.ann()).orders().row(0, named=True)
        assert (row["quantity"], row["price"], row["status"]) == (3, 1.0, "CANCELLED")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["Makr", "--url", "http://127.0.0.1:9"], "MarketMaker"),
        (["MarketMaker", "--url", "http://127.0.0.1:9"], "TAPEBOOK_TOKEN"),
        (["MarketMaker", "--url", "http://desk.example", "--token-file", "TOKEN"], "https"),
        (["MarketMaker", "--url", "http://127.0.0.1:9", "--token-file", "none"], "none"),
        (["MarketMaker", "--url", "http://127.0.0.1:9", "--token-file", "TOKEN", "--set", "x"], "name=value"),
        (["MarketMaker", "--url", "http://127.0.0.1:9", "--token-file", "TOKEN", "--set", "x=1"], "x"),
        (["MarketMaker"], "--url"),
    ],
    ids=str,
)
def test_what_is_wrong(tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.delenv("TAPEBOOK_TOKEN", raising=False)
    (tmp_path / "token").write_text("x")
    from tapebook import run_command_line

    assert run_command_line(["live", "attach", *(str(tmp_path / "token") if word == "TOKEN" else word for word in words)]) == 2
    error = capsys.readouterr().err.strip()
    assert says in error
    assert "\n" not in error

"""One session, seen from inside, through its gateway and in its log: the same numbers from all; and a recorded run."""

import asyncio
import json

import pytest

pytest.importorskip("panel")

from backtest import Backtest, MarketMaker
from dashboards.serving.hub import Hub
from dashboards.serving.server import Choice, source_of
from dashboards.serving.viewers import Viewer
from dashboards.source.log import LogSource
from dashboards.source.port import SourceError, topic_for
from dashboards.source.remote import RemoteSource
from dashboards.source.run import RunSource
from dashboards.source.session import SessionSource
from data import synthetic_flow
from data.configuration import ConfigurationError
from live.gateway.security.principals import Principal, Role
from tests.support.live_gateway import order

ADMIN = Principal("admin", frozenset({Role.ADMIN}))
NAMES = ("orders", "accounts", "limits", "refusals", "controls")
DIFFER = ("seq", "ts", "depth", "bars")


def wanted(symbol="AAPL"):
    return {"market": topic_for(ADMIN, "market", symbol, 60), **{name: topic_for(ADMIN, name) for name in NAMES}}


async def seen(source, settle=0.0):
    """Every topic of a source, whole."""
    await source.open()
    try:
        topics = wanted()
        await source.turn(frozenset(topics.values()))
        await asyncio.sleep(settle)
        await source.turn(frozenset(topics.values()))
        return {name: source.read(topic, None)[0] for name, topic in topics.items()}
    finally:
        await source.close()


def compared(found):
    """What must be the same wherever it is read."""
    market = {key: value for key, value in found["market"].items() if key not in DIFFER}
    actions = [{key: one[key] for key in ("who", "action", "reason")} for one in found["controls"].get("actions", [])]
    return {
        "market": market,
        "orders": found["orders"]["orders"],
        "accounts": found["accounts"]["portfolios"],
        "limits": found["limits"]["limits"],
        "breaches": found["refusals"]["breaches"],
        "controls": {**{k: v for k, v in found["controls"].items() if k not in ("seq", "actions")}, "actions": actions},
    }


@pytest.fixture
def traded(session):
    for k, side in enumerate(("SELL", "BUY", "SELL")):
        assert session.ask("POST", "/v1/orders", session.bob(), order(side, 10 + k, f"{150 + (side == 'SELL')}.{k}0"))[0] == 201
    session.trade("150.50", 3)
    session.ask("POST", "/v1/orders", session.ann(), order("BUY", 5000, "150.00"))
    session.ask("POST", "/v1/halts/ETH", session.token("risk"), {"reason": "a look"})
    return session


def test_inside_through_the_gateway_and_in_the_log_it_is_the_same(traded):
    token = traded.token("admin")
    inside = asyncio.run_coroutine_threadsafe(seen(SessionSource(traded.session, traded.gateway.desk)), traded.loop).result(60)
    remote = asyncio.run(seen(RemoteSource(traded.url, token), settle=1.5))
    logged = asyncio.run(seen(LogSource(traded.session.folder.path)))
    assert compared(remote) == compared(inside)
    assert compared(logged) == compared(inside)
    for found in (inside, remote, logged):
        assert found["market"]["bars"][-1] == inside["market"]["bars"][-1]


def test_whoever_oversees_and_trades_finds_its_own_orders_among_however_many(session, monkeypatch):
    from dashboards.source import models

    monkeypatch.setattr(models, "ORDERS_SHOWN", 2)
    mine = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 1, "101.00"))[1]["order"]["order_id"]
    for k in range(4):
        session.ask("POST", "/v1/orders", session.bob(), order("BUY", 1, f"102.{k}0"))
    both = Principal("ann", frozenset({Role.RISK, Role.TRADER}), trader="ann", portfolios=frozenset({"fund1"}))

    async def orders(who):
        source, topic = SessionSource(session.session, session.gateway.desk), topic_for(who, "orders")
        await source.turn(frozenset({topic}))
        return [(row["trader"], row["order_id"]) for row in source.read(topic, None)[0]["orders"]]

    def seen(who):
        return asyncio.run_coroutine_threadsafe(orders(who), session.loop).result(60)

    assert ("ann", mine) in seen(both)
    assert ("ann", mine) not in seen(ADMIN)[:2]
    assert len(seen(both)) == len(set(seen(both)))
    session.ask("DELETE", "/v1/orders", session.ann())
    session.ask("DELETE", "/v1/orders", session.bob())


def test_a_source_that_is_not_there_says_what_to_do(tmp_path, session):
    async def opened(source):
        await source.open()

    with pytest.raises(SourceError, match="there is no log; name"):
        asyncio.run(opened(LogSource(tmp_path)))
    with pytest.raises(SourceError, match="is the session running"):
        asyncio.run(opened(RemoteSource("http://127.0.0.1:9", "x")))
    with pytest.raises(SourceError, match="token"):
        asyncio.run(opened(RemoteSource(session.url, "nonsense")))
    with pytest.raises(SourceError):
        asyncio.run(opened(RunSource(None, tmp_path)))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"session": "http://127.0.0.1:1", "run": "x"}, "name one of them"),
        ({"session": "127.0.0.1:1", "token": "t"}, "is not an address"),
        ({"session": "http://127.0.0.1:1"}, "--token-file"),
    ],
)
def test_a_bad_choice_is_one_clear_line(tmp_path, given, says):
    with pytest.raises(ConfigurationError, match=says):
        source_of(Choice(**{**dict.fromkeys(Choice._fields), "out": tmp_path, **given}))


def test_a_recorded_run():
    result = Backtest(synthetic_flow(seed=3, messages=30_000), MarketMaker()).run()
    source = RunSource(result)

    async def look():
        await source.open()
        symbol = source.about.instruments[0]["symbol"]
        topics = {
            name: topic_for(ADMIN, name, symbol if name == "market" else "", 60 if name == "market" else 0) for name in ("market", *NAMES)
        }
        await source.turn(frozenset(topics.values()))
        return {name: source.read(topic, None)[0] for name, topic in topics.items()}

    found = asyncio.run(look())
    assert found["market"]["bars"]
    assert found["market"]["bids"] == []
    assert "recorded run keeps no depth" in found["market"]["bookless"]
    assert float(found["accounts"]["portfolios"][0]["net_pnl"]) == pytest.approx(result.summary["net_pnl"])
    assert len(found["orders"]["fills"]) == min(200, len(result.fills))


class Told:
    """A source whose market grows by a trade a tick."""

    gone, seq = "", 0

    def __init__(self):
        self.trades = []

    async def turn(self, topics):
        self.seq += 1
        self.trades.insert(0, [self.seq])

    def read(self, topic, mark):
        fresh = [one for one in self.trades if one[0] > (mark or 0)]
        return {"trades": fresh, "bars": [], "depth": []}, self.seq


def frames(viewer):
    """The frame that waits for a viewer, taken as if it had been sent."""
    message, viewer._message = viewer._message, None
    return None if message is None else json.loads(message)["topics"]


def test_a_viewer_that_stalls_costs_one_frame_and_starts_whole_again():
    source = Told()
    hub = Hub(source)
    quick, slow = Viewer(ADMIN, source), Viewer(ADMIN, source)
    for viewer in (quick, slow):
        viewer.topics = {"market": topic_for(ADMIN, "market", "AAPL", 5)}
        hub.enter(viewer)

    async def play():
        await hub.tick()
        assert frames(quick)["market"]["data"]["trades"] == [[1]]
        for _ in range(5):
            await hub.tick()
            got = frames(quick)["market"]
            assert got["data"]["trades"] == [[source.seq]]
            assert got["after"] == got["n"] - 1
        first = frames(slow)["market"]
        assert first["data"]["trades"] == [[1]]
        await hub.tick()
        late = frames(slow)["market"]
        assert late["after"] is None
        assert [one[0] for one in late["data"]["trades"]] == [7, 6, 5, 4, 3, 2, 1]
        assert slow.skipped == 5

    asyncio.run(play())

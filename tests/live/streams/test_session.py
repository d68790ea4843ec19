"""The streams beside a session: what it trades becomes bars and alerts, over REST and SSE too, and quotes and marks find their way."""

import asyncio
import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.configuration import ConfigurationError
from engine import Side, limit, market
from live import MemoryBroker, Session, SessionSettings, streams
from live.broker.port import Outgoing
from live.broker.topics import MARKET_DATA_1MIN, MARKET_DATA_RAW
from live.pricing.formulas import formula_of
from tests.live.streams.ticks import MINUTE, START
from tests.support.brokers import in_loop, take_all
from tests.support.live_gateway import order, running

SETTINGS = {
    "name": "desk",
    "instruments": [{"symbol": "AAPL", "tick": "0.01"}, {"symbol": "ETH", "tick": "0.01", "lot": "0.001"}],
    "portfolios": [{"name": "fund", "cash": "1000000"}],
    "traders": [{"name": "ann", "portfolios": ["fund"]}],
}


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    def wait(self, ts: int) -> float:
        return 0.01


def session(out: Path, broker: MemoryBroker | None, **more: object) -> Session:
    settings = SessionSettings.read(None, {**SETTINGS, "streams": {"indicators": ["SMA5"], "closes": {"AAPL": "95"}}, **more})
    return Session(settings, out, clock=Hands(), broker=broker)  # type: ignore[arg-type]


async def trade(running: Session, number: int, seconds: int, price: str) -> None:
    running.clock.time = START + seconds * 10**9  # type: ignore[attr-defined]
    await running.send(limit(2 * number, "AAPL", Side.SELL, 5, price, trader="ann"))
    await running.send(market(2 * number + 1, "AAPL", Side.BUY, 2, trader="ann", portfolio="fund"))


async def until(check: object, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # type: ignore[operator]
            await asyncio.sleep(0.02)


@in_loop
async def test_trades_become_bars(tmp_path: Path) -> None:
    broker = MemoryBroker("session-streams")
    async with session(tmp_path, broker) as one:
        await trade(one, 1, 1, "100.00")
        await trade(one, 2, 20, "99.00")
        await trade(one, 3, 66, "98.00")
        beside = one.equipment.streams
        await until(lambda: beside.bars("AAPL"))
        bar = beside.bars("AAPL")[0]
        assert [bar[name] for name in ("open", "close", "volume", "trades", "revision")] == ["100.00", "99.00", "4", 2, 0]
        assert [alert["type"] for alert in beside.alerts] == ["ANOMALY_DETECTED"]
        quotes = await one.quotes()
        assert quotes.select("symbol", "bid", "ask", "ask_quantity", "last").rows() == [
            ("AAPL", None, 98.0, 3.0, 98.0),
            ("ETH", None, None, None, None),
        ]
        assert quotes.schema["ts"] == pl.Datetime("ns", "UTC")
        taken, shared = beside.taken, MemoryBroker("session-streams")
        await shared.open()
        raw = await take_all(await shared.read(MARKET_DATA_RAW, 0, 0), 100, 0.3)
        said = [json.loads(message.value) for message in raw]
        assert [{**row, "ts": ""} for row in said if "last" in row] == [
            {"symbol": "AAPL", "ts": "", "last": price, "size": "2"} for price in ("100.00", "99.00", "98.00")
        ]
        assert {"98.00", "99.00", "100.00"} >= {row["ask"] for row in said if "ask" in row} >= {"98.00"}
        # a trade that is published again changes nothing
        again = [Outgoing(MARKET_DATA_RAW, 0, m.key, m.value, m.headers) for m in raw if b"last" in m.value]
        await shared.publish(again)
        await until(lambda: beside.pipeline.counts["repeated"] == 3)
    async with session(tmp_path, broker) as one:  # goes on where it was
        assert one.equipment.streams.taken == taken
        await trade(one, 4, 130, "97.00")
        await until(lambda: len(one.equipment.streams.bars("AAPL")) == 2)
        assert [bar["trades"] for bar in one.equipment.streams.bars("AAPL")] == [2, 1]
        bars = [json.loads(m.value) for m in await take_all(await shared.read(MARKET_DATA_1MIN, 0, 0), 5, 0.3)]
        assert [(bar["start"][14:16], bar["revision"]) for bar in bars] == [("30", 0), ("31", 0)]


@in_loop
async def test_in_memory_and_restarted(tmp_path: Path) -> None:
    """Without a broker: the topics end with the session, what the streams know does not."""
    async with session(tmp_path, None) as one:
        await trade(one, 1, 1, "100.00")
        await until(lambda: one.equipment.streams.taken)
    async with session(tmp_path, None) as one:
        await trade(one, 2, 30, "101.00")
        await trade(one, 3, 70, "101.00")
        await until(lambda: one.equipment.streams.bars("AAPL"))
        bars, beside = one.equipment.streams.bars("AAPL"), one.equipment.streams
        assert [bars[0][name] for name in ("open", "close", "volume", "trades")] == ["100.00", "100.00", "4", 2]
        await trade(one, 4, 400, "101.00")
        await until(lambda: beside.values)
        values, alerts = dict(beside.values), list(beside.alerts)
        bars = beside.bars("AAPL")
        assert len(bars) == 2
        assert [alert["price"] for alert in alerts] == ["100.00"]
    async with session(tmp_path, None) as one:  # what it showed stands there at once, and is not told again
        beside = one.equipment.streams
        assert (beside.bars("AAPL"), beside.values, list(beside.alerts)) == (bars, values, alerts)
        await trade(one, 5, 460, "100.00")
        await until(lambda: len(beside.bars("AAPL")) == 3)
        assert beside.bars("AAPL")[:2] == bars
        assert not [said for said in one.notices if said["kind"] == "ANOMALY_DETECTED"]
    (tmp_path / "live/desk/streams-0.state").unlink()
    async with session(tmp_path, None) as one:  # without their state they are made again of all that was traded
        await until(lambda: len(one.equipment.streams.bars("AAPL")) == 3)
        assert one.equipment.streams.bars("AAPL")[:2] == bars


@in_loop
async def test_streams_that_fail_do_not_end_the_session(tmp_path: Path) -> None:
    (tmp_path / "live/desk").mkdir(parents=True)
    (tmp_path / "live/desk/streams-0.state").write_bytes(b"nonsense")
    async with session(tmp_path, None) as one:
        assert "no state of the streams" in next(said["failure"] for said in one.notices if said["kind"] == "StreamsStopped")
        await trade(one, 1, 1, "100.00")
        assert one.error is None


def test_over_rest_and_sse(tmp_path: Path) -> None:
    """Minutes as the streams told them, alerts for everybody; the minute that is open comes from the trades."""
    from tests.live.gateway.test_server_events import Stream

    with running(tmp_path, streams={"closes": {"AAPL": "100"}}) as desk:
        ann, bob = desk.ann(), desk.bob()
        with Stream(desk, ann, "?symbols=AAPL") as stream:
            assert desk.ask("POST", "/v1/orders", ann, order("BUY", 10, "150.00", order_id=1))[0] == 201
            assert desk.ask("POST", "/v1/orders", bob, order("SELL", 4, "150.00", order_id=1))[0] == 201
            kind, number, data = stream.next("alert")
            assert (kind, number, data["type"], data["price"], data["change"]) == ("alert", None, "ANOMALY_DETECTED", "150.00", "0.500000")
        code, alerts = desk.ask("GET", "/v1/alerts", ann)
        assert code == 200
        assert [alert["kind"] for alert in alerts] == ["ANOMALY_DETECTED"]
        assert {"symbol": "AAPL", "close": "100.00"}.items() <= alerts[0].items()
        desk.session.equipment.streams._bar(_a_bar(desk))
        code, bars = desk.ask("GET", "/v1/bars/AAPL?interval=1m", ann)
        assert code == 200, bars
        assert [(bar["close"], bar["volume"], bar["revision"]) for bar in bars] == [("150.00", "4", None), ("149.00", "7", 2)]
        code, rest = desk.ask("GET", f"/v1/bars/AAPL?interval=1m&cursor={bars[0]['seq']}", ann)
        assert rest == bars[1:]
    with running(tmp_path, streams={"closes": {"AAPL": "100"}}) as desk:
        _, again = desk.ask("GET", "/v1/alerts", desk.ann())
        assert [{**alert, "seq": 0} for alert in again] == [{**alert, "seq": 0} for alert in alerts]


def _a_bar(desk: object) -> np.ndarray:
    made = np.zeros(1, streams.TOLD)
    made["ts"], made["close"], made["volume"], made["revision"], made["trades"] = START // MINUTE * MINUTE, 14_900, 7, 2, 1
    return made


@in_loop
async def test_marks(tmp_path: Path) -> None:
    """From a file that changes, and by formula; a bad line is told, with its place."""
    marks = tmp_path / "marks.csv"
    marks.write_text("symbol,price\nETH,2000.00\n")
    basket = {"symbol": "AAPL", "formula": "basket", "of": {"ETH": "0.05"}, "set": {"cash": 1}}
    given = {"run": False, "marks": {"file": str(marks), "every": "20ms"}, "theoretical": [basket]}
    async with session(tmp_path, None, streams=given) as one:

        async def marked() -> list[float]:
            return (await one.quotes())["mark"].to_list()

        async with asyncio.timeout(20):
            while await marked() != [101.0, 2000.0]:
                await asyncio.sleep(0.02)
            marks.write_text("symbol,price\nETH,2100.00\nETC,1\n")
            while not one.notices:
                await asyncio.sleep(0.02)
            assert one.notices[0]["failure"] == f"{marks} line 3, field symbol: no instrument 'ETC'; there are AAPL, ETH"
            marks.write_text("symbol,price\nETH,2200.00\n")
            while await marked() != [111.0, 2200.0]:
                await asyncio.sleep(0.02)


def test_formulas() -> None:
    option = formula_of("black_scholes", "X", {"strike": 100, "expiry": "2027-01-05T00:00:00Z", "volatility": 0.2, "rate": 0.05})
    year_before = (1_799_107_200 - 365 * 86_400) * 10**9
    assert option.price({"X": 100.0}, year_before) == pytest.approx(10.450584, abs=1e-5)  # Hull's example
    put = formula_of("black_scholes", "X", {"strike": 100, "expiry": "2027-01-05", "volatility": 0.2, "rate": 0.05, "kind": "put"})
    assert put.price({"X": 100.0}, year_before) == pytest.approx(10.450584 - 100 + 100 * math.exp(-0.05), abs=1e-5)
    assert option.price({"X": 130.0}, 2_000_000_000 * 10**9) == 30.0
    with pytest.raises(ValueError, match="no formula 'black_schole'; did you mean black_scholes"):
        formula_of("black_schole", "X", {})
    with pytest.raises(ValueError, match="a basket is of symbols with weights"):
        formula_of("basket", "X", {})


def test_settings() -> None:
    """Every problem at once, with its place."""
    odd = {"jump": "1s", "price": "5%", "indicators": ["SMA5", "MACD3"], "marks": {}, "closes": {"AAPL": -1}, "speed": 3}
    with pytest.raises(ConfigurationError) as found:
        SessionSettings.read(None, {**SETTINGS, "streams": odd})
    text = str(found.value)
    for said in ("no indicator 'MACD3'", "'5%' is not a number", "name one source of marks", "the close of AAPL is -1", "speed"):
        assert said in text

"""The WebSocket: the original protocol, answers with their id, facts without gap or repeat, bounds."""

import asyncio
import json
import os
import random
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from live.gateway.routes import MESSAGES
from live.gateway.streams import clients
from tests.support.live_gateway import order, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out")) as made:
        yield made


def opened(s, token, **more):
    return connect(s.url.replace("http", "ws") + "/v1/ws", additional_headers={"authorization": f"Bearer {token}"}, **more)


async def until(ws, *kinds, within=8.0):
    """Messages up to the first that completes `kinds`."""
    found = []
    while not set(kinds) <= {one["type"] for one in found}:
        found.append(json.loads(await asyncio.wait_for(ws.recv(), within)))
    return found


def test_the_original_protocol(desk):
    async def talk():
        async with opened(desk, desk.ann()) as ws:
            seen = [json.loads(await ws.recv()) for _ in range(2)]
            assert [one["type"] for one in seen] == ["WELCOME", "PORTFOLIO_SNAPSHOT"]
            assert [one["name"] for one in seen[1]["data"]["portfolios"]] == ["fund1"]
            new = order("BUY", 10, "150.00", portfolio="fund1", order_id=1)
            asked = [("SUBSCRIBE_MARKET_DATA", {"symbol": "AAPL"}), ("SUBSCRIBE_ORDER_UPDATES", {}), ("NEW_ORDER", new)]
            asked += [("GET_ORDER_BOOK", {"symbol": "AAPL", "depth": 5}), ("GET_POSITIONS", {}), ("NONSENSE", {})]
            for kind, data in asked:
                await ws.send(json.dumps({"type": kind, "data": data, "id": kind}))
            first = await until(ws, "MARKET_DATA", "ORDER_SNAPSHOT", "ORDER_UPDATE", "ORDER_BOOK", "POSITIONS", "ERROR")
            answers = {one["id"]: one for one in first if "id" in one}
            assert sorted(answers) == sorted(kind for kind, _ in asked)
            assert answers["NEW_ORDER"]["data"]["kind"] == "OrderCreated"
            assert answers["NONSENSE"]["data"]["request"] == "NONSENSE"
            sold = await asyncio.to_thread(desk.ask, "POST", "/v1/orders", desk.bob(), order("SELL", 4, "150.00", portfolio="fund2"))
            assert sold[0] == 201
            then = await until(ws, "MARKET_DATA", "ORDER_UPDATE", "TRADE")
            trade = next(one for one in then if one["type"] == "TRADE")["data"]
            assert (trade["price"], trade["quantity"], trade["taker_side"]) == ("150.00", "4", "SELL")
            assert "maker_portfolio" not in trade
            filled = next(one for one in then if one["type"] == "ORDER_UPDATE")["data"]
            assert (filled["kind"], filled["trader"], filled["remaining"], filled["liquidity"]) == ("OrderFilled", "ann", "6", "MAKER")
            quote = next(one for one in reversed(then) if one["type"] == "MARKET_DATA")["data"]
            while quote["last"] is None:  # that of the order before
                quote = (await until(ws, "MARKET_DATA"))[-1]["data"]
            assert (quote["bid"], quote["bid_quantity"], quote["last"]) == ("150.00", "6", "150.00")
            await ws.send(json.dumps({"type": "CANCEL_ORDER", "data": {"order_id": 1}, "id": 7}))
            cancelled = (await until(ws, "ORDER_UPDATE"))[-1]
            assert (cancelled["id"], cancelled["data"]["kind"]) == (7, "OrderCancelled")
            await ws.send(json.dumps({"type": "CANCEL_ORDER", "data": {"order_id": 1}, "id": 8}))
            refused = (await until(ws, "ERROR"))[-1]
            assert (refused["id"], refused["data"]["code"]) == (8, "ORDER_CANCELLED")

    asyncio.run(talk())


def test_facts_come_without_gap_or_repeat(desk):
    """What one connection saw live, another one reads from the log, and goes on."""

    async def talk():
        async with opened(desk, desk.bob()) as live, opened(desk, desk.bob()) as late:
            await live.send(json.dumps({"type": "SUBSCRIBE_ORDER_UPDATES", "data": {}}))
            snapshot = (await until(live, "ORDER_SNAPSHOT"))[-1]["data"]
            sending = asyncio.create_task(asyncio.to_thread(_send_some, desk, 60))
            await asyncio.sleep(0.1)
            await late.send(json.dumps({"type": "SUBSCRIBE_ORDER_UPDATES", "data": {"from_seq": snapshot["seq"] + 1}}))
            sent = await sending
            seen = [await _updates(ws, sent) for ws in (live, late)]
            assert seen[0] == seen[1]
            assert [fact["order_id"] for fact in seen[0] if fact["kind"] == "OrderCreated"] == sent
            seqs = [fact["seq"] for fact in seen[0]]
            assert seqs == sorted(set(seqs))

    asyncio.run(talk())


def _send_some(s, count):
    made = [s.ask("POST", "/v1/orders", s.bob(), order("SELL", 1, f"{200 + k % 7}.00", portfolio="fund2")) for k in range(count)]
    assert {code for code, _ in made} == {201}
    return [one["order"]["order_id"] for _, one in made]


async def _updates(ws, sent):
    found = []
    while not found or found[-1]["order_id"] != sent[-1]:
        message = json.loads(await asyncio.wait_for(ws.recv(), 8))
        if message["type"] == "ORDER_UPDATE":
            found.append(message["data"])
    return found


async def _code(ws):
    """Why the socket is closed, once what came before is read."""
    try:
        while True:
            await asyncio.wait_for(ws.recv(), 10)
    except ConnectionClosed as ended:
        return ended.rcvd.code if ended.rcvd else None


def test_no_token_no_socket(desk):
    async def talk(**more):
        async with connect(desk.url.replace("http", "ws") + "/v1/ws", **more):
            return

    with pytest.raises(InvalidStatus, match="401"):
        asyncio.run(talk())
    with pytest.raises(InvalidStatus, match="403"):
        asyncio.run(talk(origin="https://elsewhere.example", additional_headers={"authorization": f"Bearer {desk.ann()}"}))
    asyncio.run(talk(subprotocols=["bearer", desk.ann()]))


def test_a_token_that_expires_ends_the_socket(desk):
    async def talk():
        async with opened(desk, desk.token("viewer", hours=1.2 / 3600)) as ws:
            began = time.monotonic()
            code = await _code(ws)
            assert time.monotonic() - began < 5
            return code

    assert asyncio.run(talk()) == 4401


def test_a_client_that_reads_nothing_is_closed_and_costs_little(desk, monkeypatch):
    monkeypatch.setattr(clients, "STALL_SECONDS", 0.5)

    async def talk():
        async with opened(desk, desk.ann(), max_queue=1, ping_interval=None) as ws:
            await until(ws, "PORTFOLIO_SNAPSHOT")
            (client,) = desk.hub().clients
            most, end = 0, time.monotonic() + 20
            while client.closed is None and time.monotonic() < end:
                desk.loop.call_soon_threadsafe(client.put, json.dumps("x" * 50_000))
                await asyncio.sleep(0.001)
                most = max(most, client.waiting)
            assert most <= clients.QUEUE_BYTES_MAX
            return client.closed[0], await _code(ws)

    assert asyncio.run(talk()) == (4408, 4408)
    assert b"tapebook_gateway_closed_slow_total 1.0" in desk.answer("GET", "/metrics")[2]


def test_messages_that_are_none(desk):
    wrong = [
        "",
        "[]",
        "null",
        "{",
        '{"type":"GET_POSITIONS","data":[]}',
        '{"type":"GET_POSITIONS","data":{"x":1}}',
        '{"type":"GET_POSITIONS","type":"GET_POSITIONS"}',
        '{"type":1}',
        '{"type":"NEW_ORDER","data":{"quantity":1e400,"symbol":"AAPL","side":"BUY","price":"1"}}',
        '{"type":"NEW_ORDER","data":{"quantity":NaN,"symbol":"AAPL","side":"BUY","price":"1"}}',
        '{"type":"GET_ORDER_BOOK","data":{"symbol":"NONE"}}',
        '{"type":"GET_ORDER_BOOK","data":{"symbol":"AAPL","depth":-1}}',
        '{"type":"CANCEL_ORDER","data":{"order_id":"1"}}',
        '{"type":"SUBSCRIBE_ORDER_UPDATES","data":{"trader":"bob"}}',
        "[" * 5_000,
        '{"type":"GET_POSITIONS","id":{"a":1}}',
    ]

    async def talk():
        async with opened(desk, desk.ann()) as ws:
            await until(ws, "PORTFOLIO_SNAPSHOT")
            for text in wrong:
                await ws.send(text)
                found = json.loads(await asyncio.wait_for(ws.recv(), 5))
                assert found["type"] == "ERROR", (text[:80], found)
                assert found["data"]["error"], text[:80]
            await ws.send(b"\xff\xfe")
            assert json.loads(await asyncio.wait_for(ws.recv(), 5))["type"] == "ERROR"

    asyncio.run(talk())
    assert desk.ask("GET", "/readyz")[0] == 200


def test_fuzzed_messages_end_nothing(tmp_path):
    """Mutations of good messages: each is answered, and the session goes on. TAPEBOOK_FUZZED: how many."""
    with running(tmp_path, gateway={"port": 0, "rates": {"user": 0, "address": 0}}) as desk:
        _fuzz(desk, int(os.environ.get("TAPEBOOK_FUZZED", "10000")))


def _fuzz(desk, count):
    chance = random.Random(7)
    good = [json.dumps({"type": kind, "data": {"symbol": "AAPL", "order_id": 1, "price": "1.00"}, "id": 1}) for kind in MESSAGES]

    async def talk():
        async with opened(desk, desk.ann()) as ws:
            reader = asyncio.create_task(_drain(ws))
            for _ in range(count):
                text = bytearray(chance.choice(good).encode())
                for _ in range(chance.randint(1, 4)):
                    at = chance.randrange(len(text))
                    text[at : at + chance.randint(0, 3)] = bytes(chance.randrange(32, 127) for _ in range(chance.randint(0, 3)))
                await ws.send(text.decode())
            await ws.send('{"type":"GET_POSITIONS","id":"last"}')
            return await asyncio.wait_for(reader, 60 + count / 100)

    assert asyncio.run(talk()) > count // 3
    assert desk.ask("GET", "/readyz")[0] == 200


async def _drain(ws):
    errors = 0
    while True:
        message = json.loads(await ws.recv())
        errors += message["type"] == "ERROR"
        if message.get("id") == "last":
            return errors

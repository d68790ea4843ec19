"""What is too much, too long or comes from elsewhere; where a gateway may listen; malformed requests; figures."""

import json
import socket
import urllib.request

import pytest

from data.configuration import ConfigurationError
from live.configuration.tables import GatewaySettings
from live.gateway.security import guard
from live.gateway.security.configuration import secured
from live.gateway.security.rates import Rate
from tests.support.live_gateway import order, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out")) as made:
        yield made


def test_too_many_requests(tmp_path):
    with running(tmp_path, gateway={"port": 0, "rates": {"user": 2, "failures": 1}}) as s:
        codes = [s.answer("GET", "/v1/instruments", s.ann())[:2] for _ in range(8)]
        limited = [headers for code, headers in codes if code == 429]
        assert codes[0][0] == 200
        assert limited
        assert int(limited[0]["retry-after"]) >= 1
        assert s.ask("GET", "/v1/instruments", s.bob())[0] == 200
        assert 429 in [s.ask("GET", "/v1/instruments", "bad")[0] for _ in range(40)]


def test_a_bucket_fills_again():
    now = 0.0
    rate = Rate(10, 2, lambda: now)
    assert [rate.wait("a") for _ in range(3)] == [0, 0, pytest.approx(0.1)]
    assert rate.wait("b") == 0
    now = 0.1
    assert rate.wait("a") == 0
    assert rate.wait("a") > 0


def test_bodies_and_origins(desk):
    long = b'{"symbol":"' + b"a" * 200_000 + b'"}'
    assert desk.ask("POST", "/v1/orders", desk.ann(), long)[0] == 413
    code, said = desk.ask("GET", "/v1/instruments", desk.ann(), origin="https://elsewhere.example")
    assert (code, said["code"]) == (403, "FOREIGN_ORIGIN")
    assert desk.ask("GET", "/v1/instruments", desk.ann(), origin=desk.url)[0] == 200
    _, headers, _ = desk.answer("GET", "/v1/instruments", desk.ann())
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "message"),
        (b"no json", "message"),
        (b"[]", "message"),
        (b"\xff", "message"),
        (b'{"a":' * 3_000, "message"),
        (json.dumps(order("BUY", 1, "1.00", colour="red")).encode(), "colour"),
        (json.dumps(order("BUY", 1, True)).encode(), "price"),
        (json.dumps(order("BUY", 1, "1.00", order_id="7")).encode(), "order_id"),
        (json.dumps(order("BUY", 1, "1.00", ts=7)).encode(), "ts"),
        (json.dumps(order("HOLD", 1, "1.00")).encode(), "side"),
        (b'{"symbol":"AAPL","side":"BUY","quantity":1e400,"price":"1.00"}', "quantity"),
        (b'{"symbol":"AAPL","side":"BUY","side":"SELL","quantity":1,"price":"1.00"}', "side"),
        (b'{"symbol":"AAPL","side":"BUY","quantity":1}', "price"),
    ],
)
def test_bodies_that_cannot_be_read(desk, body, path):
    code, said = desk.ask("POST", "/v1/orders", desk.ann(), body)
    assert (code, said["code"], said["errors"][0]["path"]) == (422, "MALFORMED", path)
    assert said["detail"]


def test_numbers_are_decimals_as_written(desk):
    body = b'{"symbol":"ETH","side":"BUY","quantity":0.3,"price":0.1}'
    code, made = desk.ask("POST", "/v1/orders", desk.ann(), body)
    assert (code, made["order"]["quantity"], made["order"]["price"]) == (201, "0.300", "0.10")
    code, said = desk.ask("POST", "/v1/orders", desk.ann(), order("BUY", 0.1 + 0.2, "0.10", symbol="ETH"))
    assert (code, said["code"]) == (422, "INVALID_QUANTITY")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/book/NONE", 404),
        ("GET", "/v1/book/AAPL?depth=0", 422),
        ("GET", "/v1/book/AAPL?deep=1", 422),
        ("GET", "/v1/orders?limit=x", 422),
        ("GET", "/v1/orders?status=open", 422),
        ("GET", "/v1/orders/x", 422),
        ("GET", "/v1/orders/0", 422),
        ("GET", "/v1/orders/77", 404),
        ("GET", "/v1/bars/AAPL?interval=soon", 422),
        ("GET", "/v1/traders/ann/execution-summary?date=soon", 422),
        ("GET", "/v1/traders/ann/execution-summary?date=2020-01-01", 200),
        ("PATCH", "/v1/orders", 405),
    ],
)
def test_requests_that_are_none(desk, method, path, code):
    made, said = desk.ask(method, path, desk.ann())
    assert made == code
    if code >= 400:
        assert said["status"] == code
        assert said["code"]


def test_pages_follow_each_other(desk):
    ids = [desk.ask("POST", "/v1/orders", desk.bob(), order("SELL", 1, "300.00"))[1]["order"]["order_id"] for _ in range(7)]
    found, query = [], "?limit=3&status=active"
    while query:
        code, headers, text = desk.answer("GET", f"/v1/orders{query}", desk.bob())
        assert code == 200
        found += [row["order_id"] for row in json.loads(text)]
        query = f"?limit=3&status=active&cursor={headers['x-next-cursor']}" if "x-next-cursor" in headers else ""
    assert found == ids[::-1]
    assert desk.ask("DELETE", "/v1/orders", desk.bob())[1]["cancelled"] == 7


def test_where_it_may_listen():
    assert secured(GatewaySettings(host="127.0.0.1")).tls is None
    for host in ("0.0.0.0", "192.168.1.1", "::", "desk.example"):
        with pytest.raises(ConfigurationError, match=r"tls and auth is missing|tls and auth"):
            secured(GatewaySettings(host=host))
    with pytest.raises(ConfigurationError, match="auth is missing"):
        secured(GatewaySettings(host="0.0.0.0", tls={"cert": "a", "key": "b"}))
    with pytest.raises(ConfigurationError, match=r"jwks_url or by key_file"):
        secured(GatewaySettings(auth={"issuer": "x"}))
    with pytest.raises(ConfigurationError, match=r"gateway\.rates\.users"):
        secured(GatewaySettings(rates={"users": 1}))
    with pytest.raises(ConfigurationError, match="no such file"):
        secured(GatewaySettings(tls={"cert": "/none", "key": "/none"}))


def test_figures_and_notes(desk):
    ann, bob, risk = desk.ann(), desk.bob(), desk.token("risk", subject="rita")
    before = _figures(desk)
    assert desk.ask("POST", "/v1/orders", ann, order("BUY", 5, "150.00"))[0] == 201
    assert desk.ask("POST", "/v1/orders", bob, order("SELL", 5, "150.00"))[0] == 201
    assert desk.ask("POST", "/v1/orders", ann, order("BUY", 5_000, "150.00"))[1]["code"] == "POSITION_LIMIT"
    after = _figures(desk)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown['trading_orders_created_total{side="BUY",symbol="AAPL"}'] == 1
    assert grown["trading_orders_filled_total"] == 2
    assert grown['trading_trades_executed_total{symbol="AAPL"}'] == 1
    assert grown['trading_trade_volume{symbol="AAPL"}'] == 5
    assert grown['trading_risk_breaches_total{portfolio="fund1",risk_type="POSITION_LIMIT"}'] == 1
    assert after["trading_active_orders"] == len(desk.ask("GET", "/v1/orders?status=active", risk)[1])
    assert after['tapebook_stage_seconds_count{stage="commit"}'] > 0
    assert desk.ask("GET", "/v1/breaches", ann)[1][0]["reason"] == "POSITION_LIMIT"
    code, bars = desk.ask("GET", "/v1/bars/AAPL?interval=1h", ann)
    assert (code, bars[0]["volume"], bars[0]["close"]) == (200, "5", "150.00")
    assert desk.ask("GET", "/v1/trades/AAPL", ann)[1][0]["price"] == "150.00"
    assert desk.ask("POST", "/v1/halts/AAPL", risk, {})[1]["errors"][0]["path"] == "reason"
    assert desk.ask("POST", "/v1/halts/AAPL", risk, {"reason": "news"})[0] == 201
    assert desk.ask("POST", "/v1/orders", ann, order("BUY", 5, "150.00"))[1]["code"] == "HALTED"
    assert desk.ask("DELETE", "/v1/halts/AAPL", risk, {"reason": "over"})[0] == 200
    noted = [json.loads(line) for line in (desk.session.folder.path / "audit.jsonl").read_text().splitlines()]
    actions = [one for one in noted if "action" in one][-2:]
    assert [(one["who"], one["action"], one["reason"]) for one in actions] == [("rita", "HALT", "news"), ("rita", "RESUME", "over")]
    outcomes = {one["of"]: one for one in noted if "of" in one}
    assert [outcomes[one["number"]]["kind"] for one in actions] == ["TradingHalted", "TradingResumed"]
    assert outcomes[actions[1]["number"]]["fact"] <= desk.ask("GET", "/v1/book/AAPL", risk)[1]["seq"]
    state = desk.ask("GET", "/v1/state", risk)[1]
    assert state["portfolios"][0]["positions"]["AAPL"]["quantity"] == "5"
    assert desk.ask("GET", "/v1/state?at=1", risk)[0] == 200


def _figures(s):
    code, _, text = s.answer("GET", "/metrics")
    assert code == 200
    lines = [line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_figures_on_a_port_of_their_own(tmp_path):
    with running(tmp_path, gateway={"port": 0, "metrics_port": 0}) as s:
        s.wait_for("metrics")
        with urllib.request.urlopen(s.session.folder.said["metrics"], timeout=10) as got:
            assert b"trading_active_orders" in got.read()


def test_a_body_that_never_comes(desk, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS_MAX", 0.3)
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        assert b" 408 " in slow.recv(1_000)

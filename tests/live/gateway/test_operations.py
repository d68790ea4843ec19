"""How the gateway is operated: slow senders, pages of other sites, tags, TLS, traces, the audit file, readiness."""

import json
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

import tapebook as tb
from data.segments.audit_file import broken_line, sealed
from live import Client
from live.client.errors import Malformed, Unreachable
from live.configuration.tables import GatewaySettings
from live.gateway.operations import connections
from live.gateway.operations.tracing import Traces
from live.gateway.security.audit import Audit
from live.gateway.security.configuration import secured
from tests.support.certificate import certificate_in
from tests.support.live_gateway import order, running

SITE = "https://desk.example"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out"), gateway={"port": 0, "origins": [SITE]}) as made:
        yield made


def ended(sock, within=10):
    """Whether the other side closes within so long."""
    sock.settimeout(within)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "second"])
def test_a_head_that_never_ends(desk, monkeypatch, before):
    """One byte after the other, for ever: the connection is cut, also behind a whole request."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.6)
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(before)
        if before:
            assert b"200" in slow.recv(4_000)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nx: ")
        end = time.monotonic() + 20
        cut = False
        while not cut and time.monotonic() < end:
            try:
                slow.sendall(b"a")
            except OSError:
                cut = True
            time.sleep(0.02)
        assert cut
    assert desk.gateway.connections.cut >= 1
    assert desk.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "second"])
def test_a_head_that_is_too_long(desk, before):
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as large:
        large.sendall(before + b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 40_000 + b"\r\n\r\n")
        time.sleep(0.2)
        assert large.recv(100_000).count(b"HTTP/1.1 200") == 1 + bool(before)
        said = b""
        with suppress(ConnectionError):
            large.sendall(b"GET /healthz HTTP/1.1\r\nx: ")
            for _ in range(400):
                large.sendall(b"a" * 10_000)
                time.sleep(0.001)
        with suppress(ConnectionError):
            said = large.recv(1_000)
        assert b"400" in said or not said
        assert ended(large)
    assert desk.ask("GET", "/healthz")[0] == 200


def test_a_connection_that_says_nothing(desk, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as mute:
        assert ended(mute)


def test_pages_of_other_sites(desk):
    code, headers, _ = desk.answer("GET", "/v1/instruments", desk.ann(), origin=SITE)
    assert (code, headers["access-control-allow-origin"], headers["vary"]) == (200, SITE, "Origin")
    asked = {"origin": SITE, "access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    code, headers, _ = desk.answer("OPTIONS", "/v1/orders", None, **asked)
    assert code == 204
    assert headers["access-control-allow-origin"] == SITE
    assert "authorization" in headers["access-control-allow-headers"]
    code, headers, _ = desk.answer("OPTIONS", "/v1/orders", None, **{**asked, "origin": "https://other.example"})
    assert (code, headers["access-control-allow-origin"]) == (403, None)
    assert desk.answer("GET", "/v1/instruments", desk.ann())[1]["access-control-allow-origin"] is None


def test_what_a_client_has_is_not_sent_again(desk):
    for path in ("/v1/instruments", "/v1/openapi.json", "/v1/portfolios/fund1"):
        code, headers, body = desk.answer("GET", path, desk.ann())
        assert (code, len(body) > 10) == (200, True)
        code, again, body = desk.answer("GET", path, desk.ann(), if_none_match=f'"x", {headers["etag"]}')
        assert (code, body, again["etag"]) == (304, b"", headers["etag"])
    first = desk.answer("GET", "/v1/book/ETH", desk.ann())[1]["etag"]
    assert desk.ask("POST", "/v1/orders", desk.ann(), order("BUY", 1, "1.00", symbol="ETH"))[0] == 201
    code, headers, _ = desk.answer("GET", "/v1/book/ETH", desk.ann(), if_none_match=first)
    assert (code, headers["etag"] != first) == (200, True)


def test_the_headers_of_every_answer(desk):
    for path, token in (("/v1/instruments", desk.ann()), ("/v1/instruments", None), ("/none", None), ("/docs", None), ("/healthz", None)):
        _, headers, _ = desk.answer("GET", path, token)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["server"] is None


def test_lists_have_pages(desk):
    code, headers, text = desk.answer("GET", "/v1/instruments?limit=1", desk.ann())
    assert (code, [one["symbol"] for one in json.loads(text)], headers["x-next-cursor"]) == (200, ["AAPL"], "AAPL")
    code, headers, text = desk.answer("GET", "/v1/instruments?limit=1&cursor=AAPL", desk.ann())
    assert ([one["symbol"] for one in json.loads(text)], headers["x-next-cursor"]) == (["ETH"], None)
    assert desk.ask("GET", "/v1/instruments?cursor=none", desk.ann())[0] == 422
    made = desk.ask("POST", "/v1/orders", desk.ann(), order("BUY", 1, "1.00"))[1]["order"]["order_id"]
    desk.ask("PUT", f"/v1/orders/{made}", desk.ann(), {"price": "1.01"})
    desk.ask("DELETE", f"/v1/orders/{made}", desk.ann())
    code, headers, text = desk.answer("GET", f"/v1/orders/{made}/history?limit=2", desk.ann())
    assert [one["kind"] for one in json.loads(text)] == ["OrderCancelled", "OrderReplaced"]
    rest = desk.ask("GET", f"/v1/orders/{made}/history?cursor={headers['x-next-cursor']}", desk.ann())[1]
    assert [one["kind"] for one in rest] == ["OrderCreated"]


def test_a_kill_ends_without_a_body(desk):
    risk = desk.token("risk", subject="rita")
    assert desk.ask("POST", "/v1/kill", risk, {"trader": "bob", "reason": "drill"})[0] == 201
    assert desk.ask("DELETE", "/v1/kill?trader=bob", risk)[1]["errors"][0]["path"] == "reason"
    assert desk.ask("DELETE", "/v1/kill?trader=bob&reason=over", risk)[1]["by"] == "rita"


def test_readiness_names_what_it_looked_at(desk):
    code, said = desk.ask("GET", "/readyz")
    assert code == 200
    assert {"log", "broker", "disk", "caught_up", "models", "session"} <= set(said["checks"])


def test_readiness_falls_with_the_broker(tmp_path):
    with running(tmp_path, broker={"kind": "memory", "publish": True}) as s:
        assert s.ask("GET", "/readyz")[1]["checks"]["broker"] is True
        publisher = s.session.equipment.publisher
        while publisher.cursor < s.session.seq:  # or it moves once more
            time.sleep(0.01)
        publisher._moved, publisher.cursor = 0.0, -1  # as after an outage of some time
        publisher._moved = time.monotonic() - 60
        code, said = s.ask("GET", "/readyz")
        assert (code, said["status"], said["checks"]["broker"]) == (503, "not ready", False)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that we sign ourselves, and its key."""
    return certificate_in(tmp_path_factory.mktemp("tls"))


def test_tls(tmp_path, certificate):
    cert, key = certificate
    with running(tmp_path, gateway={"port": 0, "tls": {"cert": str(cert), "key": str(key)}}) as s:
        assert s.url.startswith("https://")
        client = Client(s.url, s.ann(), verify=cert)
        assert client.send(tb.limit(1, "AAPL", tb.Side.BUY, 1, "1.00"))["order"]["status"] == "NEW"
        assert next(client.follow(1))["kind"] == "OrderCreated"
        with pytest.raises(Unreachable, match="certificate"):
            Client(s.url, s.ann()).instruments()
        context = ssl.create_default_context(cafile=str(cert))
        plain = socket.create_connection(("127.0.0.1", int(s.url.rpartition(":")[2])), timeout=10)
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            assert wrapped.version() in ("TLSv1.2", "TLSv1.3")
            wrapped.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            said = b"".join(iter(lambda: wrapped.recv(4_000), b""))
        assert b"strict-transport-security" in said
    with pytest.raises(Malformed, match="PEM"):
        Client("https://127.0.0.1:1", "x", verify=tmp_path / "none.pem")


# traces


def test_traces_tell_requests_and_no_secrets(tmp_path, monkeypatch):
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    monkeypatch.setattr("live.gateway.server.Traces", lambda session, endpoint, ratio: Traces(session, endpoint, ratio, exporter=kept))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with running(tmp_path, gateway={"port": 0, "traces": {"endpoint": "http://127.0.0.1:4318/v1/traces"}}) as s:
        token = s.ann()
        assert s.ask("POST", "/v1/orders?x=hidden", token, order("BUY", 1, "1.00"), traceparent=parent)[0] == 422
        assert s.ask("GET", "/v1/orders", token)[0] == 200
    spans = {span.name: span for span in kept.get_finished_spans()}
    made = spans["POST /v1/orders"]
    assert (made.attributes["http.response.status_code"], f"{made.context.trace_id:032x}") == (422, parent.split("-")[1])
    assert spans["GET /v1/orders"].attributes["http.response.status_code"] == 200
    told = " ".join(span.to_json() for span in kept.get_finished_spans())
    assert token not in told
    assert "hidden" not in told


def test_traces_are_configured(tmp_path):
    assert secured(GatewaySettings(traces={"endpoint": "http://collector:4318/v1/traces"})).traces.ratio == 1
    with pytest.raises(tb.TapebookError, match=r"gateway\.traces\.endpoint"):
        secured(GatewaySettings(traces={"endpoint": "collector"}))


# the audit file


def test_the_audit_file_shows_what_was_changed(tmp_path):
    import asyncio

    path = tmp_path / "audit.jsonl"

    async def write():
        audit = Audit(path)
        await asyncio.gather(*(audit.write({"action": "HALT", "n": k}) for k in range(5)))
        return await Audit(path).write({"action": "RESUME"})  # of the next start

    assert asyncio.run(write())[0] == 6
    assert path.stat().st_mode & 0o777 == 0o600
    assert broken_line(path) is None
    lines = path.read_text().splitlines()
    for changed, at in ((lines[:2] + lines[3:], 3), ([lines[0], lines[1].replace("HALT", "KILL"), *lines[2:]], 2), (["x", *lines], 1)):
        path.write_text("\n".join(changed) + "\n")
        assert broken_line(path) == at


def test_the_log_seals_who_did_what_and_why(tmp_path, capsys):
    """Each line that was carried out has its mark in the log's chain: another reason, or a file written anew, is found."""
    verify = ["log", "verify", "--session", "desk", "--out", str(tmp_path)]
    with running(tmp_path) as s:
        risk = s.token("risk")
        assert s.ask("POST", "/v1/halts/AAPL", risk, {"reason": "news"})[0] == 201
        assert s.ask("PUT", "/v1/portfolios/fund1/limits", risk, {"reason": "smaller", "max_position": 5})[0] == 200
        assert s.ask("POST", "/v1/kill", risk, {"portfolio": "fund1", "reason": "a drill"})[0] == 201
        name = s.session.name
    verify[3] = name
    assert tb.run_command_line(verify) == 0
    path = tmp_path / "live" / name / "audit.jsonl"
    lines = path.read_text().splitlines()
    changed = [json.loads(line) for line in lines]
    changed[2]["reason"] = "no reason"
    before, forged = "", []
    for one in changed:
        one.pop("hash")
        before = sealed(before, json.dumps(one))
        forged.append(json.dumps(one | {"hash": before}))
    for text, says in (
        ("\n".join(forged), "audit.jsonl, line 3: is not the one that the log seals"),
        ("\n".join(lines[:2]), "audit.jsonl, line 3: is not the one that the log seals"),
        ("\n".join(lines).replace("news", "olds"), "audit.jsonl, line 1: is not what was written"),
        (None, "audit.jsonl is gone, and the log knows of 3 privileged actions"),
    ):
        path.write_text(text + "\n") if text is not None else path.unlink()
        capsys.readouterr()
        assert tb.run_command_line(verify) == 1
        assert says in " ".join(capsys.readouterr().out.split())


def test_secrets_are_in_no_log(tmp_path):
    secret = "a secret of good length"
    client = {"id": "robot", "secret": secret, "roles": ["trader"], "trader": "ann", "portfolios": ["fund1"]}
    with running(tmp_path, gateway={"port": 0, "clients": [client]}) as s:
        token = s.ann()
        assert s.ask("POST", "/v1/orders", token, order("BUY", 1, "1.00"))[0] == 201
        assert s.ask("POST", "/v1/token", None, f"grant_type=client_credentials&client_id=robot&client_secret={secret}".encode())[0] == 200
        assert s.ask("POST", "/v1/token", None, b"grant_type=client_credentials&client_id=robot&client_secret=wrong-secret-here")[0] == 401
        assert s.ask("GET", f"/v1/orders?token={token}", None)[0] == 401
        files = [path for path in Path(tmp_path).rglob("*") if path.is_file() and path.suffix in (".log", ".json", ".jsonl")]
        text = " ".join(path.read_text(errors="replace") for path in files)
        for word in (token, secret, "wrong-secret-here"):
            assert word not in text
        assert secret not in repr(s.gateway.secured)

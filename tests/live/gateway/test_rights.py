"""Role by route and message, walked from the table; tokens that are no good; portfolios and traders of others."""

import asyncio
import json
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey
from websockets.asyncio.client import connect

from live.gateway.routes import MESSAGES, ROUTES, table
from live.gateway.security import tokens
from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.principals import Role
from tests.support.live_gateway import order, running

BODIES = {
    "NewOrder": order("BUY", 1, "100.00", portfolio="fund1"),
    "Replacement": {"price": "101.00"},
    "Kill": {"portfolio": "fund2", "reason": "drill"},
    "Halt": {"reason": "drill"},
    "Limits": {"max_position": "500", "reason": "drill"},
    "ClientCredentials": b"grant_type=client_credentials",
}
PLACES = {"order_id": "999", "trader": "ann", "name": "fund1", "symbol": "ETH"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out"), gateway={"port": 0, "rates": {"failures": 0}}) as made:
        yield made


def as_role(s, role):
    return s.token(role.value, trader="ann", portfolios=["fund1"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_in_every_role(desk, route):
    path, body = route.path.format(**PLACES), BODIES.get(route.body or "")
    if route.operation == "stream":
        path += "?symbols=NONE"
    for role in Role:
        code, _, _ = desk.answer(route.method, path, as_role(desk, role), body)
        if route.open or role in route.roles:
            assert code not in (401 if route.operation != "issue_token" else 0, 403, 500), (role, code)
        else:
            assert code == 403, role
    code, headers, text = desk.answer(route.method, path, None, body)
    if not route.open:
        assert code == 401
        assert headers["www-authenticate"].startswith("Bearer")
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(text)["status"] == 401


def test_every_message_in_every_role(desk):
    async def talk(role):
        url = desk.url.replace("http", "ws") + "/v1/ws"
        async with connect(url, additional_headers={"authorization": f"Bearer {as_role(desk, role)}"}) as ws:
            refused = set()
            for kind in MESSAGES:
                await ws.send(json.dumps({"type": kind, "data": {"x": 1}, "id": kind}))
                while (answer := json.loads(await ws.recv())).get("id") != kind:
                    pass
                if answer["data"].get("status") == 403:
                    refused.add(kind)
            return refused

    for role in Role:
        assert asyncio.run(talk(role)) == {kind for kind, roles in MESSAGES.items() if role not in roles}


def test_the_documents_print_the_table(desk):
    _, headers, page = desk.answer("GET", "/docs")
    assert headers["content-type"].startswith("text/html")
    code, described = desk.ask("GET", "/v1/openapi.json")
    assert code == 200
    for row, route in zip(table(), ROUTES):
        assert row["route"] in page.decode()
        one = described["paths"][route.path][route.method.lower()]
        assert one.get("x-roles", []) == sorted(role.value for role in route.roles)
        assert set(map(str, route.answers)) <= set(one["responses"])
    assert b"http://" not in page.replace(desk.url.encode(), b"")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/orders?trader=bob", 403),
        ("/v1/orders/1?trader=bob", 403),
        ("/v1/orders/1/history?trader=bob", 403),
        ("/v1/traders/bob/orders", 403),
        ("/v1/traders/bob/execution-summary", 403),
        ("/v1/portfolios/fund2", 403),
        ("/v1/portfolios/fund2/limits", 403),
        ("/v1/breaches?portfolio=fund2", 403),
        ("/v1/compliance-failures?trader=bob", 403),
        ("/v1/portfolios/none", 403),
    ],
)
def test_what_is_others(desk, path, code):
    assert desk.ask("GET", path, desk.ann())[0] == code
    assert desk.ask("GET", path, desk.token("compliance"))[0] in (200, 404)


def test_a_trader_sees_and_trades_its_own_alone(desk):
    ann = desk.ann()
    assert [one["name"] for one in desk.ask("GET", "/v1/portfolios", ann)[1]] == ["fund1"]
    assert [one["name"] for one in desk.ask("GET", "/v1/portfolios", desk.token("risk"))[1]] == ["fund1", "fund2"]
    assert desk.ask("POST", "/v1/orders", ann, order("BUY", 1, "1.00", trader="bob"))[0] == 403
    both = desk.token("trader", trader="ann", portfolios=["fund1", "fund2"])
    assert desk.ask("POST", "/v1/orders", both, order("BUY", 1, "1.00", portfolio="fund2"))[0] == 403  # the session says: fund1
    code, said = desk.ask("POST", "/v1/orders", both, order("BUY", 1, "1.00"))
    assert (code, said["errors"][0]["path"]) == (422, "portfolio")
    assert desk.ask("POST", "/v1/orders", desk.token("trader"), order("BUY", 1, "1.00"))[1]["code"] == "NO_TRADER"


# tokens


def claims(**more):
    made = {"iss": "tapebook", "aud": "tapebook", "sub": "ann", "exp": int(time.time()) + 60, "roles": ["viewer"]}
    return {name: value for name, value in (made | more).items() if value is not None}


def signed(key, alg="Ed25519", kid=None, **more):
    return jwt.encode({"alg": alg, "kid": kid or getattr(key, "kid", None)}, claims(**more), key, algorithms=[alg])


def bad_tokens(s):
    own, other = LocalIssuer(s.out).key, OKPKey.generate_key("Ed25519", auto_kid=True)
    good = signed(own)
    head, body, mark = good.split(".")
    yield "alg none", _none(body)
    yield "no signature", f"{head}.{body}."
    yield "wrong key", signed(other)
    yield "wrong key under our id", signed(other, kid=own.kid)
    yield "our public key as a secret", signed(OctKey.import_key(own.as_dict(private=False)["x"]), "HS256", kid=own.kid)
    yield "wrong audience", signed(own, aud="elsewhere")
    yield "no audience", signed(own, aud=None)
    yield "wrong issuer", signed(own, iss="elsewhere")
    yield "expired", signed(own, exp=int(time.time()) - 60)
    yield "no end", signed(own, exp=None)
    yield "not yet", signed(own, nbf=int(time.time()) + 600)
    yield "tampered", f"{head}.{_other_body()}.{mark}"
    yield "roles are no list", signed(own, roles="admin")
    yield "trader is not text", signed(own, trader=7)
    yield "nonsense", "nonsense"
    yield "long", "a" * 9_000


def _none(body):
    import base64

    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{body}."


def _other_body():
    import base64

    return base64.urlsafe_b64encode(json.dumps(claims(roles=["admin"])).encode()).rstrip(b"=").decode()


BAD = [
    *("alg none", "no signature", "wrong key", "wrong key under our id", "our public key as a secret", "wrong audience", "no audience"),
    *("wrong issuer", "expired", "no end", "not yet", "tampered", "roles are no list", "trader is not text", "nonsense", "long"),
]


def test_every_bad_token_has_its_test(desk):
    assert [name for name, _ in bad_tokens(desk)] == BAD
    assert desk.ask("GET", "/v1/instruments", signed(LocalIssuer(desk.out).key))[0] == 200


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_no_good(desk, name):
    code, said = desk.ask("GET", "/v1/instruments", dict(bad_tokens(desk))[name])
    assert (code, said["code"]) == (401, "UNAUTHORIZED")


def test_the_key_is_nobody_elses(desk):
    assert (desk.out / "issuer.json").stat().st_mode & 0o777 == 0o600


def test_client_credentials(tmp_path):
    secret = "a secret of good length"
    client = {"id": "robot", "secret": secret, "roles": ["trader"], "trader": "ann", "portfolios": ["fund1"]}
    with running(tmp_path, gateway={"port": 0, "clients": [client]}) as s:
        form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": secret}
        code, made = s.ask("POST", "/v1/token", None, urllib.parse.urlencode(form).encode())
        assert (code, made["token_type"], made["expires_in"]) == (200, "Bearer", 3600)
        assert s.ask("POST", "/v1/orders", made["access_token"], order("BUY", 1, "1.00"))[0] == 201
        wrong = urllib.parse.urlencode({**form, "client_secret": "another secret here"}).encode()
        assert s.ask("POST", "/v1/token", None, wrong)[0] == 401
        assert s.ask("POST", "/v1/token", None, b"grant_type=password")[1]["error"] == "unsupported_grant_type"


def test_an_outside_issuer(tmp_path):
    key = RSAKey.generate_key(2048, auto_kid=True)
    public = json.dumps({"keys": [key.as_dict(private=False)]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(public)

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        auth = {"issuer": "https://id.example", "audience": "desk", "jwks_url": f"http://127.0.0.1:{server.server_port}/keys"}
        with running(tmp_path, gateway={"port": 0, "auth": auth}) as s:
            good = signed(key, "RS256", iss="https://id.example", aud="desk")
            assert s.ask("GET", "/v1/instruments", good)[0] == 200
            assert s.ask("GET", "/v1/instruments", signed(key, "RS256", iss="https://id.example"))[0] == 401
            assert s.ask("GET", "/v1/instruments", s.token("admin"))[0] == 401
        server.shutdown()


class Issuer:
    """An issuer of tokens outside: its keys over HTTP, which it changes; how often it was asked."""

    def __init__(self):
        self.keys, self.asked, self.down = [RSAKey.generate_key(2048, auto_kid=True)], 0, False
        outer = self

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(500 if outer.down else 200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": [key.as_dict(private=False) for key in outer.keys]}).encode())

            def log_message(self, *words):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Keys)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.settings = {"issuer": "https://id.example", "jwks_url": f"http://127.0.0.1:{self.server.server_port}/keys"}

    def rotate(self, alg="RS256"):
        self.keys = [RSAKey.generate_key(2048, auto_kid=True) if alg == "RS256" else OKPKey.generate_key("Ed25519", auto_kid=True)]

    def token(self, key=None, alg="RS256", **more):
        return signed(key or self.keys[0], alg, **{"iss": "https://id.example", **more})


@pytest.fixture
def issuer():
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_outside_issuer_changes_its_keys(tmp_path, issuer, monkeypatch):
    monkeypatch.setattr(tokens, "_KEYS_APART", 0.2)
    with running(tmp_path, gateway={"port": 0, "auth": issuer.settings, "rates": {"failures": 0}}) as s:
        before = issuer.token(sub="before")
        assert s.ask("GET", "/v1/instruments", before)[0] == 200
        old = issuer.keys[0]
        issuer.rotate("EdDSA")
        time.sleep(0.25)
        assert s.ask("GET", "/v1/instruments", issuer.token(alg="EdDSA", sub="after"))[0] == 200
        assert s.ask("GET", "/v1/instruments", issuer.token(old, sub="of the old key"))[0] == 401
        asked = issuer.asked
        made = [s.ask("GET", "/v1/instruments", issuer.token(RSAKey.generate_key(2048, auto_kid=True)))[0] for _ in range(5)]
        assert made == [401] * 5
        assert issuer.asked - asked <= 5  # false tokens do not make it ask at every one
        issuer.down = True
        time.sleep(0.25)
        assert s.ask("GET", "/v1/instruments", issuer.token(alg="EdDSA", sub="meanwhile"))[0] == 200  # the keys that it has hold
        credentials = b"grant_type=client_credentials&client_id=x&client_secret=y"
        assert s.ask("POST", "/v1/token", None, credentials)[0] == 401  # tokens are the outside issuer's to give


def test_an_issuer_that_never_answered(tmp_path, issuer):
    issuer.down = True
    with running(tmp_path, gateway={"port": 0, "auth": issuer.settings}) as s:
        code, headers, text = s.answer("GET", "/v1/instruments", issuer.token())
        assert (code, json.loads(text)["code"], headers["retry-after"]) == (503, "ISSUER_UNREACHABLE", "5")


def test_the_matrix_holds_for_tokens_from_outside(tmp_path, issuer):
    with running(tmp_path, gateway={"port": 0, "auth": issuer.settings}) as s:
        for route in ROUTES:
            if route.open or route.method != "GET" or route.operation == "stream":
                continue
            for role in Role:
                token = issuer.token(sub=f"ann-{role}", roles=[role.value], trader="ann", portfolios=["fund1"])
                code = s.ask("GET", route.path.format(**PLACES), token)[0]
                assert (code == 403) == (role not in route.roles), (route.path, role, code)


def test_a_token_is_no_good_again_once_it_has_expired(desk, monkeypatch):
    """It was checked and is remembered; used again after its end it is refused."""
    monkeypatch.setattr(tokens, "LEEWAY", 0)
    token = signed(LocalIssuer(desk.out).key, exp=int(time.time()) + 3, sub="replayed")
    assert desk.ask("GET", "/v1/instruments", token)[0] == 200
    wait = time.time() + 12
    while (code := desk.ask("GET", "/v1/instruments", token)[0]) == 200 and time.time() < wait:
        time.sleep(0.2)
    assert code == 401
    assert desk.ask("GET", "/v1/instruments", token)[0] == 401


def test_expiry_ends_an_open_stream(desk):
    token = desk.token("viewer", hours=1.5 / 3600, subject="brief")
    request = urllib.request.Request(f"{desk.url}/v1/stream", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as stream:
        began = time.monotonic()
        while stream.read(1):
            pass
        assert time.monotonic() - began < 15

"""Signing in, rights, origins, and what the pages may load."""

import json
import socket
import time
from base64 import b64encode
from os import urandom

import pytest

pytest.importorskip("panel")


def cookie(session, token):
    return {"cookie": f"tapebook_{session.url.rsplit(':', 1)[1]}={token}"}


def test_without_a_sign_in_a_page_leads_to_it(session):
    status, headers, _ = no_redirect(session, "/desk?symbol=ETH")
    assert status == 303
    assert headers["location"] == "/signin?next=%2Fdesk%3Fsymbol%3DETH"


def no_redirect(session, path, method="GET", body=None, **headers):
    import http.client

    host = session.url.removeprefix("http://")
    made = http.client.HTTPConnection(host, timeout=30)
    made.request(method, path, body, headers)
    answer = made.getresponse()
    return answer.status, answer.headers, answer.read()


def test_a_token_signs_in_by_a_cookie_that_scripts_cannot_read(session):
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, headers, _ = no_redirect(session, "/signin", "POST", f"token={session.ann()}&next=/risk", **form)
    assert (status, headers["location"]) == (303, "/risk")
    assert "HttpOnly" in headers["set-cookie"]
    status, _, body = no_redirect(session, "/signin", "POST", "token=nonsense&next=https://elsewhere.example", **form)
    assert status == 401
    assert b'value="/desk"' in body
    status, headers, _ = no_redirect(session, "/signin", "POST", f"token={session.ann()}&next=//elsewhere.example", **form)
    assert headers["location"] == "/desk"


def test_an_address_signs_in_once(session):
    path = session.session_entrance()
    status, headers, _ = no_redirect(session, path)
    assert (status, headers["location"]) == (303, "/desk")
    assert no_redirect(session, path)[0] == 401


def test_a_page_of_another_role_says_for_whom_it_is(session):
    status, _, body = no_redirect(session, "/risk", **cookie(session, session.token("viewer")))
    assert status == 403
    assert b"trader" in body


def test_the_cookie_alone_does_not_trade(session):
    body = json.dumps({"symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "1.00", "time_in_force": "DAY"})
    sent = {**cookie(session, session.ann()), "content-type": "application/json"}
    assert no_redirect(session, "/v1/orders", "POST", body, **sent)[0] == 401
    assert no_redirect(session, "/v1/orders", "POST", body, **sent, **{"x-tapebook-page": "1"})[0] == 201
    assert (
        no_redirect(session, "/v1/orders", "POST", body, **sent, **{"x-tapebook-page": "1", "origin": "https://elsewhere.example"})[0]
        == 403
    )


def test_the_token_is_nowhere_in_the_page(session):
    token = session.ann()
    status, headers, body = no_redirect(session, "/desk", **cookie(session, token))
    assert status == 200
    assert token.encode() not in body
    assert b64encode(token.encode())[:40] not in body
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def handshake(session, path, **more):
    host, port = session.url.removeprefix("http://").split(":")
    made = socket.create_connection((host, int(port)), 20)
    lines = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", **more}
    key = {"Sec-WebSocket-Key": b64encode(urandom(16)).decode()}
    text = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **key}.items())
    made.sendall(f"GET {path} HTTP/1.1\r\n{text}\r\n".encode())
    return made, int(made.recv(64).split()[1])


@pytest.mark.parametrize("path", ["/dash/ws", "/desk/ws"])
def test_sockets_ask_for_token_and_origin(session, path):
    assert handshake(session, path)[1] in (401, 403)
    signed = {"Cookie": cookie(session, session.ann())["cookie"]}
    assert handshake(session, path, Origin="https://elsewhere.example", **signed)[1] == 403


def test_a_socket_does_not_outlive_its_token(session):
    token = session.token("viewer", hours=1.0 / 3600)
    made, status = handshake(session, "/dash/ws", Cookie=cookie(session, token)["cookie"])
    assert status == 101
    made.settimeout(30)
    began, seen = time.monotonic(), b""
    while time.monotonic() - began < 30:
        got = made.recv(4096)
        seen += got
        if not got or (4401).to_bytes(2, "big") in seen:
            break
    assert (4401).to_bytes(2, "big") in seen

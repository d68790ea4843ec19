"""A session with its gateway on a real socket, in a thread of the test's process."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from live.configuration.session import SessionSettings
from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.principals import Role
from live.gateway.server import serve
from live.session.session import Session

SETTINGS = {
    "name": "desk",
    "gateway": {"port": 0},
    "instruments": [{"symbol": "AAPL", "tick": "0.01"}, {"symbol": "ETH", "tick": "0.01", "lot": "0.001"}],
    "portfolios": [{"name": "fund1", "cash": "1000000", "limits": {"max_position": 500}}, {"name": "fund2", "cash": "1000000"}],
    "traders": [{"name": "ann", "portfolios": ["fund1"]}, {"name": "bob", "portfolios": ["fund2"]}],
}


class Running:
    """A session that runs, and its gateway's url."""

    def __init__(self, out, changes):
        self.out, self.url, self.error = out, "", None
        self.settings = SessionSettings(**{**SETTINGS, **changes})
        self._up, self._thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self._issuer = None

    def _run(self):
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self.error = error
        finally:
            self._up.set()

    async def _main(self):
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.session = Session(self.settings, self.out)
        self.session.services.append(lambda session: serve(session, mount=self._keep))
        async with self.session:
            ended = asyncio.ensure_future(self.session.ended())
            while "url" not in self.session.folder.said and not ended.done():
                await asyncio.sleep(0.005)
            if not ended.done():
                self.url = self.session.folder.said["url"]
                self._up.set()
            await asyncio.wait({ended, asyncio.ensure_future(self._stop.wait())}, return_when=asyncio.FIRST_COMPLETED)

    def _keep(self, gateway):
        self.gateway = gateway

    def start(self):
        self._thread.start()
        assert self._up.wait(120)
        if self.error is not None:
            raise self.error
        return self

    def stop(self):
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def wait_for(self, name):
        """Wait until `session.json` says it."""
        end = time.monotonic() + 20
        while name not in self.session.folder.said and time.monotonic() < end:
            time.sleep(0.01)

    def hub(self):
        """What fans out to the clients."""
        return self.gateway.hub

    def token(self, *roles, **more):
        self._issuer = self._issuer or LocalIssuer(self.out)
        return self._issuer.token([Role(one) for one in roles], **more)

    def ann(self):
        return self.token("trader", trader="ann", portfolios=["fund1"])

    def bob(self):
        return self.token("trader", trader="bob", portfolios=["fund2"])

    def ask(self, method, path, token=None, body=None, **headers):
        """(status, JSON) of a request; bytes go as they are."""
        status, _, text = self.answer(method, path, token, body, **headers)
        return status, json.loads(text) if text else None

    def answer(self, method, path, token=None, body=None, **headers):
        """(status, headers, bytes)."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if token:
            named["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=20) as got:
                return got.status, got.headers, got.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


@contextmanager
def running(out, **changes):
    """A session with its gateway, stopped at the end."""
    made = Running(out, changes).start()
    try:
        yield made
    finally:
        made.stop()


def order(side, quantity, price, **more):
    """The body of a LIMIT order."""
    return {"symbol": "AAPL", "side": side, "type": "LIMIT", "quantity": str(quantity), "price": price, "time_in_force": "DAY", **more}

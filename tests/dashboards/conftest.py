"""One session with its pages, and one browser, for all tests here."""

import pytest

from tests.support.live_gateway import Running, order
from tests.support.pages import Visit, chromium


class RunningPages(Running):
    """A session with its gateway and its pages."""

    def _keep(self, gateway):
        from dashboards.serving.mount import mount

        super()._keep(gateway)
        mount(gateway)

    def session_entrance(self):
        """The path of an address that signs ann in."""
        return self.gateway.app.entrance.once(self.ann())

    def trade(self, price="150.00", quantity=1):
        """A trade between ann and bob."""
        assert self.ask("POST", "/v1/orders", self.bob(), order("SELL", quantity, price))[0] == 201
        assert self.ask("POST", "/v1/orders", self.ann(), order("BUY", quantity, price))[0] == 201


CHANGES = {
    "instruments": [
        {"symbol": "AAPL", "tick": "0.01"},
        {"symbol": "ETH", "tick": "0.01", "lot": "0.001"},
        {"symbol": "SHIB", "tick": "0.00000001"},
        {"symbol": "BTC", "tick": "0.01", "lot": "0.00000001"},
    ],
    "portfolios": [
        {"name": "fund1", "cash": "1000000", "limits": {"max_position": 500, "max_daily_loss": "20000"}},
        {"name": "fund2", "cash": "1000000"},
    ],
}


@pytest.fixture(scope="module")  # no longer: while Playwright is up its event loop runs in this thread, and nobody else's can
def browser():
    pytest.importorskip("panel")
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    pytest.importorskip("panel")
    made = RunningPages(tmp_path_factory.mktemp("pages"), CHANGES).start()
    yield made
    made.stop()


@pytest.fixture
def visit(browser, session):
    """Open a page as somebody: visit("ann", "/desk")."""
    opened = []

    def go(who, path, **more):
        made = Visit(browser, session.url, session.token(*who) if isinstance(who, tuple) else getattr(session, who)(), **more)
        opened.append(made)
        return made.go(path)

    yield go
    for one in opened:
        one.close()

"""GET /v1/portfolios/{name}/settlement: the ladder of a portfolio, for who may see it."""

import time
from pathlib import Path
from typing import Any

from tests.support.live_gateway import order, running


def test_the_ladder_of_a_portfolio(tmp_path: Path) -> None:
    listed = [{"symbol": "AAPL", "tick": "0.01", "settle": {"days": 2}}, {"symbol": "ETH", "tick": "0.01", "lot": "0.001"}]
    with running(tmp_path, instruments=listed, settlement={"custodian": "immediate"}) as desk:
        path = "/v1/portfolios/fund1/settlement"
        assert desk.ask("POST", "/v1/orders", desk.ann(), order("BUY", 10, "150.00"))[0] == 201
        assert desk.ask("POST", "/v1/orders", desk.bob(), order("SELL", 10, "150.00"))[0] == 201
        shown: Any = []
        end = time.monotonic() + 60
        while not shown and time.monotonic() < end:
            status, shown = desk.ask("GET", path, desk.ann())
            shown = shown if status == 200 else []
        assert [(one["symbol"], one["status"], one["quantity"], one["cash"], one["trades"]) for one in shown] == [
            ("AAPL", "TRADED", "10", "-1500", 1)
        ]
        assert len(shown[0]["settles"]) == 10
        assert desk.ask("GET", path, desk.bob())[0] == 403
    with running(tmp_path / "none") as desk:
        assert desk.ask("GET", "/v1/portfolios/fund1/settlement", desk.ann())[0] == 404

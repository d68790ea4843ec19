"""REST: orders of two traders meet; refusals, rights, idempotence; what is shown agrees."""

import pytest

from tests.support.live_gateway import order, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out")) as made:
        yield made


def test_two_traders_meet(tmp_path):
    with running(tmp_path) as s:
        ann, bob, risk, viewer = s.ann(), s.bob(), s.token("risk"), s.token("viewer")
        assert s.ask("POST", "/v1/orders", None, order("BUY", 100, "150.00"))[0] == 401
        assert s.ask("POST", "/v1/orders", viewer, order("BUY", 100, "150.00", portfolio="fund1"))[0] == 403
        assert s.ask("POST", "/v1/orders", bob, order("BUY", 100, "150.00", portfolio="fund1"))[0] == 403
        code, made = s.ask("POST", "/v1/orders", ann, order("BUY", 100, "150.00", portfolio="fund1", order_id=1))
        assert code == 201
        assert made["order"]["status"] == "NEW"
        assert [fact["kind"] for fact in made["facts"]] == ["OrderCreated"]
        code, again = s.ask("POST", "/v1/orders", ann, order("BUY", 100, "150.00", portfolio="fund1", order_id=1))
        assert (code, again["code"], again["order"]["order_id"]) == (409, "DUPLICATE_ORDER", 1)
        code, said = s.ask("POST", "/v1/orders", ann, order("BUY", 600, "150.00", portfolio="fund1", order_id=2))
        assert (code, said["code"], said["value"], said["limit"]) == (422, "POSITION_LIMIT", "700", "500")
        code, said = s.ask("POST", "/v1/orders", ann, order("BUY", 1, "150.005", portfolio="fund1", order_id=3))
        assert (code, said["code"], said["errors"][0]["path"]) == (422, "INVALID_PRICE", "price")
    with running(tmp_path) as s:
        code, made = s.ask("POST", "/v1/orders", bob, order("SELL", 40, "149.90", portfolio="fund2", order_id=1))
        assert code == 201
        assert [fact["kind"] for fact in made["facts"]] == ["OrderCreated", "OrderFilled"]
        assert made["facts"][1]["trader"] == "bob"
        code, mine = s.ask("GET", "/v1/orders/1", ann)
        assert (code, mine["status"], mine["executed_quantity"], mine["average_price"]) == (200, "PARTIALLY_FILLED", "40", "150.00")
        code, book = s.ask("GET", "/v1/book/AAPL?depth=5", viewer)
        assert (code, book["bids"], book["asks"]) == (200, [["150.00", "60", 1]], [])
        code, account = s.ask("GET", "/v1/portfolios/fund1", risk)
        assert (code, account["cash"], account["positions"]["AAPL"]["quantity"]) == (200, "994000.000000", "40")
        code, summary = s.ask("GET", "/v1/traders/bob/execution-summary", bob)
        assert (code, summary[0]["volume"], summary[0]["vwap"]) == (200, "40", "150")
        assert s.ask("GET", "/v1/traders/bob/orders", ann)[0] == 403
        assert s.ask("DELETE", "/v1/orders/1", ann)[0] == 200
        assert s.ask("GET", "/v1/orders/1", ann)[1]["status"] == "CANCELLED"
        assert s.ask("DELETE", "/v1/orders/1", ann)[1]["code"] == "ORDER_CANCELLED"
        assert s.ask("POST", "/v1/kill", ann, {"portfolio": "fund2", "reason": "x"})[0] == 403
        assert s.ask("POST", "/v1/kill", risk, {"portfolio": "fund2", "reason": "drill"})[0] == 201
        code, said = s.ask("POST", "/v1/orders", bob, order("SELL", 1, "160.00", portfolio="fund2", order_id=5))
        assert (code, said["code"]) == (422, "KILL_SWITCH")

"""Server-sent events: quotes, trades and facts with ids, and the way back with Last-Event-ID."""

import json
import urllib.request

import pytest

from tests.support.live_gateway import order, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out")) as made:
        yield made


class Stream:
    """Reads events one by one."""

    def __init__(self, s, token, query="", last=None):
        headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": str(last)} if last is not None else {})
        self._answer = urllib.request.urlopen(urllib.request.Request(f"{s.url}/v1/stream{query}", headers=headers), timeout=10)
        self.headers = self._answer.headers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._answer.close()

    def next(self, *kinds):
        """The next event of one of these kinds: (kind, id or None, data)."""
        while True:
            found = {}
            while line := self._answer.readline().decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                found[name] = value
            if found.get("event") in kinds:
                return found["event"], int(found["id"]) if "id" in found else None, json.loads(found["data"])


def test_quotes_trades_and_facts_and_the_way_back(desk):
    ann, bob = desk.ann(), desk.bob()
    with Stream(desk, ann, "?symbols=AAPL&orders=true") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        _, begin, snapshot = stream.next("snapshot")
        assert snapshot["orders"] == []
        assert stream.next("quote")[2]["symbol"] == "AAPL"
        assert desk.ask("POST", "/v1/orders", ann, order("BUY", 10, "150.00", order_id=1))[0] == 201
        assert desk.ask("POST", "/v1/orders", bob, order("SELL", 4, "150.00", order_id=1))[0] == 201
        seen = [stream.next("order", "trade") for _ in range(3)]
        assert [data.get("kind", kind) for kind, _, data in seen] == ["OrderCreated", "OrderFilled", "trade"]
        assert seen[1][1] is None  # the trade of the same seq is still to come
        assert seen[2][1] == seen[2][2]["seq"] == seen[1][2]["seq"]
    with Stream(desk, ann, "?symbols=AAPL&orders=true", last=begin) as stream:
        assert [stream.next("order", "trade") for _ in range(3)] == seen
        assert desk.ask("DELETE", "/v1/orders/1", ann)[0] == 200
        assert stream.next("order")[2]["kind"] == "OrderCancelled"


@pytest.mark.parametrize(
    ("query", "code"), [("?symbols=NONE", 404), ("?orders=maybe", 422), ("?orders=true", 403), ("?nothing=1", 422)], ids=str
)
def test_streams_that_are_refused(desk, query, code):
    assert desk.ask("GET", f"/v1/stream{query}", desk.token("viewer"))[0] == code
    assert desk.ask("GET", "/v1/stream", desk.token("viewer"), last_event_id="x")[0] == 422

"""The API against its own description: whatever is asked in whatever role, nothing fails and nothing undocumented is answered.

TAPEBOOK_API_SECONDS: how long; 30 s in the suite.
"""

import os
import time

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from live.gateway.routes import ROUTES
from live.gateway.security.principals import Role
from tests.support.live_gateway import order, running

SECONDS = float(os.environ.get("TAPEBOOK_API_SECONDS", "30"))
ROUND = 4
"""Requests of one operation and role before the next one's turn."""
ENDLESS = ("/v1/stream",)
SETTLING = "/v1/portfolios/{name}/settlement"
"""There is none in a session that settles nothing."""
checks.load_all_checks()
NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
CHECKS = checks.CHECKS.get_by_names(NAMES)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    rates = {"failures": 0, "user": 0, "address": 0}
    with running(tmp_path_factory.mktemp("out"), gateway={"port": 0, "rates": rates}) as made:
        for side, who in (("BUY", made.ann()), ("SELL", made.bob())):
            made.ask("POST", "/v1/orders", who, order(side, 5, "150.00", order_id=1))
        yield made


def test_no_request_fails_and_no_answer_is_undocumented(desk):
    schema = schemathesis.openapi.from_url(f"{desk.url}/v1/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} == {(route.method, route.path) for route in ROUTES}
    who = {role.value: desk.token(role.value, trader="ann", portfolios=["fund1"]) for role in Role} | {"none": None}
    end, seed, asked = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < end:
        for operation in operations:
            if operation.path in ENDLESS:
                continue
            for token in who.values():
                if time.monotonic() > end:
                    break
                asked += _ask(operation, token, seed, end)
        seed += 1
    assert asked > 50
    assert desk.ask("GET", "/healthz")[0] == 200
    assert desk.ask("GET", "/readyz")[0] == 200


def _ask(operation, token, seed, end):
    asked = 0
    headers = {} if token is None else {"authorization": f"Bearer {token}"}

    @settings(
        max_examples=ROUND, deadline=None, database=None, derandomize=False, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case):
        nonlocal asked
        if time.monotonic() < end:
            answer = case.call(headers=headers, timeout=20)
            case.validate_response(answer, checks=CHECKS)
            asked += 1

    import hypothesis

    hypothesis.seed(seed)(ask)()
    return asked


def test_the_description_has_examples(desk):
    described = desk.ask("GET", "/v1/openapi.json")[1]
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            body = one.get("requestBody", {}).get("content", {})
            for content in body.values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                assert described["components"]["schemas"][name]["example"], (method, path)
            shown = [content for answer in one["responses"].values() for content in answer.get("content", {}).values()]
            assert any("example" in content for content in shown), (method, path)


def test_examples_are_what_is_answered(desk):
    """The example of an answer has the fields of the answer."""
    described = desk.ask("GET", "/v1/openapi.json")[1]["paths"]
    asked = {"symbol": "AAPL", "order_id": "1", "name": "fund1", "trader": "ann"}
    tried = 0
    for path, methods in described.items():
        if "get" not in methods or not path.startswith("/v1/") or path in (*ENDLESS, SETTLING):
            continue
        code, said = desk.ask(
            "GET", path.format(**asked) + ("?trader=ann" if "orders" in path and "traders" not in path else ""), desk.token("admin")
        )
        example = methods["get"]["responses"]["200"]["content"]["application/json"]["example"]
        assert code == 200, path
        assert type(said) is type(example), path
        if said:
            here, there = (one[0] if isinstance(one, list) else one for one in (said, example))
            assert set(there) <= set(here), (path, set(there) - set(here))
            tried += 1
    assert tried > 8

"""OpenAPI and the page at /docs, both made of the table of routes."""

import html
import re
from typing import Any

from engine.messages.vocabulary import OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from live.gateway.operations.examples import EXAMPLES
from live.gateway.problems import MEDIA_TYPE
from live.gateway.routes import ROUTES, Route, table
from live.gateway.security.principals import Role

_DECIMAL = {"anyOf": [{"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"}, {"type": "number"}], "examples": ["150.00"]}
_NAME = {"type": "string", "minLength": 1, "maxLength": 40}
_REASON = {"type": "string", "minLength": 1, "maxLength": 500}
_SAYS = {
    200: "Done.",
    201: "Done.",
    400: "Not a request that is known.",
    404: "Nothing has that name.",
    409: "The order is there already, or finished.",
    503: "Not ready.",
}
_REFUSED = {
    401: "No good token.",
    403: "Not for the token's roles, trader or portfolios.",
    413: "The body is too long.",
    422: "Malformed or refused; `code` says why, `errors` where.",
    429: "Too many requests; Retry-After says how long to wait.",
    503: "The session stops or is not ready.",
}


def _word(words: Any) -> dict[str, Any]:
    return {"type": "string", "enum": [one.name for one in words]}


def _object(needs: tuple[str, ...], fields: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(needs), "additionalProperties": False, "properties": fields, "example": example}


_TERMS = {"quantity": _DECIMAL, "price": _DECIMAL, "stop_price": _DECIMAL}
BODIES: dict[str, dict[str, Any]] = {
    "NewOrder": _object(
        ("symbol", "side", "quantity"),
        {
            "order_id": {"type": "integer", "minimum": 1, "maximum": 2**64 - 1},
            "symbol": _NAME,
            "side": _word(Side),
            "type": _word(OrderType),
            **_TERMS,
            "time_in_force": _word(TimeInForce),
            "post_only": {"type": "boolean"},
            "reduce_only": {"type": "boolean"},
            "self_trade": _word(SelfTrade),
            "portfolio": _NAME,
            "trader": _NAME,
        },
        {"symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": "100", "price": "150.00", "portfolio": "fund", "order_id": 1},
    ),
    "Replacement": _object((), dict(_TERMS), {"quantity": "80", "price": "150.05"}),
    "Kill": _object(("reason",), {"portfolio": _NAME, "trader": _NAME, "reason": _REASON}, {"portfolio": "fund", "reason": "drill"}),
    "Halt": _object(("reason",), {"reason": _REASON}, {"reason": "news pending"}),
    "Limits": _object(
        ("reason",),
        {
            **dict.fromkeys(("max_position", "max_exposure", "max_daily_loss", "max_leverage"), _DECIMAL),
            "cash_account": {"type": "boolean"},
            "reason": _REASON,
        },
        {"max_position": "500", "reason": "new mandate"},
    ),
    "ClientCredentials": _object(
        ("grant_type",),
        {"grant_type": {"const": "client_credentials"}, "client_id": {"type": "string"}, "client_secret": {"type": "string"}},
        {"grant_type": "client_credentials", "client_id": "desk", "client_secret": "…"},
    ),
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "code", "detail")},
        "status": {"type": "integer"},
        **{name: {"type": ["string", "null"]} for name in ("value", "limit")},
        "errors": {"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"}, "detail": {"type": "string"}}}},
    },
}
_ORDER = {
    "type": "object",
    "properties": {
        "order_id": {"type": "integer"},
        **{
            name: {"type": ["string", "null"]}
            for name in ("symbol", "portfolio", "trader", "quantity", "price", "executed_quantity", "average_price")
        },
        "status": _word(OrderStatus),
    },
}


def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tapebook", "version": "1", "description": "Orders, books, portfolios and controls of a live session."},
        "paths": paths,
        "components": {
            "schemas": {**BODIES, "Problem": _PROBLEM, "Order": _ORDER},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    named = re.findall(r"{(\w+)}", route.path)
    found = [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in named]
    found += [
        {"name": one.name, "in": "query", "description": one.says, "schema": _query_schema(one.name, one.kind)} for one in route.query
    ]
    made: dict[str, Any] = {"operationId": route.operation, "summary": route.says, "parameters": found, "responses": _answers(route)}
    if not route.open:
        made["security"] = [{"bearer": []}]
        made["x-roles"] = sorted(role.value for role in route.roles)
    if route.body is not None:
        kind = "application/x-www-form-urlencoded" if route.body == "ClientCredentials" else "application/json"
        made["requestBody"] = {"required": True, "content": {kind: {"schema": {"$ref": f"#/components/schemas/{route.body}"}}}}
    return made


def _path_schema(name: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": 2**64 - 1} if name == "order_id" else {"type": "string", "minLength": 1}


def _query_schema(name: str, kind: str) -> dict[str, Any]:
    bounds = {"minimum": 1, "maximum": 1000} if name in ("limit", "depth") else {}
    return {"type": kind, **bounds}


def _answers(route: Route) -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    made = {str(status): {"description": _SAYS[status]} for status in route.answers if status in _SAYS and status < 300}
    kind = {"stream": "text/event-stream", "metrics": "text/plain"}.get(route.operation, "application/json")
    for one in made.values():
        one["content"] = {kind: {"example": EXAMPLES[route.operation]}}  # type: ignore[assignment]
    said = {status: _SAYS.get(status, "") for status in route.answers if status >= 400}
    refused = said if route.open else {**_REFUSED, **said}
    if route.writes:
        refused[405] = "The process only reads its session; `detail` says where commands go."
    if route.open:
        refused = {429: _REFUSED[429], **({413: _REFUSED[413]} if route.body else {}), **refused}
    return made | {str(status): {"description": _REFUSED.get(status, says), "content": problem} for status, says in refused.items()}


def documentation() -> str:
    """The page at /docs: every route, and whom it is for. Nothing is fetched for it."""
    roles = [role.value for role in Role]
    says = {f"{one.method} {one.path}": one.says for one in ROUTES}
    head = "".join(f"<th>{name}" for name in ("route", "", *roles))
    body = "".join(
        f"<tr><td><code>{html.escape(row['route'])}</code><td>{html.escape(says.get(row['route'], ''))}"
        + "".join(f"<td>{'●' if row[role] else ''}" for role in roles)
        for row in table()
    )
    style = "body{font:15px system-ui;margin:2rem}td,th{padding:.2rem .6rem;text-align:left}tr:nth-child(odd){background:#8881}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Tapebook gateway</title><style>{style}</style>'
        f'<h1>Tapebook gateway</h1><p>OpenAPI: <a href="/v1/openapi.json">/v1/openapi.json</a></p><table><tr>{head}{body}</table></html>'
    )

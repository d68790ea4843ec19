"""Role by route, once: what the application serves, what OpenAPI and the documentation print, and what the tests walk."""

from typing import Any, NamedTuple

from live.gateway.security.principals import Role

ANYONE = frozenset(Role)
OWN = frozenset({Role.TRADER, Role.RISK, Role.COMPLIANCE, Role.ADMIN})
TRADING = frozenset({Role.TRADER, Role.ADMIN})
OVERSIGHT = frozenset({Role.RISK, Role.COMPLIANCE, Role.ADMIN})
CONTROL = frozenset({Role.RISK, Role.ADMIN})
NOBODY: frozenset[Role] = frozenset()


class Query(NamedTuple):
    """A parameter behind the question mark."""

    name: str
    says: str
    kind: str = "string"


class Route(NamedTuple):
    """One method of one path. `open`: no token is needed."""

    method: str
    path: str
    operation: str
    roles: frozenset[Role]
    says: str
    query: tuple[Query, ...] = ()
    body: str | None = None
    answers: tuple[int, ...] = (200,)
    open: bool = False

    @property
    def tagged(self) -> bool:
        """Whether an answer that the client has already is not sent again (ETag, If-None-Match)."""
        return self.method == "GET" and not self.open and self.operation != "stream"

    @property
    def writes(self) -> bool:
        """Whether it sends commands."""
        return self.method != "GET" and not self.open


TRADER = Query("trader", "Another trader than the token's; for risk, compliance and admin.")
PAGE = (Query("limit", "At most so many rows, newest first; 1 to 1000.", "integer"), Query("cursor", "Where the page before ended."))
NAMED_PAGE = (Query("limit", "At most so many rows; 1 to 1000.", "integer"), Query("cursor", "The last name of the page before."))
SYMBOLS = Query("symbols", "Symbols with commas between them; all without it.")
WHO_AND_WHY = (
    Query("portfolio", "Where the request has no body: as in the body."),
    Query("trader", "Where the request has no body: as in the body."),
    Query("reason", "Where the request has no body: as in the body, and required there."),
)
_ID = "/v1/orders/{order_id}"

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/orders",
        "place_order",
        TRADING,
        "Send an order; its id makes a retry harmless.",
        body="NewOrder",
        answers=(201, 409, 422),
    ),
    Route(
        "POST",
        "/v1/orders/preview",
        "preview_order",
        TRADING | OVERSIGHT,
        "What an order would do now; nothing is sent.",
        body="NewOrder",
        answers=(200, 422),
    ),
    Route("GET", "/v1/orders", "list_orders", OWN, "The day's orders.", (Query("status", "active, or a status."), TRADER, *PAGE)),
    Route("DELETE", "/v1/orders", "cancel_all", TRADING, "Cancel all open orders of the token's trader.", answers=(200,)),
    Route("GET", _ID, "show_order", OWN, "One order.", (TRADER,), answers=(200, 404)),
    Route("PUT", _ID, "replace_order", TRADING, "Change quantity or price.", body="Replacement", answers=(200, 404, 409, 422)),
    Route("DELETE", _ID, "cancel_order", TRADING, "Cancel an order.", answers=(200, 404, 409, 422)),
    Route("GET", f"{_ID}/history", "order_history", OWN, "Every fact about an order.", (TRADER, *PAGE), answers=(200, 404)),
    Route(
        "GET",
        "/v1/traders/{trader}/orders",
        "trader_orders",
        OWN,
        "A trader's orders of the day.",
        (Query("status", "active, or a status."), *PAGE),
        answers=(200, 404),
    ),
    Route(
        "GET",
        "/v1/traders/{trader}/execution-summary",
        "execution_summary",
        OWN,
        "What a trader traded, by symbol.",
        (Query("date", "YYYY-MM-DD (UTC), or the number of the trading day; the day that goes on without it."),),
        answers=(200, 404),
    ),
    Route("GET", "/v1/portfolios", "list_portfolios", OWN, "Portfolios that the token sees.", NAMED_PAGE),
    Route("GET", "/v1/portfolios/{name}", "show_portfolio", OWN, "Cash, equity, P&L and positions.", answers=(200, 404)),
    Route("GET", "/v1/portfolios/{name}/limits", "show_limits", OWN, "Limits, their use and headroom.", answers=(200, 404)),
    Route("GET", "/v1/portfolios/{name}/settlement", "show_settlement", OWN, "What settles when.", answers=(200, 404)),
    Route(
        "PUT",
        "/v1/portfolios/{name}/limits",
        "set_limits",
        CONTROL,
        "Set all limits of a portfolio.",
        body="Limits",
        answers=(200, 404, 422),
    ),
    Route("GET", "/v1/instruments", "list_instruments", ANYONE, "What is traded.", NAMED_PAGE),
    Route(
        "GET",
        "/v1/book/{symbol}",
        "show_book",
        ANYONE,
        "The book.",
        (Query("depth", "Prices of each side; 1 to 1000.", "integer"),),
        answers=(200, 404),
    ),
    Route("GET", "/v1/trades/{symbol}", "list_trades", ANYONE, "Trades, newest first.", PAGE, answers=(200, 404)),
    Route(
        "GET",
        "/v1/bars/{symbol}",
        "list_bars",
        ANYONE,
        "Bars, newest first.",
        (Query("interval", "1s, 1m, 5m, 1h …"), *PAGE),
        answers=(200, 404),
    ),
    Route("GET", "/v1/quotes", "list_quotes", ANYONE, "Best prices and last trades.", (SYMBOLS, *NAMED_PAGE), answers=(200, 404)),
    Route(
        "POST",
        "/v1/kill",
        "kill",
        CONTROL,
        "Stop a portfolio, a trader, or with neither the session.",
        body="Kill",
        answers=(201, 404, 422),
    ),
    Route("DELETE", "/v1/kill", "revive", CONTROL, "Let them trade again.", WHO_AND_WHY, body="Kill", answers=(200, 404, 422)),
    Route("POST", "/v1/halts/{symbol}", "halt", CONTROL, "Halt an instrument.", body="Halt", answers=(201, 404, 422)),
    Route("DELETE", "/v1/halts/{symbol}", "resume", CONTROL, "Let it trade again.", WHO_AND_WHY[2:], body="Halt", answers=(200, 404, 422)),
    Route("GET", "/v1/controls", "list_controls", OWN, "Kill switches and halts in force; for oversight also who used them, and why."),
    Route("GET", "/v1/breaches", "list_breaches", OWN, "Refusals of risk limits and alarms.", (Query("portfolio", "Of one."), *PAGE)),
    Route("GET", "/v1/compliance-failures", "list_failures", OWN, "Refusals of compliance rules.", (TRADER, *PAGE)),
    Route("GET", "/v1/alerts", "list_alerts", ANYONE, "What the session and its streams noticed.", PAGE),
    Route(
        "GET",
        "/v1/state",
        "show_state",
        OVERSIGHT,
        "Portfolios and books as of a seq or a time.",
        (Query("at", "A seq, or a time as ISO 8601."),),
    ),
    Route(
        "POST",
        "/v1/token",
        "issue_token",
        NOBODY,
        "A token for a program's secret.",
        body="ClientCredentials",
        answers=(200, 400, 401),
        open=True,
    ),
    Route(
        "GET",
        "/v1/stream",
        "stream",
        ANYONE,
        "Server-sent events: quote, trade, order, alert.",
        (SYMBOLS, Query("orders", "true: the facts of the token's orders too.", "boolean")),
    ),
    Route("GET", "/healthz", "healthz", NOBODY, "Whether the process lives.", open=True),
    Route("GET", "/readyz", "readyz", NOBODY, "Whether the session takes commands.", answers=(200, 503), open=True),
    Route("GET", "/metrics", "metrics", NOBODY, "Figures for Prometheus.", open=True),
)

MESSAGES: dict[str, frozenset[Role]] = {
    "SUBSCRIBE_MARKET_DATA": ANYONE,
    "UNSUBSCRIBE_MARKET_DATA": ANYONE,
    "GET_ORDER_BOOK": ANYONE,
    "SUBSCRIBE_ORDER_UPDATES": OWN,
    "UNSUBSCRIBE_ORDER_UPDATES": OWN,
    "GET_POSITIONS": OWN,
    "NEW_ORDER": TRADING,
    "CANCEL_ORDER": TRADING,
    "REPLACE_ORDER": TRADING,
    "HEARTBEAT": TRADING,
}
"""Role by WebSocket message."""
WRITES = frozenset({"NEW_ORDER", "CANCEL_ORDER", "REPLACE_ORDER", "HEARTBEAT"})
"""Messages that send commands."""


def table() -> list[dict[str, Any]]:
    """Role × route as the documentation prints it: a row a route or message."""
    rows = [(f"{one.method} {one.path}", one.roles, one.open) for one in ROUTES] + [
        (f"WS {name}", roles, False) for name, roles in MESSAGES.items()
    ]
    return [{"route": name, **{role.value: is_open or role in roles for role in Role}, "none": is_open} for name, roles, is_open in rows]

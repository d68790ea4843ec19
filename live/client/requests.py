"""What a client asks, as HTTP requests, and what is made of the answers: once, for the synchronous and the asynchronous client."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import polars as pl

from engine.messages.commands import Command, Limits
from engine.messages.vocabulary import Kind
from live.client import frames
from live.client.errors import Malformed, error_of
from live.wire.command_json import write_command
from live.wire.errors import WireError

ROWS_MAX = 1_000
"""Rows of one page."""
CURSOR = "x-next-cursor"


class Request(NamedTuple):
    """One request; `made`: what its JSON becomes; `most`: of a list, rows in all, which may take several pages."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: Any = None
    made: Callable[[Any], Any] = lambda found: found
    most: int | None = None

    def parameters(self, have: int = 0, cursor: str | None = None) -> dict[str, str]:
        """The parameters behind the question mark, once `have` rows are there."""
        given = {name: _text(one) for name, one in self.query.items() if one is not None}
        if self.most is not None:
            given["limit"] = str(min(ROWS_MAX, self.most - have))
        if cursor is not None:
            given["cursor"] = cursor
        return given

    def content(self) -> bytes | None:
        """The body."""
        return None if self.body is None else msgspec.json.encode(self.body)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple, set)) else str(value)


def answer_of(status: int, content: bytes, retry_after: str | None) -> Any:
    """The JSON of an answer. Raises ClientError for a refusal."""
    try:
        found = msgspec.json.decode(content) if content else None
    except msgspec.DecodeError:
        found = {} if status >= 400 else None
    if status >= 400:
        raise error_of(status, found if isinstance(found, dict) else {}, retry_after)
    return found


def read_token(token: str) -> str:
    """A token that can stand in a header. Raises Malformed."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Malformed("the token is not a text of one line; `tapebook token` prints one", field="token")
    return token


def _part(name: str) -> str:
    return quote(name, safe="")


# what is shown


def book(symbol: str, depth: int = 10) -> Request:
    """A book."""
    return Request("GET", f"/v1/book/{_part(symbol)}", {"depth": depth}, made=frames.BookView)


def orders(status: str | None = None, trader: str | None = None, limit: int = 100) -> Request:
    """The day's orders, newest first."""
    query = {"status": status, "trader": trader}
    return Request("GET", "/v1/orders", query, made=lambda rows: frames.frame(rows, frames.ORDERS, frames.ORDER_COLUMNS), most=limit)


def order(order_id: int, trader: str | None = None) -> Request:
    """One order."""
    return Request("GET", f"/v1/orders/{order_id}", {"trader": trader})


def history(order_id: int, trader: str | None = None, limit: int = 1_000) -> Request:
    """Every fact about an order, newest first."""
    path = f"/v1/orders/{order_id}/history"
    return Request("GET", path, {"trader": trader}, made=lambda rows: frames.frame(rows, frames.HISTORY, ("seq", "ts", "kind")), most=limit)


def trades(symbol: str, limit: int = 100) -> Request:
    """Trades, newest first."""
    columns = ("seq", "ts", "symbol", "price", "quantity", "taker_side")
    path = f"/v1/trades/{_part(symbol)}"
    return Request("GET", path, made=lambda rows: frames.frame(rows, frames.TRADES, columns), most=limit)


def bars(symbol: str, interval: str = "1m", limit: int = 100) -> Request:
    """Bars, newest first."""
    columns = ("symbol", "start", "end", "open", "high", "low", "close", "volume", "vwap", "trades")
    path = f"/v1/bars/{_part(symbol)}"
    return Request("GET", path, {"interval": interval}, made=lambda rows: frames.frame(rows, frames.BARS, columns), most=limit)


def quotes(*symbols: str) -> Request:
    """Best prices and last trades."""
    return Request("GET", "/v1/quotes", {"symbols": symbols or None}, made=lambda rows: frames.frame(rows, frames.QUOTES))


def instruments() -> Request:
    """What is traded."""
    return Request("GET", "/v1/instruments", made=lambda rows: frames.frame(rows, frames.INSTRUMENTS))


def portfolios() -> Request:
    """Portfolios that the token sees."""
    return Request("GET", "/v1/portfolios", made=frames.portfolios)


def portfolio(name: str) -> Request:
    """One portfolio."""
    return Request("GET", f"/v1/portfolios/{_part(name)}")


def positions(name: str | None = None) -> Request:
    """Positions of one portfolio, or of all that the token sees."""
    path = "/v1/portfolios" if name is None else f"/v1/portfolios/{_part(name)}"
    return Request("GET", path, made=lambda found: frames.positions(found if isinstance(found, list) else [found]))


def limits(name: str) -> Request:
    """Limits of a portfolio, their use and headroom."""
    columns = ("portfolio", "limit", "symbol", "maximum", "used", "headroom")
    path = f"/v1/portfolios/{_part(name)}/limits"
    return Request("GET", path, made=lambda rows: frames.frame(rows, frames.LIMITS, columns))


def summary(trader: str, date: str | int | None = None) -> Request:
    """What a trader traded, by symbol."""
    path = f"/v1/traders/{_part(trader)}/execution-summary"
    columns = ("symbol", "orders", "volume", "vwap")
    return Request("GET", path, {"date": date}, made=lambda rows: frames.frame(rows, frames.SUMMARY, columns))


def refusals(path: str, limit: int, **query: Any) -> Request:
    """Breaches or compliance failures, newest first."""
    return Request("GET", path, query, made=lambda rows: frames.frame(rows, frames.REFUSALS, ("seq", "ts")), most=limit)


def alerts(limit: int = 100) -> Request:
    """What the session and its streams noticed, newest first: a list of mappings."""
    return Request("GET", "/v1/alerts", made=list[dict[str, Any]], most=limit)


def state(at: int | str | None = None) -> Request:
    """Portfolios, books and open orders as of a seq or a time."""
    return Request("GET", "/v1/state", {"at": at})


# what is asked for


def sent(command: Command) -> Request:
    """A command of `tb.limit(…)` and its like: orders and what concerns them; a NEW's id 0 is the trader's next. Raises Malformed."""
    if command.kind not in (Kind.NEW, Kind.CANCEL, Kind.REPLACE):
        what = getattr(command.kind, "name", command.kind)
        raise Malformed(f"a {what} is not sent as an order; call kill, halt, set_limits and the like", field="kind")
    if command.trader and command.kind != Kind.NEW:
        raise Malformed("an order's trader is the token's; leave it out", field="trader")
    if command.ts:
        raise Malformed("the session stamps the time; leave ts out", field="ts")
    try:
        body = msgspec.json.decode(write_command(command))
    except WireError as odd:
        raise Malformed(str(odd), field=odd.path) from None
    if command.kind == Kind.NEW:
        del body["kind"]
        if not command.order_id:
            del body["order_id"]
        return Request("POST", "/v1/orders", body=body)
    if command.kind == Kind.CANCEL:
        return cancelled(command.order_id)
    return replaced(command.order_id, {name: body[name] for name in ("quantity", "price", "stop_price") if name in body})


def cancelled(order_id: int) -> Request:
    """Cancel an order."""
    return Request("DELETE", f"/v1/orders/{order_id}")


def replaced(order_id: int, terms: Mapping[str, Any]) -> Request:
    """Change an order; a number goes as its decimal text."""
    body = {name: one if isinstance(one, str) else str(one) for name, one in terms.items() if one is not None}
    return Request("PUT", f"/v1/orders/{order_id}", body=body)


def switched(method: str, portfolio: str | None, trader: str | None, reason: str) -> Request:
    """A kill (POST) or its end (DELETE); with neither name the session is meant."""
    given = {"portfolio": portfolio, "trader": trader, "reason": reason}
    return Request(method, "/v1/kill", body={name: one for name, one in given.items() if one is not None})


def halted(method: str, symbol: str, reason: str) -> Request:
    """A halt (POST) or its end (DELETE)."""
    return Request(method, f"/v1/halts/{_part(symbol)}", body={"reason": reason})


def limited(portfolio: str, limits: Limits, reason: str) -> Request:
    """All limits of a portfolio, anew."""
    given = {name: one for name, one in limits._asdict().items() if one is not None}
    body = {name: one if isinstance(one, bool) else str(one) for name, one in given.items()}
    return Request("PUT", f"/v1/portfolios/{_part(portfolio)}/limits", body={**body, "reason": reason}, made=limits_made)


def limits_made(rows: Any) -> pl.DataFrame:
    """Limits as a frame."""
    return frames.frame(rows, frames.LIMITS, ("portfolio", "limit", "symbol", "maximum", "used", "headroom"))

"""Orders over the gateway: send, change, cancel, show."""

import asyncio
from dataclasses import replace as replaced
from typing import Any

import msgspec
import numpy as np
import polars as pl

from data.log.schema import LogError
from engine.messages.commands import Command, cancel
from engine.messages.glossary import REASONS
from engine.messages.vocabulary import Kind, OrderStatus, Reason
from live.gateway import shapes
from live.gateway.calls import Answer, Call, named, only, paged, unreadable
from live.gateway.desk import Desk
from live.gateway.problems import Problem, malformed, missing
from live.gateway.security.principals import Principal
from live.models.preview import preview
from live.wire.command_json import command_of
from live.wire.errors import WireError
from live.wire.numbers import Written

_REFUSES = np.zeros(256, np.bool_)
_REFUSES[[Kind.OrderRejected, Kind.CancelRejected, Kind.ReplaceRejected, Kind.CommandRejected]] = True
_FINISHED = {Reason.ORDER_FILLED, Reason.ORDER_CANCELLED, Reason.ORDER_REJECTED, Reason.ORDER_EXPIRED}
_PATHS = {
    Reason.UNKNOWN_INSTRUMENT: "symbol",
    Reason.INVALID_ORDER_ID: "order_id",
    Reason.DUPLICATE_ORDER: "order_id",
    Reason.INVALID_QUANTITY: "quantity",
    Reason.INVALID_PRICE: "price",
    Reason.INVALID_STOP_PRICE: "stop_price",
    Reason.MAX_ORDER_QUANTITY: "quantity",
    Reason.PRICE_COLLAR: "price",
    Reason.RESTRICTED_SYMBOL: "symbol",
    Reason.POSITION_LIMIT: "quantity",
    Reason.KILL_SWITCH: "portfolio",
}
CANCELLED_AT_ONCE = 1_000
_PARTS = {kind.name for kind in OrderStatus}


def new_order(desk: Desk, who: Principal, given: dict[str, Any], keep: bool = True) -> Command:
    """The command of a body; trader, portfolio and id are filled in. `keep`: the id is given away. Raises Problem."""
    trader = who.name()
    for field in ("kind", "ts"):
        if field in given:
            raise malformed(field, "there is no such field in an order; leave it out")
    if given.get("trader") not in (None, trader):
        raise Problem(403, "FORBIDDEN", f"the token's trader is {trader!r}; leave the field out", path="trader")
    given = {"kind": "NEW", **given, "trader": trader, "portfolio": _portfolio(desk, who, trader, named(given, "portfolio"))}
    if given.get("order_id") is None:
        given["order_id"] = Written(desk.next_id(trader) if keep else desk.models.next_order_id(trader))
    try:
        return command_of(given)
    except WireError as odd:
        raise unreadable(odd) from None


def _portfolio(desk: Desk, who: Principal, trader: str, asked: str | None) -> str:
    """The portfolio of an order: one of the token's, and of the trader's where the session names those."""
    if asked is None:
        if len(who.portfolios) != 1:
            raise malformed("portfolio", f"it is missing; write one of {', '.join(sorted(who.portfolios)) or 'those that a token names'}")
        (asked,) = who.portfolios
    if asked not in who.portfolios:
        own = ", ".join(sorted(who.portfolios)) or "none"
        raise Problem(403, "FORBIDDEN", f"portfolio {asked!r} is not the token's; it names {own}", path="portfolio")
    listed = next((one.portfolios for one in desk.session.settings.traders if one.name == trader), [])
    if listed and asked not in listed:
        raise Problem(403, "FORBIDDEN", f"trader {trader!r} trades for {', '.join(listed)}, not for {asked!r}", path="portfolio")
    if asked not in desk.names.portfolios:
        raise Problem(422, Reason.UNKNOWN_PORTFOLIO.name, f"the session has no portfolio {asked!r}", path="portfolio")
    return asked


async def place(desk: Desk, who: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Send an order; its row and the facts that followed at once. Raises Problem with the reason of a refusal."""
    command = new_order(desk, who, given)
    return await sent(desk, command)


async def sent(desk: Desk, command: Command) -> dict[str, Any]:
    """Send one command about an order and wait for its commit. Raises Problem."""
    trader = command.trader or ""
    facts = await desk.send(command)
    texts = desk.facts_of(trader, facts)
    number = desk.names.traders.get(trader)
    ours = (facts["trader"] == number) & (facts["order_id"] == command.order_id) | (facts["kind"] == Kind.CommandRejected)
    refused = np.flatnonzero(_REFUSES[facts["kind"]] & ours)
    if len(refused):
        raise refusal(desk, command, facts[refused[0]], texts)
    try:
        row = desk.models.order_row(command.order_id, trader)
    except KeyError:  # a day began in between
        row = {"order_id": command.order_id, "trader": trader, "symbol": command.symbol}
    return {"order": shapes.plain(row), "facts": [msgspec.Raw(text.encode()) for text in texts]}


def refusal(desk: Desk, command: Command, fact: np.void, texts: list[str]) -> Problem:
    """A refused command as problem details: the reason's name, what was found and what is allowed."""
    reason = Reason(int(fact["reason"]))
    status = 409 if reason == Reason.DUPLICATE_ORDER or reason in _FINISHED else 404 if reason == Reason.UNKNOWN_ORDER else 422
    told: dict[str, Any] = next((one for one in map(msgspec.json.decode, texts) if one.get("reason") == reason.name), {})
    more: dict[str, Any] = {"value": told.get("value"), "limit": told.get("limit"), "order_id": command.order_id}
    if status == 409:
        try:
            more["order"] = shapes.plain(desk.models.order_row(command.order_id, command.trader or ""))
        except KeyError:
            more["order"] = None
    detail = f"{reason.name}: {REASONS[reason]}"
    if more["value"] is not None and more["limit"] is not None:
        detail += f" ({more['value']}, and {more['limit']} is allowed)"
    return Problem(status, reason.name, detail, path=_PATHS.get(reason, "order_id"), more=more)


def _row(desk: Desk, order_id: int, trader: str) -> dict[str, Any]:
    try:
        return desk.models.order_row(order_id, trader)
    except KeyError:
        raise missing("order", order_id, f"trader {trader!r} has none of that id today") from None


async def replace(desk: Desk, who: Principal, order_id: int, given: dict[str, Any]) -> dict[str, Any]:
    """Change an open order. Raises Problem."""
    trader = who.name()
    only(given, "quantity", "price", "stop_price")
    if all(one is None for one in given.values()):
        raise malformed("quantity", "nothing is to be changed; write any of quantity, price, stop_price")
    row = _row(desk, order_id, trader)
    body = {"kind": "REPLACE", "order_id": Written(order_id), "symbol": row["symbol"], "trader": trader}
    try:
        return await sent(desk, command_of({**body, **given}))
    except WireError as odd:
        raise unreadable(odd) from None


async def withdraw(desk: Desk, who: Principal, order_id: int) -> dict[str, Any]:
    """Cancel an open order. Raises Problem."""
    trader = who.name()
    row = _row(desk, order_id, trader)
    return await sent(desk, cancel(order_id, row["symbol"], trader=trader))


# the routes


async def place_order(desk: Desk, call: Call) -> Answer:
    """POST /v1/orders."""
    made = await place(desk, call.who, call.object())
    return Answer(201, made, {"location": f"/v1/orders/{made['order']['order_id']}"})


async def preview_order(desk: Desk, call: Call) -> Answer:
    """POST /v1/orders/preview: for whoever oversees of any trader and portfolio."""
    given = call.object()
    who = call.who
    if who.oversees:
        trader, owner = named(given, "trader") or who.trader, named(given, "portfolio")
        known = frozenset({owner}) if owner is not None else who.portfolios
        who = replaced(who, trader=trader or "", portfolios=known)
        if trader is None:
            raise malformed("trader", "it is missing; whose order would it be?")
    command = new_order(desk, who, given, keep=False)
    desk.previews.check(call.who.subject, "user's previews")
    try:
        return Answer(200, shapes.plain(await desk.ask(lambda exchange: preview(exchange, command))))
    except ValueError as odd:
        raise malformed("order", str(odd)) from None


async def list_orders(desk: Desk, call: Call) -> Answer:
    """GET /v1/orders."""
    every = call.who.oversees and "trader" not in call.query and call.who.trader is None
    return _listed(desk, call, None if every else call.trader())


async def trader_orders(desk: Desk, call: Call) -> Answer:
    """GET /v1/traders/{trader}/orders."""
    call.who.check_trader(call.path["trader"])
    return _listed(desk, call, _known(desk, call.path["trader"]))


def _known(desk: Desk, trader: str) -> str:
    if trader not in desk.names.traders:
        raise missing("trader", trader, "the session has seen none of that name")
    return trader


def _listed(desk: Desk, call: Call, trader: str | None) -> Answer:
    limit, before = call.page()
    status = call.query.get("status")
    if status is not None and status not in ("active", *_PARTS):
        raise malformed("status", f"{status[:40]!r} is not a status; it is active or one of {', '.join(sorted(_PARTS))}")
    if status in (None, "active"):
        found = list(desk.models.order_rows(active=status == "active", trader=trader, newest_first=True, limit=limit, before=before))
        return paged(shapes.orders(found), limit)
    rows = []
    for row in desk.models.order_rows(trader=trader, newest_first=True, before=before):
        if row["status"] == status:
            rows.append(row)
            if len(rows) == limit:
                break
    return paged(shapes.orders(rows), limit)


async def show_order(desk: Desk, call: Call) -> Answer:
    """GET /v1/orders/{order_id}."""
    return Answer(200, shapes.plain(_row(desk, call.order_id(), call.trader())))


async def replace_order(desk: Desk, call: Call) -> Answer:
    """PUT /v1/orders/{order_id}."""
    return Answer(200, await replace(desk, call.who, call.order_id(), call.object()))


async def cancel_order(desk: Desk, call: Call) -> Answer:
    """DELETE /v1/orders/{order_id}."""
    return Answer(200, await withdraw(desk, call.who, call.order_id()))


async def cancel_all(desk: Desk, call: Call) -> Answer:
    """DELETE /v1/orders: all that were open when it was asked; those that fill meanwhile are not counted."""
    trader = call.who.name()
    rows = list(desk.models.order_rows(active=True, trader=trader))
    texts: list[str] = []
    for first in range(0, len(rows), CANCELLED_AT_ONCE):
        part = rows[first : first + CANCELLED_AT_ONCE]
        facts = await desk.send([cancel(row["order_id"], row["symbol"], trader=trader) for row in part])
        texts += desk.facts_of(trader, facts)
    cancelled = sum('"kind":"OrderCancelled"' in text for text in texts)
    return Answer(200, {"cancelled": cancelled, "facts": [msgspec.Raw(text.encode()) for text in texts]})


async def order_history(desk: Desk, call: Call) -> Answer:
    """GET /v1/orders/{order_id}/history: from the log, of any day, newest first."""
    limit, before = call.page()
    order_id, trader = call.order_id(), call.trader()
    try:
        frame = await asyncio.to_thread(desk.session.log.order_history, desk.session.number, order_id, trader)
    except LogError:
        raise missing("trader", trader, "the session has seen none of that name") from None
    if not len(frame):
        raise missing("order", order_id, f"trader {trader!r} never used that id")
    if before is not None:
        frame = frame.filter(pl.col("seq") < before)
    return paged([{"kind": row["event"], **row} for row in desk.rows(frame.tail(limit).reverse())], limit)


async def execution_summary(desk: Desk, call: Call) -> Answer:
    """GET /v1/traders/{trader}/execution-summary."""
    trader, date = call.path["trader"], call.query.get("date")
    call.who.check_trader(trader)
    _known(desk, trader)
    day: Any = int(date) if date is not None and date.isascii() and date.isdigit() and len(date) < 9 else date
    return Answer(200, await summary(desk, trader, day))


async def summary(desk: Desk, trader: str, day: Any) -> list[dict[str, Any]]:
    """What a trader traded on a day, by symbol. Raises Problem (422) for what is not a day."""
    from live.models.activity import NotKept

    try:
        frame = desk.models.execution_summary(trader=trader, day=day)
    except NotKept:
        from engine.frames.trades import on_day
        from engine.frames.trades import summary as summed

        rows = await asyncio.to_thread(desk.session.log.frame, "executions", desk.session.number, trader=trader)
        frame = summed(on_day(rows, day), desk.names, desk.decimals)
    except ValueError as odd:
        raise malformed("date", str(odd)) from None
    return desk.rows(frame)

"""What an order would do if it came now: carried out on a copy of the exchange, so that the verdict is the exchange's own."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from engine.exchange import Exchange
from engine.messages.commands import Command
from engine.messages.glossary import REASONS
from engine.messages.vocabulary import Kind, Reason
from live.wire.portfolios import account, portfolio_json

_REFUSALS = (Kind.OrderRejected, Kind.CommandRejected)
FILLS_SHOWN = 20


def preview(exchange: Exchange, command: Command) -> dict[str, Any]:
    """The verdict on a NEW, with what it would trade at once, and its portfolio before and after; the exchange stays as it is.

    seq; verdict (ACCEPTED, REJECTED), reason, detail, value, limit; executed_quantity, average_price, fees (decimals), fills (price and
    quantity, the first 20), open_quantity; before and after: cash, equity, exposure, leverage, position. Raises ValueError for odd fields.
    """
    twin = exchange.twin()
    owner = twin.names.portfolios[command.portfolio or ""]
    before = _portfolio(twin, owner, command.symbol)
    facts = twin.send(command)
    made: dict[str, Any] = {"seq": int(exchange.state.session[0]["seq"]), **_verdict(twin, command, facts)}
    if made["verdict"] == "ACCEPTED":
        made |= _trades(twin, command, facts)
    return {**made, "before": before, "after": _portfolio(twin, owner, command.symbol)}


def _verdict(twin: Exchange, command: Command, facts: np.ndarray) -> dict[str, Any]:
    """Whether it would be accepted, and if not why."""
    refused = facts[np.isin(facts["kind"], _REFUSALS)]
    if not len(refused):
        return {"verdict": "ACCEPTED", "reason": None, "detail": "", "value": None, "limit": None}
    from live.wire.facts import FactEncoder

    reason = Reason(int(refused[0]["reason"]))
    rows = FactEncoder("", twin.names, twin.decimals).encode(refused[:1])
    told = msgspec.json.decode(rows[0][2]) if rows else {}
    said = {"value": told.get("value"), "limit": told.get("limit")}
    return {"verdict": "REJECTED", "reason": reason.name, "detail": REASONS[reason], **said}


def _trades(twin: Exchange, command: Command, facts: np.ndarray) -> dict[str, Any]:
    """What it would trade at once as the taker, and what of it would stay open."""
    instrument = twin.instruments[twin.names.symbol(command.symbol)]
    trader = twin.names.traders[command.trader or ""]
    mine = facts[(facts["kind"] == Kind.TradeExecuted) & (facts["order_id"] == command.order_id) & (facts["trader"] == trader)]
    lots = int(mine["quantity"].astype(np.int64).sum())
    paid = sum(price * quantity for price, quantity in zip(mine["price"].tolist(), mine["quantity"].tolist()))
    ends = facts[np.isin(facts["kind"], (Kind.OrderCancelled, Kind.OrderExpired)) & (facts["order_id"] == command.order_id)]
    ended = ends[ends["trader"] == trader]
    whole = instrument.lots(command.quantity or 0)
    return {
        "executed_quantity": instrument.quantity(lots),
        "average_price": Decimal(paid) / lots * instrument.price_unit if lots else None,
        "fills": [
            (instrument.price(price), instrument.quantity(of)) for price, of in zip(*(mine[f].tolist() for f in ("price", "quantity")))
        ][:FILLS_SHOWN],
        "open_quantity": instrument.quantity(0 if len(ended) else max(0, whole - lots)),
        "cancelled": Reason(int(ended[0]["reason"])).name if len(ended) else None,
    }


def _portfolio(twin: Exchange, owner: int, symbol: str | None) -> dict[str, Any]:
    """Cash, equity, exposure, leverage and the position in the symbol, as decimals' texts."""
    if not owner:
        return {}
    name = next(name for name, number in twin.names.portfolios.items() if number == owner)
    told = msgspec.json.decode(portfolio_json("", 0, 0, name, account(twin.state, owner), twin.names, twin.decimals))
    held = told["positions"].get(symbol, {"quantity": "0"})
    return {**{field: told[field] for field in ("cash", "equity", "exposure", "leverage")}, "position": held["quantity"]}

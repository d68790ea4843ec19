"""Where a strategy begins: its session's instruments, its account and the market as they stand."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from engine.exchange import Exchange
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Kind
from engine.strategy.participant import Participant
from engine.strategy.remote_driver import RemoteDriver
from live.attach.mirror import Mirror
from live.client.async_client import AsyncClient
from live.client.errors import Forbidden, Malformed
from live.client.requests import Request

ID_MAX = 10**8
"""First order id up to which a strategy can begin: it keeps a table by id."""


class Start(NamedTuple):
    """What the gateway said before the strategy began; `account` is as of its `seq`."""

    instruments: list[Instrument]
    account: dict[str, Any]
    quotes: list[dict[str, Any]]


async def start_of(client: AsyncClient, portfolio: str) -> Start:
    """Ask for it. Raises ClientError."""
    listed = await client.ask(Request("GET", "/v1/instruments", most=1 << 16))
    quotes = await client.ask(Request("GET", "/v1/quotes", most=1 << 16))
    return Start([Instrument(**one) for one in listed], await client.portfolio(portfolio), quotes)


def seat(welcome: Mapping[str, Any], asked: str | None) -> tuple[str, str]:
    """Trader and portfolio of a token (`welcome`: the data of WELCOME). Raises Forbidden, Malformed."""
    trader, portfolios = welcome.get("trader"), list(welcome.get("portfolios", []))
    if not trader or not set(welcome.get("roles", [])) & {"trader", "admin"}:
        raise Forbidden("the token cannot trade; get one with --role trader --trader NAME --portfolio NAME", status=403, code="NO_TRADER")
    if asked is None and len(portfolios) == 1:
        return str(trader), str(portfolios[0])
    if asked is None or asked not in portfolios:
        named = ", ".join(portfolios) or "none"
        what = "name one of the token's portfolios" if asked is None else f"portfolio {asked!r} is not the token's"
        raise Malformed(f"{what} with --portfolio; it names {named}", field="portfolio")
    if int(welcome.get("next_order_id") or 1) > ID_MAX:
        raise Malformed(
            f"trader {trader!r} has used order ids beyond {ID_MAX:,}; let the strategy trade under another name", field="trader"
        )
    return str(trader), asked


def driver_of(participant: Participant, start: Start, mirror: Mirror, next_id: int, now: int) -> RemoteDriver:
    """The driver of a strategy, ready to be called from `now` (ns UTC) on."""
    exchange = Exchange(start.instruments, open_now=False, keep_facts=False, history_facts=True, cash={participant.name: 0})
    introduced = exchange.names.number(Kind.TRADER, participant.trader)[1]
    opening = [exchange.opening] + ([] if introduced is None else [introduced])
    exchange.opening = np.concatenate(opening)
    exchange.opening["ts"] = now - 2
    driver = RemoteDriver(exchange, participant)
    driver.enter(np.concatenate([exchange.opening, mirror.opening(start.quotes, now - 1)]))
    lots, costs = _held(start.account, start.instruments, exchange.decimals)
    cash, equity = (int(Decimal(start.account[name]).scaleb(exchange.decimals)) for name in ("cash", "equity"))
    driver.hold(cash, equity, lots, costs, next_id)
    driver.begin(now)
    return driver


def _held(account: Mapping[str, Any], instruments: Sequence[Instrument], decimals: int) -> tuple[np.ndarray, np.ndarray]:
    """Lots and cost (money) of the account's positions, by instrument."""
    lots, costs = np.zeros(len(instruments), np.int64), np.zeros(len(instruments), np.int64)
    for k, one in enumerate(instruments):
        held = account["positions"].get(one.symbol)
        if held is not None and Decimal(held["quantity"]):
            lots[k] = one.lots(Decimal(held["quantity"]))
            notional = Decimal(held["average_price"]) * Decimal(held["quantity"]) * one.multiplier
            costs[k] = round(notional.scaleb(decimals))
    return lots, costs

"""Portfolios as the JSON of `portfolio.events`: cash, equity, P&L and positions, from the integers of the exchange, through no float."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from engine.exchange import Exchange
from engine.messages.instrument import Instrument
from engine.messages.names import Names
from engine.messages.vocabulary import Kind
from engine.state.arrays import State
from live.wire.called import NULL, quoted
from live.wire.fact_json import LEVERAGE_DECIMALS
from live.wire.facts import Row
from live.wire.numbers import Texts, fixed, rounded
from live.wire.routes import PORTFOLIO_EVENTS
from live.wire.times import time_text

AVERAGE_DECIMALS = 10
"""Decimals of an average price beyond those of the price unit's mantissa: it is a quotient, rounded half to even."""


class Holding(NamedTuple):
    """A position, in the integers of the exchange."""

    instrument: int
    lots: int
    """Below 0: short."""
    cost: int
    """Money, of the sign of `lots`."""
    realized: int
    """Gross, money."""
    mark: int | None
    """Price units; None where the instrument has no mark."""
    value: int
    """Money of one price unit × one lot."""

    @property
    def worth(self) -> int:
        """At the mark, money."""
        return self.lots * (self.mark or 0) * self.value


class Account(NamedTuple):
    """A portfolio, in the integers of the exchange: money in units of 10^-decimals."""

    cash: int
    fees: int
    working: int
    """Notional of its working orders."""
    holdings: tuple[Holding, ...]


def account(state: State, owner: int) -> Account:
    """The account of a portfolio (by number, not the outside world's, whose costs the exchange does not keep) as the state has it.

    A position that never traded is left out, and so is one that is flat with no profit or loss at all.
    """
    row = state.portfolios[owner]
    opened = state.positions[: int(state.session["positions"][0])]
    mine = opened[opened["portfolio"] == owner]
    held = []
    for position in mine[(mine["quantity"] != 0) | (mine["realized"] != 0) | (mine["cost"] != 0)]:
        listed = state.instruments[int(position["instrument"])]
        mark = int(listed["mark"]) if listed["marked"] else None
        number, lots, cost, realized = (int(position[field]) for field in ("instrument", "quantity", "cost", "realized"))
        held.append(Holding(number, lots, cost, realized, mark, int(listed["value"])))
    return Account(int(row["cash"]), int(row["fees"]), int(row["working"]), tuple(sorted(held)))


def accounts(exchange: Exchange) -> dict[str, Account]:
    """The accounts of all portfolios but the outside world, by name."""
    return {name: account(exchange.state, number) for name, number in exchange.names.portfolios.items() if number}


def touched(facts: np.ndarray) -> list[int]:
    """Numbers of the portfolios whose cash or positions the facts (FACT) changed, in their order, without the outside world.

    A new mark changes the equity of all who hold the instrument, too; it is told with their next change of their own.
    """
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    deposits = facts[facts["kind"] == Kind.CashDeposited]
    found = np.unique(np.concatenate([trades["portfolio"], trades["maker_portfolio"], deposits["portfolio"]]))
    return [int(number) for number in found if number]


def portfolio_json(session: str, seq: int, ts: int, name: str, of: Account, names: Names, decimals: int) -> str:
    """A portfolio as of `seq` (ns UTC `ts`). An average price and the leverage are quotients, rounded; all else is exact."""
    money = Texts(Decimal(1).scaleb(-decimals))
    worth = sum(held.worth for held in of.holdings)
    exposure, equity = sum(abs(held.worth) for held in of.holdings) + of.working, of.cash + worth
    unrealized, realized = worth - sum(held.cost for held in of.holdings), sum(held.realized for held in of.holdings)
    leverage = f'"{rounded(exposure, equity, LEVERAGE_DECIMALS)}"' if equity > 0 else NULL
    positions = ",".join(_position(held, names.instruments[held.instrument], money) for held in of.holdings)
    return (
        f'{{"session":{quoted(session)},"seq":{seq},"ts":"{time_text(ts)}","name":{quoted(name)},"cash":{money[of.cash]}'
        f',"equity":{money[equity]},"realized_pnl":{money[realized]},"unrealized_pnl":{money[unrealized]},"fees":{money[of.fees]}'
        f',"exposure":{money[exposure]},"leverage":{leverage},"positions":{{{positions}}}}}'
    )


def _position(held: Holding, listed: Instrument, money: Texts) -> str:
    prices, average = Texts(listed.price_unit), NULL
    if held.lots:
        above, below = held.cost * prices.mantissa, held.lots * held.value
        sign = -1 if below < 0 else 1
        average = f'"{_price(sign * above, sign * below, prices.decimals)}"'
    return (
        f'{quoted(listed.symbol)}:{{"quantity":{Texts(listed.lot)[held.lots]},"average_price":{average}'
        f',"mark":{NULL if held.mark is None else prices[held.mark]},"realized_pnl":{money[held.realized]}'
        f',"unrealized_pnl":{money[held.worth - held.cost]}}}'
    )


def _price(above: int, below: int, decimals: int) -> str:
    """above ÷ below × 10^-decimals: with `decimals` where that is exact, else rounded to AVERAGE_DECIMALS more."""
    if above % below == 0:
        return fixed(above // below, decimals)
    return rounded(above, below * 10**decimals, decimals + AVERAGE_DECIMALS)


def encode_portfolios(session: str, seq: int, ts: int, accounts: dict[str, Account], names: Names, decimals: int) -> list[Row]:
    """The records of `portfolio.events` of portfolios (by name) as of `seq`; their key is the name, and the latest wins."""
    return [
        (PORTFOLIO_EVENTS, name.encode(), portfolio_json(session, seq, ts, name, of, names, decimals).encode())
        for name, of in accounts.items()
    ]

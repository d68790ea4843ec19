"""Positions, accounts and limits of the read models: what the facts alone say, so that nothing uncommitted is in it."""

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from engine.frames.accounts import exact_account, in_floats, portfolio_number, position_frame
from engine.frames.limits import Account, Row, limit_frame, limit_rows
from engine.frames.trades import WIDE
from engine.messages.names import Names
from engine.messages.vocabulary import Kind
from live.models.activity import wide
from live.models.arrays import Models, chosen

TOP = 2**63 - 1


def _used(models: Models) -> np.ndarray:
    return models.holdings[: int(models.head[0]["holdings"])]


def positions(models: Models, names: Names, decimals: int, portfolio: int | None) -> pl.DataFrame:
    """As `Exchange.positions`."""
    held = _used(models)
    held = chosen(held, (held["traded"] != 0) & (True if portfolio is None else held["portfolio"] == portfolio))
    held = chosen(held, np.lexsort([held["instrument"], held["portfolio"]]))
    values = models.markets["value"][held["instrument"]].tolist()
    fees = [wide(row, "fees") for row in held]
    money = {
        "notional": [wide(row, "turned") * value for row, value in zip(held, values)],
        "fees": fees,
        "cash_flow": [-wide(row, "paid") * value - fee for row, value, fee in zip(held, values, fees)],
    }
    sums = {name: pl.Series(name, held[name].copy()) for name in ("bought", "sold")}
    sums |= {name: pl.Series(name, of, dtype=WIDE) for name, of in money.items()}
    return position_frame(held, pl.DataFrame(sums), models.markets, names, decimals)


def portfolio_exact(models: Models, names: Names, decimals: int, name: str) -> dict[str, Any]:
    """As `portfolio`, in Decimals."""
    number = portfolio_number(names, name, len(models.accounts))
    held = _used(models)
    return exact_account(
        models.accounts[number], held[(held["portfolio"] == number) & (held["traded"] != 0)], models.markets, names, decimals
    )


def portfolio(models: Models, names: Names, decimals: int, name: str) -> dict[str, Any]:
    """As `Exchange.portfolio`."""
    return in_floats(portfolio_exact(models, names, decimals, name))


def _worth(models: Models, held: np.ndarray) -> list[int]:
    """Position × mark of holdings, in money."""
    markets = models.markets[held["instrument"]]
    columns = (held["quantity"].tolist(), markets["mark"].tolist(), markets["value"].tolist())
    return [lots * mark * value for lots, mark, value in zip(*columns)]


def _account(models: Models, number: int) -> Account:
    held = _used(models)
    held = held[held["portfolio"] == number]
    held = held[np.argsort(held["instrument"])]
    account, worth = models.accounts[number], _worth(models, held)
    lots = zip(*(held[name].tolist() for name in ("instrument", "quantity", "buying", "selling")))
    cash, equity = int(account["cash"]), int(account["cash"]) + sum(worth)
    return Account(
        cash=cash,
        equity=equity,
        exposure=sum(map(abs, worth)) + int(account["working"]),
        loss=int(account["base"]) - equity,
        buying=int(account["buying"]),
        worst={k: max(have + buys, sells - have) for k, have, buys, sells in lots if have or buys or sells},
    )


def _limits(models: Models, names: Names, decimals: int, portfolio: int | None) -> list[Row]:
    numbers = np.flatnonzero(models.limits["kind"] == Kind.LimitsSet).tolist() if portfolio is None else [portfolio]
    last = {number: models.limits[number] for number in numbers if models.limits[number]["kind"] == Kind.LimitsSet}
    return limit_rows(last, lambda number: _account(models, number), names, decimals)


def limits(models: Models, names: Names, decimals: int, portfolio: int | None) -> pl.DataFrame:
    """As `Exchange.limits`."""
    return limit_frame(_limits(models, names, decimals, portfolio), names)


def limits_exact(models: Models, names: Names, decimals: int, portfolio: int | None) -> list[dict[str, Any]]:
    """The rows of `limits` with Decimals: portfolio, limit, symbol, maximum, used, headroom; None where there is nothing."""
    called = {number: name for name, number in names.portfolios.items()}
    made = []
    for row in _limits(models, names, decimals, portfolio):
        scale = Decimal(row.scale.numerator) / row.scale.denominator
        used = None if row.used is None else row.used * scale
        symbol = None if row.instrument is None else names.instruments[row.instrument].symbol
        numbers = {"maximum": row.maximum * scale, "used": used, "headroom": None if used is None else row.maximum * scale - used}
        made.append({"portfolio": called[row.number], "limit": row.limit.name, "symbol": symbol, **numbers})
    return made


def begin_day(models: Models) -> None:
    """START_OF_DAY: the day's P&L of every portfolio begins at 0."""
    held = _used(models)
    held = held[held["quantity"] != 0]
    equity = dict(enumerate(models.accounts["cash"].tolist()))
    for owner, worth in zip(held["portfolio"].tolist(), _worth(models, held)):
        equity[owner] += worth
    models.accounts["base"][1:] = [max(-TOP, min(TOP, equity[number])) for number in range(1, len(models.accounts))]

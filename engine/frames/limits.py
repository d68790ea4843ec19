"""Risk limits, what they are used for, and what is left of them."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from engine.frames.accounts import working
from engine.frames.trades import WIDE
from engine.messages.instrument import FEE_PARTS
from engine.messages.names import Names
from engine.messages.vocabulary import NOT_NAMED, Kind, Reason
from engine.state.arrays import State

CASH_ACCOUNT = 1
"""The flag of a LimitsSet."""
RATIO = 10**9
"""Leverage is counted in parts of it."""


class Row(NamedTuple):
    """One limit in its own exact unit: lots, money or parts of 10^9; `scale`: of the numbers that people read."""

    number: int
    limit: Reason
    instrument: int | None
    maximum: int
    used: int | None
    scale: Fraction


class Account(NamedTuple):
    """What the limits of one portfolio are held against, in money and lots."""

    cash: int
    equity: int
    exposure: int
    loss: int  # of the day; negative where the day earned
    buying: int  # working buys with their fees
    worst: dict[int, int]  # instrument -> lots: position and all working orders of its worse side


def limits(facts: np.ndarray, names: Names, decimals: int, state: State) -> pl.DataFrame:
    """One row a limit that is set (POSITION_LIMIT: one a symbol held or worked): its maximum, what is used, the headroom that is left.

    In units, currency or as a ratio; `_raw` in lots, money of 10^-decimals or parts of 10^9. `used` of DAILY_LOSS_LIMIT is the day's loss,
    below 0 where the day earned; of LEVERAGE_LIMIT null where equity is not above 0. BUYING_POWER, of a cash account, has its cash as
    maximum.
    """
    last = {int(fact["portfolio"]): fact for fact in facts[facts["kind"] == Kind.LimitsSet]}
    orders = _buying(working(facts, state.instruments["value"]), state.instruments)
    return limit_frame(limit_rows(last, lambda number: _account(state, number, orders), names, decimals), names)


def limit_rows(last: Mapping[int, np.void], account: Callable[[int], Account], names: Names, decimals: int) -> list[Row]:
    """The limits of portfolios, by number and in the order in which they are checked. `last`: the newest LimitsSet of each."""
    lots = [instrument.lot for instrument in names.instruments]
    return [row for number in sorted(last) for row in _rows(lots, decimals, number, last[number], account(number))]


def limit_frame(rows: list[Row], names: Names) -> pl.DataFrame:
    """`limits` from their rows."""
    return pl.DataFrame([_read(row, names) for row in rows], schema=_COLUMNS)


_COLUMNS = {
    **dict.fromkeys(("portfolio", "limit", "symbol"), pl.String),
    **dict.fromkeys(("maximum", "used", "headroom"), pl.Float64),
    **dict.fromkeys(("maximum_raw", "used_raw", "headroom_raw"), pl.Int64),
}


def _buying(orders: pl.DataFrame, terms: np.ndarray) -> pl.DataFrame:
    """Working orders with the `cost` that a cash account keeps for a buy: its notional and the higher fee, rounded half away from zero."""
    number = orders["instrument"].to_numpy()
    rate = pl.Series(np.maximum(np.maximum(terms["maker_fee"], terms["taker_fee"]), 0)[number])
    fee = (pl.col("notional") * rate * 2 + FEE_PARTS) // (2 * FEE_PARTS)
    return orders.with_columns(cost=pl.when(pl.col("side") == 0).then(pl.col("notional") + fee.cast(WIDE)).otherwise(pl.lit(0, WIDE)))


def _account(state: State, number: int, orders: pl.DataFrame) -> Account:
    mine = orders.filter(pl.col("portfolio") == number)
    held = state.positions[: int(state.session["positions"][0])]
    held = held[held["portfolio"] == number]
    terms = state.instruments[held["instrument"]]
    worth = [lots * mark * value for lots, mark, value in zip(held["quantity"].tolist(), terms["mark"].tolist(), terms["value"].tolist())]
    cash = int(state.portfolios[number]["cash"])
    lots = {instrument: [position, 0, 0] for instrument, position in zip(held["instrument"].tolist(), held["quantity"].tolist())}
    for instrument, side, open_lots in mine.group_by("instrument", "side").agg(pl.col("lots").sum()).iter_rows():
        lots.setdefault(instrument, [0, 0, 0])[1 + side] = open_lots
    return Account(
        cash=cash,
        equity=cash + sum(worth),
        exposure=sum(map(abs, worth)) + int(mine["notional"].sum()),
        loss=int(state.portfolios[number]["base"]) - cash - sum(worth),
        buying=int(mine["cost"].sum()),
        worst={
            k: max(position + buys, sells - position) for k, (position, buys, sells) in sorted(lots.items()) if position or buys or sells
        },
    )


def _rows(lots: list[Decimal], decimals: int, number: int, fact: np.void, account: Account) -> Iterator[Row]:
    """The limits of one portfolio in the order in which they are checked."""
    money = Fraction(1, 10**decimals)
    digits, leverage = (int(np.uint64(fact[field]).view(np.int64)) for field in ("order_id", "maker_order_id"))
    if int(fact["flags"]) & CASH_ACCOUNT:
        yield Row(number, Reason.BUYING_POWER, None, account.cash, account.buying, money)
    if digits != NOT_NAMED:
        most = digits * Fraction(10) ** (int(fact["type"]) - 128)
        for instrument, used in account.worst.items():
            lot = Fraction(lots[instrument])
            yield Row(number, Reason.POSITION_LIMIT, instrument, int(most // lot), used, lot)
        if not account.worst:
            yield Row(number, Reason.POSITION_LIMIT, None, int(most), 0, Fraction(1))
    for limit, maximum, used in (
        (Reason.EXPOSURE_LIMIT, int(fact["value"]), account.exposure),
        (Reason.DAILY_LOSS_LIMIT, int(fact["limit"]), account.loss),
    ):
        if maximum != NOT_NAMED:
            yield Row(number, limit, None, maximum, used, money)
    if leverage != NOT_NAMED:
        ratio = account.exposure * RATIO // account.equity if account.equity > 0 else None
        yield Row(number, Reason.LEVERAGE_LIMIT, None, leverage, ratio, Fraction(1, RATIO))


def _read(row: Row, names: Names) -> dict[str, Any]:
    maximum, used = (value if value is not None and abs(value) < 2**63 else None for value in (row.maximum, row.used))
    exact = {"maximum": maximum, "used": used, "headroom": None if maximum is None or used is None else maximum - used}
    return {
        "portfolio": next((name for name, number in names.portfolios.items() if number == row.number), None),
        "limit": row.limit.name,
        "symbol": None if row.instrument is None else names.instruments[row.instrument].symbol,
        **{name: None if value is None else float(value * row.scale) for name, value in exact.items()},
        **{f"{name}_raw": value if value is not None and abs(value) < 2**63 else None for name, value in exact.items()},
    }

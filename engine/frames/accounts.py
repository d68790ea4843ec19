"""What portfolios have: cash, equity and positions, exact in integers until the last division."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from engine.frames import columns
from engine.frames.orders import ACTIVE, lives
from engine.frames.trades import WIDE, traded
from engine.messages.names import Names
from engine.messages.vocabulary import Flag, OrderType, Side
from engine.state.accounts import replay_costs
from engine.state.arrays import POSITION, State


def fills(facts: np.ndarray) -> pl.DataFrame:
    """Both sides of every fill, history's too (it is portfolio 0), maker first: portfolio, instrument, signed lots, price units, fee."""
    t = traded(facts)
    lots = np.where(t["side"] == Side.BUY, 1, -1) * t["quantity"].astype(np.int64)

    def both(maker: np.ndarray, taker: np.ndarray) -> np.ndarray:
        return np.stack([maker, taker], axis=1).ravel().astype(np.int64)

    return pl.DataFrame(
        {
            "portfolio": both(t["maker_portfolio"], t["portfolio"]),
            "instrument": both(t["instrument"], t["instrument"]),
            "lots": both(-lots, lots),
            "price": both(t["price"], t["price"]),
            "fee": both(t["maker_fee"], t["fee"]),
        }
    )


def booked(sides: pl.DataFrame, values: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """The portfolios and instruments of `fills`, in order, and their positions (POSITION): quantity, cost and gross realised P&L.

    `values`: int64, money of one price unit × one lot of each instrument.
    """
    key = sides["portfolio"].to_numpy() << 16 | sides["instrument"].to_numpy()
    keys, which = np.unique(key, return_inverse=True)
    rows = np.stack([which, sides["lots"].to_numpy(), sides["price"].to_numpy()], axis=1).astype(np.int64)
    held = np.zeros(len(keys), POSITION)
    replay_costs(np.ascontiguousarray(rows), np.ascontiguousarray(values[keys & 0xFFFF]), held)
    return pl.DataFrame({"portfolio": keys >> 16, "instrument": keys & 0xFFFF}), held


def positions(facts: np.ndarray, names: Names, decimals: int, state: State) -> pl.DataFrame:
    """One row a portfolio and instrument that it traded: what it holds, what it bought, sold and paid, its cost and P&L.

    `realized_pnl` is gross, before fees; `notional` and `cash_flow` are sums over all fills, `cash_flow` net of fees.
    """
    sides = fills(facts)
    keys, held = booked(sides, state.instruments["value"])
    held["portfolio"], held["instrument"] = keys["portfolio"].to_numpy(), keys["instrument"].to_numpy()
    return position_frame(held, _sums(sides, state.instruments["value"]), state.instruments, names, decimals)


def position_frame(held: np.ndarray, sums: pl.DataFrame, terms: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """`positions` from their rows: `held` with the fields portfolio, instrument, quantity, cost and realized, `sums` with the columns of
    bought and sold lots and of money (128 bits), `terms` of the instruments with the fields value, mark and marked."""
    number, owner = held["instrument"].astype(np.int64), held["portfolio"].astype(np.int64)
    lots, cost, realized = held["quantity"].copy(), held["cost"].copy(), held["realized"].copy()
    each, mark, marked = terms["value"][number], terms["mark"][number], terms["marked"][number] != 0
    average = columns.price(cost, number, names, among=lots * each)
    bought, sold = (sums[name].to_numpy() for name in ("bought", "sold"))
    made = {
        "portfolio": columns.portfolios(owner, names),
        "symbol": columns.symbols(number, names),
        **{name: columns.quantity(of, number, names) for name, of in (("quantity", lots), ("bought", bought), ("sold", sold))},
        **{name: columns.money(sums[name], decimals) for name in ("notional", "fees", "cash_flow")},
        "quantity_lots": lots,
        "bought_lots": bought,
        "sold_lots": sold,
        **{f"{name}_raw": columns.whole(sums[name]) for name in ("notional", "fees", "cash_flow")},
        "average_price": columns.nulled(average, lots == 0),
        "mark": columns.nulled(columns.price(mark, number, names), ~marked),
        "realized_pnl": columns.money(realized, decimals),
        "unrealized_pnl": columns.money(lots * mark * each - cost, decimals),
    }
    return pl.DataFrame(made)


def _sums(sides: pl.DataFrame, values: np.ndarray) -> pl.DataFrame:
    """By portfolio and instrument, in order: lots bought and sold, and money (128 bits): notional, fees, cash flow."""
    lots, paid = pl.col("lots"), pl.col("lots").cast(WIDE) * pl.col("price") * pl.col("value")
    return (
        sides.with_columns(value=pl.Series(values[sides["instrument"].to_numpy()]))
        .group_by("portfolio", "instrument")
        .agg(
            lots.filter(lots > 0).sum().alias("bought"),
            -lots.filter(lots < 0).sum().alias("sold"),
            paid.abs().sum().alias("notional"),
            pl.col("fee").cast(WIDE).sum().alias("fees"),
            (pl.lit(0, WIDE) - paid - pl.col("fee")).sum().alias("cash_flow"),
        )
        .sort("portfolio", "instrument")
    )


def working(facts: np.ndarray, values: np.ndarray) -> pl.DataFrame:
    """Active orders that risk counts, pending stops too, without reduce-only ones: portfolio, instrument, side, open lots, notional.

    The notional is money; an order is worth its price, a STOP its stop price.
    """
    rows = lives(facts).filter(pl.col("status").is_in(ACTIVE) & (pl.col("flags") & int(Flag.REDUCE_ONLY) == 0))
    price = pl.when(pl.col("type") == OrderType.STOP).then(pl.col("stop_price")).otherwise(pl.col("price"))
    value = pl.Series(values[rows["instrument"].to_numpy()])
    lots = pl.col("quantity").cast(pl.Int64) - pl.col("traded")
    return rows.select("portfolio", "instrument", "side", lots=lots, notional=price.cast(pl.Int64).abs().cast(WIDE) * lots * value)


def portfolio(facts: np.ndarray, names: Names, decimals: int, state: State, name: str) -> dict[str, Any]:
    """A portfolio's account; `realized_pnl` is gross, `cash` and `equity` are net of fees. Raises KeyError for an unknown name."""
    number = portfolio_number(names, name, len(state.portfolios))
    return in_floats(exact_account(state.portfolios[number], _held(facts, state, number), state.instruments, names, decimals))


def portfolio_number(names: Names, name: str, count: int) -> int:
    """The number of a portfolio, which is below `count`. Raises KeyError for an unknown name."""
    number = names.portfolios.get(name)
    if number is None or number >= count:
        raise KeyError(f"no portfolio {name!r}; there are {', '.join(map(repr, names.portfolios))}")
    return number


def exact_account(account: np.void, held: np.ndarray, terms: np.ndarray, names: Names, decimals: int) -> dict[str, Any]:
    """`portfolio` in Decimals, exact but for the two quotients `leverage` and `average_price` (28 digits).

    `account` has the fields cash, fees and working; the rows of `held` instrument, quantity, cost and realized; those of `terms`, by the
    number of the instrument, value, mark and marked.
    """
    unit = Decimal(1).scaleb(-decimals)
    cash = int(account["cash"])
    positions: dict[str, dict[str, Any]] = {}
    worth, size, realized, unrealized = 0, 0, 0, 0
    for position in held:
        instrument, of = names.instruments[int(position["instrument"])], terms[int(position["instrument"])]
        lots, cost = int(position["quantity"]), int(position["cost"])
        value = lots * int(of["mark"]) * int(of["value"])
        worth, size = worth + value, size + abs(value)
        realized, unrealized = realized + int(position["realized"]), unrealized + value - cost
        positions[instrument.symbol] = {
            "quantity": instrument.quantity(lots),
            "average_price": Decimal(cost) / (lots * int(of["value"])) * instrument.price_unit if lots else None,
            "mark": instrument.price(int(of["mark"])) if of["marked"] else None,
            "realized_pnl": int(position["realized"]) * unit,
            "unrealized_pnl": (value - cost) * unit,
        }
    equity, exposure = cash + worth, size + int(account["working"])
    return {
        "cash": cash * unit,
        "equity": equity * unit,
        "realized_pnl": realized * unit,
        "unrealized_pnl": unrealized * unit,
        "fees": int(account["fees"]) * unit,
        "exposure": exposure * unit,
        "leverage": Decimal(exposure) / equity if equity > 0 else None,
        "positions": positions,
    }


def in_floats(account: dict[str, Any]) -> dict[str, Any]:
    """An `exact_account` with each number as the float nearest to it."""
    made = {name: None if number is None else float(number) for name, number in account.items() if name != "positions"}
    exact = account["leverage"] is not None
    made["leverage"] = float(Fraction(account["exposure"]) / Fraction(account["equity"])) if exact else None
    held = account["positions"].items()
    floats = {symbol: {name: None if number is None else float(number) for name, number in one.items()} for symbol, one in held}
    return {**made, "positions": floats}


def _held(facts: np.ndarray, state: State, number: int) -> np.ndarray:
    """The positions (POSITION) of a portfolio in what it ever traded; those of the outside world, whose costs the kernel does not keep,
    booked again from the fills."""
    if number == 0:
        keys, held = booked(fills(facts).filter(pl.col("portfolio") == 0), state.instruments["value"])
        held["instrument"] = keys["instrument"].to_numpy()
        return held
    mine = state.positions[: int(state.session["positions"][0])]
    mine = mine[mine["portfolio"] == number]
    idle = (mine["quantity"] == 0) & (mine["realized"] == 0) & (mine["cost"] == 0)
    if idle.any():
        t = traded(facts)
        idle &= ~np.isin(mine["instrument"], t["instrument"][(t["portfolio"] == number) | (t["maker_portfolio"] == number)])
    return mine[~idle]

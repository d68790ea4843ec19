"""What the facts say, as polars frames: trades, orders, and the value of a portfolio."""

from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from engine.accounts import replay_costs
from engine.instrument import Instrument
from engine.names import Names
from engine.state import POSITION
from engine.vocabulary import HISTORY, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce

if TYPE_CHECKING:
    from engine.exchange import Exchange

ENDED = {Kind.OrderCancelled: OrderStatus.CANCELLED, Kind.OrderExpired: OrderStatus.EXPIRED, Kind.OrderRejected: OrderStatus.REJECTED}
UNUSED = [r for r in Reason if Reason.UNKNOWN_INSTRUMENT <= r <= Reason.DUPLICATE_ORDER or r >= Reason.UNKNOWN_PORTFOLIO]
"""Reasons of an OrderRejected that left the id unused, or named an order that was there before."""


def words(codes: np.ndarray, enum: type[IntEnum]) -> pl.Series:
    """Enum numbers as names."""
    table = np.array([next((w.name for w in enum if w == k), str(k)) for k in range(max(enum) + 1)], object)
    return pl.Series(table[np.minimum(codes, max(enum))].tolist(), dtype=pl.String).cast(pl.Categorical).cast(pl.String)


def named(numbers: np.ndarray, table: Mapping[str, int]) -> pl.Series:
    """Numbers as the names they stand for; null where there is none."""
    return pl.Series(numbers).replace_strict(list(table.values()), list(table), default=None, return_dtype=pl.String)


def times(ts: np.ndarray) -> pl.Series:
    """Nanoseconds as Datetime("ns", "UTC")."""
    return pl.Series(np.ascontiguousarray(ts)).cast(pl.Datetime("ns", "UTC"))


def scaled(units: np.ndarray, numbers: np.ndarray, instruments: list[Instrument], field: str) -> np.ndarray:
    """Units as Float64: exact division, so that 2234500 units of 0.0001 are the float of 223.45."""
    made = np.zeros(len(units), np.float64)
    for number in np.unique(numbers):
        step = Decimal(getattr(instruments[int(number)], field)).normalize()
        _, digits, exponent = step.as_tuple()
        mantissa, power = int("".join(map(str, digits))), int(exponent)
        rows = numbers == number if len(instruments) > 1 else slice(None)
        whole = units[rows].astype(np.float64) * mantissa
        made[rows] = whole / 10.0**-power if power < 0 else whole * 10.0**power
    return made


def trades(facts: np.ndarray, names: Names) -> pl.DataFrame:
    """Every TradeExecuted: seq, ts, symbol, price, quantity, both ids and portfolios, taker_side, and exact units."""
    t = facts[facts["kind"] == Kind.TradeExecuted]
    number = t["instrument"]
    return pl.DataFrame(
        {
            "seq": t["seq"].copy(),
            "ts": times(t["ts"]),
            "symbol": named(number.astype(np.int64), names.symbols),
            "price": scaled(t["price"], number, names.instruments, "price_unit"),
            "quantity": scaled(t["quantity"], number, names.instruments, "lot"),
            "maker_order_id": t["maker_order_id"].copy(),
            "taker_order_id": t["order_id"].copy(),
            "maker_portfolio": named(t["maker_portfolio"].astype(np.int64), names.portfolios),
            "taker_portfolio": named(t["portfolio"].astype(np.int64), names.portfolios),
            "taker_side": words(t["side"], Side),
            "price_ticks": _ticks(t["price"], number, names.instruments),
            "quantity_lots": t["quantity"].astype(np.int64),
        }
    )


def _ticks(units: np.ndarray, numbers: np.ndarray, instruments: list[Instrument]) -> pl.Series:
    """Price units in ticks; null where a print is off the tick."""
    each = np.array([i.tick_units for i in instruments] or [1])[numbers]
    return pl.Series(units.astype(np.int64) // each).set(pl.Series(units % each != 0), None)


_KEY = ["trader", "order_id", "life"]


def _lives(facts: np.ndarray) -> pl.DataFrame:
    """What facts say about clients' orders, one row a fact and order; `life` counts the orders of a reused id."""
    fields = ["seq", "ts", "order_id", "trader", "portfolio", "instrument", "kind", "reason", "type", "side", "time_in_force"]
    fields += ["price", "stop_price", "quantity", "remaining"]
    own = np.isin(facts["kind"], [Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderTriggered, *ENDED])
    own &= ~((facts["kind"] == Kind.OrderRejected) & np.isin(facts["reason"], UNUSED))
    told = pl.DataFrame({name: facts[name][own].copy() for name in fields}).with_columns(
        traded=pl.lit(0, pl.Int64), paid=pl.lit(0, pl.Int64)
    )
    parts = [told]
    t = facts[facts["kind"] == Kind.TradeExecuted]
    for prefix, rest in (("", "remaining"), ("maker_", "maker_remaining")):
        mine = t[t[f"{prefix}trader"] != HISTORY]
        made = {
            name: mine[name].copy() for name in ("seq", "ts", "instrument", "kind", "reason", "side", "type", "time_in_force", "stop_price")
        }
        made |= {name: mine[f"{prefix}{name}"].copy() for name in ("order_id", "trader", "portfolio")}
        made |= {"price": mine["price"].copy(), "quantity": mine["quantity"].copy(), "remaining": mine[rest].copy()}
        lots = mine["quantity"].astype(np.int64)
        parts.append(pl.DataFrame(made).with_columns(traded=pl.Series(lots), paid=pl.Series(mine["price"] * lots)).select(told.columns))
    entry = (pl.col("kind") == Kind.OrderCreated) | (pl.col("kind") == Kind.OrderRejected)
    return pl.concat(parts).sort("seq", maintain_order=True).with_columns(life=entry.cum_sum().over("trader", "order_id"))


def orders(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """One row a used id since the last START_OF_DAY, in order of entry."""
    days = np.flatnonzero(facts["kind"] == Kind.DayStarted)
    told = _lives(facts)
    not_traded = pl.col("kind") != Kind.TradeExecuted
    rows = told.group_by(_KEY, maintain_order=True).agg(
        pl.col("seq", "ts", "portfolio", "instrument", "type", "side", "time_in_force").first(),
        pl.col("price", "stop_price", "quantity").filter(not_traded).last(),
        pl.col("ts").last().alias("updated"),
        pl.col("kind", "reason", "remaining").last(),
        pl.col("traded", "paid").sum(),
    )
    if len(days):
        opened = pl.Series(facts["seq"])[int(days[-1])]
        alive = pl.col("kind").is_in([Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderTriggered, Kind.TradeExecuted]) & (
            pl.col("remaining") > 0
        )
        before = (
            told.filter(pl.col("seq") < opened).group_by(_KEY, maintain_order=True).agg(pl.col("kind", "remaining").last()).filter(alive)
        )
        rows = rows.join(before.select(_KEY, kept=pl.lit(True)), on=_KEY, how="left", maintain_order="left")
        rows = rows.filter((pl.col("seq") > opened) | pl.col("kept").fill_null(False))
    return _order_frame(rows, names)


def _status(rows: pl.DataFrame) -> pl.Series:
    ended = pl.coalesce(*(pl.when(pl.col("kind") == kind).then(pl.lit(status.name)) for kind, status in ENDED.items()))
    filled = pl.when((pl.col("kind") == Kind.TradeExecuted) & (pl.col("remaining") == 0)).then(pl.lit("FILLED"))
    working = pl.when(pl.col("traded") > 0).then(pl.lit("PARTIALLY_FILLED")).otherwise(pl.lit("NEW"))
    return rows.select(pl.coalesce(ended, filled, working)).to_series()


def _order_frame(rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    number = rows["instrument"].to_numpy()
    kind = rows["type"].to_numpy()
    traded = rows["traded"].to_numpy()

    def price(field: str, where: np.ndarray) -> pl.Series:
        made = pl.Series(scaled(rows[field].to_numpy(), number, names.instruments, "price_unit"))
        return made.set(pl.Series(~where), None)

    units = np.divide(rows["paid"].to_numpy(), traded, out=np.zeros(len(rows)), where=traded > 0)
    reason = words(rows["reason"].to_numpy(), Reason)
    return pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "symbol": named(number.astype(np.int64), names.symbols),
            "portfolio": named(rows["portfolio"].to_numpy().astype(np.int64), names.portfolios),
            "trader": named(rows["trader"].to_numpy().astype(np.int64), names.traders),
            "type": words(kind, OrderType),
            "side": words(rows["side"].to_numpy(), Side),
            "quantity": scaled(rows["quantity"].to_numpy(), number, names.instruments, "lot"),
            "price": price("price", (kind == OrderType.LIMIT) | (kind == OrderType.STOP_LIMIT)),
            "stop_price": price("stop_price", kind >= OrderType.STOP),
            "time_in_force": words(rows["time_in_force"].to_numpy(), TimeInForce),
            "status": _status(rows),
            "executed_quantity": scaled(traded, number, names.instruments, "lot"),
            "average_price": pl.Series(scaled(units, number, names.instruments, "price_unit")).set(pl.Series(traded == 0), None),
            "created": times(rows["ts"].to_numpy()),
            "updated": times(rows["updated"].to_numpy()),
            "reason": reason.set(reason == "NONE", None),
            "price_ticks": _ticks(rows["price"].to_numpy(), number, names.instruments).set(pl.Series(kind == OrderType.MARKET), None),
            "quantity_lots": rows["quantity"].cast(pl.Int64),
        }
    )


def portfolio(exchange: "Exchange", name: str) -> dict[str, Any]:
    """A portfolio's account, exact in integers until the last division. Raises KeyError for a name that never came up."""
    number = exchange.names.portfolios.get(name)
    state = exchange.state
    if number is None or number >= len(state.portfolios):
        raise KeyError(f"no portfolio {name!r}; there are {', '.join(map(repr, exchange.names.portfolios))}")
    unit = Decimal(1).scaleb(-exchange.decimals)
    account = state.portfolios[number]
    cash = int(account["cash"])
    positions = state.positions[: int(state.session["positions"][0])]
    if number == 0:
        positions = _outside_world(exchange)
    held: dict[str, dict[str, Any]] = {}
    worth, size, realized, unrealized = 0, 0, 0, 0
    for position in positions:
        if int(position["portfolio"]) != number:
            continue
        instrument, terms = exchange.instruments[int(position["instrument"])], state.instruments[int(position["instrument"])]
        lots, cost = int(position["quantity"]), int(position["cost"])
        value = lots * int(terms["mark"]) * int(terms["value"])
        worth, size = worth + value, size + abs(value)
        realized, unrealized = realized + int(position["realized"]), unrealized + value - cost
        if lots or int(position["realized"]) or cost or _ever_traded(exchange, number, int(position["instrument"])):
            held[instrument.symbol] = {
                "quantity": float(instrument.quantity(lots)),
                "average_price": float(Decimal(cost) / (lots * int(terms["value"])) * instrument.price_unit) if lots else None,
                "mark": float(instrument.price(int(terms["mark"]))) if terms["marked"] else None,
                "realized_pnl": float(int(position["realized"]) * unit),
                "unrealized_pnl": float((value - cost) * unit),
            }
    equity, exposure = cash + worth, size + int(account["working"])
    return {
        "cash": float(cash * unit),
        "equity": float(equity * unit),
        "realized_pnl": float(realized * unit),
        "unrealized_pnl": float(unrealized * unit),
        "fees": float(int(account["fees"]) * unit),
        "exposure": float(exposure * unit),
        "leverage": exposure / equity if equity > 0 else None,
        "positions": held,
    }


def _ever_traded(exchange: "Exchange", portfolio_number: int, instrument: int) -> bool:
    facts = exchange.facts
    t = facts[(facts["kind"] == Kind.TradeExecuted) & (facts["instrument"] == instrument)]
    return bool(((t["portfolio"] == portfolio_number) | (t["maker_portfolio"] == portfolio_number)).any())


def _outside_world(exchange: "Exchange") -> np.ndarray:
    """Positions of portfolio "", whose costs the kernel does not keep: booked again from the trades, maker first."""
    t = exchange.facts
    t = t[t["kind"] == Kind.TradeExecuted]
    lots = np.where(t["side"] == Side.BUY, 1, -1) * t["quantity"].astype(np.int64)
    rows = np.stack([np.repeat(t["instrument"], 2), np.stack([-lots, lots], 1).ravel(), np.repeat(t["price"], 2)], axis=1).astype(np.int64)
    outside = np.stack([t["maker_portfolio"], t["portfolio"]], axis=1).ravel() == 0
    positions = np.zeros(len(exchange.instruments), POSITION)
    positions["instrument"] = np.arange(len(positions))
    replay_costs(np.ascontiguousarray(rows[outside]), exchange.state.instruments["value"].copy(), positions)
    return positions

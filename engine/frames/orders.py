"""Orders as people read them: where each stands, and every fact about one."""

import numpy as np
import polars as pl

from engine.frames import columns
from engine.frames.order_states import ENDED, ORDER_KINDS, UNUSED, order_facts, order_states
from engine.messages.names import Names
from engine.messages.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce

ACTIVE = [OrderStatus.NEW.name, OrderStatus.PENDING.name, OrderStatus.PARTIALLY_FILLED.name]


def naming(facts: np.ndarray, order_id: int, trader: int) -> np.ndarray:
    """The facts (FACT) that name an order, in the order of `seq`; of a trade either side counts."""
    at = (facts["order_id"] == order_id) & (facts["trader"] == trader)
    at |= (facts["maker_order_id"] == order_id) & (facts["maker_trader"] == trader) & (facts["kind"] == Kind.TradeExecuted)
    return facts[at]


def lives(facts: np.ndarray) -> pl.DataFrame:
    """One row an order, in order of entry, in the integers of the facts: see `OrderStates`; `status` as its name."""
    states = order_states(facts, order_facts(facts))
    rows = pl.DataFrame(states._asdict())
    return rows.with_columns(status=columns.words(states.status, OrderStatus)).sort("seq")


def of_the_day(rows: pl.DataFrame, facts: np.ndarray) -> pl.DataFrame:
    """Of `lives`, those that entered since the last START_OF_DAY, or were still active then."""
    days = np.flatnonzero(facts["kind"] == Kind.DayStarted)
    if not len(days):
        return rows
    return rows.filter((pl.col("last") > int(facts["seq"][days[-1]])) | pl.col("status").is_in(ACTIVE))


def orders(rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    """`lives` as people read them; the columns are those of DESIGN section 7, then the exact ones."""
    number, kind = rows["instrument"].to_numpy(), rows["type"].to_numpy()
    unpriced, unstopped = ~np.isin(kind, (OrderType.LIMIT, OrderType.STOP_LIMIT)), kind < OrderType.STOP
    traded, flags = rows["traded"].to_numpy(), rows["flags"].to_numpy()
    average = columns.price(rows["paid"].to_numpy(), number, names, among=traded)
    reason = rows["reason"].to_numpy()
    return pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "symbol": columns.symbols(number, names),
            "portfolio": columns.portfolios(rows["portfolio"].to_numpy(), names),
            "trader": columns.traders(rows["trader"].to_numpy(), names),
            "type": columns.words(kind, OrderType),
            "side": columns.words(rows["side"].to_numpy(), Side),
            "quantity": columns.quantity(rows["quantity"].to_numpy(), number, names),
            "price": columns.nulled(columns.price(rows["price"].to_numpy(), number, names), unpriced),
            "stop_price": columns.nulled(columns.price(rows["stop_price"].to_numpy(), number, names), unstopped),
            "time_in_force": columns.words(rows["time_in_force"].to_numpy(), TimeInForce),
            "status": rows["status"],
            "executed_quantity": columns.quantity(traded, number, names),
            "average_price": columns.nulled(average, traded == 0),
            "created": columns.times(rows["ts"].to_numpy()),
            "updated": columns.times(rows["updated"].to_numpy()),
            "reason": columns.nulled(columns.words(reason, Reason), reason == Reason.NONE),
            "price_ticks": columns.nulled(columns.ticks(rows["price"].to_numpy(), number, names), unpriced),
            "quantity_lots": rows["quantity"].cast(pl.Int64),
            "stop_price_ticks": columns.nulled(columns.ticks(rows["stop_price"].to_numpy(), number, names), unstopped),
            "executed_lots": rows["traded"],
            "post_only": flags & Flag.POST_ONLY != 0,
            "reduce_only": flags & Flag.REDUCE_ONLY != 0,
            "seq": rows["seq"],
        }
    )


def depth(sides: list[np.ndarray], symbol: str, names: Names) -> pl.DataFrame:
    """Levels of a book from int64 rows (price units, lots, orders) of bids and asks, best first."""
    rows = np.concatenate(sides)
    number = np.full(len(rows), names.symbols[symbol])
    return pl.DataFrame(
        {
            "symbol": pl.repeat(symbol, len(rows), eager=True),
            "side": pl.Series(["BUY"] * len(sides[0]) + ["SELL"] * len(sides[1]), dtype=pl.String),
            "level": np.concatenate([np.arange(1, len(side) + 1) for side in sides]),
            "price": columns.price(rows[:, 0], number, names),
            "quantity": columns.quantity(rows[:, 1], number, names),
            "orders": rows[:, 2],
            "price_ticks": columns.ticks(rows[:, 0], number, names),
            "quantity_lots": rows[:, 1],
        }
    )


def history(facts: np.ndarray, order_id: int, trader: int, names: Names, decimals: int) -> pl.DataFrame:
    """Every fact that names a client's order, in the order of `seq`, with the status after it.

    Of a TradeExecuted, `side` and `remaining` are the order's own, price and quantity what traded, and `liquidity` is MAKER or TAKER;
    `value_raw` and `limit_raw` are those of a refusal.
    """
    f = naming(facts, order_id, trader)
    number, kind = f["instrument"], f["kind"]
    trade, shown = kind == Kind.TradeExecuted, np.isin(kind, [*ORDER_KINDS, Kind.TradeExecuted])
    maker = trade & (f["maker_order_id"] == order_id) & (f["maker_trader"] == trader)
    remaining = np.where(maker, f["maker_remaining"], f["remaining"]).astype(np.int64)
    side = np.where(maker, 1 - f["side"].astype(np.int64), f["side"])
    unpriced = ~shown | (~trade & ~np.isin(f["type"], (OrderType.LIMIT, OrderType.STOP_LIMIT)))
    unstopped = ~shown | trade | (f["type"] < OrderType.STOP)
    fee = np.where(maker, f["maker_fee"], f["fee"])
    liquidity = np.where(maker, "MAKER", "TAKER")
    refused = np.isin(kind, (Kind.OrderRejected, Kind.ReplaceRejected, Kind.CancelRejected))
    known = (f["reason"] != Reason.UNKNOWN_INSTRUMENT) & (number < len(names.instruments))
    return pl.DataFrame(
        {
            "seq": f["seq"].copy(),
            "ts": columns.times(f["ts"]),
            "event": columns.words(kind, Kind),
            "status": _status_after(f, remaining),
            "reason": columns.nulled(columns.words(f["reason"], Reason), f["reason"] == Reason.NONE),
            "order_id": np.full(len(f), order_id, np.uint64),
            "symbol": columns.nulled(columns.symbols(number, names), ~known),
            "portfolio": columns.nulled(columns.portfolios(np.where(maker, f["maker_portfolio"], f["portfolio"]), names), ~shown),
            "trader": columns.traders(np.full(len(f), trader), names),
            "side": columns.nulled(columns.words(side, Side), ~shown),
            "type": columns.nulled(columns.words(f["type"], OrderType), ~shown | trade),
            "quantity": columns.nulled(columns.quantity(f["quantity"], number, names), ~shown | ~known),
            "price": columns.nulled(columns.price(f["price"], number, names), unpriced | ~known),
            "stop_price": columns.nulled(columns.price(f["stop_price"], number, names), unstopped | ~known),
            "remaining": columns.nulled(columns.quantity(remaining, number, names), ~shown | ~known),
            "fee": columns.nulled(columns.money(fee, decimals), ~trade),
            "liquidity": columns.nulled(pl.Series(liquidity, dtype=pl.String), ~trade),
            "price_ticks": columns.nulled(columns.ticks(f["price"], number, names), unpriced | ~known),
            "quantity_lots": columns.nulled(f["quantity"].astype(np.int64), ~shown),
            "remaining_lots": columns.nulled(remaining, ~shown),
            "fee_raw": columns.nulled(fee, ~trade),
            "value_raw": columns.nulled(f["value"].copy(), ~refused),
            "limit_raw": columns.nulled(f["limit"].copy(), ~refused),
        }
    )


def _status_after(f: np.ndarray, remaining: np.ndarray) -> pl.Series:
    """The status of one order after each of its facts; null before it is there."""
    kind, waits = f["kind"], f["type"] >= OrderType.STOP
    trade = kind == Kind.TradeExecuted
    refused = (kind == Kind.OrderRejected) & np.isin(f["reason"], UNUSED)
    cases = {
        OrderStatus.PENDING: (kind == Kind.OrderCreated) & waits,
        OrderStatus.NEW: ((kind == Kind.OrderCreated) & ~waits) | (kind == Kind.OrderTriggered),
        OrderStatus.PARTIALLY_FILLED: trade & (remaining > 0),
        OrderStatus.FILLED: trade & (remaining == 0),
        **{status: (kind == of) & ~refused for of, status in ENDED.items()},
    }
    codes = np.select(list(cases.values()), [int(status) for status in cases], len(OrderStatus))
    return columns.words(codes, OrderStatus).forward_fill()

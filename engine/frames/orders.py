"""Orders as the facts describe them: where each stands, and every fact about one."""

import numpy as np
import polars as pl

from engine.frames import columns
from engine.messages.names import Names
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderStatus, OrderType, Reason, Side, TimeInForce

ENDED = {Kind.OrderCancelled: OrderStatus.CANCELLED, Kind.OrderExpired: OrderStatus.EXPIRED, Kind.OrderRejected: OrderStatus.REJECTED}
ORDER_FACTS = [Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, *ENDED]
"""Facts that show an order as it stands then."""
UNUSED = [r for r in Reason if Reason.UNKNOWN_INSTRUMENT <= r <= Reason.DUPLICATE_ORDER or r >= Reason.UNKNOWN_PORTFOLIO]
"""Reasons of an OrderRejected that left the id unused, or named an order that was there before."""
ACTIVE = [OrderStatus.NEW.name, OrderStatus.PENDING.name, OrderStatus.PARTIALLY_FILLED.name]

_BIRTH = [Kind.OrderCreated, Kind.OrderRejected]
_ABOUT_ORDERS = np.isin(np.arange(256), [*ORDER_FACTS, Kind.TradeExecuted])


def naming(facts: np.ndarray, order_id: int, trader: int) -> np.ndarray:
    """The facts (FACT) that name an order, in the order of `seq`; of a trade either side counts."""
    at = (facts["order_id"] == order_id) & (facts["trader"] == trader)
    at |= (facts["maker_order_id"] == order_id) & (facts["maker_trader"] == trader) & (facts["kind"] == Kind.TradeExecuted)
    return facts[at]


def _by_order(facts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Facts about clients' orders, those of one id together in the order of `seq`; a fill of two clients stands here twice.

    Index of each fact, whether the order is the maker in it, and where an order's facts begin.
    """
    kind, trade = facts["kind"], facts["kind"] == Kind.TradeExecuted
    told = np.isin(kind, ORDER_FACTS) & ~((kind == Kind.OrderRejected) & np.isin(facts["reason"], UNUSED))
    takes, makes = trade & (facts["trader"] != HISTORY), trade & (facts["maker_trader"] != HISTORY)
    own, maker = np.flatnonzero(told | takes), np.flatnonzero(makes)
    trader = np.concatenate([facts["trader"][own], facts["maker_trader"][maker]])
    order_id = np.concatenate([facts["order_id"][own], facts["maker_order_id"][maker]])
    at = np.concatenate([own, maker])
    together = pl.DataFrame({"trader": trader, "order_id": order_id, "at": at}).select(pl.arg_sort_by("trader", "order_id", "at"))
    order = together.to_series().to_numpy()
    at, trader, order_id = at[order], trader[order], order_id[order]
    begins = np.isin(kind[at], _BIRTH)
    begins[1:] |= (trader[1:] != trader[:-1]) | (order_id[1:] != order_id[:-1])
    begins[:1] = True
    return at, order >= len(own), np.flatnonzero(begins)


def lives(facts: np.ndarray) -> pl.DataFrame:
    """One row an order, in order of entry, in the integers of the facts, with `status`, `traded` lots and what was `paid` (units × lots).

    An id that is used again after START_OF_DAY is another order. `last`: seq of the last fact about it.
    """
    facts = facts[_ABOUT_ORDERS[facts["kind"]]]
    at, maker, first = _by_order(facts)
    last, kind, lots = np.append(first, len(at))[1:] - 1, facts["kind"][at], facts["quantity"][at].astype(np.int64)
    traded = np.where(kind == Kind.TradeExecuted, lots, 0)

    def folded(fold: np.ufunc, values: np.ndarray) -> np.ndarray:
        return fold.reduceat(values, first) if len(first) else values

    born, now = facts[at[first]], facts[at[last]]
    terms = facts[at[folded(np.maximum, np.where(kind == Kind.TradeExecuted, 0, np.arange(len(at))))]]
    rows = pl.DataFrame(
        {
            **{name: born[name].copy() for name in ("order_id", "trader", "seq", "ts", "portfolio", "instrument")},
            **{name: born[name].copy() for name in ("type", "side", "time_in_force", "flags")},
            **{name: terms[name].copy() for name in ("price", "stop_price", "quantity")},
            "kind": now["kind"].copy(),
            "reason": now["reason"].copy(),
            "remaining": np.where(maker[last], now["maker_remaining"], now["remaining"]),
            "updated": now["ts"].copy(),
            "last": now["seq"].copy(),
            "traded": folded(np.add, traded),
            "paid": folded(np.add, traded * facts["price"][at]),
            "triggered": folded(np.maximum, kind == Kind.OrderTriggered),
        }
    )
    told = np.isin(born["kind"], _BIRTH)
    return rows.filter(told).sort("seq").with_columns(status=_status())


def _status() -> pl.Expr:
    ended = [pl.when(pl.col("kind") == kind).then(pl.lit(status.name)) for kind, status in ENDED.items()]
    filled = pl.when((pl.col("kind") == Kind.TradeExecuted) & (pl.col("remaining") == 0)).then(pl.lit("FILLED"))
    partly = pl.when(pl.col("traded") > 0).then(pl.lit("PARTIALLY_FILLED"))
    waits = pl.when((pl.col("type") >= OrderType.STOP) & ~pl.col("triggered")).then(pl.lit("PENDING"))
    return pl.coalesce(*ended, filled, partly, waits, pl.lit("NEW"))


def of_the_day(rows: pl.DataFrame, facts: np.ndarray) -> pl.DataFrame:
    """Of `lives`, those that entered since the last START_OF_DAY, or were still active then."""
    days = np.flatnonzero(facts["kind"] == Kind.DayStarted)
    if not len(days):
        return rows
    return rows.filter((pl.col("last") > int(facts["seq"][days[-1]])) | pl.col("status").is_in(ACTIVE))


def orders(rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    """`lives` as people read them; the columns are those of DESIGN section 7, then the exact ones."""
    number, kind = rows["instrument"].to_numpy(), rows["type"].to_numpy()
    unpriced, unstopped = ~columns.has_price(kind), ~columns.has_stop(kind)
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
    trade, shown = kind == Kind.TradeExecuted, np.isin(kind, [*ORDER_FACTS, Kind.TradeExecuted])
    maker = trade & (f["maker_order_id"] == order_id) & (f["maker_trader"] == trader)
    remaining = np.where(maker, f["maker_remaining"], f["remaining"]).astype(np.int64)
    side = np.where(maker, 1 - f["side"].astype(np.int64), f["side"])
    unpriced = ~shown | (~trade & ~columns.has_price(f["type"]))
    unstopped = ~shown | trade | ~columns.has_stop(f["type"])
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
    kind, stop = f["kind"], columns.has_stop(f["type"])
    trade = kind == Kind.TradeExecuted
    refused = (kind == Kind.OrderRejected) & np.isin(f["reason"], UNUSED)
    cases = {
        OrderStatus.PENDING: (kind == Kind.OrderCreated) & stop,
        OrderStatus.NEW: ((kind == Kind.OrderCreated) & ~stop) | (kind == Kind.OrderTriggered),
        OrderStatus.PARTIALLY_FILLED: trade & (remaining > 0),
        OrderStatus.FILLED: trade & (remaining == 0),
        **{status: (kind == of) & ~refused for of, status in ENDED.items()},
    }
    codes = np.select(list(cases.values()), [int(status) for status in cases], len(OrderStatus))
    return columns.words(codes, OrderStatus).forward_fill()

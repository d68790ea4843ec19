"""A piece of a session's facts as the frames that the rules look at: what was asked of orders, and what traded."""

from typing import NamedTuple

import numpy as np
import polars as pl

from engine.messages.vocabulary import HISTORY, Kind, Reason

_ASKED = [int(kind) for kind in (Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderCancelled)]
_KEPT = np.array([*_ASKED, Kind.TradeExecuted, Kind.DayEnded, Kind.DayStarted], np.uint8)
_EVENT = ("seq", "ts", "kind", "reason", "order_id", "trader", "portfolio", "instrument", "side", "price", "quantity", "remaining")
_TRADE = (
    *("seq", "ts", "instrument", "price", "quantity", "side", "order_id", "trader", "portfolio"),
    *("maker_order_id", "maker_trader", "maker_portfolio"),
)


class Tape(NamedTuple):
    """Facts of some time, as numbers; lots and price units; times in ns UTC. Every column is Int64."""

    orders: pl.DataFrame
    """OrderCreated, OrderReplaced and OrderCancelled of clients: seq ts kind reason order_id trader portfolio instrument side price
    quantity remaining."""
    trades: pl.DataFrame
    """TradeExecuted: seq ts instrument price quantity side (the taker's) order_id trader portfolio, and maker_…"""
    fills: pl.DataFrame
    """A row for each side of a trade that is a client's: seq ts instrument price lots side order_id trader portfolio taker."""
    closes: pl.DataFrame
    """DayEnded: seq ts instrument."""


def relevant(facts: np.ndarray) -> np.ndarray:
    """The facts that some rule looks at."""
    return facts[np.isin(facts["kind"], _KEPT)]


def tape(facts: np.ndarray) -> Tape:
    """The frames of some facts (FACT), in the order of seq."""
    kinds = facts["kind"]
    orders = _frame(facts[np.isin(kinds, _ASKED) & (facts["trader"] != HISTORY)], _EVENT)
    trades = _frame(facts[kinds == Kind.TradeExecuted], _TRADE)
    return Tape(orders, trades, _fills(trades), _frame(facts[kinds == Kind.DayEnded], ("seq", "ts", "instrument")))


def _frame(facts: np.ndarray, names: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame({name: np.ascontiguousarray(facts[name]).astype(np.int64) for name in names})


def _fills(trades: pl.DataFrame) -> pl.DataFrame:
    same = ("seq", "ts", "instrument", "price", pl.col("quantity").alias("lots"))
    taker = trades.select(*same, "side", "order_id", "trader", "portfolio", taker=pl.lit(1, pl.Int64))
    maker = trades.select(
        *same,
        side=1 - pl.col("side"),
        order_id=pl.col("maker_order_id"),
        trader=pl.col("maker_trader"),
        portfolio=pl.col("maker_portfolio"),
        taker=pl.lit(0, pl.Int64),
    )
    return pl.concat([maker, taker]).filter(pl.col("trader") != HISTORY).sort("seq", maintain_order=True)


def withdrawn(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders that their traders cancelled, with their birth: trader instrument side order_id created created_seq cancelled cancelled_seq
    price quantity left (lots that never traded). An id that lived again counts from its last birth."""
    key = ["trader", "order_id", "instrument"]
    born = orders.filter(pl.col("kind") == int(Kind.OrderCreated)).select(*key, "seq", created="ts", created_seq="seq")
    ended = orders.filter((pl.col("kind") == int(Kind.OrderCancelled)) & (pl.col("reason") == int(Reason.REQUESTED)))
    # A cancelled order's fact shows what was open when it went.
    ended = ended.select(*key, "seq", "side", "price", "quantity", left="remaining", cancelled="ts", cancelled_seq="seq")
    found = ended.sort("seq").join_asof(born.sort("seq"), on="seq", by=key, strategy="backward", check_sortedness=False)
    return found.drop_nulls("created").drop("seq")

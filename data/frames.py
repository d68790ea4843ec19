"""A feed's history as polars frames: orders, levels, trades and quotes, the same columns whatever the format was."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from data.levels.ladders import Ladders, best_key, empty_ladders, find_level, set_level
from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.hints import did_you_mean
from engine.messages.vocabulary import Flag, Kind

if TYPE_CHECKING:
    from data.feed import Commands, Feed

ORDERS, LEVELS = (Kind.ADD, Kind.REDUCE, Kind.MODIFY, Kind.EXECUTE), (Kind.LEVEL,)
TRADES = (Kind.EXECUTE, Kind.PRINT, Kind.TRADE)
_SIDES = pl.Enum(["BUY", "SELL"])
_KEYS = 1 << 14


def feed_frame(feed: "Feed", kind: str) -> pl.DataFrame:
    """The rows of a kind. All have `ts` (Datetime ns UTC), `symbol`, and `row` (of the file, from 1; 0: made by the reader).

    "l3": `action` (ADD, REDUCE, MODIFY, EXECUTE), `order_id`, `side`, `price`, `quantity` (of a MODIFY what is open from then on).
    "l2": `side`, `price`, `quantity` (the level's new total), `opening`. "trades": `price`, `quantity`, `side` (the aggressor's; null where
    it is not known), `hidden`, `order_id` (of the order that rested; null). "quotes": `bid`, `bid_quantity`, `ask`, `ask_quantity` (null
    where a side is empty) after each time at which they change. Raises ValueError for another kind.
    """
    makers: dict[str, Callable[[Feed, Commands], pl.DataFrame]] = {"l3": _orders, "l2": _levels, "trades": _trades}
    if kind == "quotes":
        return pl.concat([*_quotes(feed)])
    if kind not in makers:
        raise ValueError(
            f"frame kind {kind!r}; {did_you_mean(kind, [*makers, 'quotes', 'bars'], 'there are l3, l2, trades, quotes, bars')}"
        )
    return pl.concat([makers[kind](feed, batch) for batch in feed.batches()] or [makers[kind](feed, _none())])


def _none() -> "Commands":
    from engine.messages.records import COMMAND

    return np.zeros(0, COMMAND)


def _scaled(feed: "Feed", rows: "Commands", field: str, unit: str) -> np.ndarray:
    """Prices or quantities, as the decimals that they are, rounded to the nearest float."""
    units = [getattr(one, unit) for one in feed.instruments]
    per_one = np.array([float(1 / one) if one < 1 and (1 / one) % 1 == 0 else 0.0 for one in units])
    wide = np.array([float(one) for one in units])
    number = rows["instrument"].astype(np.int64)
    exact = rows[field].astype(np.float64)
    return np.where(per_one[number] > 0, exact / np.where(per_one[number] > 0, per_one[number], 1), exact * wide[number])


def _base(feed: "Feed", rows: "Commands") -> dict[str, Any]:
    symbols = np.array([one.symbol for one in feed.instruments])
    return {
        "ts": pl.Series(rows["ts"]).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
        "symbol": pl.Series(symbols[rows["instrument"]], dtype=pl.String),
    }


def _numbers(feed: "Feed", rows: "Commands") -> dict[str, Any]:
    return {"price": _scaled(feed, rows, "price", "price_unit"), "quantity": _scaled(feed, rows, "quantity", "lot")}


def _side(side: np.ndarray) -> pl.Series:
    return pl.Series(side.astype(np.uint8)).replace_strict({0: "BUY", 1: "SELL"}, return_dtype=_SIDES, default=None)


def _orders(feed: "Feed", batch: "Commands") -> pl.DataFrame:
    rows = batch[np.isin(batch["kind"], ORDERS)]
    action = pl.Series(rows["kind"]).replace_strict({int(kind): kind.name for kind in ORDERS}, return_dtype=pl.String)
    more = {"action": action, "order_id": rows["order_id"], "side": _side(rows["side"])}
    return pl.DataFrame({**_base(feed, rows), **more, **_numbers(feed, rows), "row": rows["row"]})


def _levels(feed: "Feed", batch: "Commands") -> pl.DataFrame:
    rows = batch[np.isin(batch["kind"], LEVELS)]
    opening = {"opening": rows["flags"] & Flag.OPENING != 0}
    return pl.DataFrame({**_base(feed, rows), "side": _side(rows["side"]), **_numbers(feed, rows), **opening, "row": rows["row"]})


def _trades(feed: "Feed", batch: "Commands") -> pl.DataFrame:
    rows = batch[np.isin(batch["kind"], TRADES)]
    executed = rows["kind"] == Kind.EXECUTE
    side = np.where(executed, 1 - rows["side"].astype(np.int64), rows["side"])
    side = np.where((rows["kind"] == Kind.TRADE) & (rows["flags"] & Flag.ESTIMATED != 0), 2, side)
    ids = pl.Series(rows["order_id"]).to_frame("id").select(pl.when(pl.col("id") > 0).then(pl.col("id"))).to_series()
    more = {"side": _side(side), "hidden": rows["flags"] & Flag.HIDDEN != 0, "order_id": ids}
    return pl.DataFrame({**_base(feed, rows), **_numbers(feed, rows), **more, "row": rows["row"]})


@kernel
def _change(ladders, ladder, price, lots):  # type: ignore[no-untyped-def]
    """A level grows or falls by `lots`."""
    key = -price if ladder & 1 else price
    at = find_level(ladders, ladder, key)
    there = ladders.lots[ladder, at] if at >= 0 and ladders.keys[ladder, at] == key else np.int64(0)
    set_level(ladders, ladder, price, max(there + lots, np.int64(0)))


@entry_kernel
def _follow(batch, start, ladders, level_kind, add_kind, clear_kind, found, rows):  # type: ignore[no-untyped-def]
    """Best keys and lots after each command from `start` on: `found` (int64, n × 4), for as long as there is room. `rows`: which they are.
    Returns the first command that was not taken, and how many were noted."""
    n, k = 0, start
    while k < len(batch):
        c = batch[k]
        pair = 2 * np.int64(c["instrument"])
        if max(ladders.count[pair], ladders.count[pair + 1]) + 2 > ladders.keys.shape[1]:
            break
        kind, ladder = np.int64(c["kind"]), pair + np.int64(c["side"])
        if kind == level_kind:
            set_level(ladders, ladder, np.int64(c["price"]), np.int64(c["quantity"]))
        elif kind == clear_kind:
            ladders.count[pair] = 0
            ladders.count[pair + 1] = 0
        elif kind == add_kind or kind == add_kind + 7:
            _change(ladders, ladder, np.int64(c["price"]), np.int64(c["quantity"]))
        elif kind == add_kind + 1 or kind == add_kind + 3 or kind == add_kind + 8:
            _change(ladders, ladder, np.int64(c["price"]), -np.int64(c["quantity"]))
        else:
            k += 1
            continue
        for side in range(2):
            count = ladders.count[pair + side]
            found[n, 2 * side] = best_key(ladders, pair + side)
            found[n, 2 * side + 1] = ladders.lots[pair + side, count - 1] if count > 0 else 0
        rows[n] = k
        n += 1
        k += 1
    return k, n


def _quotes(feed: "Feed") -> Iterator[pl.DataFrame]:
    ladders = empty_ladders(_KEYS, 2 * len(feed.instruments))
    for batch in feed.batches():
        if (batch["kind"] == Kind.MODIFY).any():
            raise ValueError(
                f"{feed.name}: quotes of orders that are modified are not made from commands; replay(feed, depth=1) gives them"
            )
        yield from _quotes_of(feed, batch, ladders)


def _quotes_of(feed: "Feed", batch: "Commands", ladders: Ladders) -> Iterator[pl.DataFrame]:
    start = 0
    while True:
        found, rows = np.zeros((len(batch) - start, 4), np.int64), np.zeros(len(batch) - start, np.int64)
        start, noted = _follow(batch, start, ladders, int(Kind.LEVEL), int(Kind.ADD), int(Kind.CLEAR), found, rows)
        yield _quote_rows(feed, batch[rows[:noted]], found[:noted])
        if start == len(batch):
            return
        raise ValueError(f"{feed.name}: has more than {_KEYS} levels a side")


def _quote_rows(feed: "Feed", rows: "Commands", found: np.ndarray) -> pl.DataFrame:
    """Of each time and symbol the last quote, where it is not the one before."""
    made = {**_base(feed, rows)}
    for side, name in enumerate(("bid", "ask")):
        there = found[:, 2 * side + 1] > 0
        priced = rows.copy()
        priced["price"] = np.abs(np.where(there, found[:, 2 * side] * (1 - 2 * side), 0))
        priced["quantity"] = np.where(there, found[:, 2 * side + 1], 0)
        numbers = _numbers(feed, priced)
        for what, label in (("price", name), ("quantity", f"{name}_quantity")):
            made[label] = pl.Series(numbers[what]).to_frame("v").select(pl.when(pl.Series(there)).then(pl.col("v"))).to_series()
    frame = pl.DataFrame({**made, "row": rows["row"]}).unique(["ts", "symbol"], keep="last", maintain_order=True)
    quote = ["bid", "bid_quantity", "ask", "ask_quantity"]
    changed = pl.any_horizontal([pl.col(name).ne_missing(pl.col(name).shift().over("symbol")) for name in quote])
    return frame.filter(changed | (pl.int_range(pl.len()).over("symbol") == 0))

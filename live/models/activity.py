"""Trades, executions, their sums, and refusals of the read models as frames."""

from typing import Any

import numpy as np
import polars as pl

from engine.frames.events import judged
from engine.frames.trades import execution_frame, on_day, summary_frame, trades
from engine.messages.names import Names
from engine.messages.records import FACT
from live.models.arrays import NEVER, Models, chosen, joined
from live.models.order_rows import NamesOf


class NotKept(LookupError):
    """What is asked for lies further back than the read models go; the log has it."""


def wide(row: Any, name: str) -> int:
    """A sum of 128 bits of a row (SUMS, HOLDING)."""
    return (int(row[f"{name}_high"]) << 32) + int(row[f"{name}_low"])


def ring(kept: np.ndarray, count: int) -> np.ndarray:
    """The newest of `count` facts, in the order of `seq`, from a ring."""
    if count <= len(kept):
        return kept[:count]
    at = count % len(kept)
    return joined([kept[at:], kept[:at]], kept.dtype)


def last_trades(models: Models, instruments: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The trades (FACT) that are kept of some instruments, in the order of `seq`, and the day of each (int64)."""
    facts, days = [], []
    for number in instruments:
        market = models.markets[number]
        place = slice(int(market["start"]), int(market["start"] + market["room"]))
        facts.append(ring(models.trades[place], int(market["trades"])))
        days.append(ring(models.trade_days[place], int(market["trades"])))
    found, on = joined(facts, FACT), joined(days, np.dtype(np.uint32)).astype(np.int64)
    if len(instruments) == 1:
        return found, on
    order = np.argsort(found["seq"], kind="stable")
    return chosen(found, order), on[order]


def trade_frame(models: Models, instruments: list[int], names: Names, limit: int | None) -> pl.DataFrame:
    """The last trades, in the order of `seq`, as `Exchange.trades` has them."""
    found, _ = last_trades(models, instruments)
    return trades(found if limit is None else found[max(0, len(found) - limit) :], names)


def executions(models: Models, instruments: list[int], names: Names, decimals: int, day: Any) -> pl.DataFrame:
    """Both sides of the trades that are kept, as `Exchange.executions` has them. Raises NotKept where some of the `day` may not be."""
    found, days = last_trades(models, instruments)
    rows = execution_frame(found, days, names, decimals)
    if day is None:
        return rows
    for number in instruments:
        symbol, market = names.instruments[number].symbol, models.markets[number]
        if market["trades"] > market["room"] and not _is_before(rows.filter(symbol=symbol), day):
            raise NotKept(f"only the newest {market['room']} trades in {symbol} are kept; ask the log: EventLog.frame('executions')")
    return on_day(rows, day)


def _is_before(rows: pl.DataFrame, day: Any) -> bool:
    """Whether the first of these executions is of a day before `day`, so that all of that day are there."""
    if isinstance(day, int):
        return bool(rows["day"][0] < day)
    return bool(rows["ts"].to_physical()[0] < int(np.datetime64(day, "D").astype("datetime64[ns]").astype(np.int64)))


def summary(models: Models, names: Names, decimals: int, trader: int | None) -> pl.DataFrame:
    """The day's executions summed, as `Exchange.execution_summary` has them."""
    called, day = NamesOf(names), int(models.head[0]["day"])
    rows = models.sums[: int(models.head[0]["sums"])]
    rows = rows if trader is None else rows[rows["trader"] == trader]
    made = []
    for row in rows:
        instrument = names.instruments[int(row["instrument"])]
        sums = {f"{name}_lots": int(row[name]) for name in ("bought", "sold")}
        # Clients' orders stand on the tick, and so does every trade with one.
        sums |= {name: wide(row, name) // instrument.tick_units for name in ("paid", "turned")}
        counts = {name: int(row[name]) for name in ("orders", "executions")}
        named = {"day": day, "trader": called.trader(int(row["trader"])), "symbol": instrument.symbol}
        made.append({**named, **counts, **sums, "fees_raw": wide(row, "fees")})
    return summary_frame(sorted(made, key=lambda one: (one["trader"], one["symbol"])), names, decimals)


def check_day(models: Models, day: Any) -> bool:
    """Whether the day that is asked for is the one that goes on; False where it is a date without a fill. Raises NotKept for others."""
    head = models.head[0]
    number, first, last, before = (int(head[name]) for name in ("day", "first_fill", "last_fill", "fill_before"))
    if isinstance(day, int):
        if day >= number:
            return day == number
        raise NotKept(
            f"day {day} is over and its sums are not kept, day {number} goes on; ask the log: EventLog.frame('execution_summary')"
        )
    asked = np.datetime64(day, "D")
    start, end = (int(at.astype("datetime64[ns]").astype(np.int64)) for at in (asked, asked + 1))
    inside = last != NEVER and first >= start and last < end
    outside = last == NEVER or last < start or first >= end
    if before < start and (inside or outside):
        return inside
    raise NotKept(f"{asked} is not the trading day {number} alone; ask the log for its executions: EventLog.frame('executions')")


def refusals(kept: np.ndarray, count: int, names: Names, decimals: int) -> pl.DataFrame:
    """Facts of a ring of refusals and alarms as `Exchange.breaches` has them."""
    f = ring(kept, count)
    return judged(f, f["portfolio"], f["side"], names, decimals)

"""What was held, and what holding it costs: positions by underlying, borrow of shares sold short, funding of perpetual contracts."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from backtest.analysis.analysis import Analysis
from backtest.analysis.fills import signs
from backtest.analysis.quotes import as_of
from backtest.recording import Recording
from data.times import local_time, utc_nanoseconds
from data.venues.symbols import underlying_of
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Number, decimal

DAYS = 365
"""Of a year, for a rate a year: actual/365."""
Rates = Number | Mapping[str, Number]
Fundings = Mapping[str, Mapping[Any, Number]]
_SCHEMA: dict[str, Any] = {
    "ts": pl.Datetime("ns", "UTC"), "portfolio": pl.String, "symbol": pl.String, "kind": pl.String, "quantity": pl.Float64,
    "mark": pl.Float64, "rate": pl.Float64, "amount": pl.Float64, "amount_units": pl.Int64,
}  # fmt: skip


def carry_frame(a: Analysis, borrow: Rates | None, funding: Fundings | None) -> pl.DataFrame:
    """See `Result.carry`."""
    recording = a.recording
    rows: list[tuple[Any, ...]] = []
    for symbol, rate in _by_symbol(recording, borrow, "borrow").items():
        rates = {ts: decimal(rate, "borrow") * days / DAYS for ts, days in _nights(recording)}
        rows += _charged(a, symbol, rates, "borrow")
    for symbol, told in _by_symbol(recording, funding, "funding").items():
        rates = {_time(ts): decimal(rate, "funding") for ts, rate in told.items()}
        rows += _charged(a, symbol, {ts: rate for ts, rate in rates.items() if recording.opened <= ts <= recording.end}, "funding")
    made = pl.DataFrame([(*row[:7], row[7] / recording.unit, row[7]) for row in rows], schema=_SCHEMA, orient="row")
    return made.sort("ts", "portfolio", "symbol", maintain_order=True)


def _time(given: Any) -> int:
    return int(given) if isinstance(given, int | np.integer) else utc_nanoseconds(given)


def _by_symbol(recording: Recording, given: Any, name: str) -> dict[str, Any]:
    symbols = [one.symbol for one in recording.instruments]
    told = dict(given) if isinstance(given, Mapping) else dict.fromkeys(symbols, given) if given is not None else {}
    for symbol in told:
        if symbol not in symbols:
            raise ValueError(f"{name} names {symbol!r}; {did_you_mean(symbol, symbols, 'there are ' + ', '.join(symbols))}")
    return told


def _nights(recording: Recording) -> list[tuple[int, int]]:
    """The last ns before each session but the first, and the calendar days since the one before ended."""
    found = []
    for (_, end), (begin, _) in pairwise(recording.sessions):
        before, after = (local_time(ts, recording.zone).date() for ts in (end, begin))
        found.append((begin - 1, (after - before).days))
    return found


def _charged(a: Analysis, symbol: str, rates: dict[int, Decimal], kind: str) -> list[tuple[Any, ...]]:
    """A row for each portfolio and time with a position that pays or is paid; money rounded half away from zero."""
    recording = a.recording
    number = next(k for k, one in enumerate(recording.instruments) if one.symbol == symbol)
    one, at = recording.instruments[number], np.array(sorted(rates), np.int64)
    mine = a.fills[a.fills["instrument"] == number]
    marks = as_of(*a.quotes[number].marks(mine), at)
    found = []
    for portfolio in np.unique(mine["portfolio"]):
        rows = mine[mine["portfolio"] == portfolio]
        held = as_of(rows["ts"], np.cumsum(signs(rows) * rows["lots"]), at)
        for ts, lots, mark in zip(at.tolist(), held.tolist(), marks.tolist()):
            if lots == 0 or (kind == "borrow" and lots > 0):
                continue
            notional = Decimal(abs(lots) * mark * recording.value(number))
            paid = notional * rates[ts] * (1 if kind == "borrow" or lots > 0 else -1)
            units = -int(paid.to_integral_value(ROUND_HALF_UP))
            name, price = recording.portfolios[int(portfolio)], float(mark * one.price_unit)
            found.append((ts, name, symbol, kind, float(lots * one.lot), price, float(rates[ts]), units))
    return found


def underlyings_frame(a: Analysis) -> pl.DataFrame:
    """See `Result.underlyings`."""
    recording, fills = a.recording, a.fills
    values, rows = recording.values(), []
    for number, one in enumerate(recording.instruments):
        mine = fills[fills["instrument"] == number]
        held = int((signs(mine) * mine["lots"]).sum())
        mark = int(as_of(*a.quotes[number].marks(mine), np.array([recording.end]))[0])
        pnl = int(mine["flow"].sum()) + held * mark * int(values[number])
        underlying, venue = underlying_of(one.symbol)
        volume, notional = int(mine["lots"].sum()) * one.lot, sum(int(f["lots"]) * abs(int(f["price"])) for f in mine) * int(values[number])
        rows.append((underlying, venue or one.symbol, float(held * one.lot), float(volume), a.money(notional), len(mine),
                     a.money(int(mine["fee"].sum())), a.money(pnl)))  # fmt: skip
    names = ["underlying", "venue", "quantity", "volume", "turnover", "fills", "fees", "net_pnl"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    sums = [pl.col("venue").str.join("+"), *(pl.col(name).sum() for name in names[2:])]
    return frame.group_by("underlying", maintain_order=True).agg(*sums)


def underlying_positions(a: Analysis) -> pl.DataFrame:
    """See `Result.underlying_positions`."""
    fills, instruments = a.fills, a.recording.instruments
    frame = pl.DataFrame(
        {
            "ts": pl.Series(fills["ts"]).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
            "underlying": [underlying_of(instruments[k].symbol)[0] for k in fills["instrument"].tolist()],
            "quantity": [
                float(sign * lots * instruments[k].lot)
                for sign, lots, k in zip(signs(fills).tolist(), fills["lots"].tolist(), fills["instrument"].tolist())
            ],
        },
        schema_overrides={"underlying": pl.String, "quantity": pl.Float64},
    )
    summed = frame.with_columns(pl.col("quantity").cum_sum().over("underlying"))
    return summed.unique(["ts", "underlying"], keep="last", maintain_order=True)

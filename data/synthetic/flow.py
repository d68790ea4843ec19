"""The embedded market: order-by-order days for demos, lessons and tests, made on the spot and the same everywhere.

Arrivals excite each other (reactions of a millisecond, answers within a second, moods of half a minute) over a base that follows the
hour of the day; sizes and distances from the touch have power-law tails; what the crowd does with its book is `data.synthetic.crowd`.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date as Date
from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data.feed import BATCH_ROWS, Commands, Feed, mixed
from data.synthetic.chance import ONE, Ints, Words, exponential, halvings, pareto, poisson, words
from data.synthetic.crowd import DIE, OPENING, REACH, new_crowd, trade
from engine.messages.instrument import Instrument, Number, decimal
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind

READER = "synthetic 1"
"""Part of the fingerprint: changes with every byte that the same arguments give."""
DAY_NS = 23_400 * 10**9
"""09:30 to 16:00."""
ECHOES = ((Decimal("0.4"), 1_000_000), (Decimal("0.25"), 200_000_000), (Decimal("0.2"), 30_000_000_000))
"""How many events each event brings after it, and how many ns later on average (Hawkes)."""
STEP_MAX = Decimal("0.35")
"""Ticks that the fair price moves per message at most (standard deviation): a book cannot follow faster."""
_MINUTE = 60_000_000_000
_PRICE_MIN = 20


def synthetic_flow(
    seed: int = 7,
    symbols: str | Sequence[str] | Mapping[str, Number] = ("TAPE",),
    messages: int = 200_000,
    date: str | Date = "2026-01-05",
    tick: Number = "0.01",
    price: Number | Mapping[str, Number] = "100.00",
    *,
    volatility: Number = "0.012",
    lot: Number = "1",
    maker_fee: Number = "0",
    taker_fee: Number = "0",
) -> Feed:
    """A synthetic order-by-order trading day, 09:30 to 16:00 in New York.

    Parameters
    ----------
    seed : int
        The day. The same arguments give the same bytes, on every platform.
    symbols : str, sequence of str, or mapping of str to number
        What is traded; a mapping gives each symbol's share of the messages.
    messages : int
        Message rows (ADD, REDUCE, MODIFY, EXECUTE, PRINT) over all symbols; the FLOW rows of the aggressors come on top (about 5 %).
        They always fill the day, so a longer feed is a busier day, not one that starts like the shorter.
    date : str or datetime.date
        The day in New York, as YYYY-MM-DD.
    tick, lot, maker_fee, taker_fee : number
        Of every instrument; sizes are whole lots, with round ones of 100.
    price : number, or mapping of symbol to number
        First price, a whole number of ticks, at least 20.
    volatility : number
        Standard deviation of the day's return (0.012 is 1.2 %). A day of few messages moves less: about a third of a tick a message.

    Returns
    -------
    Feed
        The day is held in memory, 64 bytes a row.

    Raises
    ------
    ValueError
        Where an argument is off: which one, and what it must be.
    """
    shares = _shares(symbols)
    terms = {"lot": lot, "maker_fee": maker_fee, "taker_fee": taker_fee}
    instruments = [Instrument(symbol, tick, **terms) for symbol in shares]  # type: ignore[arg-type]
    first = [_first_price(i, price.get(i.symbol) if isinstance(price, Mapping) else price) for i in instruments]
    if messages < len(shares) or messages >= 1 << 32:
        raise ValueError(f"messages is {messages}; it must be from {len(shares)} (one for each symbol) to 2^32 - 1")
    moves = decimal(volatility, "volatility")
    if not 0 <= moves < 1:
        raise ValueError(f"volatility is {moves}; it must be from 0 to below 1 (0.012 is 1.2 % a day)")
    parts = _split(messages, list(shares.values()))
    days = [Day(seed, i.symbol, ticks, count, moves) for i, ticks, count in zip(instruments, first, parts)]
    return SyntheticFeed(instruments, days, _opening(date))


class Day(NamedTuple):
    """What makes one symbol's day."""

    seed: int
    symbol: str
    first: int  # price, ticks
    messages: int
    volatility: Decimal


class SyntheticFeed(Feed):
    """History commands of a synthetic day; made when first asked for, then kept."""

    time_zone = "America/New_York"

    def __init__(self, instruments: list[Instrument], days: list[Day], opening: int) -> None:
        self.instruments, self.days, self.opening = instruments, days, opening
        self.name = "synthetic " + " ".join(i.symbol for i in instruments)
        self.counts = {}

    @property
    def fingerprint(self) -> str:
        return mixed(READER, [repr(i) for i in self.instruments] + [repr(day) for day in self.days] + [str(self.opening)])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        for start in range(0, len(self._rows), rows):
            yield self._rows[start : start + rows]

    @functools.cached_property
    def _rows(self) -> Commands:
        made = []
        for number, day in enumerate(self.days):
            rows = trading_day(day)
            rows["ts"] += self.opening
            rows["instrument"] = number
            known = rows["order_id"] > 0
            rows["order_id"][known] = (rows["order_id"][known] - 1) * len(self.days) + number + 1  # no id twice
            made.append(rows)
        merged = made[0] if len(made) == 1 else np.concatenate(made)
        if len(made) > 1:
            merged = merged[np.argsort(merged["ts"], kind="stable")]
        message = merged["kind"] != Kind.FLOW
        merged["row"] = np.where(message, np.cumsum(message), 0)
        merged.flags.writeable = False
        return merged


def trading_day(day: Day) -> Commands:
    """COMMAND rows of one symbol's day, `ts` in ns from the open; ids count from 1."""
    key = int.from_bytes(hashlib.sha256(f"{day.seed}/{day.symbol}".encode()).digest()[:8], "little")
    step = min(day.volatility * day.first / Decimal(day.messages).sqrt(), STEP_MAX)
    m = new_crowd(day.messages, dice(key, day.messages + 1, step))
    rows = np.zeros(2 * day.messages, COMMAND)
    rows = rows[: trade(m, rows, day.first, day.messages)]
    standing = min(OPENING, day.messages)
    times = np.concatenate([np.zeros(standing + 1, np.int64), arrivals(key, int(m.now["event"][0]) - standing)])
    rows["ts"] = times[rows["ts"]]
    return rows


def dice(key: int, count: int, step: Decimal) -> np.ndarray[Any, Any]:
    """DIE (count,): what chance says about each event; the fair price moves by `step` ticks (standard deviation) a time."""
    chance = words(key, 8 * count).reshape(count, 8)
    low, high = (chance[:, 3:] & 0xFFFF).astype(np.int64), (chance[:, 3:] >> 16).astype(np.int64)
    made = np.empty(count, DIE)
    scale = int(step / Decimal(2).sqrt() * ONE)  # of a Laplace variable
    made["walk"] = (exponential(chance[:, 0]) * scale >> 16) * (1 - 2 * (chance[:, 0] & 1).astype(np.int64))
    round_lots, odd_lots = 100 * pareto(chance[:, 1], 58, 100), pareto(chance[:, 1], 120, 99)
    made["size"] = np.where(low[:, 0] * 100 >> 16 < 55, round_lots, odd_lots)
    made["behind"] = pareto(chance[:, 2], 140, 600) - 1
    made["what"] = high[:, 0] * 1000 >> 16
    made["side"], made["part"] = low[:, 1], high[:, 2]
    made["manner"], made["habit"] = high[:, 1] * 100 >> 16, low[:, 2] * 100 >> 16
    made["deeper"] = halvings(chance[:, 6]) * 66 // 100 >> 16
    made["later"] = halvings(chance[:, 7]) >> 16
    return made


def arrivals(key: int, count: int) -> Ints:
    """int64 (count,): times of a day in ns from the open, rising; some come by themselves, each brings others after it."""
    births, stream = int(count * (1 - sum(share for share, _ in ECHOES)) * 115 // 100) + 8, 1
    while True:
        times, stream = _family(key, births, stream)
        times = times[times < DAY_NS - count]
        if len(times) >= count:
            break
        births *= 2
    chosen = np.argsort(words(key, len(times), stream), kind="stable")[:count]
    order = np.arange(count)
    return np.maximum.accumulate(np.sort(times[chosen]) - order) + order + 1  # no two at one time


def _family(key: int, births: int, stream: int) -> tuple[Ints, int]:
    """`births` times that come by themselves and all that follow from them, unsorted; and the next free stream."""
    born = _by_the_hour(words(key, births, stream))
    family = [born]
    while len(born):
        young = []
        for share, delay in ECHOES:
            parents = np.repeat(born, poisson(words(key, len(born), stream + 1), share))
            young.append(parents + (exponential(words(key, len(parents), stream + 2)) * delay >> 16))
            stream += 2
        born = np.concatenate(young)
        family.append(born)
    return np.concatenate(family), stream + 1


def _by_the_hour(chance: Words) -> Ints:
    """Times of a day in ns from the open: many after the open and before the close, few at noon."""
    half = 195
    rate = [4 * half**4 + 6 * (i - half) ** 4 + max(20 - i, 0) * half**4 for i in range(2 * half)]
    ends = np.array([(sum(rate[: i + 1]) << 32) // sum(rate) for i in range(2 * half)], np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    minute = np.searchsorted(ends, chance.astype(np.int64), side="right")
    return minute * _MINUTE + (chance - starts[minute]) * _MINUTE // (ends - starts)[minute]


def _shares(symbols: str | Sequence[str] | Mapping[str, Number]) -> dict[str, Fraction]:
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"symbols is {names}; it must name at least one symbol, and none twice")
    given = symbols if isinstance(symbols, Mapping) else dict.fromkeys(names, 1)
    shares = {name: Fraction(decimal(weight, f"symbols: {name}")) for name, weight in given.items()}
    if min(shares.values()) <= 0:
        raise ValueError(f"symbols: every share must be above 0, got {[str(weight) for weight in given.values()]}")
    return shares


def _split(messages: int, shares: list[Fraction]) -> list[int]:
    """Whole parts of `messages` in these shares, at least one each."""
    free, total = messages - len(shares), sum(shares)
    ends = [int(sum(shares[: i + 1]) * free / total) for i in range(len(shares))]
    return [1 + end - start for start, end in zip([0, *ends], ends)]


def _first_price(instrument: Instrument, price: Number | None) -> int:
    """The first price in ticks."""
    if price is None:
        raise ValueError(f"price: no price for {instrument.symbol}")
    ticks = decimal(price, f"{instrument.symbol}: price") / instrument.tick
    if ticks % 1 or not _PRICE_MIN <= ticks < 2**31 - 2 * REACH:
        raise ValueError(f"{instrument.symbol}: price {price} must be whole ticks of {instrument.tick}, {_PRICE_MIN} of them or more")
    return int(ticks)


def _opening(date: str | Date) -> int:
    """09:30 in New York, ns UTC."""
    try:
        day = Date.fromisoformat(date) if isinstance(date, str) else date
    except ValueError:
        raise ValueError(f"date {date!r} is not a date; write it as YYYY-MM-DD") from None
    if not 1970 <= day.year <= 2200:
        raise ValueError(f"date {date} lies outside the years 1970 to 2200")
    local = pl.Series([datetime.combine(day, time(9, 30))], dtype=pl.Datetime("ns"))
    return int(local.dt.replace_time_zone("America/New_York").dt.timestamp("ns")[0])

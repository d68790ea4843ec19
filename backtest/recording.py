"""What a backtest leaves behind: our own facts, the market as it was sampled, and who ran what. All of a result follows from it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from data.times import utc_offset, utc_offsets, zone_of
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Grain, Kind

BID, ASK, LAST = 1, 2, 4
"""Bits of a SAMPLE's `has`: which of its prices are there."""
NIGHT = (Kind.CLEAR, Kind.END_OF_DAY, Kind.RESUME)
"""Commands that a feed has between two days."""


class DepthWindow(NamedTuple):
    """The book through a stretch of time: C columns, L levels. An empty level has quantity 0."""

    ts: np.ndarray  # int64 (C,), ns UTC, ascending
    price: np.ndarray  # int64 (C, 2, L), price units; side 0 holds the bids, side 1 the asks, best first
    quantity: np.ndarray  # int64 (C, 2, L), lots
    instrument: int = 0


Depth = Callable[[int, int, int, int, int], DepthWindow]
"""depth(at_ns, before_ns, after_ns, columns, levels) -> DepthWindow"""


@dataclass(frozen=True)
class Recording:
    """The outcome of one run. All times are ns UTC, prices price units, quantities lots, fees and flows 10^-decimals of money.

    `facts`: FACT array of our own traders in order of seq. `samples`: SAMPLE array (`engine.loop.loop_state`) in order of
    ts, a row only where something changed.
    `marks`: MARKED array, every change of a mark, in order of ts; None: what the samples, our fills and the MARKs show of it.
    `days`: first and last time of each day of a feed of several; None: as calendar and samples show.
    `printed`: lots printed from `opened` to `end` in each instrument, ours among them; None: as the last sample has it.
    `market`: SAMPLE array of history alone, as if we had not been there; None where nobody can play it again.
    `cash`: money of each portfolio when the run began (deposits at or before `start` are part of it; later ones are facts).
    `counters`: lots, of clipped, displaced, revealed, removed, estimated, unknown and crossed history.
    `unarrived`: COMMAND array of what was sent but had not reached the exchange when the run ended.
    `logged`: portfolio, ns, and what its strategy logged then.
    `meta`: who ran what: run_id, strategy, parameters, data, fingerprint, engine, digest, feed_latency, order_latency, response_latency
    (ns), seed, time_zone (IANA name, for the clock of the report; default UTC); anything else is shown as it is.
    """

    facts: np.ndarray
    instruments: list[Instrument]
    decimals: int
    cash: dict[str, Decimal]
    portfolios: list[str]
    traders: list[str]
    samples: np.ndarray
    start: int
    end: int
    warm_up_end: int = 0
    market_commands: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    wakes: int = 0
    resolution: int = 100_000_000
    marks: np.ndarray | None = None
    printed: list[int] | None = None
    days: list[tuple[int, int]] | None = None
    market: Callable[[], np.ndarray] | None = None
    own: frozenset[int] | None = None  # numbers of the traders whose side of a trade counts; None: every trader's
    depth_window: Depth | None = None
    logged: list[tuple[str, int, str]] = field(default_factory=list)
    unarrived: np.ndarray = field(default_factory=lambda: np.zeros(0, COMMAND))

    def of(self, name: str) -> "Recording":
        """The part of one portfolio, and of the trader of its name. Raises KeyError for an unknown one."""
        if name not in self.cash:
            raise KeyError(f"no strategy {name!r}; there are {', '.join(self.cash)}")
        portfolio, trader, facts = self.portfolios.index(name), self.traders.index(name), self.facts
        named = (facts["portfolio"] == portfolio) | (facts["trader"] == trader)
        made = (facts["kind"] == Kind.TradeExecuted) & (facts["maker_trader"] == trader)
        nobody = (facts["portfolio"] == 0) & (facts["trader"] == 0) & (facts["kind"] != Kind.TradeExecuted)
        meta = {**self.meta, **self.meta.get("strategies", {}).get(name, {})}
        meta.pop("strategies", None)
        return replace(
            self,
            facts=facts[named | made | nobody],
            cash={name: self.cash[name]},
            own=frozenset({trader}),
            meta=meta,
            logged=[row for row in self.logged if row[0] == name],
            unarrived=self.unarrived[self.unarrived["trader"] == trader],
        )

    @property
    def opened(self) -> int:
        """When the strategy may first trade: the end of the warm-up, or the start."""
        return max(self.start, min(self.warm_up_end, self.end))

    @property
    def unit(self) -> int:
        """Money units of 1: 10^decimals."""
        return int(10**self.decimals)

    @property
    def opening_cash(self) -> int:
        """Money units that all portfolios together began with."""
        return int(sum(self.cash.values(), Decimal(0)).scaleb(self.decimals))

    @property
    def currency(self) -> str:
        return self.instruments[0].currency if self.instruments else "USD"

    def of_grain(self, grain: Grain) -> list[int]:
        """The instruments whose history was of this grain."""
        told = self.meta.get("grains") or {}
        return [k for k, one in enumerate(self.instruments) if told.get(one.symbol, Grain.ORDERS.name.lower()) == grain.name.lower()]

    @property
    def zone(self) -> tzinfo:
        """The clock that the report shows."""
        return zone_of(str(self.meta.get("time_zone") or "UTC"))

    def value(self, instrument: int) -> int:
        """Money units of one price unit × one lot."""
        return int(self.instruments[instrument].value(self.decimals))

    def values(self) -> np.ndarray:
        """int64 (instruments,): `value` of each."""
        return np.array([self.value(i) for i in range(len(self.instruments))], np.int64)

    def offset(self, ts: int) -> int:
        """Nanoseconds that the shown clock is ahead of UTC at `ts`."""
        return utc_offset(ts, self.zone)

    @cached_property
    def sessions(self) -> list[tuple[int, int]]:
        """First and last time of each trading day, the warm-up left out: of the feed's own days, else by the shown clock's calendar, on
        which a day without a sample is no session."""
        if known := [(max(a, self.opened), min(b, self.end)) for a, b in self.days or [] if a <= self.end and b >= self.opened]:
            return known
        ts = self.samples["ts"]
        ts = ts[(ts >= self.opened) & (ts <= self.end)]
        if not len(ts):
            return [(self.opened, self.end)]
        days = self._day(ts)
        first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        last = np.append(first[1:] - 1, len(ts) - 1)
        spans = [(int(a), int(b)) for a, b in zip(ts[first], ts[last])]
        if self._day(np.int64(self.opened)) == days[0]:
            spans[0] = (self.opened, spans[0][1])
        if self._day(np.int64(self.end)) == days[-1]:
            spans[-1] = (spans[-1][0], self.end)
        return spans

    @cached_property
    def offsets(self) -> np.ndarray:
        """STEP: nanoseconds that the shown clock is ahead of UTC from a moment on, through the run."""
        return utc_offsets(str(self.meta.get("time_zone") or "UTC"), self.opened, max(self.opened, self.end))

    def _day(self, ts: Any) -> Any:
        """Days of the shown clock's calendar, as its clock stands at each time."""
        steps = self.offsets
        at = np.maximum(np.searchsorted(steps["ts"], ts, "right") - 1, 0)
        return (ts + steps["value"][at]) // (86_400 * 10**9)


def kept_facts(facts: np.ndarray) -> np.ndarray:
    """Of all facts those that a recording keeps: what happened to orders, and what moved money or a mark beside them."""
    return facts[(facts["kind"] < Kind.SessionOpened) | np.isin(facts["kind"], [Kind.CashDeposited, Kind.PriceMarked])]


def days_of(history: np.ndarray, facts: np.ndarray, instruments: int) -> list[tuple[int, int]] | None:
    """First and last time of history's rows on each day of a feed of several; None where no fact says that a day began."""
    begun = facts["ts"][facts["kind"] == Kind.DayStarted]
    if not len(begun):
        return None
    opened, closed = [int(history["ts"][0])], []
    for ts in begun.tolist():
        until = int(np.searchsorted(history["ts"], ts))
        rows = np.arange(max(0, until - 3 * instruments), until)  # what stands between two days, the last row of the first before it
        market = rows[~np.isin(history["kind"][rows], NIGHT)]
        closed.append(int(history["ts"][market[-1] if len(market) else max(0, until - 1)]))
        opened.append(ts)
    return list(zip(opened, [*closed, int(history["ts"][-1])]))


def strategy_name(recording: Recording) -> str:
    """The name of the strategy without its module, for titles."""
    return str(recording.meta.get("strategy") or "Backtest").rpartition(":")[2]

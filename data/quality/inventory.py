"""What there is in a feed, counted batch by batch: rows by kind, times, prices, quantities, volume."""

from decimal import Decimal
from typing import Any

import numpy as np

from data.feed import Commands, Feed, count_commands
from data.times import local_time, zone_of
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Flag, Kind

ROWS = ("adds", "reduces", "modifies", "executes", "prints", "halts", "resumes", "notices", "levels", "trades")
RECONCILIATION = ("opening", "reveals", "revealed_lots", "removes", "removed_lots")
_ORDERS, _TRADES = (Kind.ADD, Kind.MODIFY, Kind.LEVEL), (Kind.EXECUTE, Kind.PRINT, Kind.TRADE)


class Inventory:
    """Counts of the commands of a feed that were taken so far."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.counts: dict[str, int] = {}
        self.first: int | None = None
        self.last: int | None = None
        self.markets_of = [_Market(instrument) for instrument in feed.instruments]

    def take(self, commands: Commands) -> None:
        """Count a batch (COMMAND)."""
        if not len(commands):
            return
        for name, count in count_commands(commands).items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.first = int(commands["ts"][0]) if self.first is None else self.first
        self.last = int(commands["ts"][-1])
        for k, market in enumerate(self.markets_of):
            market.take(commands if len(self.markets_of) == 1 else commands[commands["instrument"] == k])

    def rows(self) -> dict[str, Any]:
        """Messages, and rows of those kinds that there are."""
        counts = self.counts
        return {"messages": counts.get("messages", 0), "rows": {name: counts[name] for name in ROWS if counts.get(name)}}

    def span(self) -> dict[str, Any]:
        """First and last time."""
        return {"first": time_text(self.feed, self.first), "last": time_text(self.feed, self.last)}

    def reconciliation(self) -> dict[str, int]:
        """Levels that open the book; commands and lots that a published book brought in and took out later."""
        return {name: self.counts.get(name, 0) for name in RECONCILIATION}

    def markets(self) -> dict[str, Any]:
        """What each symbol's market did, by symbol; of one symbol, its own entries."""
        described = {market.instrument.symbol: market.described() for market in self.markets_of}
        if len(described) > 1:
            return {"symbols": described}
        symbol = self.feed.instrument.symbol
        return {"symbol": symbol} | described[symbol]


class _Market:
    """Ranges and sums of one instrument, in price units and lots."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.ranges: dict[str, tuple[int, int] | None] = {
            f"{what}_{of}": None for of in ("prices", "quantities") for what in ("order", "trade")
        }
        self.volume = self.hidden = self.aggressors = self.hidden_aggressors = 0

    def take(self, commands: Commands) -> None:
        kind, hidden = commands["kind"], commands["flags"] & Flag.HIDDEN != 0
        for what, kinds in (("order", _ORDERS), ("trade", _TRADES)):
            chosen = np.isin(kind, kinds)
            self._widen(f"{what}_prices", commands["price"][chosen])
            self._widen(f"{what}_quantities", commands["quantity"][chosen])
        printed, flows = np.isin(kind, _TRADES), (kind == Kind.FLOW) & (commands["flags"] & Flag.CONTINUED == 0)
        self.volume += int(commands["quantity"][printed].sum())
        self.hidden += int(commands["quantity"][printed & hidden].sum())
        self.hidden_aggressors += int(np.count_nonzero(flows & hidden))
        self.aggressors += int(np.count_nonzero(flows & ~hidden))

    def _widen(self, name: str, values: np.ndarray) -> None:
        if len(values):
            low, high = int(values.min()), int(values.max())
            before = self.ranges[name] or (low, high)
            self.ranges[name] = min(low, before[0]), max(high, before[1])

    def described(self) -> dict[str, Any]:
        """Tick, ranges and sums in the instrument's units, as exact text."""
        exact = {
            "prices": lambda units: price_text(self.instrument, units),
            "quantities": lambda lots: plain(self.instrument.quantity(lots)),
        }
        made: dict[str, Any] = {"tick": plain(self.instrument.tick)}
        for name, span in self.ranges.items():
            ends = None if span is None else [exact[name.rpartition("_")[2]](end) for end in span]
            made[name] = ends and {"lowest": ends[0], "highest": ends[1]}
        made |= {"volume": plain(self.instrument.quantity(self.volume)), "hidden_volume": plain(self.instrument.quantity(self.hidden))}
        return made | {"aggressors": self.aggressors, "hidden_aggressors": self.hidden_aggressors}


def files_of(feed: Feed) -> dict[str, Any]:
    """`files`: what a feed of files is read from, None for a file that is not there; nothing for another feed."""
    kinds = ("messages", "orderbook")
    if not hasattr(feed, "messages"):
        return {}
    sources = {kind: getattr(feed, kind, None) for kind in kinds}
    return {"files": {kind: source and source.name for kind, source in sources.items()}}


def plain(number: Decimal) -> str:
    """A decimal without zeros at its end and without an exponent."""
    return f"{number.normalize():f}"


def quantity_text(instrument: Instrument, lots: int) -> str:
    """A quantity of so many lots."""
    return plain(instrument.quantity(int(lots)))


def price_text(instrument: Instrument, units: int) -> str:
    """A price of so many price units, with the decimals of the tick where they are enough."""
    price = instrument.price(int(units))
    shown = f"{price:.{instrument.price_decimals}f}"
    return shown if Decimal(shown) == price else plain(price)


def time_text(feed: Feed, ts: int | None) -> str | None:
    """A time (ns UTC) to the nanosecond, as the clocks of the feed's time zone show it (UTC where it has none)."""
    if ts is None:
        return None
    local = local_time(ts, zone_of(getattr(feed, "time_zone", "UTC")))
    return f"{local:%Y-%m-%d %H:%M:%S}.{ts % 10**9:09d}{local.isoformat()[-6:]}"

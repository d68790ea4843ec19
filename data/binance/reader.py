"""Binance: recorded streams (depth, best prices, trades), and the public files of trades and klines, as feeds."""

import functools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.binance.chain import Chain, levels_of
from data.binance.lines import Line, read_lines
from data.binance.public import is_public, read_public
from data.binance.survey import Seen, survey
from data.feed import BATCH_ROWS, Commands, DataError, DataWarning, Feed
from data.levels.decoding import EVENT_END, SNAPSHOT, TRADE
from data.levels.output import LevelOutput
from data.sources.blocks import Progress, file_hash
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument, Number
from engine.messages.vocabulary import Grain

VERSION = "binance 1"
BLOCK_ROWS = 1 << 17
LATE = 5 * 10**9
"""Nanoseconds that one stream may be behind another: so long rows wait for those of an earlier time."""
COLUMNS = ("ts", "instrument", "side", "price", "lots", "marks", "line")


class Binance(Feed):
    """A recorded stream. `checked`: best prices that equal our book at the same update id; `differs`: those that do not."""

    def __init__(self, path: Path, seen: dict[str, Seen], instruments: list[Instrument], repair: bool) -> None:
        self.path, self.seen, self.instruments, self.repair = path, seen, instruments, repair
        self.grain = Grain.LEVELS
        self.counts, self.messages = {}, {symbol: dict(one.kinds) for symbol, one in seen.items()}
        self.checked = self.differs = 0
        self.name = f"{instruments[0].symbol} stream" if len(instruments) == 1 else f"{len(instruments)} symbols"
        self.progress: Progress | None = None

    @property
    def source(self) -> str:
        return str(self.path)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes and of what they were read as."""
        return file_hash(self.path, VERSION, self.repair, self.instruments)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND): LEVEL and TRADE in the order of the exchange's times."""
        return _Reading(self, max(1, rows)).batches()


def read_binance(
    path: str | Path,
    symbol: str | Sequence[str] | None = None,
    *,
    tick: Number | None = None,
    lot: Number | None = None,
    repair: bool = False,
    progress: Progress | None = None,
    **terms: Any,
) -> Feed:
    """A feed of a Binance file: a recorded stream, or a public file of trades, aggTrades, bookTicker or klines (CSV or zip).

    A stream is JSON lines, each behind the local time in ns or alone, plain or gzipped: depth snapshots and depthUpdate make the book,
    trade (else aggTrade) the trades. The chain of update ids (U, u, pu) is checked, and the book is held against every bookTicker of an
    update that it reaches. Without depth the best prices of bookTicker are the book. Times are the exchange's. `tick`, `lot`: default the
    last decimal that is used.

    Raises DataError, here or while the feed is read, with file, line and field: `repair=True` counts what is wrong and goes on.
    """
    path = Path(path)
    if is_public(path):
        return read_public(path, symbol, tick=tick, lot=lot, repair=repair, progress=progress, **terms)
    seen = survey(path, repair)
    wanted = symbol.split(",") if isinstance(symbol, str) else list(symbol or seen)
    for name in wanted:
        if name not in seen:
            raise DataError(path, f"has no symbol {name!r}; {did_you_mean(name, seen, f'it has {chr(44).join(seen)}')}", 0, "s")
    chosen = {name: seen[name] for name in wanted}
    made = [
        Instrument(
            name,
            tick if tick is not None else f"{10.0 ** -one.places[0]:.{one.places[0]}f}",
            lot if lot is not None else f"{10.0 ** -one.places[1]:.{one.places[1]}f}",
            price_unit=f"{10.0 ** -one.places[0]:.{one.places[0]}f}",
            **terms,
        )
        for name, one in chosen.items()
    ]
    feed = Binance(path, chosen, made, repair)
    feed.progress = progress
    return feed


@functools.lru_cache(1 << 17)
def _whole(text: str, scale: float) -> int:
    """A number as so many units; the same texts come again and again."""
    return round(float(text) * scale)


class _Reading:
    """One reading of a stream."""

    def __init__(self, feed: Binance, rows: int) -> None:
        self.feed = feed
        self.output = LevelOutput(feed, feed.instruments, rows, feed.repair)
        self.numbers = {one.symbol: k for k, one in enumerate(feed.instruments)}
        self.chains = {symbol: Chain() for symbol in self.numbers}
        self.scales = [(float(1 / one.price_unit), float(1 / one.lot)) for one in feed.instruments]
        self.rows: list[tuple[int, int, int, int, int, int, int]] = []  # as COLUMNS
        self.events = 0
        self.troubles: dict[str, int] = {}
        self.books: list[list[dict[int, int]]] = [[{}, {}] for _ in feed.instruments]
        self.ahead: list[dict[int, tuple[Line, list[tuple[int, int]]]]] = [{} for _ in feed.instruments]
        self.latest = 0

    def batches(self) -> Iterator[Commands]:
        feed = self.feed
        for line in read_lines(feed.path, feed.progress, feed.repair):
            if isinstance(line, DataError):
                self._trouble("bad_lines", line)
                continue
            self._take(line)
            if len(self.rows) >= BLOCK_ROWS:
                yield from self._send(self.latest - LATE)
        yield from self._send(None)
        unplaced = sum(len(chain.waiting) for chain in self.chains.values())
        if unplaced:
            self._trouble(
                "updates_without_snapshot", DataError(feed.path, f"has {unplaced} depth updates and no snapshot that they continue")
            )
        yield self.output.finish()
        self._tell()

    def _trouble(self, name: str, error: DataError) -> None:
        if not self.feed.repair:
            raise error
        self.troubles[name] = self.troubles.get(name, 0) + 1

    def _take(self, line: Line) -> None:
        symbol = line.said.get("s", next(iter(self.numbers)) if line.kind == "snapshot" else None)
        number = self.numbers.get(str(symbol))
        if number is None or line.kind == "other":
            return
        kinds = self.feed.seen[str(symbol)].kinds
        if line.kind in ("snapshot", "depth"):
            self._depth(line, number, self.chains[str(symbol)])
        elif line.kind == "ticker":
            self._ticker(line, number, self.chains[str(symbol)], "depth" in kinds)
        elif line.kind == "trade" or "trade" not in kinds:
            self._trade(line, number)

    def _depth(self, line: Line, number: int, chain: Chain) -> None:
        for update, whole in chain.snapshot(line) if line.kind == "snapshot" else chain.update(line):
            if chain.gap:
                what = f"{chain.gap}; record a snapshot after it, or repair=True (--repair) to go on without them"
                field = "pu" if "pu" in update.said else "U"
                self._trouble("gaps", DataError(self.feed.path, what, update.number, field))
                chain.gap = ""
            self._book(update, number, whole)

    def _book(self, line: Line, number: int, whole: bool) -> None:
        scale, lot_scale = self.scales[number]
        books, ts = self.books[number], line.time
        if whole:
            books[0].clear()
            books[1].clear()
        mark = SNAPSHOT if whole else 0
        first = len(self.rows)
        told, append = line.number, self.rows.append
        for side, price, quantity in levels_of(line.said):
            units, lots = _whole(price, scale), _whole(quantity, lot_scale)
            if lots:
                books[side][units] = lots
            else:
                books[side].pop(units, None)
            append((ts, number, side, units, lots, mark, told))
        if len(self.rows) > first:
            self.rows[-1] = (*self.rows[-1][:5], mark | EVENT_END, line.number)
        self.latest = max(self.latest, ts)
        self._reach(number, int(line.said.get("u", line.said.get("lastUpdateId", 0))))

    def _reach(self, number: int, update: int) -> None:
        """The book is that of an update: best prices that came before it are held against it, older ones are forgotten."""
        ahead = self.ahead[number]
        found = ahead.get(update)
        if found is not None:
            self._hold_against(found[0], number, found[1])
        for one in [one for one in ahead if one <= update]:
            del ahead[one]

    def _ticker(self, line: Line, number: int, chain: Chain, has_depth: bool) -> None:
        scale, lot_scale = self.scales[number]
        said = line.said
        update = int(said["u"]) if has_depth else 0
        if has_depth and chain.last is not None and update < chain.last:
            return
        told = [(_whole(said[p], scale), _whole(said[q], lot_scale)) for p, q in (("b", "B"), ("a", "A"))]
        if has_depth:
            if chain.last == update:
                self._hold_against(line, number, told)
            else:  # this stream is ahead
                self.ahead[number][update] = (line, told)
            return
        for side, (units, lots) in enumerate(told):
            self.rows.append((line.time, number, side, units, lots, SNAPSHOT, line.number))
        self.latest = max(self.latest, line.time)

    def _hold_against(self, line: Line, number: int, told: list[tuple[int, int]]) -> None:
        bids, asks = self.books[number]
        best = [(price, book.get(price, 0)) for book, price in ((bids, max(bids, default=0)), (asks, min(asks, default=0)))]
        if best == told:
            self.feed.checked += 1
            return
        self.feed.differs += 1
        shown = f"best {best} of our book is not {told} of bookTicker at update {line.said['u']} (price units, lots)"
        self._trouble("best_differs", DataError(self.feed.path, shown, line.number, "b"))

    def _trade(self, line: Line, number: int) -> None:
        said, (scale, lot_scale) = line.said, self.scales[number]
        if said.get("X", "MARKET") != "MARKET":  # of an insurance fund or the like: not of the book
            self.troubles["trades_outside_the_book"] = self.troubles.get("trades_outside_the_book", 0) + 1
            return
        units, lots = round(float(said["p"]) * scale), round(float(said["q"]) * lot_scale)
        self.rows.append((line.time, number, 1 if said["m"] else 0, units, lots, TRADE, line.number))
        self.latest = max(self.latest, line.time)

    def _send(self, until: int | None) -> Iterator[Commands]:
        """The rows before `until`, by time, trades of a time first; the others wait."""
        if not self.rows:
            return
        rows = np.array(self.rows, np.int64)
        trades = rows[:, 5] & TRADE != 0
        order = np.lexsort((np.arange(len(rows)), ~trades, rows[:, 0]))
        ready = order if until is None else order[rows[order, 0] < until]
        waiting = np.sort(order[len(ready) :])
        self.rows = [self.rows[k] for k in waiting.tolist()]
        chosen = rows[ready]
        if len(chosen):
            lines = chosen[:, 6]
            columns = [np.ascontiguousarray(chosen[:, k]) for k in range(6)]
            yield from self.output.take_rows(*columns, place=lambda row: (int(lines[row]), {0: "T", 3: "m", 4: "q", 5: "p"}))

    def _tell(self) -> None:
        feed = self.feed
        dropped = sum(chain.dropped for chain in self.chains.values())
        feed.repairs = {**feed.repairs, **self.troubles} | ({"updates_in_the_snapshot": dropped} if dropped else {})
        if self.troubles:
            said = "; ".join(f"{count} × {name.replace('_', ' ')}" for name, count in self.troubles.items())
            warnings.warn(f"{feed.source}: {said}", DataWarning, stacklevel=2)

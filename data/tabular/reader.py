"""Tables of orders, levels, trades and quotes, from files and frames of any origin, as commands of history."""

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.feed import BATCH_ROWS, Commands, DataError, Feed
from data.levels.decoding import SNAPSHOT, TRADE
from data.levels.output import LevelOutput
from data.levels.trades import Trades
from data.orders.faults import WORDS, Fault
from data.orders.output import Output
from data.sources.blocks import Progress
from data.tabular.blocks import Block, Source, open_source
from data.tabular.orders import decode_orders
from data.tabular.plan import Plan, make_plan
from data.tabular.rows import Reader
from data.tabular.values import actions, refuse, sides, times, whole
from engine.messages.instrument import Number
from engine.messages.vocabulary import Grain

VERSION = "table 1"
Ints = np.ndarray[Any, np.dtype[np.int64]]


class TableFeed(Feed):
    """A table as a feed. `kind`: l3, l2, depth (several levels side by side), trades or quotes. `taken_for`: how it was understood."""

    def __init__(self, source: Source, plan: Plan, prices_scale: float = 1.0) -> None:
        self.table, self.plan, self.kind, self.scale = source, plan, plan.kind, prices_scale
        self.instruments, self.counts = plan.instruments, {}
        self.grain = Grain.ORDERS if plan.kind == "l3" else Grain.LEVELS
        symbols = plan.symbols[0] if len(plan.symbols) == 1 else f"{len(plan.symbols)} symbols"
        self.name = f"{symbols} {plan.kind}"
        self.time_zone = plan.reading.zone or "UTC"
        self.taken_for = plan.said()

    @property
    def source(self) -> str:
        return self.table.name

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the bytes and of what they were read as."""
        plan = self.plan
        what = [VERSION, self.table.fingerprint(), plan.kind, sorted(plan.reading.found.items()), plan.reading[2:], repr(plan.instruments)]
        return hashlib.sha256("|".join(map(str, what)).encode()).hexdigest()

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND): of orders as in LOBSTER's files, else LEVEL and TRADE."""
        read = _Orders(self, rows) if self.kind == "l3" else _Levels(self, rows)
        return read.batches()


def read_table(
    source: Any,
    kind: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    tick: Number | None = None,
    lot: Number | None = None,
    time_zone: str | None = None,
    time_format: str | None = None,
    time_unit: str | None = None,
    repair: bool = False,
    progress: Progress | None = None,
    **terms: Any,
) -> TableFeed:
    """A feed of a table: CSV (plain, gzipped, zipped), Parquet, or a pandas or polars frame.

    Parameters
    ----------
    kind : str, optional
        "l3" (a row an action on an order), "l2" (a row a level's new quantity), "depth" (a row the best levels side by side), "trades" or
        "quotes". Default: guessed by the columns' names; `feed.taken_for` says it.
    columns : mapping, optional
        Our names (time, symbol, price, quantity, side, order_id, action, bid, ask …: `data.tabular.columns`) to the table's.
    names : list of str, optional
        The columns of a file without a header line.
    symbol : str or list of str, optional
        Those to read. Default: all; of a table without a column of symbols, the file's name.
    tick, lot : number, optional
        Default: the last decimal that is used.
    time_zone, time_format, time_unit : str, optional
        Of times that name no zone (default UTC); as of strftime; "s", "ms", "us" or "ns" of numbers (default: by their size).
    repair : bool
        Leave bad rows out and count them (`feed.repairs`, a DataWarning), rather than stop at the first.

    Raises DataError, here or while the feed is read, with file, line and field.
    """
    table = open_source(source, names, progress, repair)
    reading = {"zone": time_zone, "time_format": time_format, "time_unit": time_unit, "repair": repair}
    plan = make_plan(table, kind, columns, symbol, reading, tick, lot, terms)
    return TableFeed(table, plan)


class _Orders(Reader):
    """One reading of a table of orders."""

    def __init__(self, feed: TableFeed, rows: int) -> None:
        super().__init__(feed, feed.table, feed.plan)
        self.output = Output(feed.instruments, max(1, rows), self.reading.repair)
        words = {
            str(word).lower() for block in feed.table.blocks() for word in block.frame[self.reading.found["action"]].unique().to_list()
        }
        self.filled = bool(words & {"fill", "f"})

    def read(self, block: Block) -> tuple[Any, ...]:
        found, instrument = self.reading.found, self.instrument(block)
        ids = whole(self.reading, block, found["order_id"]).to_numpy()
        new = whole(self.reading, block, found["new_order_id"]).to_numpy() if "new_order_id" in found else ids
        price = self.prices(block, found["price"], instrument, needed=False)
        lots = self.lots(block, found.get("quantity"), instrument, needed=False)
        return (
            times(self.reading, block),
            instrument,
            actions(self.reading, block, self.filled),
            ids,
            new,
            sides(self.reading, block, True),
            price,
            lots,
        )

    def batches(self) -> Iterator[Commands]:
        output = self.output
        w = output.w
        for block, arrays in self.blocks(self.read):
            w["at"], w["end"] = 0, len(block.frame)
            while w["at"] < w["end"]:
                decode_orders(output.writings, output.counts, output.terms, output.table, output.out, *arrays)
                if w["fault"] > Fault.ROOM:
                    raise self._error(block)
                if w["fault"] == Fault.ROOM:
                    ready = output.flush()
                    output.make_room()
                    if len(ready):
                        yield ready
        yield output.finish()
        output.tell(self.feed)
        self.feed.repairs = {**self.feed.repairs, **self.dropped}

    def _error(self, block: Block) -> DataError:
        w, fault = self.output.w, Fault(int(self.output.w["fault"]))
        field = ("", "time", "order_id", "side", "quantity", "price")[int(w["field"])]
        line = int(block.frame["line"][int(w["at"])])
        label = self.reading.found.get(field, field)
        shown = block.frame[label][int(w["at"])] if label in block.frame.columns else int(w["value"])
        return DataError(self.feed.source, f"{shown} {WORDS[fault]}; repair=True (--repair) mends and counts it", line, label)


class _Levels(Reader):
    """One reading of a table of levels, books, trades or quotes."""

    def __init__(self, feed: TableFeed, rows: int) -> None:
        super().__init__(feed, feed.table, feed.plan)
        self.output = LevelOutput(feed, feed.instruments, max(1, rows), self.reading.repair)

    def batches(self) -> Iterator[Commands]:
        windows = self.plan.kind in ("depth", "quotes")
        for block, arrays in self.blocks(self._windows if windows else self._rows):
            if isinstance(arrays, Trades):
                yield from self.output.take_trades(arrays)
                continue
            take = self.output.take_windows if windows else self.output.take_rows
            yield from take(*arrays, place=functools.partial(self._place, block))
        yield self.output.finish()
        self.feed.repairs = {**self.feed.repairs, **self.dropped}

    def _rows(self, block: Block) -> tuple[Any, ...]:
        found, instrument, trades = self.reading.found, self.instrument(block), self.plan.kind == "trades"
        if trades and (made := self.in_order(block, instrument, int(self.output.w["last"]))) is not None:
            return made
        price = self.prices(block, found["price"], instrument)
        lots = self.lots(block, found["quantity"], instrument)
        marks = np.full(len(block.frame), TRADE if trades else 0, np.int64)
        if trades:
            if "id" in found:
                self.check_ids(block, found["id"])
            self.check_jumps(block, found["price"], instrument, price)
        elif "snapshot" in found:
            words = block.frame[found["snapshot"]].cast(pl.String).str.to_lowercase()
            marks |= np.where(words.is_in(["true", "1", "t", "snapshot"]).to_numpy(), SNAPSHOT, 0)
        return times(self.reading, block), instrument, sides(self.reading, block, trades), price, lots, marks

    def _windows(self, block: Block) -> tuple[Any, ...]:
        instrument, labels = self.instrument(block), self._labels()
        depth = len(labels)
        prices, lots = (np.zeros((len(block.frame), 2, depth), np.int64) for _ in range(2))
        for level, of in enumerate(labels):
            for side, (price, quantity) in enumerate(of):
                if price is None:
                    continue
                prices[:, side, level] = self.prices(block, price, instrument, needed=False)
                lots[:, side, level] = np.where(prices[:, side, level] != 0, self.lots(block, quantity, instrument, needed=False), 0)
        self._check_crossed(block, labels, prices, lots)
        return times(self.reading, block), instrument, prices, lots, np.zeros((len(block.frame), 3), np.int64)

    def _check_crossed(self, block: Block, labels: list[Any], prices: Ints, lots: Ints) -> None:
        both = (lots[:, 0, 0] > 0) & (lots[:, 1, 0] > 0)
        crossed = both & (prices[:, 0, 0] > prices[:, 1, 0])
        refuse(self.reading, block, labels[0][0][0], pl.Series(crossed), "is above the ask of its row", "crossed")

    def _labels(self) -> list[list[tuple[str | None, str | None]]]:
        """Of each level and side: the columns of price and quantity."""
        found, wide = self.reading.found, self.plan.wide
        if self.plan.kind == "quotes":
            return [[(found.get(side), found.get(f"{side}_quantity")) for side in ("bid", "ask")]]
        deep = max(level for level, _, _ in wide) + 1
        return [[(wide.get((level, side, 0)), wide.get((level, side, 1))) for side in range(2)] for level in range(deep)]

    def _place(self, block: Block, row: int) -> tuple[int, dict[int, str]]:
        found = self.reading.found
        names = {
            0: found.get("time", found.get("date", "")),
            3: found.get("side", ""),
            4: found.get("quantity", ""),
            5: found.get("price", ""),
        }
        if self.plan.kind in ("depth", "quotes"):
            for level, of in enumerate(self._labels()):
                names |= {8 + 2 * level + side: pair[0] or "" for side, pair in enumerate(of)}
        return int(block.frame["line"][row]), names

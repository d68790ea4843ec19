"""The rows of a table, block by block: which are chosen, their instruments, prices and lots in whole units, and what is wrong with them."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl

from data.bars.files import Bad
from data.feed import DataWarning, Feed
from data.levels.trades import Trades
from data.tabular.blocks import Block, Source
from data.tabular.plain import JUMP, Before, in_order
from data.tabular.plan import Plan, without
from data.tabular.values import numbers, refuse, sides_of_trades

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Reader:
    """One reading of a table."""

    def __init__(self, feed: Feed, table: Source, plan: Plan) -> None:
        self.feed, self.table, self.plan, self.reading = feed, table, plan, plan.reading
        self.dropped: dict[str, int] = {}
        self.last_price: dict[int, float] = {}
        self.last_id = -1
        self.scales = np.array([[float(1 / one.price_unit), float(1 / one.lot)] for one in plan.instruments])
        self._first = np.zeros(0, np.int64)  # of tables of one instrument
        self.by_symbol = {symbol: k for k, symbol in enumerate(self.plan.symbols)}

    def blocks(self, read: Callable[[Block], tuple[Any, ...]]) -> Iterator[tuple[Block, tuple[Any, ...]]]:
        """The blocks of the table with what `read` makes of them; where it repairs, without the rows that are bad."""
        for block in self.table.blocks():
            block = Block(block.frame.with_row_index("line", block.first), block.first)
            block = self._chosen(block)
            while len(block.frame):
                try:
                    made = read(block)
                except Bad as bad:
                    block = without(block, bad, self.dropped)
                    continue
                yield block, made
                break
        self._tell()

    def _chosen(self, block: Block) -> Block:
        column = self.reading.found.get("symbol")
        return block if column is None else Block(block.frame.filter(pl.col(column).cast(pl.String).is_in(self.plan.symbols)), block.first)

    def _tell(self) -> None:
        self.feed.repairs = dict(self.dropped)
        if self.dropped:
            said = "; ".join(f"{count} × {what.replace('_', ' ')}" for what, count in self.dropped.items())
            warnings.warn(f"{self.feed.source}: rows with faults: {said}", DataWarning, stacklevel=2)

    def instrument(self, block: Block) -> Ints:
        """The number of each row's instrument."""
        column = self.reading.found.get("symbol")
        if column is None:
            if len(self._first) < len(block.frame):
                self._first = np.zeros(len(block.frame), np.int64)
            return self._first[: len(block.frame)]
        return block.frame[column].cast(pl.String).replace_strict(self.by_symbol, return_dtype=pl.Int64).to_numpy()

    def prices(self, block: Block, label: str, instrument: Ints, needed: bool = True) -> Ints:
        """Price units; a price that is off the unit is refused."""
        return self._units(block, label, [one.price_unit for one in self.plan.instruments], instrument, needed)

    def lots(self, block: Block, label: str | None, instrument: Ints, needed: bool = True) -> Ints:
        """Lots; of a column that is not there, 1."""
        if label is None:
            return np.ones(len(block.frame), np.int64)
        return self._units(block, label, [one.lot for one in self.plan.instruments], instrument, needed)

    def _units(self, block: Block, label: str, units: list[Any], instrument: Ints, needed: bool) -> Ints:
        values = numbers(self.reading, block, label, needed)
        scale = np.array([float(1 / unit) for unit in units])[instrument]
        exact = values * scale
        whole_units = np.rint(exact)
        off = np.abs(exact - whole_units) > 1e-6 * np.maximum(1.0, np.abs(exact) * 1e-6)
        if off.any() and not self.reading.repair:
            refuse(self.reading, block, label, pl.Series(off), f"is off the unit {units[0]}; give a finer tick or lot", "off_unit")
        elif off.any():
            self.dropped["rounded"] = self.dropped.get("rounded", 0) + int(off.sum())
        large = np.abs(whole_units) >= 2.0**62
        refuse(self.reading, block, label, pl.Series(large), "is too large", "too_large")
        return whole_units.astype(np.int64)

    def check_jumps(self, block: Block, label: str, instrument: Ints, prices: Ints) -> None:
        """Refuse a price that is 90 % away from the one before it: units changed, or a split is not adjusted."""
        for k in np.unique(instrument).tolist():
            rows = np.flatnonzero(instrument == k)
            chosen = prices[rows].astype(np.float64)
            before = np.concatenate([[self.last_price.get(k, chosen[0])], chosen[:-1]])
            with np.errstate(divide="ignore", invalid="ignore"):
                jumps = (np.abs(chosen - before) >= JUMP * np.abs(before)) & (before > 0) & (chosen > 0)
            if jumps.any() and not self.reading.repair:
                mask = np.zeros(len(prices), bool)
                mask[rows[jumps]] = True
                step = 100 * (chosen[jumps][0] / before[jumps][0] - 1)
                what = f"is {step:+.0f} % from the price before; are the units mixed, or is a split not adjusted"
                refuse(self.reading, block, label, pl.Series(mask), what, "jumps")
            if jumps.any():
                self.dropped["jumps_kept"] = self.dropped.get("jumps_kept", 0) + int(jumps.sum())
            self.last_price[k] = float(chosen[-1])

    def in_order(self, block: Block, instrument: Ints, after: int) -> Trades | None:
        """The trades of a block, the first not before `after` (ns); None where any is not in order, which the other ways then tell."""
        last = np.full(len(self.scales), np.nan)
        last[list(self.last_price)] = list(self.last_price.values())
        before = Before(last, after)
        made = in_order(self.reading, block, instrument, sides_of_trades(self.reading, block), self.scales, before)
        if made is not None:
            if "id" in self.reading.found:
                self.check_ids(block, self.reading.found["id"])
            self.last_price = {k: float(price) for k, price in enumerate(last) if not np.isnan(price)}
        return made

    def check_ids(self, block: Block, label: str) -> None:
        """Refuse a trade that comes twice, by its id."""
        ids = block.frame[label].cast(pl.Int64, strict=False)
        if len(ids) and not ids.null_count() and ids[0] > self.last_id and (ids.diff().drop_nulls() > 0).all():
            self.last_id = int(ids[-1])
            return
        if ids.null_count() or not len(ids):
            refuse(
                self.reading,
                block,
                label,
                block.frame[label].is_duplicated() & ~block.frame[label].is_first_distinct(),
                "comes twice",
                "duplicates",
            )
            return
        before = pl.concat([pl.Series([self.last_id], dtype=pl.Int64), ids.head(len(ids) - 1)])
        bad = (ids == before) | (~ids.is_first_distinct())
        refuse(self.reading, block, label, bad, "is the id of a trade that was there already", "duplicates")
        self.last_id = int(ids[-1])

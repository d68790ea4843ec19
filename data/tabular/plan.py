"""How a table is read: its kind, its columns, its instruments. What is guessed is said, and whatever is given wins."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data.bars.files import Bad
from data.feed import DataError
from data.sources.terms import DECIMALS_MAX, decimals_of, instrument_of
from data.tabular.blocks import Block, Source
from data.tabular.columns import KINDS, Wide, check_columns, find_columns, guess_kind, wide_columns
from data.tabular.values import Reading
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument, Number

LOTS_MAX = 2**32


class Plan(NamedTuple):
    """A table understood: `reading` of its columns, `wide` of a book side by side, `symbols` in the order of `instruments`."""

    kind: str
    reading: Reading
    wide: Wide
    symbols: list[str]
    instruments: list[Instrument]

    def said(self) -> str:
        """What the table was taken for, in one line."""
        found = self.reading.found
        shown = ", ".join(f"{ours} = {theirs}" for ours, theirs in found.items() if ours in _used(self.kind))
        wide = f", {max(level for level, _, _ in self.wide) + 1} levels" if self.wide else ""
        terms = "; ".join(f"{one.symbol} tick {one.tick:f}, lot {one.lot:f}" for one in self.instruments[:3])
        more = f" and {len(self.instruments) - 3} more" if len(self.instruments) > 3 else ""
        return f"{self.kind} ({shown}{wide}; times without a zone are {self.reading.zone or 'UTC'}; {terms}{more})"


def _used(kind: str) -> set[str]:
    quotes = {"bid", "ask", "bid_quantity", "ask_quantity"}
    own = {
        "l3": {"order_id", "new_order_id", "action", "side", "price", "quantity"},
        "l2": {"side", "price", "quantity", "snapshot"},
        "depth": {"snapshot"},
        "trades": {"price", "quantity", "side", "maker", "id"},
        "quotes": quotes,
        "bars": {"open", "high", "low", "close", "quantity"},
    }
    return {"time", "date", "symbol"} | own[kind]


def make_plan(
    source: Source, kind: str | None, columns: Mapping[str, str] | None, symbol: str | Sequence[str] | None, reading: Mapping[str, Any],
    tick: Number | None, lot: Number | None, terms: Mapping[str, Any],
) -> Plan:  # fmt: skip
    """The plan of a table. Raises DataError where its kind or a column cannot be told, or where it has not the symbol."""
    try:
        found = find_columns(source.labels, columns)
    except ValueError as error:
        raise DataError(source.name, str(error), source.header) from None
    first = next((block for block in source.blocks()), None)
    if first is None or not len(first.frame):
        raise DataError(source.name, "has no rows")
    sides = (
        first.frame[found["side"]].head(1000).cast(pl.String).str.to_lowercase().drop_nulls().unique().to_list() if "side" in found else []
    )
    kind = kind or guess_kind(source.labels, found, set(sides))
    if kind is None:
        what = f'cannot be told by its columns {", ".join(map(repr, source.labels[:12]))}; say which they are: kind="trades", columns={{…}}'
        raise DataError(source.name, what, source.header)
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}; " + did_you_mean(kind, KINDS, f"there are {', '.join(KINDS)}"))
    check_columns(source.name, kind, source.labels, found, source.header)
    read = Reading(source.name, found, **reading)
    wide = wide_columns(source.labels) if kind == "depth" else {}
    survey = _Survey(source, kind, read, wide)
    symbols, instruments = survey.instruments(symbol, tick, lot, terms)
    return Plan(kind, read, wide, symbols, instruments)


def price_columns(kind: str, found: Mapping[str, str], wide: Wide) -> tuple[list[str], list[str]]:
    """The columns of prices, and those of quantities."""
    if kind == "depth":
        ordered = sorted(wide.items())
        return [label for (_, _, what), label in ordered if what == 0], [label for (_, _, what), label in ordered if what == 1]
    names = ("bid", "ask") if kind == "quotes" else ("price",)
    sizes = ("bid_quantity", "ask_quantity") if kind == "quotes" else ("quantity",)
    return [found[name] for name in names if name in found], [found[name] for name in sizes if name in found]


class _Survey:
    """A first pass over a table: its symbols, and how finely their prices and quantities are written."""

    def __init__(self, source: Source, kind: str, reading: Reading, wide: Wide) -> None:
        self.source, self.reading = source, reading
        self.finest: dict[str | None, list[float]] = {}  # by symbol: decimals of prices, of quantities, and the largest quantity
        self.columns = price_columns(kind, reading.found, wide)
        for block in source.blocks():
            self._take(block)

    def _take(self, block: Block) -> None:
        column = self.reading.found.get("symbol")
        parts: list[tuple[str | None, pl.DataFrame]] = [(None, block.frame)]
        if column is not None:
            grouped = block.frame.with_row_index("line", block.first).group_by(column, maintain_order=True)
            parts = [(None if key[0] is None else str(key[0]), frame) for key, frame in grouped]
        for symbol, frame in parts:
            noted = self.finest.setdefault(symbol, [0, 0, 0.0])
            for at, columns in enumerate(self.columns):
                for label in columns:
                    self._note(Block(frame, block.first), label, noted, at)

    def _note(self, block: Block, label: str, noted: list[float], at: int) -> None:
        values = block.frame[label].cast(pl.Float64, strict=False).fill_nan(None).drop_nulls().to_numpy()
        values = values[np.isfinite(values)]
        if not len(values):
            return
        if at == 1:
            noted[2] = max(noted[2], float(np.abs(values).max()))
        if noted[at] < 0:
            return
        noted[at] = decimals_of(values, int(noted[at]))

    def instruments(
        self, given: str | Sequence[str] | None, tick: Number | None, lot: Number | None, terms: Mapping[str, Any]
    ) -> tuple[list[str], list[Instrument]]:
        found = [symbol for symbol in self.finest if symbol is not None]
        wanted = given.split(",") if isinstance(given, str) else list(given or [])
        if not found:
            self.finest = {(wanted or [self.source.stem.upper() or "DATA"])[0]: self.finest.get(None, [0, 0, 0.0])}
            wanted = found = list(self.finest)  # type: ignore[arg-type]
        for symbol in wanted:
            if symbol not in found:
                hint = did_you_mean(symbol, found, f"it has {', '.join(found[:5])}")
                raise DataError(self.source.name, f"has no symbol {symbol!r}; {hint}", 0, self.reading.found.get("symbol", "symbol"))
        chosen = wanted or found
        return chosen, [self._instrument(symbol, tick, lot, dict(terms)) for symbol in chosen]

    def _instrument(self, symbol: str, tick: Number | None, lot: Number | None, terms: dict[str, Any]) -> Instrument:
        places, digits, largest = self.finest[symbol]
        if places < 0:
            what = f"{symbol} has prices of more than {DECIMALS_MAX} decimals; round them to their tick"
            raise DataError(self.source.name, what, 0, self.columns[0][0])
        if lot is None:
            if digits < 0 or largest * 10**digits >= LOTS_MAX:
                shown = "more than 9" if digits < 0 else str(int(digits))
                what = f"{symbol} has quantities of {shown} decimals, the largest {largest:g}: too fine to count; give a larger lot"
                raise DataError(self.source.name, what, 0, self.columns[1][0])
            terms["lot"] = f"{10**-digits:.9f}".rstrip("0").rstrip(".") if digits else "1"
        else:
            terms["lot"] = lot
        return instrument_of(symbol, tick, int(places), terms)


def without(block: Block, bad: Bad, dropped: dict[str, int]) -> Block:
    """The block without its bad rows, which are counted."""
    dropped[bad.what] = dropped.get(bad.what, 0) + int(bad.mask.sum())
    return Block(block.frame.filter(~bad.mask), block.first)

"""Databento DBN, versions 1 to 3: market by order, market by price, quotes, trades, bars and definitions as feeds."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.dbn.files import (
    MESSAGES,
    RTYPES,
    UNDEFINED,
    Heading,
    definitions,
    first_type,
    raw_blocks,
    read_heading,
    read_records,
    record_type,
)
from data.dbn.instruments import Steps, choose, make_instruments, nano_units, steps_of
from data.dbn.orders import PENDING, decode_mbo, settle_last
from data.feed import BATCH_ROWS, Commands, DataError, Feed
from data.levels.output import LevelOutput
from data.orders.faults import WORDS, Fault
from data.orders.output import Output
from data.sources.blocks import Progress, file_hash
from engine.messages.instrument import Instrument, Number
from engine.messages.vocabulary import Grain

VERSION = "dbn 2"
LEVELS = {"mbp-1": 1, "mbp-10": 10, "cmbp-1": 1, "bbo": 1, "cbbo": 1, "tcbbo": 1}
"""Levels of each schema of books."""
T, ASK, BID = ord("T"), ord("A"), ord("B")
WITHOUT_BOOK, BOOK_FIRST = 4, 8


class Dbn(Feed):
    """A Databento file as a feed. `schema`: what its records are; `dataset`; `checked`: fills that match the order they name."""

    def __init__(self, path: Path, heading: Heading, rtype: int, numbers: list[int], instruments: list[Instrument], repair: bool) -> None:
        self.path, self.heading, self.rtype, self.numbers, self.instruments, self.repair = (
            path,
            heading,
            rtype,
            numbers,
            instruments,
            repair,
        )
        self.schema, self.dataset = RTYPES[rtype], heading.dataset
        self.counts, self.checked = {}, 0
        self.grain = Grain.ORDERS if self.schema == "mbo" else Grain.LEVELS
        symbols = instruments[0].symbol if len(instruments) == 1 else f"{len(instruments)} symbols"
        self.name = f"{symbols} {heading.schema or self.schema}"
        self.progress: Progress | None = None

    @property
    def source(self) -> str:
        return str(self.path)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes and of what they were read as."""
        return file_hash(self.path, VERSION, self.schema, self.repair, self.instruments)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Commands (COMMAND): of orders as in LOBSTER's files, else LEVEL and TRADE; none of definitions."""
        if self.schema == "definition":
            return iter(())
        return _orders(self, rows) if self.schema == "mbo" else _levels(self, rows)

    def definitions(self) -> list[Any]:
        """The definitions of instruments in the file, as databento-dbn's InstrumentDefMsg."""
        return definitions(self.path)


def read_dbn(
    path: str | Path,
    symbol: str | Sequence[str] | None = None,
    *,
    tick: Number | None = None,
    definitions: str | Path | None = None,
    repair: bool = False,
    progress: Progress | None = None,
    **terms: Any,
) -> Feed:
    """A feed of a Databento file (DBN 1 to 3, packed with Zstandard or not): mbo, mbp-1, mbp-10, tbbo, bbo, trades, ohlcv, definition.

    Parameters
    ----------
    symbol : str or list of str, optional
        Default: all of the file.
    tick : number, optional
        Default: of `definitions`, a file of that schema; else the common step of the prices in the file.
    **terms
        Further terms of `engine.Instrument`, such as multiplier.

    Times are the exchange's (`ts_event`; of a snapshot, when it was made), raised where they go back. Fills are held against the orders
    that they name. Raises DataError where the file is damaged or a price is off the tick, with the record's number.
    """
    path = Path(path)
    heading, _ = read_heading(path, raw_blocks(path))
    rtype = first_type(path)
    schema = RTYPES.get(rtype)
    if schema == "ohlcv":
        from data.dbn.bars import read_ohlcv

        return read_ohlcv(path, heading, rtype, symbol, tick, terms)
    if schema != "definition" and schema not in MESSAGES:
        raise DataError(path, f"holds {schema or f'records of type {rtype}'}, of which no market can be made")
    if schema == "definition":
        return _of_definitions(path, heading, rtype)
    steps = _survey(path, rtype, schema, repair)
    chosen = choose(path, heading, steps, symbol)
    feed = Dbn(path, heading, rtype, list(chosen), make_instruments(chosen, steps, tick, terms, definitions), repair)
    feed.progress = progress
    return feed


def _of_definitions(path: Path, heading: Heading, rtype: int) -> Dbn:
    named = {int(record.instrument_id): str(record.raw_symbol) for record in definitions(path)}
    return Dbn(path, heading, rtype, list(named), make_instruments(named, {}, None, {}, path), False)


def _survey(path: Path, rtype: int, schema: str, repair: bool) -> dict[int, Steps]:
    steps: dict[int, Steps] = {}
    columns = [name for name in record_type(schema).names or () if name.startswith(("bid_px", "ask_px"))] or ["price"]
    for records in read_records(path, rtype, record_type(schema), None, repair):
        rows = records.rows
        steps = steps_of(rows["instrument_id"], np.stack([rows[name] for name in columns], axis=1), steps)
    if not steps:
        raise DataError(path, "holds no records")
    return steps


def _orders(feed: Dbn, rows: int) -> Iterator[Commands]:
    output, pendings = Output(feed.instruments, max(1, rows), feed.repair), np.zeros(1, PENDING)
    w, numbers, names = output.w, *_sorted(feed.numbers)
    units = nano_units(feed.instruments)
    arrays = (output.writings, output.counts, output.terms, numbers, units)
    for records in read_records(feed.path, feed.rtype, record_type("mbo"), feed.progress, feed.repair):
        w["at"] = 0
        while w["at"] < len(records.rows):
            decode_mbo(records.rows, *arrays, output.table, output.out, pendings, names)
            if w["fault"] > Fault.ROOM:
                raise _error(feed, records.first + int(w["at"]), w)
            if w["fault"] == Fault.ROOM:
                ready = output.flush()
                output.make_room()
                if len(ready):
                    yield ready
    if len(output.out) < w["n"] + w["hidden"] + 8:
        yield output.flush()
    settle_last(output.writings, output.counts, output.terms, output.out, pendings)
    yield output.finish()
    feed.checked = int(w["checked"])
    output.tell(feed)


def _sorted(numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Places in the order of their ids, and the ids."""
    ids = np.array(numbers, np.int64)
    order = np.argsort(ids)
    return order.astype(np.int64), ids[order].astype(np.uint32)


def _error(feed: Dbn, record: int, w: Any) -> DataError:
    field = ("", "ts_event", "order_id", "side", "size", "price")[min(int(w["field"]), 5)]
    return DataError(feed.path, f"record {record}, field {field}: {int(w['value'])} {WORDS[Fault(int(w['fault']))]}; repair=True mends it")


def _levels(feed: Dbn, rows: int) -> Iterator[Commands]:
    output = LevelOutput(feed, feed.instruments, max(1, rows), feed.repair)
    depth, book_first = LEVELS.get(feed.schema, 0), BOOK_FIRST if feed.heading.schema in ("tbbo", "tcbbo") else 0
    last = 0
    for records in read_records(feed.path, feed.rtype, record_type(feed.schema), feed.progress, feed.repair):
        chosen = np.isin(records.rows["instrument_id"], feed.numbers)
        rows_here = records.rows[chosen]
        if not len(rows_here):
            continue
        places, names = _sorted(feed.numbers)
        instrument = places[np.searchsorted(names, rows_here["instrument_id"])]
        ts = np.maximum.accumulate(np.maximum(_time(rows_here, feed.schema), last))
        last = int(ts[-1])
        numbers = np.flatnonzero(chosen) + records.first
        prices, lots, trades = _windows(depth, book_first, rows_here, nano_units(feed.instruments)[instrument])
        yield from output.take_windows(ts, instrument, prices, lots, trades, place=functools.partial(_place, numbers))
    yield output.finish()


def _time(rows: np.ndarray, schema: str) -> np.ndarray:
    """ns UTC; a record without an exchange time has the time at which it was received. A quote of an interval has the interval's end, which
    is its `ts_recv`: its `ts_event` is that of the last trade, before the quote was there."""
    if schema in ("bbo", "cbbo"):
        return rows["ts_recv"].astype(np.int64)
    snapshot = (rows["flags"] & 32 != 0) | (rows["ts_event"] == 2**64 - 1)
    return np.where(snapshot, rows["ts_recv"], rows["ts_event"]).astype(np.int64)


def _windows(depth: int, book_first: int, rows: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, ...]:
    """Prices and lots of the books, and the trades (see `data.levels.decoding.decode_windows`)."""
    prices, lots = (np.zeros((len(rows), 2, max(depth, 1)), np.int64) for _ in range(2))
    for level in range(depth):
        for side, name in enumerate(("bid", "ask")):
            price = rows[f"{name}_px_{level:02d}"]
            there = price != UNDEFINED
            prices[:, side, level] = np.where(there, price // units, 0)
            lots[:, side, level] = np.where(there, rows[f"{name}_sz_{level:02d}"], 0)
    trades = np.zeros((len(rows), 3), np.int64)
    trades[:, 2] = np.where(rows["side"] == BID, 0, np.where(rows["side"] == ASK, 1, 2)) | (WITHOUT_BOOK if depth == 0 else 0) | book_first
    told = (rows["action"] == T) & (rows["price"] != UNDEFINED) if "action" in (rows.dtype.names or ()) else np.zeros(len(rows), bool)
    trades[:, 0] = np.where(told, rows["price"] // units, 0)
    trades[:, 1] = np.where(told, rows["size"], 0)
    return prices, lots, trades


def _place(numbers: np.ndarray, row: int) -> tuple[int, dict[int, str]]:
    """A record by its number, in place of a line."""
    names = {0: "ts_event", 4: "size", 5: "price"} | {8 + 2 * level: f"bid_px_{level:02d}" for level in range(10)}
    return int(numbers[row]), names | {9 + 2 * level: f"ask_px_{level:02d}" for level in range(10)}

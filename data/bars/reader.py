"""Bars: open, high, low, close and volume of a period, checked, with exact prices; to the exchange they are prints on a stated path.

The path inside a bar: open, the extreme that is nearer to it (the low where both are as near), the other one, close; at the bar's first
nanosecond, a third and two thirds on, and at its last one. A convention, not what happened: where a result hangs on it, use finer data.
"""

import functools
import hashlib
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from data.bars.checks import PRICES, checked
from data.bars.files import Table, open_table
from data.bars.sessions import bars_in_sessions
from data.feed import BATCH_ROWS, Commands, DataError, DataWarning, Feed
from data.sources.terms import instrument_of
from engine.messages.instrument import Instrument, Number
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Flag, Grain, Kind, Side

VERSION = "bars 2"
DECIMALS_MAX = 9
UNITS_MAX = 2**31
LOTS_MAX = 2**32
DAY_NS = 86_400 * 10**9

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Bars(Feed):
    """Checked bars of one instrument, and a feed of their prints.

    `frame`: `ts` (Datetime ns UTC, when the bar begins), `open`, `high`, `low`, `close`, `volume` (Float64), a row a bar in time order.
    `units`: int64 (bars, 4), open, high, low, close in price units, exactly. `period`: length of a bar, ns. `lengths`: int64 (bars,), of
    each its own, where a calendar cuts some short; else None. `calendar`: the exchange by whose sessions they are.
    `rounded`: prices that `decimals` changed.
    """

    grain = Grain.BARS

    def __init__(self, instrument: Instrument, frame: pl.DataFrame, units: Ints, period: int, rounded: int = 0) -> None:
        self.frame, self.units, self.period, self.rounded = frame, units, period, rounded
        self.instruments, self.counts = [instrument], {}
        self.lengths: Ints | None = None
        self.calendar = ""
        self.name = f"{instrument.symbol} bars"

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        first, last = (f"{self.frame['ts'][end]:%Y-%m-%d %H:%M}" for end in (0, -1))
        return f"{len(self)} bars of {self.instrument.symbol}, {first} to {last} UTC"

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the bars and of what they were read as; the same from a file and from a frame."""
        hashed = hashlib.sha256(f"{VERSION}|{self.instrument!r}|{self.period}".encode())
        own = [] if self.lengths is None else [self.lengths]
        for column in (self.times, self.units, self.frame["volume"].to_numpy(), *own):
            hashed.update(np.ascontiguousarray(column).tobytes())
        return hashed.hexdigest()

    def set_lengths(self, lengths: Ints) -> None:
        """Say how long each bar is (ns), before the bars are used."""
        self.lengths, self.period = lengths, int(lengths.min(initial=self.period))

    @property
    def times(self) -> Ints:
        """int64 (bars,): when each begins, ns UTC."""
        return self.frame["ts"].cast(pl.Int64).to_numpy()

    def to_frame(self, kind: str = "bars") -> pl.DataFrame:
        """The bars, with their symbol; another kind as of every feed."""
        if kind != "bars":
            return super().to_frame(kind)
        return self.frame.select("ts", pl.lit(self.instrument.symbol).alias("symbol"), pl.exclude("ts"))

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        """Prints (COMMAND) of about `rows` at a time: four a bar."""
        step = max(1, rows // 4)
        for first in range(0, len(self), step):
            yield bars_to_commands(self, first, first + step)


def read_bars(
    source: Any,
    symbol: str | None = None,
    *,
    time_zone: str | None = None,
    time_format: str | None = None,
    tick: Number | None = None,
    decimals: int | None = None,
    period: timedelta | None = None,
    calendar: str | None = None,
    repair: bool = False,
    **terms: Any,
) -> Bars:
    """Bars from a file or a frame.

    Parameters
    ----------
    source : path, pandas.DataFrame or polars.DataFrame
        CSV (also gzipped, zipped or tab-separated), Parquet, a zip of QuantConnect Lean's US equity trade bars, or a frame. Columns open,
        high, low, close, volume (may be missing: 0) and date, time, datetime or timestamp (of pandas also the index), in any case.
    symbol : str, optional
        Default: the file's name in capitals, of a frame BARS.
    time_zone : str, optional
        Of times that name none, and the feed's clock. Default UTC, of Lean's files America/New_York. A bar is stamped with its beginning.
    time_format : str, optional
        As of strftime, for times that are not written as in ISO 8601.
    tick : number, optional
        Default: the last decimal that the prices use (9 at most).
    decimals : int, optional
        Round prices to so many; `Bars.rounded` tells how many that changed. Default: never round.
    period : timedelta, optional
        Length of a bar. Default: the shortest time between two.
    calendar : str, optional
        The exchange's MIC, such as XNYS: a daily bar becomes that of its date's session, from open to close; a shorter one must lie within
        a session. Sessions without a bar are counted (`Bars.repairs`, a DataWarning).
    repair : bool
        Leave bad bars out, sort those that are out of order, keep jumps, and count it all (`Bars.repairs`, a DataWarning).
    **terms
        Further terms of `engine.Instrument`: lot, currency, multiplier, maker_fee, taker_fee.

    Returns
    -------
    Bars

    Raises
    ------
    DataError
        Where a value is missing, no number, not above 0, outside high and low, 90 % away from the close before, or out of time order: in
        which file, line and field.
        The line of a frame is its row, from 1.
    """
    table, frame, repairs = checked(open_table(source)._replace(repair=repair), time_zone, time_format)
    prices = frame.select(PRICES).to_numpy() / table.scale
    places = _decimals(table, prices) if decimals is None else decimals
    if not 0 <= places <= DECIMALS_MAX:
        raise ValueError(f"decimals is {places}; it must be 0 to {DECIMALS_MAX}")
    rounded = np.rint(prices * 10.0**places) / 10.0**places
    instrument = instrument_of(symbol or table.symbol, tick, places, terms)
    units = np.rint(rounded * float(1 / instrument.price_unit)).astype(np.int64)
    _check_range(table, instrument, units, frame["volume"].to_numpy())
    frame = frame.with_columns(pl.Series(name, rounded[:, place]) for place, name in enumerate(PRICES))
    made = Bars(instrument, frame, units, _period(table, frame["ts"], period), int((rounded != prices).sum()))
    made.time_zone, made.repairs = time_zone or table.zone, repairs
    if calendar is not None:
        made = bars_in_sessions(made, calendar, repair)
        repairs = dict(made.repairs)
    if repairs:
        said = "; ".join(f"{count} × {what.replace('_', ' ')}" for what, count in repairs.items())
        warnings.warn(f"{table.name}: bars with faults: {said}", DataWarning, stacklevel=2)
    return made


def bars_to_commands(bars: Bars, first: int = 0, last: int | None = None) -> Commands:
    """The prints (COMMAND) of bars[first:last], four a bar, on the path that the module states.

    `side` is BUY where the price did not fall since the print before. Each print has a quarter of the volume, the close what is left, and
    at least one lot, because a print needs one. The first one of a bar is OPENING and has the bar's volume (lots; 0: not known) in
    `stop_price`. `row` counts the prints: bar k (from 0) has rows 4k + 1 to 4k + 4.
    """
    chosen = slice(first, last)
    units, starts = bars.units[chosen], bars.times[chosen]
    opened, high, low, closed = units.T
    up = high - opened < opened - low
    path = np.stack([opened, np.where(up, high, low), np.where(up, low, high), closed], axis=1).ravel()
    before = bars.units[first - 1, 3] if first else 0
    quarter = whole_lots(bars)[chosen] // 4
    commands = np.zeros(len(path), COMMAND)
    commands["kind"] = Kind.PRINT
    commands["price"] = path
    commands["side"] = np.where(np.diff(path, prepend=before) >= 0, Side.BUY, Side.SELL)
    lengths = np.full(len(starts), bars.period) if bars.lengths is None else bars.lengths[chosen]
    commands["ts"] = (starts[:, None] + np.arange(4) * (lengths[:, None] - 1) // 3).ravel()
    commands["quantity"] = np.maximum(np.stack([quarter, quarter, quarter, whole_lots(bars)[chosen] - 3 * quarter], axis=1), 1).ravel()
    commands["flags"][::4] = Flag.OPENING
    commands["stop_price"][::4] = whole_lots(bars)[chosen]
    commands["row"] = 4 * first + 1 + np.arange(len(path))
    return commands


def whole_lots(bars: Bars) -> Ints:
    """int64 (bars,): volume in whole lots; what is less than a lot is dropped."""
    return np.floor(bars.frame["volume"].to_numpy() / float(bars.instrument.lot) + 1e-9).astype(np.int64)


def _decimals(table: Table, prices: Floats) -> int:
    """The fewest decimals that write every price exactly."""
    for places in range(DECIMALS_MAX + 1):
        odd = np.rint(prices * 10.0**places) / 10.0**places != prices
        if not odd.any():
            return places
    row, column = np.argwhere(odd)[0]
    what = f"{prices[row, column]} has more than {DECIMALS_MAX} decimals; decimals=2 (or more) rounds the prices"
    raise DataError(table.name, what, int(table.frame["line"][int(row)]), PRICES[column])


def _check_range(table: Table, instrument: Instrument, units: Ints, volume: Floats) -> None:
    if units.max() >= UNITS_MAX:
        row = int(units.max(axis=1).argmax())
        what = f"a price of {units.max()} units of {instrument.price_unit} is too large (2^31); fewer decimals=… make it smaller"
        raise DataError(table.name, what, int(table.frame["line"][row]), "high")
    lots = volume / float(instrument.lot)
    if lots.max() >= LOTS_MAX:
        what = f"{volume.max()} is too large (2^32 lots of {instrument.lot}); give a larger lot=…"
        raise DataError(table.name, what, int(table.frame["line"][int(lots.argmax())]), "volume")


def _period(table: Table, times: pl.Series, period: timedelta | None) -> int:
    """Length of a bar, ns."""
    shortest = int(np.diff(times.cast(pl.Int64).to_numpy()).min(initial=2**62))
    if period is None:
        return shortest if len(times) > 1 else DAY_NS
    length = period // timedelta(microseconds=1) * 1000
    if not 4 <= length <= shortest:
        raise DataError(
            table.name, f"period is {period}, but bars stand {timedelta(microseconds=shortest // 1000)} apart; it must be no longer"
        )
    return length

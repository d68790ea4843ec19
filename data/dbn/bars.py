"""Databento's bars (ohlcv) as our own."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data.bars.files import Table
from data.bars.reader import Bars, read_bars
from data.dbn.files import PERIODS, Heading, read_records, record_type
from data.dbn.instruments import choose
from data.feed import Feed
from data.merged import merge
from engine.messages.instrument import Number


def read_ohlcv(
    path: Path, heading: Heading, rtype: int, symbol: str | Sequence[str] | None, tick: Number | None, terms: Mapping[str, Any]
) -> Feed:
    """Bars of the one symbol that was chosen, or of several as one feed."""
    rows = np.concatenate([records.rows for records in read_records(path, rtype, record_type("ohlcv"))])
    chosen = choose(path, heading, np.unique(rows["instrument_id"]).tolist(), symbol)
    made = [_bars(path, rows[rows["instrument_id"] == number], name, rtype, tick, terms) for number, name in chosen.items()]
    return made[0] if len(made) == 1 else merge(made)


def _bars(path: Path, rows: np.ndarray, symbol: str, rtype: int, tick: Number | None, terms: Mapping[str, Any]) -> Bars:
    frame = pl.DataFrame({name: rows[name] / 1e9 for name in ("open", "high", "low", "close")})
    frame = frame.with_row_index("line", 1).with_columns(
        time=pl.Series(rows["ts_event"].astype(np.int64)), volume=pl.Series(rows["volume"].astype(np.float64))
    )
    table = Table(str(path), frame)
    return read_bars(table, symbol, tick=tick, period=timedelta(seconds=PERIODS.get(rtype, 86_400 * 10**9) // 10**9), **terms)

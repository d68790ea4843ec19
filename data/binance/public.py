"""Binance's public files (data.binance.vision): trades, aggTrades, bookTicker and klines, with and without a header line, CSV or zip."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from data.bars.files import Table
from data.bars.reader import read_bars
from data.feed import DataError, Feed
from data.sources.blocks import Progress, file_head, inner_name
from data.tabular.blocks import open_source
from data.tabular.reader import read_table
from engine.messages.instrument import Number

KLINES = [
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count", "taker_buy_volume",
    "taker_buy_quote_volume", "ignore",
]  # fmt: skip
TRADES = ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"]
AGGREGATES = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker", "is_best_match"]
TICKERS = ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time", "event_time"]
_NAME = re.compile(r"(?P<symbol>[A-Z0-9_]+)-(?P<kind>trades|aggTrades|bookTicker|\d+(?:s|m|h|d|w|mo))-\d{4}", re.IGNORECASE)
_BOOLEAN = ("true", "false")


def _fields(path: Path) -> list[str]:
    return file_head(path, 4096).split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip().split(",")


def columns_of(fields: Sequence[str]) -> list[str] | None:
    """The names of the columns, by the first line; None where it is of no public file."""
    labels = [field.strip() for field in fields]
    for names in (KLINES, TRADES, AGGREGATES, TICKERS):
        for shown in (names, names[:-1]):
            if labels == shown:
                return shown
    if len(labels) == len(KLINES) and all(_is_number(label) for label in labels) and labels[0].isdigit() and labels[6].isdigit():
        return KLINES
    if len(labels) in (6, 7) and labels[5].lower() in _BOOLEAN and labels[4].isdigit():
        return TRADES[: len(labels)]
    if len(labels) in (7, 8) and labels[6].lower() in _BOOLEAN and labels[5].isdigit():
        return AGGREGATES[: len(labels)]
    return None


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text))


def is_public(path: Path) -> bool:
    """Whether a file is one of the public ones, by its first line."""
    return columns_of(_fields(path)) is not None


def read_public(
    path: Path, symbol: str | Sequence[str] | None, *, tick: Number | None = None, lot: Number | None = None, repair: bool = False,
    progress: Progress | None = None, **terms: Any,
) -> Feed:  # fmt: skip
    """A feed of a public file; the symbol is that of its name where none is given. Raises DataError where its columns are not known."""
    names = columns_of(_fields(path))
    if names is None:
        raise DataError(path, "is not a public file of Binance by its first line")
    named = _NAME.search(inner_name(path))
    if symbol is not None and not isinstance(symbol, str):
        symbol = next(iter(symbol))
    symbol = symbol or (named["symbol"].upper() if named else None)
    if names is KLINES or names == KLINES[:-1]:
        return _klines(path, names, symbol, tick, lot, repair, terms)
    columns = {"time": names[4] if names[0] == "id" else names[5]}
    return read_table(
        path, None, columns=columns, names=names, symbol=symbol, tick=tick, lot=lot, repair=repair, progress=progress, **terms
    )


def _klines(
    path: Path, names: list[str], symbol: str | None, tick: Number | None, lot: Number | None, repair: bool, terms: dict[str, Any]
) -> Feed:
    source = open_source(path, names, None, repair)
    frame = pl.concat([block.frame for block in source.blocks()]).with_row_index("line", source.header + 1)
    bars = Table(str(path), frame.select("line", pl.col("open_time").alias("time"), "open", "high", "low", "close", "volume"))
    given: dict[str, Any] = {} if lot is None else {"lot": lot}
    return read_bars(bars, symbol or path.stem.split("-")[0].upper(), tick=tick, repair=repair, **given, **terms)

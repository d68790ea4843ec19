"""A catalog: a folder of market data in one form, by kind, symbol and day, that grows file by file and is asked by symbol and dates."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import numpy as np
import polars as pl

from data.catalog.files import as_frame, read_said, terms_of, write_file
from data.catalog.stored import GRAINS, DayCutter, Stored
from data.feed import DataError, Feed
from data.leftovers import remove_leftovers
from data.log.frames import frame_of
from data.merged import merge
from data.several_days import Days
from engine.messages.hints import did_you_mean
from engine.messages.vocabulary import Grain
from engine.state.card import card, note, table

KINDS = tuple(GRAINS)
SHOWN = 20
"""Symbols and kinds that a notebook shows."""
Date = str | datetime.date


class Added(NamedTuple):
    """A day that was put into a catalog, or was there already: then `new` is False."""

    kind: str
    symbol: str
    date: datetime.date
    rows: int
    path: Path
    new: bool


class Catalog:
    """A folder `kind/symbol/date.parquet` (Zstandard, by time). Its index is made by looking at the folder, so it is never out of step, and
    several may add at once.

    `add` puts the days of a file or a feed in; `load` and `feed` take them out, the same commands that the source gave.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(self.folder, "is a file; a catalog is a folder")

    def __repr__(self) -> str:
        return f"<Catalog {self.folder}>"

    def _repr_html_(self) -> str:
        files = self.files()
        if not len(files):
            return card("Catalog", str(self.folder), note("Nothing is in it yet; add() puts a file or a feed in."))
        span = (pl.col("date").min().alias("from"), pl.col("date").max().alias("to"), pl.len().alias("days"), pl.col("rows").sum())
        series = files.group_by("kind", "symbol", maintain_order=True).agg(*span)
        rows = [(symbol, kind, str(a), str(b), f"{days:,}", f"{count:,}") for kind, symbol, a, b, days, count in series.head(SHOWN).rows()]
        more = note(f"and {len(series) - SHOWN:,} more" if len(series) > SHOWN else "")
        return card("Catalog", str(self.folder), table(("symbol", "kind", "from", "to", "days", "rows"), rows, words=2), more)

    def add(self, source: Any, replace: bool = False, **hints: Any) -> list[Added]:
        """Put a file, a frame or a feed in, by symbol and day. What is there from the same source stays as it is: adding twice is harmless.

        Raises DataError where a day is there from another source, unless `replace`; and where the source is bad (of its days those before
        the fault are in).
        """
        from data.formats import read

        feed = source if isinstance(source, Feed) else read(source, quiet=True, **hints)
        kind = next(name for name, grain in GRAINS.items() if grain == feed.grain)
        fingerprint = feed.fingerprint
        cutters = [DayCutter(feed.time_zone, Grain(feed.grain)) for _ in feed.instruments]
        added = []
        for number, day, commands in _days_of(feed, cutters):
            instrument = feed.instruments[number]
            said = {
                "kind": kind, "date": day.isoformat(), "instrument": terms_of(instrument), "time_zone": feed.time_zone,
                "fingerprint": fingerprint, "source": feed.source, "first": int(commands["ts"][0]), "last": int(commands["ts"][-1]),
                "rows": len(commands),
            }  # fmt: skip
            added.append(self._put(said, as_frame(commands), instrument.symbol, day, replace))
        remove_leftovers_of(self.folder)
        return added

    def _put(self, said: dict[str, Any], frame: pl.DataFrame, symbol: str, day: datetime.date, replace: bool) -> Added:
        path = self.path(said["kind"], symbol, day)
        new = write_file(path, frame, said, replace)
        if not new and read_said(path)["fingerprint"] != said["fingerprint"]:
            other = read_said(path)["source"]
            raise DataError(path, f"is there already, from {other}; give replace=True (--replace) to put {said['source']} in its place")
        return Added(said["kind"], symbol, day, len(frame), path, new)

    def path(self, kind: str, symbol: str, day: datetime.date) -> Path:
        """The file of a day."""
        return self.folder / kind / quote(symbol, safe="") / f"{day.isoformat()}.parquet"

    def files(self, kind: str | None = None, symbol: str | None = None) -> pl.DataFrame:
        """What is there: `kind, symbol, date, rows, first, last, source, path`, by kind, symbol and date."""
        rows = []
        for path in sorted(self.folder.glob("*/*/*.parquet")):
            of_kind, of_symbol = path.parts[-3], unquote(path.parts[-2])
            if (kind or of_kind) == of_kind and (symbol or of_symbol) == of_symbol and of_kind in KINDS:
                said = read_said(path)
                rows.append((of_kind, of_symbol, path.stem, said["rows"], said["first"], said["last"], said["source"], str(path)))
        names = ["kind", "symbol", "date", "rows", "first", "last", "source", "path"]
        frame = pl.DataFrame(rows, schema=dict(zip(names, [pl.String] * 3 + [pl.Int64] * 3 + [pl.String] * 2)), orient="row")
        utc = [pl.col(name).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC") for name in ("first", "last")]
        return frame.with_columns(pl.col("date").str.to_date(), *utc)

    def symbols(self) -> list[str]:
        """All symbols, sorted."""
        return sorted({unquote(path.name) for path in self.folder.glob("*/*") if path.is_dir()})

    def feed(self, symbol: str | Sequence[str], start: Date | None = None, end: Date | None = None, kind: str | None = None) -> Feed:
        """The days of a symbol, or of several, from `start` to `end` (both included) as one feed: END_OF_DAY and START_OF_DAY between them.

        `kind`: "orders", "levels" or "bars"; default the finest that there is. Raises DataError where nothing is there.
        """
        if not isinstance(symbol, str):
            return merge([self.feed(one, start, end, kind) for one in symbol])
        days = [Stored(path, read_said(path)) for path in self._chosen(symbol, start, end, kind)]
        feed: Feed = days[0] if len(days) == 1 else Days(days)
        feed.origin = {"format": "catalog", "path": str(self.folder.resolve()), "options": _options(symbol, start, end, kind)}
        return feed

    def load(self, symbol: str, start: Date | None = None, end: Date | None = None, kind: str = "trades") -> pl.DataFrame:
        """Rows of the days as a frame: "l3", "l2", "trades" or "quotes" (see `data.frames.feed_frame`)."""
        stored = {"l3": "orders", "l2": "levels"}.get(kind)
        return pl.concat([Stored(path, read_said(path)).to_frame(kind) for path in self._chosen(symbol, start, end, stored)])

    def _chosen(self, symbol: str, start: Date | None, end: Date | None, kind: str | None) -> list[Path]:
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind {kind!r}; {did_you_mean(kind, KINDS, 'there are orders, levels, bars')}")
        first, last = (None if day is None else _as_date(day) for day in (start, end))
        for of_kind in KINDS if kind is None else (kind,):
            paths = sorted((self.folder / of_kind / quote(symbol, safe="")).glob("*.parquet"))
            chosen = [path for path in paths if (first or "") <= path.stem <= (last or "~")]
            if chosen:
                return chosen
        there = self.symbols()
        span = f" from {first or 'the first'} to {last or 'the last'} day" if first or last else ""
        hint = (
            f"has {symbol}, but not then"
            if symbol in there
            else did_you_mean(symbol, there, f"has {', '.join(there[:8]) or 'nothing yet'}")
        )
        raise DataError(self.folder, f"has no {kind or 'data'} of {symbol}{span}; {hint}", 0, "symbol")

    def sql(self, query: str) -> pl.DataFrame:
        """Ask DuckDB: the tables `orders`, `levels` and `bars` (with `symbol`, `date` and the columns of the files) and `files`."""
        import duckdb

        con = duckdb.connect()
        files = self.files()
        columns = "kind VARCHAR, symbol VARCHAR, date DATE, rows BIGINT, first BIGINT, last BIGINT, source VARCHAR, path VARCHAR"
        con.execute(f"CREATE TABLE files ({columns})")
        if len(files):
            times = files.with_columns(pl.col("first", "last").cast(pl.Int64))
            con.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", times.rows())
        for kind in KINDS:
            if any(self.folder.glob(f"{kind}/*/*.parquet")):
                pattern = str(self.folder / kind / "*" / "*.parquet").replace("'", "''")
                named = (
                    "split_part(filename, '/', -2) AS symbol, CAST(replace(split_part(filename, '/', -1), '.parquet', '') AS DATE) AS date"
                )
                con.execute(f"CREATE VIEW {kind} AS SELECT {named}, * EXCLUDE filename FROM read_parquet('{pattern}', filename = true)")
        return frame_of(con.sql(query))


def _days_of(feed: Feed, cutters: list[DayCutter]) -> Iterator[tuple[int, datetime.date, np.ndarray]]:
    """Every day of every instrument, once it is whole."""
    for batch in feed.batches():
        for number, cutter in enumerate(cutters):
            mine = batch if len(cutters) == 1 else batch[batch["instrument"] == number]
            yield from ((number, day, commands) for day, commands in cutter.take(mine))
    for number, cutter in enumerate(cutters):
        yield from ((number, day, commands) for day, commands in cutter.finish())


def _as_date(day: Date) -> str:
    try:
        return (datetime.date.fromisoformat(day) if isinstance(day, str) else day).isoformat()
    except ValueError:
        raise ValueError(f"{day!r} is not a day; write YYYY-MM-DD") from None


def _options(symbol: str, start: Date | None, end: Date | None, kind: str | None) -> dict[str, Any]:
    given = {"symbol": symbol, "start": start and _as_date(start), "end": end and _as_date(end), "kind": kind}
    return {name: value for name, value in given.items() if value is not None}


def read_catalog(folder: str | Path, symbol: str, start: Date | None = None, end: Date | None = None, kind: str | None = None) -> Feed:
    """`Catalog(folder).feed(…)`: how a run opens its feed again."""
    return Catalog(folder).feed(symbol, start, end, kind)


def remove_leftovers_of(folder: Path) -> None:
    """Remove what killed writers left behind."""
    for inner in folder.glob("*/*"):
        if inner.is_dir():
            remove_leftovers(inner)

"""Formats by name, and how a feed is opened again from what a run wrote about it."""

import glob
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from data.calendars.feed import in_sessions
from data.feed import DataError, Feed
from data.levels.of_orders import levels_of
from data.merged import merge
from data.several_days import Days
from data.venues.symbols import at_venue
from data.which_format import format_of, frame_format
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument

FORMATS = {
    "bars": "data.bars.reader:read_bars",
    "binance": "data.binance.reader:read_binance",
    "catalog": "data.catalog.catalog:read_catalog",
    "dbn": "data.dbn.reader:read_dbn",
    "hftbacktest": "data.hftbacktest.reader:read_hftbacktest",
    "itch": "data.itch.reader:read_itch",
    "lobster": "data.lobster.reader:read_lobster",
    "log": "data.session_file:read_session",
    "synthetic": "data.synthetic.flow:synthetic_flow",
    "table": "data.tabular.reader:read_table",
}
"""Formats that can be played as a feed, and the function that reads each."""


def reader(form: str) -> Callable[..., Feed]:
    """The function that reads a format. Raises ValueError for an unknown one, with the nearest names."""
    if form not in FORMATS:
        hint = did_you_mean(form, FORMATS, f"there are {', '.join(FORMATS)}")
        raise ValueError(f"unknown format {form!r}; {hint}")
    module, name = FORMATS[form].split(":")
    return getattr(import_module(module), name)


def open_feed(form: str | None, path: str | Path | None = None, **options: Any) -> Feed:
    """The feed of a file (or of a seed), with how it was opened in `feed.origin`. Without a format, the file says it.

    Raises ValueError for an option that the format has not.
    """
    if path is not None and not Path(path).exists():
        raise DataError(path, "no such file")
    given = {name: value for name, value in options.items() if value is not None}
    if form is None:
        assert path is not None
        form = format_of(Path(path), given)
    read = reader(form)
    _check_options(form, read, given)
    feed = read(**given) if path is None else read(path, **given)
    if form == "lobster" and "orderbook" not in given and hasattr(feed, "orderbook"):
        beside = feed.orderbook  # as it is now: what is put there or taken away later makes no other feed of it
        given |= {} if beside and beside.member else {"orderbook": str(beside.path.resolve()) if beside else "none"}
    feed.origin = {"format": form, "path": None if path is None else str(Path(path).resolve()), "options": given}
    return feed


def _check_options(form: str, read: Callable[..., Feed], given: Mapping[str, Any]) -> None:
    taken = signature(read).parameters
    known = [name for name, one in taken.items() if one.kind is not one.VAR_KEYWORD][1:]
    if len(known) + 1 < len(taken):  # the rest are terms of the instrument
        known += [name for name in signature(Instrument).parameters if name not in ("symbol", *known)]
    for name in given:
        if name not in known and name not in taken:
            raise ValueError(f"the format {form} has no option {name}; it has {', '.join(known)}")


def read(source: Any, format: str | None = None, *, quiet: bool = False, **hints: Any) -> Feed:
    """A feed of whatever it is: a file of any format that we read, or a pandas or polars frame. Says on stderr what it took it for.

    Parameters
    ----------
    source : path or frame
        LOBSTER (pair or zip), ITCH 5.0, Databento DBN, Binance (stream or public file), hftbacktest npz, an event log; CSV, Parquet or a
        frame of orders, levels, books, trades, quotes or bars; a folder of LOBSTER days.
    format : str, optional
        One of `data.formats.FORMATS`. Default: by the first bytes and the columns.
    quiet : bool
        Say nothing; `feed.taken_for` and `feed.origin` say it anyway.
    **hints
        Options of the format's reader, such as symbol, date, tick, lot, columns, time_zone, kind, repair.

    Raises DataError where it is of no format, or is bad.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        feed = days(source, format or "lobster", **hints)
        form = "lobster"
    elif isinstance(source, str | Path):
        feed = open_feed(format, source, **hints)
        form = str((feed.origin or {}).get("format"))
    else:
        form = format or frame_format(source, hints)
        feed = reader(form)(source, **hints)
    feed.taken_for = f"{form}: {feed.taken_for or describe(feed)}"
    if not quiet:
        print(f"{source if isinstance(source, str | Path) else type(source).__name__}: {feed.taken_for}", file=sys.stderr)
    return feed


def describe(feed: Feed) -> str:
    """Name and instruments of a feed, with their steps."""
    shown = [f"{one.symbol} tick {one.tick:f}, lot {one.lot:f}" for one in feed.instruments[:3]]
    more = f" and {len(feed.instruments) - 3} more" if len(feed.instruments) > 3 else ""
    return f"{feed.name} ({'; '.join(shown)}{more}; clock {feed.time_zone})"


def days(parts: str | Path | Sequence[Feed | str | Path], form: str = "lobster", **options: Any) -> Feed:
    """Several days of the same symbols as one feed: positions, cash and GTC orders go from day to day (see `several_days.Days`).

    `parts`: feeds and files in the order of their days; or a folder, or a pattern like "AMZN_*_message_10.csv", whose files are put in the
    order of their days. `form`, `options`: the format of the files, and how its reader reads them (`symbol`: of several in a folder).
    With `merge`, many symbols: `merge([days(folder, symbol=one) for one in symbols])`. Of one day it is that day's feed.

    Raises DataError, with both files, where the days are not in order or an instrument differs between them.
    """
    if isinstance(parts, str | Path):
        feeds = [open_feed(form, path, **options) for path in _files(parts, options.get("symbol"))]
        feeds.sort(key=lambda feed: str(feed.date or ""))
    else:
        feeds = [part if isinstance(part, Feed) else open_feed(form, part, **options) for part in parts]
    if not feeds:
        raise ValueError("days needs at least one feed or file")
    return feeds[0] if len(feeds) == 1 else Days(feeds)


def _files(given: str | Path, symbol: str | None) -> list[Path]:
    """The message files and zips of a folder or a pattern; those of a symbol, where some are by their names. Raises DataError for none."""
    path = Path(given)
    if path.is_dir():
        found, what = [*path.glob("*_message_*.csv"), *path.glob("*.zip")], "holds no …_message_….csv and no zip; name the files"
    elif path.exists() or not glob.has_magic(str(given)):
        return [path]
    else:
        found, what = [Path(name) for name in glob.glob(str(given)) if "_orderbook_" not in Path(name).name], "no such files"
    if not found:
        raise DataError(given, what)
    return sorted([one for one in found if f"_{symbol}_" in f"_{one.name}"] or found)


def _opened(origin: Mapping[str, Any]) -> Feed:
    if "days" in origin:
        return Days([_opened(one) for one in origin["days"]])
    if "merge" in origin:
        return merge([_opened(one) for one in origin["merge"]])
    if "venue" in origin:
        return at_venue(_opened(origin["feed"]), origin["venue"])
    if "calendar" in origin:
        return in_sessions(_opened(origin["feed"]), origin["calendar"])
    if "levels" in origin:
        return levels_of(_opened(origin["levels"]), origin["depth"])
    return open_feed(origin["format"], origin["path"], **origin["options"])


def _files_of(origin: Mapping[str, Any]) -> list[str]:
    """The files that a feed was opened from, or its format."""
    parts = origin.get("days") or origin.get("merge") or [origin[name] for name in ("levels", "feed") if name in origin]
    return [name for part in parts for name in _files_of(part)] if parts else [origin["path"] or origin["format"]]


def reopen(origin: Mapping[str, Any], fingerprint: str) -> Feed:
    """The feed that a run was made from. Raises DataError where it is not the same any more."""
    feed = _opened(origin)
    if feed.fingerprint != fingerprint:
        files = _files_of(origin)
        mend = "put the original file back" if len(files) == 1 else f"put the original files back (it has {len(files)} of them)"
        raise DataError(files[0], f"the data changed since the run; {mend}")
    return feed

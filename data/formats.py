"""Formats by name, and how a feed is opened again from what a run wrote about it."""

import glob
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from data.feed import DataError, Feed
from data.levels import levels_of
from data.merged import merge
from data.several_days import Days
from engine.messages.hints import did_you_mean

FORMATS = {
    "bars": "data.bars.reader:read_bars",
    "log": "data.session_file:read_session",
    "lobster": "data.lobster.reader:read_lobster",
    "synthetic": "data.synthetic.flow:synthetic_flow",
}
"""Formats that can be played as a feed, and the function that reads each."""


def reader(form: str) -> Callable[..., Feed]:
    """The function that reads a format. Raises ValueError for an unknown one, with the nearest names."""
    if form not in FORMATS:
        hint = did_you_mean(form, FORMATS, f"there are {', '.join(FORMATS)}")
        raise ValueError(f"unknown format {form!r}; {hint}")
    module, name = FORMATS[form].split(":")
    return getattr(import_module(module), name)


def open_feed(form: str, path: str | Path | None = None, **options: Any) -> Feed:
    """The feed of a file (or of a seed), with how it was opened in `feed.origin`."""
    read = reader(form)
    if path is not None and not Path(path).exists():
        raise DataError(path, "no such file")
    given = {name: value for name, value in options.items() if value is not None}
    feed = read(**given) if path is None else read(path, **given)
    if form == "lobster" and "orderbook" not in given and hasattr(feed, "orderbook"):
        beside = feed.orderbook  # as it is now: what is put there or taken away later makes no other feed of it
        given |= {} if beside and beside.member else {"orderbook": str(beside.path.resolve()) if beside else "none"}
    feed.origin = {"format": form, "path": None if path is None else str(Path(path).resolve()), "options": given}
    return feed


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
    if "levels" in origin:
        return levels_of(_opened(origin["levels"]), origin["depth"])
    return open_feed(origin["format"], origin["path"], **origin["options"])


def _files_of(origin: Mapping[str, Any]) -> list[str]:
    """The files that a feed was opened from, or its format."""
    parts = origin.get("days") or origin.get("merge") or ([origin["levels"]] if "levels" in origin else None)
    return [name for part in parts for name in _files_of(part)] if parts else [origin["path"] or origin["format"]]


def reopen(origin: Mapping[str, Any], fingerprint: str) -> Feed:
    """The feed that a run was made from. Raises DataError where it is not the same any more."""
    feed = _opened(origin)
    if feed.fingerprint != fingerprint:
        files = _files_of(origin)
        mend = "put the original file back" if len(files) == 1 else f"put the original files back (it has {len(files)} of them)"
        raise DataError(files[0], f"the data changed since the run; {mend}")
    return feed

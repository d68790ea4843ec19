"""Formats by name, and how a feed is opened again from what a run wrote about it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from data.feed import DataError, Feed
from engine.messages.hints import did_you_mean

FORMATS = {
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


def reopen(origin: Mapping[str, Any], fingerprint: str) -> Feed:
    """The feed that a run was made from. Raises DataError where it is not the same any more."""
    feed = open_feed(origin["format"], origin["path"], **origin["options"])
    if feed.fingerprint != fingerprint:
        raise DataError(origin["path"] or origin["format"], "the data changed since the run; put the original file back")
    return feed

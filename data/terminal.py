"""What commands share: options of the same name, and how they print, for people and for scripts."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

OUT = Path(".tapebook")
LONG = 1e9
"""Seconds, some thirty years: the most that an option may wait."""


def _nearest(place: Path) -> Path:
    """The place, or the nearest above it that is there. Raises OSError for what no file system takes."""
    for one in (place, *place.parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(one)
            return one
    return Path()


def folder_of(given: Any) -> Any:
    """A folder as an option names it, which may not be there yet. Raises typer.BadParameter where none can be made of it."""
    if given is None:
        return given
    try:
        place = _nearest(Path(given))
        if not stat.S_ISDIR(os.stat(place).st_mode):
            raise typer.BadParameter(f"{place} is not a folder; name a folder")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{str(given)[:80]}: {getattr(error, 'strerror', None) or error}; name a folder") from None
    return given


Out = Annotated[Path, typer.Option("--out", file_okay=False, callback=folder_of, help="Folder for runs and decoded feeds.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of a table.")]


def say(text: Any) -> None:
    """Print for people, at most 80 columns where the terminal does not say. A text is printed as it stands, brackets and all."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=80)
    console.print(text)


def say_json(value: Any) -> None:
    """Print for scripts: one line of JSON."""
    print(json.dumps(value, default=str))

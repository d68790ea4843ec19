"""`tapebook dash export`: a page of a source as a file."""

import asyncio
import os
import urllib.parse
from pathlib import Path

from dashboards.reports.export import Wanted, export, wanted
from dashboards.reports.printer import Window
from dashboards.serving.choice import READER, Choice, source_of
from dashboards.source.port import SourceError
from data.configuration import ConfigurationError


def to_file(choice: Choice, page: str, path: Path, size: tuple[int, int], theme: str, colours: str) -> str:
    """Write it, whole or not at all; returns what to tell. Raises ConfigurationError, ExportError, PrintError."""
    parts = urllib.parse.urlsplit(page)
    query = {name: values[-1] for name, values in urllib.parse.parse_qs(parts.query).items()}
    asked = wanted(parts.path.strip("/"), path.suffix.lstrip(".").lower(), query, Window(*size), theme, colours)
    if not path.parent.is_dir():
        raise ConfigurationError([f"--to {path}: there is no folder {path.parent}; make it, or name another"])
    made = asyncio.run(_made(choice, asked))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(made)
    temporary.replace(path)
    return f"{asked.place.title} {path} ({len(made) / 1000:,.0f} kB)"


async def _made(choice: Choice, asked: Wanted) -> bytes:
    source = source_of(choice)
    try:
        await source.open()
    except SourceError as odd:
        raise ConfigurationError([str(odd)]) from None
    try:
        return await export(source, getattr(source, "who", READER), asked, choice.out)
    finally:
        await source.close()

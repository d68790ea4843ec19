"""A page as a file: HTML, PNG or PDF."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from dashboards.pages.place import Place, present
from dashboards.reports.printer import USUAL, Window, printed
from dashboards.reports.snapshot import snapshot
from dashboards.reports.still_page import html
from dashboards.source.port import Source
from engine.errors import TapebookError
from engine.messages.hints import did_you_mean
from live.gateway.security.principals import Principal

KINDS = {"html": "text/html; charset=utf-8", "png": "image/png", "pdf": "application/pdf"}
WIDTH_LEAST, WIDTH_MOST, HEIGHT_LEAST, HEIGHT_MOST = 320, 4000, 240, 4000
_one_at_a_time = asyncio.Semaphore(1)


class ExportError(TapebookError, ValueError):
    """A file that cannot be made: what is wrong and what to do about it, in one line."""


class Wanted(NamedTuple):
    """What file of a page is wanted. `query`: what stands behind the question mark; `theme`, `colours`: "" is the reader's choice."""

    place: Place
    kind: str
    query: dict[str, str]
    window: Window = USUAL
    theme: str = ""
    colours: str = ""


def wanted(page: str, kind: str, query: dict[str, str], window: Window = USUAL, theme: str = "", colours: str = "") -> Wanted:
    """Checked. Raises ExportError."""
    places = {place.module: place for place in present()}
    if page not in places:
        raise ExportError(f"there is no page {page[:40]!r}; {did_you_mean(page, list(places), 'there are ' + ', '.join(places))}")
    if kind not in KINDS:
        raise ExportError(f"there is no format {kind[:20]!r}; a page is exported as {', '.join(KINDS)}")
    if theme not in ("", "dark", "light") or colours not in ("", "usual", "cvd"):
        raise ExportError(f"theme {theme[:20]!r}, colours {colours[:20]!r}: a theme is dark or light, colours are usual or cvd")
    if not (WIDTH_LEAST <= window.width <= WIDTH_MOST and HEIGHT_LEAST <= window.height <= HEIGHT_MOST):
        sizes = f"{WIDTH_LEAST} to {WIDTH_MOST} wide and {HEIGHT_LEAST} to {HEIGHT_MOST} high"
        raise ExportError(f"{window.width} x {window.height} pixels; a page is {sizes}")
    return Wanted(places[page], kind, query, window, theme, colours)


async def export(source: Source, who: Principal, asked: Wanted, out: Path) -> bytes:
    """The file's bytes, of what `who` may see. One browser runs at a time. Raises ExportError, PrintError."""
    if not who.roles & asked.place.roles:
        roles = ", ".join(sorted(asked.place.roles))
        raise ExportError(f"{asked.place.title} is for {roles}; you have another role")
    taken = await snapshot(source, asked.place, who, asked.query, out)
    text = await asyncio.to_thread(html, taken, asked.theme or ("" if asked.kind == "html" else "dark"), asked.colours)
    if asked.kind == "html":
        return text.encode()
    if _one_at_a_time.locked():
        raise ExportError("another page is being printed; ask again when it is")
    async with _one_at_a_time:
        return await asyncio.to_thread(printed, text, asked.kind, asked.window)

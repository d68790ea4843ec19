"""The pages' scripts, styles, faces and icon as texts that one HTML file can hold: nothing is fetched when it is opened."""

import base64
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

ASSETS = Path(__file__).parents[1] / "assets"
STYLES = ("theme.css", "pages.css", "cards.css", "record.css")
ENTRIES = ("js/theme.mjs", "js/frame.mjs", "js/still_page.mjs")
_IMPORTED = re.compile(r'(from|import)(\s*\(?\s*)"(\.{1,2}/[\w./-]+)"')
_FACE = re.compile(r'url\("(vendor/[\w.-]+\.woff2)"\)')


def import_map(kinds: Iterable[str]) -> str:
    """JSON of an import map that holds every module behind ENTRIES and the cards of these kinds, each under its path below the assets."""
    found: dict[str, str] = {}
    waiting = [*ENTRIES, *(f"js/cards/{kind}.mjs" for kind in kinds)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            text, needed = _module(path)
            found[path] = f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"
            waiting += needed
    return json.dumps({"imports": {_name(path): text for path, text in sorted(found.items())}}, separators=(",", ":"))


def entries() -> str:
    """The statements that start the page."""
    return "".join(f'import "{_name(path)}";' for path in ENTRIES)


@cache
def _module(path: str) -> tuple[str, tuple[str, ...]]:
    """A module's text with names that an import map knows, and the modules that it imports at once; cards are imported when asked for."""
    needed: list[str] = []

    def named(match: re.Match[str]) -> str:
        parts: list[str] = []
        for part in (PurePosixPath(path).parent / match[3]).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        target = "/".join(parts)
        if "(" not in match[2]:
            needed.append(target)
        return f'{match[1]}{match[2]}"{_name(target)}"'

    return _IMPORTED.sub(named, (ASSETS / path).read_text(encoding="utf-8")), tuple(needed)


def _name(path: str) -> str:
    return f"tapebook/{path}"


@cache
def styles(faces: bool = True) -> str:
    """The style sheets as one. `faces`: with the fonts, some 170 kB; without them the reader's own are taken."""
    text = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES)
    if not faces:
        return re.sub(r"@font-face \{[^}]*\}\n?", "", text)
    return _FACE.sub(lambda match: f'url("{_data(match[1], "font/woff2")}")', text)


def icon() -> str:
    """The icon as an address that holds it."""
    return _data("icon.svg", "image/svg+xml")


@cache
def _data(name: str, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode((ASSETS / name).read_bytes()).decode()}"

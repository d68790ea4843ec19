"""A page as one HTML file: its look, its scripts and what it showed, all inside; it opens anywhere, and asks nobody."""

from html import escape

import msgspec

from dashboards.reports.bundle import entries, icon, import_map, styles
from dashboards.reports.snapshot import Snapshot

NOTICE = (
    'charts by <a href="https://www.tradingview.com/" rel="noopener">TradingView</a> Lightweight Charts™, '
    "Copyright (с) 2025 TradingView, Inc."
)


def html(taken: Snapshot, theme: str = "", colours: str = "", faces: bool = True) -> str:
    """The file. `theme`: dark or light, `colours`: usual or cvd; without them the reader's own choice. `faces`: with the fonts."""
    chosen = "".join(f' data-{key}="{escape(value)}"' for key, value in (("theme", theme), ("colours", colours)) if value)
    sections = "".join(
        f'<section class="tb-card" id="card-{cell.name}" style="grid-area: {cell.name}" aria-label="{escape(cell.title)}" data-fast>'
        f"{_card(cell.kind, cell.options)}</section>"
        for cell in taken.cells
        if cell.name != "kpi"
    )
    kinds = sorted({cell.kind for cell in taken.cells})
    return (
        f'<!doctype html><html lang="en"{chosen}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{_title(taken)}</title><link rel="icon" href="{icon()}"><style>{styles(faces)}</style>'
        f'<script type="importmap">{import_map(kinds)}</script></head><body class="tb-still">{_header(taken)}'
        f'<main id="main" class="tb-grid tb-grid-{taken.place.path.strip("/")}" tabindex="-1">{sections}</main>'
        f'<footer class="tb-footer">{escape(taken.name)} · {NOTICE}</footer>'
        f'<script type="application/json" id="tb-still">{_inside(taken.still)}</script>'
        f'<script type="module">{entries()}</script></body></html>'
    )


def _title(taken: Snapshot) -> str:
    return f"{taken.place.title} · {escape(taken.name)} · {_moment(taken)}"


def _moment(taken: Snapshot) -> str:
    at = taken.still["at"]
    return f"{at[:10]} {at[11:19]} UTC"


def _header(taken: Snapshot) -> str:
    """What is shown, of when; the key figures; the two buttons that need no server."""
    figures = "".join(_card(cell.kind, cell.options) for cell in taken.cells if cell.name == "kpi")
    tool = '<button type="button" class="tb-tool"'
    return (
        f'<header class="tb-header" data-session="{escape(taken.name)}">'
        f'<span class="tb-brand"><img src="{icon()}" alt="" width="26" height="26"> {escape(taken.place.title)}</span>'
        f'<div class="tb-head-slot" id="tb-head">{figures}</div>'
        f'<div class="tb-tools">{tool} id="tb-theme" aria-label="Dark or light" title="Dark or light">◐</button>'
        f'{tool} id="tb-cvd" aria-pressed="false" title="Colours that all eyes tell apart">CVD</button></div>'
        f'<div class="tb-feed" id="tb-feed" role="status"><span class="tb-label">{escape(taken.name)}</span>'
        f'<span class="tb-feed-state" data-field="feed.state">STILL</span></div></header>'
        f'<p class="tb-as-of" data-field="still.at" data-value="{taken.still["at"]}">As of {_moment(taken)}, '
        f"seq {taken.still['seq']:,}. A still of {escape(taken.name)}: it can be looked through, and nothing on it changes.</p>"
    )


def _card(kind: str, options: dict[str, object]) -> str:
    return f'<div data-kind="{kind}" data-options="{escape(msgspec.json.encode(options).decode())}"></div>'


def _inside(value: object) -> str:
    """JSON that ends no script element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")

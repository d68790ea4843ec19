"""A report of a check as one HTML file, nothing fetched."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;
border-bottom:1px solid #d8dde3}th{font-weight:600;white-space:nowrap}ul{margin:0;padding-left:1.1rem}
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171b}th,td{border-color:#333a42}}"""


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        names = {name: html.escape(str(name).replace("_", " ")) for name in value}
        rows = "".join(f"<tr><th scope=row>{names[name]}</th><td>{_shown(one)}</td></tr>" for name, one in value.items())
        return f"<table>{rows}</table>" if rows else "none"
    if isinstance(value, list):
        return f"<ul>{''.join(f'<li>{_shown(one)}</li>' for one in value)}</ul>" if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return html.escape(f"{value:,}" if isinstance(value, int) else "—" if value is None else str(value))


def write_page(found: Mapping[str, Any], path: Path) -> None:
    """Write what a check found. Raises OSError where the file cannot be written."""
    title = html.escape(f"{found['name']}: {found['verdict']}")
    body = _shown({name: value for name, value in found.items() if name not in ("name", "verdict")})
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{body}</html>"
    path.write_text(page, encoding="utf-8")

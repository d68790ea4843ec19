"""What a notebook shows of a thing: a small static piece of HTML that follows the page, light or dark."""

from collections.abc import Iterable, Sequence
from html import escape

BID, ASK = "#0a9678", "#dc4058"
Level = tuple[float, float, int]
"""Price, quantity, number of orders."""


def card(title: str, about: str, *parts: str) -> str:
    """A title, what it is in a line, and parts that are HTML already. `title` and `about` are escaped here."""
    head = f'<b>{escape(title)}</b> <span style="opacity:.65">{escape(about)}</span>'
    return f'<div style="max-width:900px">{head}{"".join(parts)}</div>'


def figures(shown: Iterable[tuple[str, str]]) -> str:
    """Figures side by side, each under its name."""
    cells = (
        f'<div style="padding:4px 18px 4px 0"><div style="font-size:11px;opacity:.65">{escape(label)}</div>'
        f'<div style="font:600 14px ui-monospace,monospace">{escape(text)}</div></div>'
        for label, text in shown
    )
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(cells)}</div>'


def note(text: str) -> str:
    """A small line of text."""
    return f'<div style="font-size:12px;opacity:.75;margin:4px 0">{escape(text)}</div>' if text else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table of texts; the first `words` columns are words, the others figures."""
    side = ["left" if k < words else "right" for k in range(len(heads))]
    head = "".join(f'<th style="text-align:{to};padding:2px 10px">{escape(text)}</th>' for to, text in zip(side, heads))
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:{to};padding:2px 10px">{escape(text)}</td>' for to, text in zip(side, row)) + "</tr>"
        for row in rows
    )
    style = "font-variant-numeric:tabular-nums;margin:6px 0"
    return f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def ladder(bids: Sequence[Level], asks: Sequence[Level], places: int) -> str:
    """A book as a ladder, the highest price on top; a bar behind each quantity says how large it is among those shown."""
    most = max((quantity for _, quantity, _ in (*bids, *asks)), default=1.0)
    rows = [_rung(level, places, most, ASK) for level in reversed(asks)] + [_rung(level, places, most, BID) for level in bids]
    heads = (("price", 96), ("quantity", 260), ("orders", 64))
    head = "".join(f'<th style="text-align:right;padding:1px 10px;width:{width}px">{name}</th>' for name, width in heads)
    style = "font-variant-numeric:tabular-nums;margin:6px 0;border-collapse:collapse"
    return f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _rung(level: Level, places: int, most: float, colour: str) -> str:
    price, quantity, orders = level
    filled = f"{100 * quantity / most:.1f}%"
    bar = f"background:linear-gradient(to right,{colour}55 {filled},transparent {filled})"
    cell = "text-align:right;padding:1px 10px"
    return (
        f'<tr><td style="{cell};color:{colour};font-weight:600">{price:,.{places}f}</td>'
        f'<td style="{cell};{bar}">{quantity:,g}</td><td style="{cell};opacity:.65">{orders:,}</td></tr>'
    )

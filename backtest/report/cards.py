"""What the cards of a report are made of: box, table, coloured figure."""

from html import escape

from backtest.numbers import number
from engine.messages.vocabulary import Side

DASH = number(None)


def card(title: str, body: str, subtitle: str = "", right: str = "", kind: str = "") -> str:
    """A box with a title; `subtitle` says what is shown, `right` the one figure that matters."""
    head = f"<h2>{escape(title)}</h2>"
    head += f'<span class="sub">{escape(subtitle)}</span>' if subtitle else ""
    head += f'<span class="right">{right}</span>' if right else ""
    return f'<section class="card {kind}"><header>{head}</header>{body}</section>'


def table(heads: list[str], rows: list[list[str]], words: int = 1, kind: str = "") -> str:
    """Cells are HTML. The first `words` columns are words, the rest figures; a head that begins with "~" may be left out on a phone.
    A row of one cell is a heading."""
    names = [("" if k < words else "n ") + ("opt" if head.startswith("~") else "") for k, head in enumerate(heads)]
    attributes = [f' class="{name.strip()}"' if name.strip() else "" for name in names]
    top = "".join(f"<th{one}>{escape(head.lstrip('~'))}</th>" for one, head in zip(attributes, heads))
    body = "".join(f"<tr>{_cells(row, attributes)}</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: list[str], attributes: list[str]) -> str:
    if len(row) == 1:
        return f'<th class="group" colspan="{len(attributes)}">{row[0]}</th>'
    return "".join(f"<td{one}>{cell}</td>" for one, cell in zip(attributes, row))


def tone(value: float | None, text: str) -> str:
    """Text in the colour of its sign."""
    kind = "" if not value else "up" if value > 0 else "down"
    return f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)


def side_pill(side: int) -> str:
    return f'<span class="pill {"up" if side == Side.BUY else "down"}">{Side(side).name}</span>'

"""The pages of `tapebook explain` for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backtest.analysis.definitions import METRICS
from engine.messages.dictionary import Entry, groups


def figures() -> list[Entry]:
    """Every figure of a run's summary as an entry of the dictionary."""
    made = []
    for one in METRICS:
        about = {"label": one.label, "unit": one.unit, "source": one.source}
        made.append(Entry("figure", one.name, one.definition, None, {name: says for name, says in about.items() if says}))
    return made


def _grid(rows: Mapping[str, str], style: str = "") -> Padding:
    made = Table.grid(padding=(0, 2))
    made.add_column(style=style, no_wrap=True)
    made.add_column(overflow="fold")
    for name, says in rows.items():
        made.add_row(name, Text(says))
    return Padding(made, (0, 0, 0, 2))


def page(found: list[Entry]) -> Group:
    """The entries for people."""
    parts: list[Any] = []
    for entry in found:
        number = "" if entry.number is None else f" {entry.number}"
        parts += [Text(""), Text.assemble((entry.word, "bold"), (f"  {entry.group}{number}", "dim")), Text(entry.says)]
        facts = "facts, in their order (| or, ? perhaps, * any number)" if entry.facts else ""
        for title, rows in (("fields" if "field" not in entry.group else "used by", entry.fields), (facts, {**entry.more, **entry.facts})):
            if rows:
                parts += [Text(title, style="dim"), _grid(rows)] if title else [_grid(rows, "dim")]
    return Group(*parts[1:])


def terms_page() -> Group:
    """Every term, by groups."""
    parts: list[Any] = []
    for group, words in groups(figures()).items():
        parts += [Text(group, style="dim"), Padding(Text("  ".join(words)), (0, 0, 0, 2))]
    return Group(*parts, Text("\ntapebook explain TERM says what it means.", style="dim"))

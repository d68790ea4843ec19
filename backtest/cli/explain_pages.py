"""The pages of `tapebook explain` for the terminal."""

import inspect
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backtest.analysis.definitions import CAUTIONS, COUNTERS, METRICS, doubts
from data.views.comments import VIEWS
from engine.messages.dictionary import Entry, groups
from engine.strategy.strategy import Strategy


def further() -> list[Entry]:
    """What else has an entry of the dictionary: the figures, cautions and counters of a run, the views of a log, a strategy's hooks."""
    return [*_figures(), *_cautions(), *_told("counter", COUNTERS), *_told("view", VIEWS), *_told("hook", _hooks())]


def _figures() -> list[Entry]:
    made = []
    for one in METRICS:
        about = {"label": one.label, "unit": one.unit, "source": one.source, "cautions": " ".join(doubts(one.name))}
        made.append(Entry("figure", one.name, one.definition, None, {name: says for name, says in about.items() if says}))
    return made


def _cautions() -> list[Entry]:
    return [
        Entry("caution", code, meant.when, None, {"mend": meant.mend, **({"figures": " ".join(meant.figures)} if meant.figures else {})})
        for code, meant in CAUTIONS.items()
    ]


def _hooks() -> dict[str, str]:
    return {name: " ".join((inspect.getdoc(hook) or "").split()) for name, hook in vars(Strategy).items() if name.startswith("on_")}


def _told(group: str, words: Mapping[str, str]) -> list[Entry]:
    return [Entry(group, word, says) for word, says in words.items()]


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
    for group, words in groups(further()).items():
        parts += [Text(group, style="dim"), Padding(Text("  ".join(words)), (0, 0, 0, 2))]
    return Group(*parts, Text("\ntapebook explain TERM says what it means.", style="dim"))

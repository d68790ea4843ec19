"""An answer in rows for the terminal: a table where it fits, else a block of lines for each row."""

import shutil
import sys
from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from data.log.sql import plain_rows

_GAP = 2


def answer_table(frame: pl.DataFrame, more: bool) -> RenderableType:
    """Rows with their names; `more`: whether the answer goes on."""
    rows = [{name: _cell(value) for name, value in row.items()} for row in plain_rows(frame)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows), 0) for name in frame.columns}
    fits = sum(widths.values()) + _GAP * (len(widths) - 1) <= _columns()
    told = _table(frame, rows) if fits else _blocks(rows, max(map(len, frame.columns)))
    counted = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    rest = f"the first {counted}; --json prints them all" if more else counted
    return Group(told, Text(rest, style="dim"))


def _columns() -> int:
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def _table(frame: pl.DataFrame, rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name, kind in frame.schema.items():
        table.add_column(Text(name), justify="right" if kind.is_numeric() else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    return table


def _blocks(rows: list[dict[str, str]], width: int) -> RenderableType:
    blocks = Table.grid(padding=(0, _GAP, 0, 0))
    blocks.add_column(no_wrap=True, min_width=min(width, 30))
    blocks.add_column(overflow="fold")
    for number, row in enumerate(rows, 1):
        blocks.add_row(Text(f"row {number}", style="bold"), Text(""))
        for name, cell in row.items():
            blocks.add_row(Text(name), Text(cell))
    return blocks


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else " ".join(str(value).split())

"""What is known of a feed as a table for the terminal, within 80 columns."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

MISSING = "\u2014"


def _said(name: str, value: Any) -> str:
    """One value of what is known of a feed, as text."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if set(value) == {"lowest", "highest"}:
            return f"{_said(name, value['lowest'])} to {_said(name, value['highest'])}"
        return ", ".join(_part(kind, part) for kind, part in value.items()) or MISSING
    if isinstance(value, list):
        return "\n".join(map(str, value)) or MISSING
    if name.endswith("_percent"):
        return f"{value:.3f}\u202f%"
    if name.endswith(("volume", "quantities")):
        return f"{Decimal(value):,f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _part(kind: str, value: Any) -> str:
    """One of several values that share a line."""
    name = kind.replace("_", " ")
    if isinstance(value, dict):
        return f"{name}: {_said(kind, value) if value else 'none'}"
    if kind.endswith("_percent"):
        return f"{name.removesuffix(' percent')} {_said(kind, value)}"
    return f"{name} {value}" if kind == "seed" else f"{_said(kind, value)} {name}"


def _faulty_row(fault: Mapping[str, Any]) -> str:
    """A row at fault, what is wrong, and the lines of the file around it."""
    lines = [f"{'>' if at['line'] == fault['row'] else ' '} {at['line']:,}: {at['text']}" for at in fault["lines"]]
    return "\n".join([f"row {fault['row']:,}: {fault['what']}", *lines])


def data_table(said: Mapping[str, Any]) -> Table:
    """What is known of a feed, a line each; what is said of several symbols stands under each of them."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in said.items():
        if name == "symbols":
            for symbol, its in value.items():
                made.add_row(Text(symbol, style="bold"), "")
                for of, part in its.items():
                    made.add_row(f"  {of.replace('_', ' ')}", _said(of, part))
        elif name == "violations":
            for at in value:
                made.add_row("violation", f"row {at['row']:,} at {at['time']}\nfile      {at['file']}\nmatching  {at['matching']}")
        elif name == "faulty_rows" and value:
            for fault in value:
                made.add_row("faulty row", _faulty_row(fault))
        elif name == "files":
            for kind, file in value.items():
                made.add_row(f"{kind} file", file or MISSING)
        else:
            made.add_row(name.replace("_", " "), _said(name, value))
    return made

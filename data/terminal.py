"""What commands share: options of the same name, and how they print, for people and for scripts."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

OUT = Path(".tapebook")
Out = Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for runs and decoded feeds.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of a table.")]


def say(text: Any) -> None:
    """Print for people, at most 80 columns where the terminal does not say. A text is printed as it stands, brackets and all."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=80)
    console.print(text)


def say_json(value: Any) -> None:
    """Print for scripts: one line of JSON."""
    print(json.dumps(value, default=str))

"""A sweep as files: a page that needs nothing else, and all its runs as a table."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.report.pictures import packaged

if TYPE_CHECKING:
    from backtest.sweep.result import SweepResult


def page(result: "SweepResult") -> str:
    """The card of a notebook with the tests of luck, as a page of its own."""
    rows = "".join(f"<tr><td>{label}</td><td class='n'>{figure}</td></tr>" for label, figure in result.luck.rows())
    style = packaged("report.css") + packaged("charts.css")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Sweep of {', '.join(result.names)} · Tapebook</title><style>{style}</style></head>"
        f'<body><main>{result._repr_html_()}<section class="card"><header><h2>Luck</h2></header>'
        f'<div class="scroll"><table>{rows}</table></div></section></main></body></html>'
    )


def write_files(result: "SweepResult") -> dict[str, Path]:
    """sweep.html and runs.csv into the sweep's folder; each is whole or not there. Nothing where the sweep keeps nothing."""
    if result.folder is None:
        return {}
    made = {"page": (result.folder / "sweep.html", page(result)), "runs": (result.folder / "runs.csv", result.frame.write_csv())}
    for path, text in made.values():
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    return {name: path for name, (path, _) in made.items()}

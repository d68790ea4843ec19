"""A page in a cell of a notebook: it holds all that it shows, so it stands there without a server, and in a notebook that was saved."""

import asyncio
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import TapebookError

if TYPE_CHECKING:
    from dashboards.source.port import Source

HEIGHT = 760


class ViewError(TapebookError, ValueError):
    """A view that cannot be made: what is wrong and what to do about it, in one line."""


class View:
    """A page as it stood when it was made. It shows itself in a notebook; `html` is the whole file, `save` writes it."""

    def __init__(self, html: str, page: str, height: int) -> None:
        self.html, self.page, self.height = html, page, height

    def __repr__(self) -> str:
        return f"<View of {self.page}, {len(self.html) / 1000:,.0f} kB>"

    def _repr_html_(self) -> str:
        """The file in a frame of its own: its scripts and styles reach nothing of the notebook's."""
        frame = f'title="Tapebook {escape(self.page)}" sandbox="allow-scripts allow-popups" loading="lazy"'
        style = f"width:100%;height:{self.height}px;border:0;border-radius:6px"
        return f'<iframe {frame} style="{style}" srcdoc="{escape(self.html)}"></iframe>'

    def save(self, path: str | Path) -> Path:
        """Write the file. Raises OSError."""
        to = Path(path)
        to.write_text(self.html, encoding="utf-8")
        return to


def view(source: Any, page: str = "desk", *, theme: str = "", height: int = HEIGHT, out: Path | str = ".tapebook", **query: Any) -> View:
    """A page over a source, to stand in a cell: `tb.view(result, "portfolio")`, `tb.view(session, "desk", symbol="AAPL")`.

    Parameters
    ----------
    source : a Result; a Session that runs here, or the path of a log or of a session's folder (both as of what is sealed); the id of a run
    page : desk, risk, portfolio, backtests, operations, audit
    theme : dark or light; by default the reader's own
    height : CSS pixels of the frame
    out : the folder of runs, for ids and for the page of backtests
    query : what stands behind the page's question mark: symbol, interval, portfolio, run, compare, sweep, order, sql …

    Raises ViewError, ExportError with the mend.
    """
    from dashboards.reports.export import wanted

    asked = wanted(page, "html", {name: str(value) for name, value in query.items()}, theme=theme)
    opened = _source(source, Path(out))
    made: list[Any] = []

    def work() -> None:
        try:
            made.append(asyncio.run(_still(opened, asked, Path(out))))
        except BaseException as odd:
            made.append(odd)

    thread = threading.Thread(target=work)  # a notebook's own loop runs already
    thread.start()
    thread.join()
    if isinstance(made[0], BaseException):
        raise made[0]
    return View(made[0], page, height)


async def _still(source: "Source", asked: Any, out: Path) -> str:
    from dashboards.reports.snapshot import snapshot
    from dashboards.reports.still_page import html
    from dashboards.serving.choice import READER
    from dashboards.source.port import SourceError

    try:
        await source.open()
    except SourceError as odd:
        raise ViewError(str(odd)) from None
    try:
        return html(await snapshot(source, asked.place, READER, asked.query, out), asked.theme, faces=False)
    finally:
        await source.close()


def _source(given: Any, out: Path) -> "Source":
    from backtest.result import Result
    from dashboards.source.log import LogSource
    from dashboards.source.run import RunSource

    if isinstance(given, Result):
        return RunSource(given, out)
    folder = getattr(getattr(given, "folder", None), "path", None)
    if folder is not None:
        return LogSource(Path(folder))
    if isinstance(given, str | Path) and Path(given).exists() and not (Path(given) / "run.json").exists():
        return LogSource(Path(given))
    if isinstance(given, str | Path):
        return RunSource(str(given), out)
    raise ViewError(f"{type(given).__name__} cannot be viewed; give a Result, a Session, the path of a log, or the id of a run")

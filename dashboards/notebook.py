"""A page in a cell of a notebook: it holds all that it shows, so it stands there without a server, and in a notebook that was saved. Over
a session that runs, and behind `pn.extension()`, it lives as long as the kernel does."""

import asyncio
import secrets
import sys
import threading
from collections.abc import Callable
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
    """A page as it stood when it was made. It shows itself in a notebook; `html` is the whole file, `save` writes it, `panel` gives a
    component. `make`: the source again, where it lives; `token` is then known to the page."""

    def __init__(self, html: str, page: str, height: int, token: str = "", make: "Callable[[], Source] | None" = None) -> None:
        self.html, self.page, self.height = html, page, height
        self._token, self._make = token, make

    def __repr__(self) -> str:
        return f"<View of {self.page}, {len(self.html) / 1000:,.0f} kB{', live' if self.live else ''}>"

    @property
    def live(self) -> bool:
        """Whether it can be told what changes."""
        return self._make is not None

    def _repr_html_(self) -> str:
        """The file in a frame of its own: its scripts and styles reach nothing of the notebook's."""
        frame = f'title="{self._title}" data-tapebook="{self._token}" sandbox="allow-scripts allow-popups" loading="lazy"'
        style = f"width:100%;height:{self.height}px;border:0;border-radius:6px"
        return f'<iframe {frame} style="{style}" srcdoc="{escape(self.html)}"></iframe>'

    @property
    def _title(self) -> str:
        return f"Tapebook {escape(self.page)}"

    def _ipython_display_(self) -> None:
        """The frame, which a saved notebook shows as it stood; and what keeps it living, where Panel has been loaded into the notebook."""
        from IPython.display import display

        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)
        loaded = "panel" in sys.modules and getattr(sys.modules["panel"].extension, "_loaded", False)
        if self.live and loaded:
            display(self._frame(height=0, width=0, margin=0))

    def panel(self) -> Any:
        """The page as a component of Panel, for an application or a layout; it lives where its source does."""
        return self._frame(html=self.html, title=self._title, height=self.height, sizing_mode="stretch_width", margin=0)

    def _frame(self, **params: Any) -> Any:
        from dashboards.cards.frame import Frame

        return Frame(self._make, token=self._token, **params)

    def save(self, path: str | Path) -> Path:
        """Write the file. Raises OSError."""
        to = Path(path)
        to.write_text(self.html, encoding="utf-8")
        return to


def view(source: Any, page: str = "desk", *, theme: str = "", height: int = HEIGHT, out: Path | str = ".tapebook", **query: Any) -> View:
    """A page over a source, to stand in a cell: `tb.view(result, "portfolio")`, `tb.view(session, "desk", symbol="AAPL")`. Over a session
    that runs it lives, where the notebook has called `pn.extension()`; `.panel()` gives it as a component of Panel.

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
    opened, token = _source(source, Path(out)), secrets.token_hex(8)
    made: list[Any] = []

    def work() -> None:
        try:
            made.append(asyncio.run(_still(opened, asked, Path(out), token)))
        except BaseException as odd:
            made.append(odd)

    thread = threading.Thread(target=work)  # a notebook's own loop runs already
    thread.start()
    thread.join()
    if isinstance(made[0], BaseException):
        raise made[0]
    if not opened.about.live:
        return View(made[0], page, height)
    return View(made[0], page, height, token, lambda: _source(source, Path(out)))


async def _still(source: "Source", asked: Any, out: Path, token: str) -> str:
    from dashboards.reports.snapshot import snapshot
    from dashboards.reports.still_page import html
    from dashboards.serving.choice import READER
    from dashboards.source.port import SourceError

    try:
        await source.open()
    except SourceError as odd:
        raise ViewError(str(odd)) from None
    try:
        taken = await snapshot(source, asked.place, READER, asked.query, out)
        if source.about.live:
            taken.still["link"] = token
        return html(taken, asked.theme, faces=False)
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

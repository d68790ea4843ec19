"""How far a sweep is and how long it will take: a bar in a terminal, one line in a notebook, nothing anywhere else."""

import sys
import time
from typing import Any, Protocol

from backtest.numbers import count, duration

EVERY = 0.5
"""Seconds between two changes of what a notebook shows."""


class Progress(Protocol):
    """Told after each run, and at the end."""

    def step(self, done: int, total: int, failed: int) -> None: ...
    def close(self) -> None: ...


class Silent:
    """Says nothing."""

    def step(self, done: int, total: int, failed: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def said(done: int, total: int, failed: int, seconds: float) -> str:
    """`37 of 100 runs, 2 failed, 12 s to go`."""
    left = f", {duration(seconds / done * (total - done))} to go" if done and done < total else ""
    return f"{count(done)} of {count(total)} runs{f', {count(failed)} failed' if failed else ''}{left}"


class Terminal:
    """A bar on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(TextColumn("sweep"), BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("starting", total=None)
        self._began = time.monotonic()
        self._bars.start()

    def step(self, done: int, total: int, failed: int) -> None:
        """Move the bar."""
        text = said(done, total, failed, time.monotonic() - self._began)
        self._bars.update(self._task, completed=done, total=total, description=text)

    def close(self) -> None:
        """Take the bar away."""
        self._bars.stop()


class Notebook:
    """One line under the cell that changes in its place."""

    def __init__(self, display: Any) -> None:
        self._handle = display({"text/plain": "starting"}, raw=True, display_id=True)
        self._began, self._last = time.monotonic(), 0.0

    def step(self, done: int, total: int, failed: int) -> None:
        """Change the line, not more often than EVERY."""
        now = time.monotonic()
        if done == total or now - self._last >= EVERY:
            self._last = now
            self._handle.update({"text/plain": said(done, total, failed, now - self._began)}, raw=True)

    def close(self) -> None:
        """The line stays."""


def progress(wanted: bool | None = None) -> Progress:
    """What fits where we are; `wanted=False`: nothing, None: a notebook or a terminal."""
    if wanted is False:
        return Silent()
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and type(shell).__name__ == "ZMQInteractiveShell":
        return Notebook(sys.modules["IPython.display"].display)  # there, where a notebook is
    return Terminal() if sys.stderr is not None and sys.stderr.isatty() else Silent()

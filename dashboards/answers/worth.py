"""What portfolios were worth through a session: the log's facts, shown to read models of its own piece by piece."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from live.gateway import shapes
from live.models.read_models import ReadModels
from live.models.storing import decimals_of, names_of
from live.wire.times import time_text

if TYPE_CHECKING:
    from data.log.event_log import EventLog

PIECES, POINTS, PORTFOLIOS, PIECE = 200, 400, 64, 1 << 20
"""Points of a first look; points that are kept; portfolios that are followed; seqs that are read at once."""


class Worth:
    """Equity of each portfolio at some moments of a session; goes on from where it stands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: ReadModels | None = None
        self._points: dict[str, list[tuple[int, Decimal]]] = {}

    def advance(self, log: "EventLog", session: int) -> None:
        """Look at what came since. Raises LogError."""
        with self._lock:
            names, last = names_of(log, session), log.last_seq(session)
            if self._models is None:
                self._models = ReadModels(names, decimals_of(log, session))
            self._models.names = names
            while self._models.seq < last:
                commands, facts = log.read(session, self._models.seq + 1, min(last, self._models.seq + PIECE))
                for first, end in _cuts(len(facts), len(facts) // self._pieces(len(facts), last)):
                    self._show(commands, facts[first:end], end == len(facts))

    def _pieces(self, count: int, last: int) -> int:
        """How many points the facts in hand are worth of those up to `last`."""
        assert self._models is not None
        left = max(1, last - self._models.seq)
        return max(1, min(count, PIECES * min(count, left) // left)) if count else 1

    def _show(self, commands: Any, facts: np.ndarray, whole: bool) -> None:
        """A piece of the facts, with the commands that stand before its end."""
        assert self._models is not None
        before = len(commands.seqs) if whole else int(np.searchsorted(commands.seqs, int(facts["seq"][-1]), "right"))
        self._models.apply(commands.records[:before], commands.seqs[:before], facts)
        if len(facts):
            self._note(int(facts["ts"][-1]))

    def _note(self, ts: int) -> None:
        assert self._models is not None
        for name in [name for name in self._models.names.portfolios if name][:PORTFOLIOS]:
            found = self._points.setdefault(name, [])
            equity = self._models.portfolio_exact(name)["equity"]
            if found and found[-1][0] >= ts:
                found[-1] = (found[-1][0], equity)
            else:
                found.append((ts, equity))
            if len(found) > 2 * POINTS:
                del found[1:-1:2]

    def points(self, name: str) -> list[list[str]]:
        """[ts, equity, how far below the highest of the points before], from the first time at which it had anything."""
        with self._lock:
            found = list(self._points.get(name, ()))
        made: list[list[str]] = []
        highest = Decimal("-Infinity")
        for ts, equity in found:
            if not made and not equity:
                continue
            highest = max(highest, equity)
            made.append([time_text(ts), shapes.text(equity), shapes.text(equity - highest)])
        return made


_known: dict[tuple[Path, int], Worth] = {}
_turn = threading.Lock()


def _cuts(count: int, size: int) -> Iterator[tuple[int, int]]:
    """First and end of each piece; one empty piece of nothing."""
    edges = [*range(0, count, max(1, size)), count] if count else [0, 0]
    return pairwise(edges)


def worth_of(log: "EventLog", session: int) -> Worth:
    """What was worth what in a session of a log, up to now. Raises LogError."""
    with _turn:
        if len(_known) > 4:
            _known.clear()
        found = _known.setdefault((Path(log.path), session), Worth())
    found.advance(log, session)
    return found

"""A recorded or synthetic market as a source of a session: history's commands, at its own pace or faster."""

import asyncio
from collections.abc import Iterator

import numpy as np

from data.feed import Feed
from engine.messages.records import COMMAND
from live.writer.clock import ReplayClock
from live.writer.face import Running
from live.writer.intake import Request

CURSOR = "market"
MOST = 1 << 13
LOOK = 0.05
"""Seconds of a nap while nothing is due, at most."""


class MarketSource:
    """Plays a feed into a session. A replay keeps the feed's times; otherwise they are moved so that it goes on now.

    Rows of one time stay together. The number of rows played is kept in the log with what came of them.
    """

    def __init__(self, feed: Feed, *, paced: bool) -> None:
        self.feed, self.paced = feed, paced
        self.over = asyncio.Event()

    async def run(self, session: Running) -> None:
        """Play it to its end."""
        played = session.cursors.get(CURSOR, 0)
        shift: int | None = 0 if isinstance(session.clock, ReplayClock) else None
        for rows in _skipping(events_whole(self.feed), played):
            if shift is None:
                shift = session.clock.now() - int(rows["ts"][0])
            at = 0
            while at < len(rows):
                end = self._due(session, rows, at, shift)
                if end == at:
                    await asyncio.sleep(min(LOOK, session.clock.wait(int(rows["ts"][at]) + shift)))
                    continue
                await session.intake.space()
                piece = rows[at:end].copy()
                piece["ts"] += shift
                played += end - at
                at = end
                session.intake.put(Request(piece, None, CURSOR, played, timed=True))
                await asyncio.sleep(0)
        self.over.set()

    def _due(self, session: Running, rows: np.ndarray, at: int, shift: int) -> int:
        """The end of the rows that are due now, and of whole events."""
        end = min(at + MOST, len(rows))
        if self.paced:
            end = min(end, int(np.searchsorted(rows["ts"], session.clock.now() - shift, "right")))
        if at < end < len(rows) and rows["ts"][end] == rows["ts"][end - 1]:
            begin = int(np.searchsorted(rows["ts"], rows["ts"][end], "left"))
            end = begin if begin > at else int(np.searchsorted(rows["ts"], rows["ts"][end], "right"))
        return max(at, end)


def events_whole(feed: Feed) -> Iterator[np.ndarray]:
    """The feed's commands (COMMAND), in pieces between which the time changes."""
    held = np.zeros(0, COMMAND)
    for batch in feed.batches():
        held = np.concatenate([held, batch]) if len(held) else batch
        cut = int(np.searchsorted(held["ts"], held["ts"][-1], "left")) if len(held) else 0
        if cut:
            yield held[:cut]
            held = held[cut:]
    if len(held):
        yield held


def _skipping(pieces: Iterator[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    for piece in pieces:
        if rows < len(piece):
            yield piece[rows:]
        rows = max(0, rows - len(piece))


def first_time(feed: Feed) -> int:
    """The time (ns UTC) of the feed's first command."""
    return int(next(batch for batch in feed.batches() if len(batch))["ts"][0])

"""Says when the machine's clock stands behind the session's own time, as after it was set back."""

import asyncio

from live.writer.clock import WallClock
from live.writer.face import Running

EVERY, LEAST = 1.0, 1.0
"""Seconds between two looks; seconds behind that are worth a word."""


async def watch_clock(session: Running) -> None:
    """Look for ever. Session time never goes back: until the clock has caught up, each command has the next microsecond."""
    clock = session.clock
    if not isinstance(clock, WallClock):
        return
    told = False
    while True:
        behind = (int(session.exchange.state.session["ts"][0]) - clock.read()) / 1e9
        if behind > LEAST and not told:
            session.notice("ClockBehind", seconds=round(behind, 3), what="the clock was set back; times go on from the last one")
        told = behind > LEAST
        await asyncio.sleep(EVERY)

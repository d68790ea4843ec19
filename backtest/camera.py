"""Pictures of the book through a stretch of a finished run."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from backtest.recording import DepthWindow
from engine.loop.loop_state import Want
from engine.strategy.driver import Driver
from engine.strategy.strategy import Strategy


class _Camera(Strategy):
    """Takes a picture of the book at every tick of its timer."""

    every = 1
    wants: ClassVar[Want] = Want.TIMER

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[tuple[int, np.ndarray]] = []

    def on_timer(self) -> None:
        self.pictures.append((self.now, self._state.levels.copy()))


class DepthCamera:
    """The book of the first instrument through a stretch of time, by playing the recorded run again up to there.

    `start`: a driver before the first row of history that sees so many levels; `sent`: what the run sent, as it arrived, comes first;
    `tick_units`: price units of one tick.
    """

    def __init__(self, start: Callable[[int], Driver], sent: Callable[[], Sequence[np.ndarray]], tick_units: int) -> None:
        self.start, self.sent, self.tick_units = start, sent, tick_units

    def __call__(self, at: int, before: int, after: int, columns: int, levels: int) -> DepthWindow:
        first, every = at - before, max(1, (before + after) // columns)
        camera = _Camera()
        driver = self.start(levels)
        commands = self.sent()[0]
        driver.load(commands, commands["ts"])
        driver.play(first)
        clock = driver.states[0].clock
        clock["wants"], clock["timer_every"], clock["timer_next"] = int(Want.TIMER), every, first + every
        driver.run([camera], first + columns * every)
        ts = np.array([moment for moment, _ in camera.pictures], np.int64)
        books = np.array([rows[: 2 * levels] for _, rows in camera.pictures]).reshape(len(ts), 2, levels)
        return DepthWindow(ts, books["price"] * self.tick_units, books["lots"])

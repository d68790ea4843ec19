"""Pictures of the book through a stretch of a finished run."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from backtest.participants import NONE
from backtest.recording import DepthWindow
from engine.loop.loop_state import Want, new_strategy_state
from engine.strategy.driver import Driver
from engine.strategy.strategy import Strategy

if TYPE_CHECKING:
    from backtest.run import Backtest


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
    """The book of the first instrument through a stretch of time, by playing the recorded run again up to there."""

    def __init__(self, backtest: "Backtest", driver: Driver) -> None:
        self.backtest, self.driver = backtest, driver

    def __call__(self, at: int, before: int, after: int, columns: int, levels: int) -> DepthWindow:
        first, every = at - before, max(1, (before + after) // columns)
        camera = _Camera()
        state = new_strategy_state(len(self.backtest.instruments), levels, 0, NONE, np.zeros(1))
        driver = self.backtest.driver(self.driver.history, [state])
        commands, _, _ = self.driver.sent()
        driver.load(commands, commands["ts"])
        driver.play(first)
        clock = driver.states[0].clock
        clock["wants"], clock["timer_every"], clock["timer_next"] = int(Want.TIMER), every, first + every
        driver.run([camera], first + columns * every)
        ts = np.array([moment for moment, _ in camera.pictures], np.int64)
        books = np.array([rows[: 2 * levels] for _, rows in camera.pictures]).reshape(len(ts), 2, levels)
        return DepthWindow(ts, books["price"] * self.backtest.instruments[0].tick_units, books["lots"])

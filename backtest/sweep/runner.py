"""One run of a sweep, in whatever process it is done."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backtest.result import Result
from backtest.run import Backtest
from backtest.sweep.space import Point
from backtest.sweep.variant import variant


class Ran(NamedTuple):
    """What a sweep keeps of a run: its figures, and the returns (float64) that luck is judged by, `yearly` = √(intervals in a year)."""

    figures: dict[str, Any]
    returns: np.ndarray
    yearly: float
    digest: str


class Runner:
    """Runs points of a backtest. The recorded market alone is the same for all of them, so it is played once a process."""

    def __init__(self, backtest: Backtest, cache: Path) -> None:
        self.backtest, self.cache = backtest, cache
        self._markets: dict[tuple[int, int, int], np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"backtest": self.backtest, "cache": self.cache, "_markets": {}}

    def __call__(self, point: Point) -> Ran:
        """Run one point. Raises what the strategy raises."""
        made = variant(self.backtest, point)
        made.cache = self._folder()
        ran = made.record()[0]
        recording = replace(ran, market=lambda: self._market(ran)) if ran.market is not None else ran
        result = Result(recording)
        returns = result.analysis.returns
        return Ran(dict(result.summary), returns.values, float(np.sqrt(252 * returns.per_session)), str(recording.meta["digest"]))

    def _folder(self) -> Path:
        """Where the decoded feed lies: the sweep's own folder, on a machine that has none a temporary one."""
        if self.cache.is_dir():
            return self.cache
        folder = Path(tempfile.gettempdir()) / "tapebook-sweeps"
        folder.mkdir(exist_ok=True)
        return folder

    def _market(self, recording: Any) -> np.ndarray:
        key = (recording.start, recording.end, recording.resolution)
        if key not in self._markets:
            self._markets[key] = recording.market()
        return self._markets[key]

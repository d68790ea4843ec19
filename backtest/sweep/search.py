"""Optuna as the one who chooses what to try next, so that a search gives the same runs however many processes share the work."""

from collections.abc import Mapping, Sequence
from typing import Any

from backtest.sweep.row import Row
from backtest.sweep.space import Point, SweepError, checked_range, refuse_many

BATCH = 8
"""Points that are asked for before any of them is told: fixed, so that neither processes nor speed change what is tried."""


class Search:
    """Tree-structured Parzen estimator over ranges (low, high) and lists, for the highest `target`.

    Bergstra, Bardenet, Bengio & Kégl (2011), Algorithms for Hyper-Parameter Optimization, NeurIPS 24, as Optuna has it. A search that is
    started again asks for the same points, and finds those that are done.
    """

    def __init__(self, space: Mapping[str, Any], runs: int, seed: int, target: str) -> None:
        try:
            import optuna
        except ModuleNotFoundError:
            raise SweepError("optuna=… needs the extra 'research': pip install 'tapebook[research]'") from None
        if not space:
            raise SweepError("optuna is empty; name a parameter and its range, like optuna={'edge': (1, 9)}")
        refuse_many(runs, "the search")
        self.space = {name: checked_range(name, given) for name, given in space.items()}
        self.runs, self.target, self.left = runs, target, runs
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(BATCH, min(20, runs // 4)))
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL
        self._asked: list[Any] = []

    def ask(self) -> list[Point]:
        """The next points; none once all runs were asked for."""
        many = min(BATCH, self.left)
        self.left -= many
        self._asked = [self._study.ask() for _ in range(many)]
        return [{name: self._suggested(trial, name, one) for name, one in self.space.items()} for trial in self._asked]

    def tell(self, rows: Sequence[Row]) -> None:
        """What came of the points that were asked for, in their order; a run without the figure has failed."""
        for trial, row in zip(self._asked, rows, strict=True):
            value = row.figures.get(self.target)
            if value is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, float(value))

    @staticmethod
    def _suggested(trial: Any, name: str, one: Any) -> Any:
        if isinstance(one, list):
            return trial.suggest_categorical(name, one)
        low, high = one
        whole = isinstance(low, int) and isinstance(high, int)
        return trial.suggest_int(name, low, high) if whole else trial.suggest_float(name, low, high)

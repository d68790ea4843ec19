"""What a sweep gives back: a row a run, the best of them, whether it is luck, and pictures."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtest.analysis.definitions import BY_NAME
from backtest.numbers import counted, significant
from backtest.statistics.luck import Luck, luck
from backtest.sweep.row import Row, shown
from backtest.sweep.space import SweepError
from engine.messages.hints import did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from backtest.report.pictures import Picture
    from backtest.sweep.selection import CrossValidation, WalkForward


class SweepResult:
    """The runs of a sweep in its order. `complete`: whether all of them are done; `folder`: where they are kept."""

    def __init__(
        self, rows: list[Row], names: list[str], target: str, *, complete: bool = True, total: int = 0, folder: Path | None = None
    ) -> None:
        self.rows, self.names, self.target = rows, names, target
        self.complete, self.total, self.folder = complete and len(rows) >= total, total or len(rows), folder

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def frame(self) -> "pl.DataFrame":
        """One row a run: run (its number), the parameters, every figure of a summary (one with a parameter's name as "figure name"),
        error (null where it succeeded), seconds, digest."""
        import polars as pl

        figures = list(dict.fromkeys(name for row in self.rows for name in row.figures)) or list(BY_NAME)
        columns: dict[str, Any] = {"run": [row.number for row in self.rows]}
        columns |= {name: [row.parameters.get(name) for row in self.rows] for name in self.names}
        columns |= {f"figure {name}" if name in columns else name: [row.figures.get(name) for row in self.rows] for name in figures}
        columns["error"] = pl.Series([row.error for row in self.rows], dtype=pl.String)
        columns["seconds"] = [row.seconds for row in self.rows]
        columns["digest"] = [row.digest or None for row in self.rows]
        return pl.DataFrame({name: _column(values) for name, values in columns.items()})

    @cached_property
    def failed(self) -> "pl.DataFrame":
        """The runs that failed: run, parameters, error."""
        return self.frame.filter(self.frame["error"].is_not_null()).select("run", *self.names, "error")

    def best(self, by: str | None = None, count: int = 1) -> "pl.DataFrame":
        """The `count` runs with the highest `by` (default: the sweep's target), the best first; runs without that figure are left out.

        Raises SweepError for an unknown figure.
        """
        import polars as pl

        chosen = self._figure(by)
        return self.frame.filter(pl.col(chosen).is_not_null()).sort(chosen, "run", descending=[True, False]).head(count)

    def _figure(self, by: str | None) -> str:
        """A column of figures. Raises SweepError for an unknown one."""
        name = by or self.target
        shown = f"figure {name}" if f"figure {name}" in self.frame.columns else name
        if name not in BY_NAME and shown not in self.frame.columns:
            raise SweepError(f"unknown figure {name!r}; {did_you_mean(name, [*BY_NAME, *self.frame.columns], 'see result.frame.columns')}")
        if shown not in self.frame.columns or not self.frame[shown].dtype.is_numeric():
            raise SweepError(f"no run has the figure {name!r}")
        return shown

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the best run. Raises SweepError where no run has the target."""
        found = self._best_row()
        if found is None:
            raise SweepError(f"no run has the figure {self.target!r}")
        return dict(found.parameters)

    def _best_row(self) -> Row | None:
        return best_of(self.rows, self.target)

    @cached_property
    def returns(self) -> np.ndarray:
        """float64 (intervals, runs): returns of the runs that succeeded, in their order; see `luck`. Runs whose returns are of another
        length than most (another window) are left out."""
        kept = self._judged
        return np.stack([row.returns for row in kept], axis=1) if kept else np.zeros((0, 0))

    @cached_property
    def _judged(self) -> list[Row]:
        done = [row for row in self.rows if row.error is None and len(row.returns)]
        lengths = [len(row.returns) for row in done]
        return [row for row in done if len(row.returns) == max(set(lengths), key=lengths.count)]

    @cached_property
    def luck(self) -> Luck:
        """The best run held against how many were tried: deflated Sharpe ratio, probability of backtest overfitting, and a verdict."""
        judged = self._judged
        best = best_of(judged, self.target)
        place = None if best is None else next(k for k, row in enumerate(judged) if row is best)
        return luck(self.returns, place, judged[0].yearly if judged else 1.0)

    def walk_forward(self, folds: int = 5, *, horizon: int = 0, embargo: int = 0, anchored: bool = True) -> "WalkForward":
        """Choose the best run on the past, see how it does on the next block of time, go on (`splits.walk_forward`)."""
        from backtest.sweep.selection import walk_forward

        return walk_forward(self._judged, self.returns, folds, horizon=horizon, embargo=embargo, anchored=anchored)

    def cross_validate(self, groups: int = 6, tested: int = 2, *, horizon: int = 0, embargo: int = 0) -> "CrossValidation":
        """Combinatorial purged cross-validation of the choice of the best run (`splits.combinatorial_purged`)."""
        from backtest.sweep.selection import cross_validate

        return cross_validate(self._judged, self.returns, groups, tested, horizon=horizon, embargo=embargo)

    def heat_map(self, x: str | None = None, y: str | None = None, by: str | None = None) -> "Picture":
        """The figure `by` over two parameters (by default the first two), its mean over the others. Raises SweepError without two."""
        from backtest.sweep.pictures import heat_map

        return heat_map(self, x, y, self._figure(by))

    def parallel(self, by: str | None = None) -> "Picture":
        """Each run as a line through its parameters to its figure `by`; the best tenth stands out."""
        from backtest.sweep.pictures import parallel

        return parallel(self, self._figure(by))

    def _repr_html_(self) -> str:
        from backtest.sweep.card import card

        return card(self)

    def __repr__(self) -> str:
        failed = sum(row.error is not None for row in self.rows)
        best = self._best_row()
        said = "no run has the target" if best is None else f"best {self.target} {significant(best.figures[self.target])}"
        at = "" if best is None else " with " + ", ".join(f"{name}={shown(value)}" for name, value in best.parameters.items())
        done = counted(len(self.rows), "run") if self.complete else f"{len(self.rows):,} of {self.total:,} runs"
        return f"<Sweep: {done}, {failed:,} failed, {said}{at}; {self.luck.verdict}>"


def best_of(rows: list[Row], target: str) -> Row | None:
    """The run with the highest figure, the first of equals; None where no run has it."""
    have = [row for row in rows if row.figures.get(target) is not None]
    return max(have, key=lambda row: row.figures[target]) if have else None


def _column(values: Any) -> Any:
    """Values of one type; where a parameter mixes numbers and words, all as words."""
    import polars as pl

    if isinstance(values, pl.Series):
        return values
    kinds = {type(value) for value in values if value is not None}
    if (kinds <= {int, bool} and kinds != {bool}) or len(kinds) <= 1:
        return values
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]

"""A sweep: one backtest with many parameters, on one core or on many, and what came of each."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from backtest.analysis.definitions import BY_NAME
from backtest.past import OUT
from backtest.run import Backtest
from backtest.sweep import places
from backtest.sweep.folder import SweepFolder
from backtest.sweep.identity import run_key, sweep_key
from backtest.sweep.progress import Progress, progress
from backtest.sweep.result import SweepResult
from backtest.sweep.row import Row, row_of
from backtest.sweep.runner import Runner
from backtest.sweep.search import Search
from backtest.sweep.space import RUNS_MOST, Point, SweepError, checked_range, grid_points, random_points
from backtest.sweep.variant import check_names, check_values, kind_of
from backtest.workers.outcome import Outcome
from engine.messages.hints import did_you_mean

if TYPE_CHECKING:
    from backtest.statistics.walking import Walk

PROCESSES_MAX, SECONDS_MAX = 1_024, 10_000_000
"""Of a sweep; seconds are those of one run."""


class Sweep:
    """Runs a backtest with every point of a grid, with points drawn at random, or with those that Optuna asks for.

    Parameters
    ----------
    backtest : Backtest of a strategy (its class, or an instance without an __init__ of its own)
    grid : names and lists of values; every combination is run
    random : names and (low, high) or lists of values; `runs` points are drawn with `seed`
    optuna : the same, and Optuna looks for the highest `target` in `runs` runs (extra `research`)
    target : the figure that the best run has most of; by default the Sharpe ratio

    Names are the strategy's parameters (of several strategies "portfolio.parameter") and cash, feed_latency, order_latency,
    response_latency, maker_fee, taker_fee, warm_up, seed of the backtest. Raises SweepError, ValueError with the mend for what does
    not fit, before anything is run.

    Example: `tb.Sweep(tb.Backtest(feed, Maker), grid={"edge": range(1, 6)}).run(processes=2).best()`
    """

    def __init__(
        self,
        backtest: Backtest,
        *,
        grid: Mapping[str, Any] | None = None,
        random: Mapping[str, Any] | None = None,
        optuna: Mapping[str, Any] | None = None,
        runs: int = 100,
        seed: int = 0,
        target: str = "sharpe",
    ) -> None:
        given = [one for one in (grid, random, optuna) if one is not None]
        if len(given) != 1:
            raise SweepError("a sweep takes one of grid=…, random=…, optuna=…")
        if target not in BY_NAME:
            raise SweepError(f"unknown figure {target!r}; {did_you_mean(target, BY_NAME, 'tapebook explain lists them')}")
        if not 1 <= runs <= RUNS_MOST:
            raise SweepError(f"runs={runs}; give 1 to {RUNS_MOST:,}")
        check_names(backtest, given[0])
        self.backtest, self.target, self.names = backtest, target, list(given[0])
        self.points: list[Point] | None = None
        if grid is not None:
            self.points = grid_points(grid)
        elif random is not None:
            self.points = random_points(random, runs, seed)
        if self.points is not None:
            check_values(backtest, self.points)
            self._search = None
        else:
            ranges = {name: checked_range(name, one) for name, one in given[0].items()}
            check_values(backtest, [{name: one[end] for name, one in ranges.items()} for end in (0, -1)])
            self._search = (dict(given[0]), runs, seed)
        self.total = len(self.points) if self.points is not None else runs

    def __repr__(self) -> str:
        return f"<Sweep of {', '.join(self.names)}: {self.total:,} runs>"

    def run(
        self,
        *,
        processes: int = 1,
        dask: Any = None,
        out: Path | str | None = OUT,
        seconds: float | None = None,
        show: bool | None = None,
    ) -> SweepResult:
        """Run what is not there yet and return all of it, in the order of the points.

        `processes`: of this machine, over one decoded feed that they share. `dask`: an address ("tcp://…"), a Client or a cluster instead.
        `out`: runs are kept under `out`/sweeps, a file each, so that a sweep that was stopped goes on (None: nothing is kept).
        `seconds`: that
        a run may take, with processes. `show`: progress; by default in terminals and notebooks. A strategy that raises is a row with its
        error. Ctrl-C returns what is done, with `complete` False.
        """
        if not 1 <= processes <= PROCESSES_MAX:
            raise SweepError(f"processes={processes}; give 1 to {PROCESSES_MAX:,}")
        if seconds is not None and not 0 < seconds <= SECONDS_MAX:
            raise SweepError(f"seconds={seconds:g}; a run may take above 0 and at most {SECONDS_MAX:,} of them")
        with TemporaryDirectory(prefix="tapebook-sweep-") as scratch:
            cache = Path(self.backtest.cache or (Path(scratch) if out is None else Path(out)) / "cache").resolve()
            self.backtest.feed.commands(cache)  # decoded once, for all processes
            key = sweep_key(self.backtest)
            folder = None if out is None else SweepFolder(Path(out) / "sweeps" / key[:16])
            if folder is not None:
                folder.prepare(self._said(key))
            return _Run(self, Runner(self.backtest, cache), key, folder, progress(show), (processes, dask, seconds)).result()

    def walk_forward(self, folds: int = 4, *, anchored: bool = True, gap: int | str = 0, warm_up: int | str = 0, **options: Any) -> "Walk":
        """Choose parameters on the past, trade them on the next stretch of time, go on: everything is run again, stretch by stretch.

        The time of the backtest is cut into `folds` + 1 parts, at the begin of days where the feed has enough of them. `anchored`: learn
        from all that came before, else from the part before. `gap`: time left out between what is learnt from and what is traded;
        `warm_up`: time of it during which the traded strategy already watches. Each stretch begins with the cash of the backtest and no
        position. `options`: those of `run`. Raises SplitError with the mend.

        Example: `tb.Sweep(backtest, grid={"edge": range(1, 6)}).walk_forward(4, gap="5min").folds`
        """
        from backtest.statistics.walking import walk_again

        return walk_again(self, folds, anchored=anchored, gap=gap, warm_up=warm_up, **options)

    def _said(self, key: str) -> dict[str, Any]:
        kinds = [kind.__qualname__ for one in self.backtest.participants if (kind := kind_of(one))]
        feed = self.backtest.feed
        return {"data": feed.name, "fingerprint": feed.fingerprint, "key": key, "strategies": kinds, "target": self.target}


class _Run:
    """One call of `run`."""

    def __init__(
        self,
        sweep: Sweep,
        runner: Runner,
        key: str,
        folder: SweepFolder | None,
        shown: Progress,
        place: tuple[int, Any, float | None],
    ) -> None:
        self.sweep, self.runner, self.key, self.folder, self.shown = sweep, runner, key, folder, shown
        self.processes, self.dask, self.seconds = place
        self.rows: dict[int, Row] = {}

    def result(self) -> SweepResult:
        complete = True
        try:
            if self.sweep.points is not None:
                self._batch(self.sweep.points, 0)
            else:
                space, runs, seed = self.sweep._search or ({}, 0, 0)
                search = Search(space, runs, seed, self.sweep.target)
                while points := search.ask():
                    search.tell(self._batch(points, len(self.rows)))
        except KeyboardInterrupt:
            complete = False
        finally:
            self.shown.close()
        rows = [self.rows[number] for number in sorted(self.rows)]
        where = self.folder.folder if self.folder else None
        return SweepResult(rows, self.sweep.names, self.sweep.target, complete=complete, total=self.sweep.total, folder=where)

    def _batch(self, points: Sequence[Point], first: int) -> list[Row]:
        """Run those of `points` that are not on disk. Their numbers begin with `first`; equal points are run once."""
        keys = [run_key(self.key, point) for point in points]
        found = [self.folder.load(key, point, first + k) if self.folder else None for k, (key, point) in enumerate(zip(keys, points))]
        self.rows.update({row.number: row for row in found if row is not None})
        todo = list({keys[k]: k for k in reversed(range(len(points))) if found[k] is None}.values())[::-1]
        self._told()
        began = time.monotonic()
        for index, outcome in self._outcomes([points[k] for k in todo]):
            key, now = keys[todo[index]], time.monotonic()
            for k in [k for k, other in enumerate(keys) if other == key]:
                self.rows[first + k] = row_of(first + k, points[k], outcome, now - began)
            if self.folder is not None and not outcome.lost:
                self.folder.save(key, self.rows[first + todo[index]])
            began = now
            self._told()
        return [self.rows[first + k] for k in range(len(points))]

    def _outcomes(self, points: list[Point]) -> Iterator[tuple[int, Outcome]]:
        if not points:
            return iter(())
        if self.dask is not None:
            return places.on_dask(self.runner, points, self.dask)
        if self.processes > 1 or self.seconds is not None:
            return places.on_processes(self.runner, points, self.processes, self.seconds)
        return places.here(self.runner, points)

    def _told(self) -> None:
        failed = sum(row.error is not None for row in self.rows.values())
        self.shown.step(len(self.rows), self.sweep.total, failed)

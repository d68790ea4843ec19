"""Walk-forward that runs again: parameters are chosen by a sweep of one stretch of time, and traded on the next, which it has not seen."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtest.result import Result
from backtest.statistics.splits import SplitError
from backtest.sweep.variant import variant
from backtest.window import window
from engine.messages.durations import duration_ns
from engine.messages.vocabulary import Kind

if TYPE_CHECKING:
    import polars as pl

    from backtest.sweep.sweep import Sweep


class Walk(NamedTuple):
    """`folds`: fold, learnt_from, learnt_to, traded_from, traded_to (Datetime ns UTC), the parameters chosen, target_learnt and
    target_traded, net_pnl (traded). `results`: of each fold what trading it gave. `net_pnl`: of all of them. `efficiency`: mean target
    traded ÷ mean target learnt (Pardo 2008, ch. 11); None where that is not above 0."""

    folds: "pl.DataFrame"
    results: list[Result]
    net_pnl: float
    efficiency: float | None


def walk_again(
    sweep: "Sweep", folds: int = 4, *, anchored: bool = True, gap: int | str = 0, warm_up: int | str = 0, **options: Any
) -> Walk:
    """See `Sweep.walk_forward`."""
    backtest, apart, warm = sweep.backtest, duration_ns(gap), duration_ns(warm_up)
    if apart < 0 or warm < 0:
        raise SplitError("gap and warm_up cannot be negative")
    scratch = Path(options["out"]) / "cache" if options.get("out") is not None else None
    history = backtest.feed.commands(backtest.cache or scratch)
    first, last = window(backtest.window, (int(history["ts"][0]), int(history["ts"][-1])), backtest.warm_up, backtest.feed.time_zone)
    edges = _edges(history, first, last, folds + 1)
    rows: list[dict[str, Any]] = []
    results: list[Result] = []
    for number in range(1, folds + 1):
        learnt = (edges[0] if anchored else edges[number - 1], edges[number] - apart - 1)
        traded = (edges[number] - warm, edges[number + 1] - (number < folds))
        best, told = _best(sweep, learnt, options)
        result = Result(_within(variant(backtest, best), traded, warm).record(scratch)[0])
        results.append(result)
        rows.append({"fold": number - 1, **_spans(learnt, (edges[number], traded[1])), **best, "target_learnt": told,
                     "target_traded": result.summary[sweep.target], "net_pnl": result.summary["net_pnl"]})  # fmt: skip
    return _walk(rows, results)


def _within(backtest: Any, span: tuple[int, int], warm_up: int | None = None) -> Any:
    """The backtest on a stretch of its feed; what lies before only builds the book."""
    made = copy.copy(backtest)
    made.window = span
    if warm_up is not None:
        made.warm_up = warm_up
    return made


def _best(sweep: "Sweep", span: tuple[int, int], options: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """The parameters of the run with the highest target in a stretch, and that. Raises SplitError where no run has it."""
    inner = copy.copy(sweep)
    inner.backtest = _within(sweep.backtest, span)
    result = inner.run(**{"out": None, "show": False, **options})
    known = [row for row in result.rows if row.error is None and row.figures.get(sweep.target) is not None]
    if not known:
        errors = [row.error for row in result.rows if row.error is not None]
        why = errors[0] if errors else "too few fills or returns in so short a time"
        raise SplitError(f"no run has the figure {sweep.target!r} in {_shown(*span)} ({why}); take fewer folds, or another target=…")
    best = max(known, key=lambda row: row.figures[sweep.target])
    return dict(best.parameters), float(best.figures[sweep.target])


def _edges(history: np.ndarray, first: int, last: int, parts: int) -> list[int]:
    """Where the time is cut: at the begin of days where the feed has enough of them, else into equal parts; ns UTC, parts + 1."""
    if parts < 2:
        raise SplitError(f"folds={parts - 1}; give at least 1")
    days = history["ts"][history["kind"] == Kind.START_OF_DAY]
    days = np.concatenate([[first], days[(days > first) & (days < last)]])
    if len(days) >= parts:
        return [int(days[k * len(days) // parts]) for k in range(parts)] + [last]
    if (last - first) // parts < 1_000_000:
        raise SplitError(f"the feed from {_shown(first, last)} is too short for {parts} parts; give fewer folds")
    return [first + (last - first) * k // parts for k in range(parts)] + [last]


def _spans(learnt: tuple[int, int], traded: tuple[int, int]) -> dict[str, int]:
    return dict(zip(("learnt_from", "learnt_to", "traded_from", "traded_to"), (*learnt, *traded)))


def _shown(first: int, last: int) -> str:
    return " to ".join(str(np.datetime64(ts, "ns").astype("datetime64[s]")) for ts in (first, last))


def _walk(rows: list[dict[str, Any]], results: list[Result]) -> Walk:
    import polars as pl

    times = [pl.col(name).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC") for name in _spans((0, 0), (0, 0))]
    folds = pl.DataFrame(rows, infer_schema_length=None).with_columns(times)
    learnt, traded = (float(folds[name].mean() or 0.0) for name in ("target_learnt", "target_traded"))  # type: ignore[arg-type]
    return Walk(folds, results, float(folds["net_pnl"].sum()), traded / learnt if learnt > 0 else None)

"""Recorded sweeps: the list, and a figure over two parameters of one."""

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from backtest.analysis.definitions import BY_NAME
from backtest.sweep.folder import SweepFolder, folders, said_of
from backtest.sweep.result import SweepResult, best_of
from dashboards.answers.port import AnswerError, Asked
from live.gateway import shapes

LISTED_MOST, VALUES_MOST, TARGET = 40, 60, "sharpe"
"""Sweeps of the list; values of a parameter along one side of a surface."""


async def sweeps(asked: Asked) -> Any:
    """The sweeps under the folder, newest first."""
    return await asyncio.to_thread(lambda: {"sweeps": [_told(folder) for folder in folders(asked.out)[:LISTED_MOST]]})


def _told(folder: Path) -> dict[str, Any]:
    said = said_of(folder)
    runs = sum(1 for path in folder.glob("[!.]*.json")) - 1
    return {"sweep": folder.name, "data": said.get("data"), "strategies": said.get("strategies") or [], "runs": runs}


async def sweep(asked: Asked) -> Any:
    """`sweep`: its id; `by`: the figure (its target without it), over the parameters `x` and `y` (those that vary, without them)."""
    return await asyncio.to_thread(_sweep, asked)


def _sweep(asked: Asked) -> dict[str, Any]:
    name = asked.text("sweep")
    folder = next((one for one in folders(asked.out) if one.name == name), None)
    if folder is None:
        raise AnswerError(f"there is no sweep {name[:40]!r} under {asked.out / 'sweeps'}; the list shows them")
    result = loaded(folder, folder.stat().st_mtime_ns)
    if not len(result):
        raise AnswerError(f"{name}: no run of it is whole yet; `tapebook sweep` goes on with it")
    varied = [one for one in result.names if result.frame[one].n_unique() > 1] or result.names[:1]
    by, x, y = asked.query.get("by") or result.target, *_sides(asked, varied)
    figures = [one for one in result.frame.columns if one in BY_NAME and result.frame[one].dtype.is_numeric()]
    if by not in figures:
        raise AnswerError(f"no run of {name} has the figure {by[:40]!r}; there are {', '.join(figures)}")
    best = best_of(result.rows, by)
    made = {**_told(folder), "by": by, "figures": {one: BY_NAME[one].label for one in figures}, "parameters": varied, "x": x, "y": y}
    made |= {"failed": result.failed.height, "target": result.target, **surface(result.frame, x, y, by)}
    luck = {"verdict": result.luck.verdict, "text": result.luck.text}
    told = (
        None
        if best is None
        else {"parameters": {key: str(value) for key, value in best.parameters.items()}, "figures": shapes.plain(best.figures)}
    )
    return {**made, "luck": luck, "best": told}


def _sides(asked: Asked, varied: list[str]) -> tuple[str, str | None]:
    x, y = asked.query.get("x"), asked.query.get("y")
    unknown = [one for one in (x, y) if one and one not in varied]
    if unknown:
        raise AnswerError(f"{unknown[0][:40]!r} is no parameter that the sweep varies; there are {', '.join(varied)}")
    x = x or next(one for one in varied if one != y or len(varied) == 1)
    return x, y if y and y != x else next((one for one in varied if one != x), None)


def surface(frame: pl.DataFrame, x: str, y: str | None, by: str) -> dict[str, Any]:
    """`xs`, `ys` (texts, ascending) and `cells`: a row for each of `ys`, in it [mean of `by`, runs] for each of `xs`, None without a run;
    `low` and `high` of them all. Raises AnswerError for more values than can be shown."""
    names = [x] if y is None else [x, y]
    grouped = (
        frame.filter(pl.col(by).is_not_null()).group_by(names).agg(pl.col(by).cast(pl.Float64).mean().alias("mean"), pl.len().alias("runs"))
    )
    sides = [frame[name].unique().drop_nulls().sort().to_list() for name in names]
    long = next((name for name, side in zip(names, sides) if len(side) > VALUES_MOST), None)
    if long is not None:
        raise AnswerError(f"{long} has more than {VALUES_MOST} values; the sweep's own page, sweep.html in its folder, draws them as lines")
    found = {tuple(row[:-2]): [shapes.text(row[-2]), row[-1]] for row in grouped.select(*names, "mean", "runs").iter_rows()}
    ups = sides[1] if y is not None else [None]
    cells = [[found.get((a,) if y is None else (a, b)) for a in sides[0]] for b in ups]
    means = grouped["mean"]
    ends = [None if means.is_empty() else shapes.text(float(one)) for one in (means.min() or 0.0, means.max() or 0.0)]  # type: ignore[arg-type]
    return {"xs": [str(a) for a in sides[0]], "ys": [str(b) for b in ups if b is not None], "cells": cells, "low": ends[0], "high": ends[1]}


@lru_cache(maxsize=8)
def loaded(folder: Path, state: int) -> SweepResult:
    """A sweep's runs; `state`: when its folder changed last."""
    rows = SweepFolder(folder).rows()
    names = list(dict.fromkeys(name for row in rows for name in row.parameters))
    return SweepResult(rows, names, said_of(folder).get("target") or TARGET, folder=folder)

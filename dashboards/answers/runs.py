"""Recorded backtests: the list, figures and curves of some side by side, the report of one."""

import asyncio
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.analysis.definitions import METRICS
from backtest.past import find_folder, read_run
from backtest.result import Result
from backtest.runs_table import SAID, runs_frame
from dashboards.answers.port import AnswerError, Asked, Html
from live.gateway import shapes
from live.wire.times import time_text

PAGE_MOST, COMPARED_MOST, POINTS = 200, 5, 400
SHOWN = ("net_pnl", "total_return", "sharpe", "max_drawdown", "fills", "round_trips", "win_rate", "fees", "turnover")
"""Figures of the list."""


async def listed(asked: Asked) -> Any:
    """Rows of a page of the list; `strategy` and `data` are parts of names, `sort` a column, `-` before it the other way round."""
    return await asyncio.to_thread(_listed, asked)


def _listed(asked: Asked) -> Any:
    size, page = asked.number("size", 20, 1, PAGE_MOST), asked.number("page", 0, 0, 10**6)
    whole = _frame(asked.out, _state(asked.out))
    frame = whole
    for name in ("strategy", "data"):
        part = asked.query.get(name)
        if part and len(frame):
            frame = frame.filter(pl.col(name).cast(pl.String).str.to_lowercase().str.contains(part.lower(), literal=True))
    sort = asked.query.get("sort", "")
    if sort.removeprefix("-") in frame.columns:
        frame = frame.sort(sort.removeprefix("-"), descending=sort.startswith("-"), nulls_last=True, maintain_order=True)
    count = len(frame)
    page = min(page, max(0, (count - 1) // size))
    columns = [name for name in ("run", "strategy", "data", "start", "end", *SHOWN) if name in frame.columns]
    rows = shapes.plain(_times(frame.slice(page * size, size).select(columns)))
    known = {name: sorted(set(whole[name].drop_nulls().cast(pl.String).to_list())) if len(whole) else [] for name in ("strategy", "data")}
    return {"rows": rows, "count": count, "all": len(whole), "page": page, "size": size, "known": known, "folder": str(asked.out / "runs")}


def _times(frame: pl.DataFrame) -> list[dict[str, Any]]:
    kept = frame.with_columns(pl.col(name).to_physical() for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime))
    return kept.to_dicts()


def _state(out: Path) -> tuple[tuple[str, int], ...]:
    """The runs that there are: a run that is whole is not written again."""
    return tuple(sorted((path.parent.name, path.stat().st_mtime_ns) for path in (out / "runs").glob("[!.]*/run.json")))


@lru_cache(maxsize=4)
def _frame(out: Path, state: Any) -> pl.DataFrame:
    return runs_frame(out)


def named(asked: Asked, text: str) -> Path:
    """The folder of a run by its id, under the folder of runs alone. Raises AnswerError, RunError."""
    if not text or "/" in text or "\\" in text or text.startswith("."):
        raise AnswerError(f"{text[:60]!r} is no run's id; the list shows them")
    return find_folder(text, asked.out)


async def compared(asked: Asked) -> Any:
    """What runs are and every figure of theirs, side by side; `runs`: one to five ids with commas between them."""
    names = list(dict.fromkeys(name for name in asked.text("runs").split(",") if name))
    if not 1 <= len(names) <= COMPARED_MOST:
        raise AnswerError(f"{len(names)} runs; one to {COMPARED_MOST} can stand side by side")
    return await asyncio.to_thread(lambda: {"runs": [_said(named(asked, name)) for name in names], "figures": _figures()})


def _figures() -> list[dict[str, str]]:
    return [{"name": one.name, "label": one.label, "unit": one.unit, "definition": one.definition} for one in METRICS]


def _said(folder: Path) -> dict[str, Any]:
    """A run as it was written down."""
    said = read_run(folder)
    meta, span = said["meta"], said.get("span") or (None, None)
    facts = {name: None if meta.get(name) is None else str(meta[name]) for name in SAID}
    parameters = {name: str(value) for name, value in (meta.get("parameters") or {}).items()}
    times = {name: None if ts is None else time_text(int(ts)) for name, ts in zip(("start", "end"), span)}
    cash = {name: str(amount) for name, amount in (said.get("cash") or {}).items()}
    return {
        "run": folder.name,
        "said": facts | times,
        "span": None if span[0] is None else [str(span[0]), str(span[1])],
        "symbols": said.get("instruments", []),
        "cash": cash,
        "parameters": parameters,
        "figures": shapes.plain(said["summary"]),
        "warnings": said.get("warnings", []),
    }


async def curve(asked: Asked) -> Any:
    """Equity and drawdown of a run: [ts, equity, drawdown] at most POINTS of them, the last one always."""
    folder = named(asked, asked.text("run"))
    return await asyncio.to_thread(curve_of, loaded, folder)


@lru_cache(maxsize=8)
def loaded(folder: Path) -> Result:
    """A run's result, read once."""
    return Result.load(folder)


def curve_of(load: Any, folder: Path) -> dict[str, Any]:
    """See `curve`."""
    return {"run": folder.name, "points": points(load(folder))}


def points(result: Result) -> list[list[Any]]:
    """[ts, equity, drawdown] of a result, thinned to those that its shape needs: of each stretch the last and the lowest."""
    frame = result.equity.select(pl.col("ts").dt.epoch("ns"), "equity", "drawdown")
    count = len(frame)
    if count > POINTS:
        edges = np.linspace(0, count, POINTS // 2 + 1).astype(np.int64)
        down = frame["drawdown"].to_numpy()
        chosen = {int(b) - 1 for b in edges[1:]} | {int(a + np.argmin(down[a:b])) for a, b in pairwise(edges) if b > a}
        frame = frame[sorted(chosen)]
    return [[time_text(int(ts)), shapes.text(equity), shapes.text(drawdown)] for ts, equity, drawdown in frame.iter_rows()]


async def report(asked: Asked) -> Any:
    """The report of a run, as it was written when it ran."""
    folder = named(asked, asked.text("run"))
    try:
        return Html(await asyncio.to_thread((folder / "report.html").read_text, encoding="utf-8"))
    except OSError:
        raise AnswerError(f"{folder.name}: has no report.html; `tapebook runs report {folder.name}` writes one") from None

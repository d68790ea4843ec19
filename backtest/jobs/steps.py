"""One step of a job, done in a process of its own: a folder of artifacts whose bytes follow from data, code and settings alone."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from backtest.jobs.notebooks import content_of, run_notebook
from backtest.jobs.settings import BacktestStep, NotebookStep, SweepStep
from backtest.result import Result
from backtest.sweep.result import SweepResult

MAIN = (
    *("net_pnl", "sharpe", "probabilistic_sharpe", "max_drawdown", "fills", "fill_ratio", "round_trips", "win_rate"),
    *("fees", "turnover", "markout_1s_ticks"),
)
"""Figures that the summary of a job shows."""


def settings_of(step: BacktestStep | SweepStep | NotebookStep) -> dict[str, Any]:
    """What a step was asked to do, as JSON holds it: a step whose settings changed is done again."""
    said: dict[str, Any] = json.loads(json.dumps(step.model_dump(), sort_keys=True, default=str))
    own = {"content": content_of(Path(step.notebook))} if isinstance(step, NotebookStep) else {}
    return {name: value for name, value in said.items() if name not in ("out", "processes")} | own


def do_step(step: BacktestStep | SweepStep | NotebookStep, folder: Path, run_id: str, out: Path) -> dict[str, Any]:
    """Do it, write `folder` as a whole, return what its step.json says. Raises what the step raises."""
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        if isinstance(step, NotebookStep):
            said = _notebook(step, scratch)
        else:
            said = _sweep(step, scratch, out) if isinstance(step, SweepStep) else _backtest(step, scratch, run_id, out)
        said = {"name": step.name, "settings": settings_of(step), **said}
        (scratch / "step.json").write_text(json.dumps(said, indent=1, default=str), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return said


def _backtest(step: BacktestStep, scratch: Path, run_id: str, out: Path) -> dict[str, Any]:
    """run.json, report.html and fills.csv of a backtest."""
    made = step.backtest()
    recording, _ = made.record(out / "cache")
    recording.meta["run_id"] = run_id  # by the job's date, not by the clock
    result = Result(recording)
    result.report(scratch / "report.html")
    (scratch / "fills.csv").write_text(result.fills.write_csv(), encoding="utf-8")
    said = {"meta": recording.meta, "summary": result.summary, "warnings": [one.text for one in result.warnings]}
    (scratch / "run.json").write_text(json.dumps(said, indent=1, default=str), encoding="utf-8")
    return {"kind": "backtest", "figures": dict(result.summary), "warnings": said["warnings"], **_fills(scratch), "page": "report.html"}


def _notebook(step: NotebookStep, scratch: Path) -> dict[str, Any]:
    """report.html of a notebook."""
    run_notebook(Path(step.notebook).resolve(), step.set, scratch / "report.html")
    return {"kind": "notebook", "figures": {}, "warnings": [], "page": "report.html"}


def _fills(scratch: Path) -> dict[str, Any]:
    return {"fills": hashlib.sha256((scratch / "fills.csv").read_bytes()).hexdigest()}


def _sweep(step: SweepStep, scratch: Path, out: Path) -> dict[str, Any]:
    """runs.csv and sweep.html of a sweep. Its runs are kept under `out`/sweeps one by one, so that a kill costs one of them."""
    from backtest.sweep.page import page

    result: SweepResult = sweep_of(step).run(processes=step.processes, out=out, show=False)
    best = result.best()
    if not best.height:
        first = result.failed["error"].to_list()[:1]
        raise RuntimeError(f"no run of the sweep has the figure {step.target!r}" + (f"; {first[0]}" if first else ""))
    (scratch / "runs.csv").write_text(result.frame.drop("seconds").write_csv(), encoding="utf-8")
    (scratch / "sweep.html").write_text(page(result), encoding="utf-8")
    row = next(one for one in result.rows if one.number == best["run"][0])
    told = {"parameters": row.parameters, "failed": result.failed.height, "runs": len(result)}
    luck = {"verdict": result.luck.verdict, "text": result.luck.text}
    return {"kind": "sweep", "figures": dict(row.figures), "best": told, "luck": luck, "warnings": [result.luck.text], "page": "sweep.html"}


def sweep_of(step: SweepStep) -> Any:
    """The sweep that a step describes. Raises ValueError with the mend."""
    from backtest.sweep.sweep import Sweep

    return Sweep(step.backtest(), **{step.method: _space(step)}, runs=step.runs, seed=step.chance, target=step.target)


def _space(step: SweepStep) -> dict[str, Any]:
    from backtest.sweep.space import parsed, value_of

    found: dict[str, Any] = {}
    for name, value in step.grid.items():
        if isinstance(value, str) and step.method != "grid" and value.count("..") == 1:
            low, _, high = value.partition("..")
            found[name] = (value_of(low), value_of(high))
        else:
            found[name] = parsed(value) if isinstance(value, str) else value if isinstance(value, list) else [value]
    return found

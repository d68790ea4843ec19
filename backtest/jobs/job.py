"""A job of a date: its steps one after the other, each in a process of its own; what is done is not done again."""

import datetime
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import chdir, suppress
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from backtest.jobs.gates import Day, Judged, judge
from backtest.jobs.log_lines import JobLog
from backtest.jobs.notify import tell
from backtest.jobs.settings import BacktestStep, JobSettings, NotebookStep, SweepStep, read_job
from backtest.jobs.steps import do_step, settings_of
from backtest.jobs.summary_page import summary_page
from backtest.workers.outcome import Outcome
from backtest.workers.pool import Pool
from engine.errors import TapebookError
from engine.messages.durations import duration_ns

Step = BacktestStep | SweepStep | NotebookStep


class JobRunning(TapebookError):
    """The same job is running already."""


class Job:
    """The job of a file, on a date. Its artifacts lie in `out`/jobs/<name>/<date>: a folder a step, job.json, summary.html.

    Raises ConfigurationError, JobError where the file is wrong.
    """

    def __init__(self, file: Path, date: datetime.date, echo: Callable[[str], None] | None = None) -> None:
        self.file, self.date = file.resolve(), date.isoformat()
        with chdir(self.file.parent):
            if not self.file.exists():
                raise FileNotFoundError(2, os.strerror(2), str(file))
            self.settings: JobSettings = read_job(self.file, date)
            self.out = Path(self.settings.out).resolve()
        self.home = self.out / "jobs" / self.settings.name
        self.folder = self.home / self.date
        self.echo = echo

    def run(self, again: bool = False) -> int:
        """Do what is not done yet. Returns 0 where all steps succeeded and all gates hold, else 1. `again`: do everything anew.

        Paths in the file are relative to it, and strategies are found beside it. Raises JobRunning where the job is running already.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.home / ".lock", timeout=0)
        try:
            with lock, chdir(self.file.parent):
                return self._run(again)
        except Timeout:
            raise JobRunning(f"the job {self.settings.name!r} is running already ({self.home / '.lock'} is held)") from None

    def _run(self, again: bool) -> int:
        if again:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in [*self.folder.glob(".*.tmp")]:
            shutil.rmtree(left, ignore_errors=True)
        log = JobLog(self.home / "job.log", self.settings.name, self.date, self.echo)
        log.say("job started", file=str(self.file), steps=len(self.settings.steps))
        began = time.monotonic()
        steps, errors = self._steps(log)
        judged = judge(self.settings.gates, Day(self.date, self.folder, steps), self.previous(), self.pinned())
        said = self._said(steps, errors, judged)
        for one in judged:
            log.say("gate", "info" if one.holds else "error", step=one.step, holds=one.holds, text=one.text)
        write(self.folder / "summary.html", summary_page(self.settings, said, steps, self.previous()))
        write(self.folder / "job.json", json.dumps(said, indent=1, default=str))
        for problem in tell(self.settings.notify, said):
            log.say("not notified", "error", error=problem)
        ok = said["outcome"] == "ok"
        log.say("job ended", "info" if ok else "error", outcome=said["outcome"], seconds=round(time.monotonic() - began, 3))
        return 0 if ok else 1

    def _said(self, steps: dict[str, Any], errors: dict[str, str], judged: list[Judged]) -> dict[str, Any]:
        problems = [f"{name}: {error}" for name, error in errors.items()]
        problems += [f"{one.step}: {one.text}" for one in judged if not one.holds]
        return {
            "job": self.settings.name,
            "date": self.date,
            "outcome": "failed" if problems else "ok",
            "problems": problems,
            "steps": {step.name: "failed" if step.name in errors else "ok" for step in self.settings.steps},
            "gates": [one._asdict() for one in judged],
            "summary": str(self.folder / "summary.html"),
        }

    def _steps(self, log: JobLog) -> tuple[dict[str, Any], dict[str, str]]:
        """What each step says, and the error of each that failed."""
        steps: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for step in self.settings.steps:
            folder = self.folder / step.name
            if (kept := _kept(folder, step)) is not None:
                steps[step.name] = kept
                log.say("step done already", step=step.name)
                continue
            shutil.rmtree(folder, ignore_errors=True)
            outcome = self._tried(step, folder, log)
            if outcome.error is None:
                steps[step.name] = outcome.value
            else:
                errors[step.name] = outcome.error
        return steps, errors

    def _tried(self, step: Step, folder: Path, log: JobLog) -> Outcome:
        """One step, tried again where it failed for a reason that may pass."""
        run_id = f"{self.settings.name}-{self.date}-{step.name}"
        work = partial(_work, step, folder, run_id, self.out, list(sys.path))
        seconds = duration_ns(self.settings.timeout) / 1e9 if self.settings.timeout else None
        outcome = Outcome()
        for number in range(1, self.settings.retries + 2):
            log.say("step started", step=step.name, attempt=number)
            began = time.monotonic()
            pool = Pool(work, 1, seconds=seconds, attempts=1, loud=True)
            outcome = next(iter(pool.run([None])))[1]
            pool.close()
            took = round(time.monotonic() - began, 3)
            if outcome.error is None:
                log.say("step done", step=step.name, attempt=number, seconds=took)
                break
            log.say("step failed", "error", step=step.name, attempt=number, seconds=took, error=outcome.error, trace=outcome.trace)
            if outcome.bad_input:
                break
        return outcome

    def pin(self) -> Path:
        """Make this date the one that gates with "pinned" are held against. Raises FileNotFoundError where it has not been run."""
        if not (self.folder / "job.json").exists():
            raise FileNotFoundError(2, f"the job has no run of {self.date} to pin; run it first", str(self.folder))
        write(self.home / "pinned.json", json.dumps({"date": self.date}))
        return self.folder

    def pinned(self) -> Day | None:
        """The pinned date."""
        try:
            date = str(json.loads((self.home / "pinned.json").read_text(encoding="utf-8"))["date"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return day_of(self.home / date)

    def previous(self) -> Day | None:
        """The last date before this one that was run."""
        earlier = [path.parent for path in sorted(self.home.glob("*/job.json")) if path.parent.name < self.date]
        return day_of(earlier[-1]) if earlier else None


def day_of(folder: Path) -> Day:
    """A date's steps as they lie on disk; those that cannot be read are left out."""
    steps: dict[str, Any] = {}
    for path in sorted(folder.glob("*/step.json")):
        with suppress(OSError, ValueError):
            steps[path.parent.name] = json.loads(path.read_text(encoding="utf-8"))
    return Day(folder.name, folder, steps)


def _kept(folder: Path, step: Step) -> dict[str, Any] | None:
    """What a step that is done says; None where it is not, or was done with other settings."""
    try:
        said: dict[str, Any] = json.loads((folder / "step.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if said.get("settings") == settings_of(step) else None


def _work(step: Step, folder: Path, run_id: str, out: Path, path: list[str], _: None) -> dict[str, Any]:
    """In the step's process: what it writes first is JSON, so that it reads the same now and later."""
    sys.path[:] = path
    said: dict[str, Any] = json.loads(json.dumps(do_step(step, folder, run_id, out), default=str))
    return said


def write(path: Path, text: str) -> None:
    """Write a file as a whole, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)

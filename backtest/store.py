"""Runs on disk: one folder each, written under a temporary name and renamed when whole; the list of runs is a scan of the folders."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backtest.past import OUT as OUT
from backtest.past import RunError as RunError
from backtest.past import changed_files, find_folder, folders, hashes, keep, read_run, recording_of
from backtest.result import Result
from data.log.batch import seqs_between
from data.log.event_log import EventLog
from engine.messages.records import COMMAND
from engine.strategy.driver import Driver


@dataclass(frozen=True)
class Run:
    """A recorded run: its folder and what `run.json` says."""

    folder: Path
    said: dict[str, Any]

    @property
    def run_id(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / "log.duckdb"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def changed(self) -> list[str]:
        """Files that are not what the run wrote, by the hashes in its log; the log itself where it cannot be read."""
        return changed_files(self.folder)

    @property
    def result(self) -> Result:
        """What the run gave back, read anew from its folder; it knows no depth of the book. Raises RunError, LogError."""
        result = Result(recording_of(self.folder))
        result.folder = self.folder
        return result


def save(result: Result, driver: Driver, origin: dict[str, Any] | None, out: Path) -> Run:
    """Write the run's folder `out`/runs/<run id>: run.json, log.duckdb, report.html, and what `Result.load` needs."""
    recording = result.recording
    run_id = recording.meta["run_id"]
    runs = out / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    _sweep(runs)
    scratch = runs / f".{run_id}.{os.getpid()}.tmp"
    scratch.mkdir()
    try:
        said = {
            "meta": recording.meta,
            "origin": origin,
            "instruments": [i.symbol for i in recording.instruments],
            "cash": {name: str(amount) for name, amount in recording.cash.items()},
            "span": [recording.start, recording.end],
            "warm_up": recording.warm_up_end - recording.start,
            "market_commands": recording.market_commands,
            "wakes": recording.wakes,
            "counters": recording.counters,
            "summary": result.summary,
            "days": result.days.to_dicts() if result.days.height > 1 else [],
            "warnings": [caution.text for caution in result.warnings],
        }
        keep(recording, scratch)
        result.report(scratch / "report.html")
        (scratch / "run.json").write_text(json.dumps(said, indent=1, default=str), encoding="utf-8")
        write_log(scratch / "log.duckdb", run_id, said, driver, recording.instruments, hashes(scratch))
        scratch.rename(runs / run_id)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return Run(runs / run_id, said)


def _sweep(runs: Path) -> None:
    """Remove what runs that were killed left behind more than a day ago."""
    for scratch in runs.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > 86_400:
                shutil.rmtree(scratch)


def write_log(
    path: Path, run_id: str, said: dict[str, Any], driver: Driver, instruments: list[Any], files: dict[str, str] | None = None
) -> None:
    """The backtest's log: the feed by reference, our commands with the market position after which each entered, our facts, digests, and
    what the run's other files are (`files`: SHA-256 by name)."""
    commands, seqs, rows = driver.sent()
    opening = driver.exchange.opening
    everything = np.concatenate([opening, commands]) if len(commands) else opening.astype(COMMAND)
    facts = driver.facts.all()
    first = seqs_between(len(opening), facts["seq"][: driver.opening])
    feed = {"fingerprint": said["meta"]["fingerprint"], "origin": said["origin"]}
    meta = {"feed": feed, "run": said["meta"], "opening_commands": len(opening), "files": files or {}}
    with EventLog(path) as log:
        session = log.begin(run_id, json.loads(json.dumps(meta, default=str)), instruments)
        log.append(
            session,
            everything,
            facts,
            seqs=np.concatenate([first, seqs]),
            positions=np.concatenate([np.zeros(len(opening), np.int64), rows]),
            blocks=driver.blocks,
        )


def runs(out: Path = OUT) -> Iterator[Run]:
    """Every whole run under `out`, newest first."""
    return (Run(folder, read_run(folder)) for folder in folders(out))


def find_run(name: str | None, out: Path = OUT) -> Run:
    """The run with this id (or its unambiguous beginning), a folder, or the newest. Raises RunError with the mend."""
    folder = find_folder(name, out)
    return Run(folder, read_run(folder))

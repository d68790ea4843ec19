"""Runs of the past: which folders there are, and the recording that a run's folder keeps."""

import hashlib
import json
import os
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import polars as pl

from backtest.recording import Recording, kept_facts
from data.log.event_log import EventLog, LogError
from data.log.schema import LogBusy
from engine.errors import TapebookError

OUT = Path(".tapebook")
_PLAIN = (
    *("decimals", "portfolios", "traders", "start", "end", "warm_up_end"),
    *("market_commands", "counters", "wakes", "resolution", "printed"),
)
_FILES = ("run.json", "report.html", "recording.json", "recording.npz")
_ARRAYS = ("samples", "marks", "unarrived")


_PROCESSES: list[int] = []
"""The first process that ran a backtest; a fork takes the list along."""


class RunError(TapebookError, ValueError):
    """A run that is not there or cannot be read, and how to mend it."""


_MEND = "make the pool with multiprocessing.get_context('spawn') or 'forkserver', or use Sweep"


def _warn_of_fork() -> None:
    text = f"this process forks after it ran a backtest: the child may hang, as the threads of polars do not come along; {_MEND}"
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def _refuse(*_: Any, **__: Any) -> Any:
    raise RunError(
        f"this process was forked from one that has run a backtest, and would hang, as the threads of polars do not come along: {_MEND}"
    )


def _refuse_in_child() -> None:
    """In a fork, what would wait for polars' threads is refused by name, in feeds as in runs; the parent is left as it is."""
    for name in ("collect", "_collect_eager"):
        if hasattr(pl.LazyFrame, name):
            setattr(pl.LazyFrame, name, _refuse)


def begin_here() -> int:
    """The time (ns UTC) at which a run begins. Raises RunError in a fork of a process that ran one: polars' threads, which were not copied,
    would be waited for without end."""
    if not _PROCESSES and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_warn_of_fork, after_in_child=_refuse_in_child)
    _PROCESSES.append(os.getpid())
    if _PROCESSES[0] != _PROCESSES[-1]:
        _refuse()
    del _PROCESSES[1:]
    return time.time_ns()


def keep(recording: Recording, folder: Path) -> None:
    """Write what the log does not hold of a recording: recording.npz and recording.json."""
    said: dict[str, Any] = {name: getattr(recording, name) for name in _PLAIN}
    said |= {"logged": recording.logged, "days": recording.days}
    said["first_seq"] = int(recording.facts["seq"][0]) if len(recording.facts) else 0
    arrays = {name: getattr(recording, name) for name in _ARRAYS} | {"market": recording.market() if recording.market else None}
    np.savez_compressed(folder / "recording.npz", **{name: array for name, array in arrays.items() if array is not None})
    (folder / "recording.json").write_text(json.dumps(said, default=int), encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a run beside its log: its parameters, fees and figures, its report."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.name in _FILES}


def changed_files(folder: Path) -> list[str]:
    """Files of a run that are missing or not what its log says they were; the log where it cannot say so. A log of an older version, which
    knows of none, says nothing."""
    try:
        with EventLog(folder / "log.duckdb", read_only=True) as log:
            meta = log.meta(1)
            known = {str(name): str(text) for name, text in dict(meta.get("files", {})).items()}
    except LogBusy:
        return []
    except (LogError, ValueError, TypeError):
        return ["log.duckdb"]
    now = hashes(folder)
    return sorted(name for name, text in known.items() if now.get(name) != text)


def recording_of(folder: Path) -> Recording:
    """The recording of a run, without the depth of the book. Raises RunError, LogError with the mend."""
    import duckdb

    said = read_run(folder)
    try:
        kept = json.loads((folder / "recording.json").read_text(encoding="utf-8"))
        with np.load(folder / "recording.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        market = arrays.pop("market", None)
        with EventLog(folder / "log.duckdb", read_only=True) as log:
            session = log.session(said["meta"]["run_id"])
            facts, instruments = log.read(session)[1], log.instruments(session)
        return Recording(
            facts=kept_facts(facts[facts["seq"] >= kept["first_seq"]]),
            instruments=instruments,
            market=None if market is None else lambda: market,
            **arrays,
            cash={name: Decimal(amount) for name, amount in said["cash"].items()},
            meta=said["meta"],
            logged=[(str(name), int(ts), str(text)) for name, ts, text in kept["logged"]],
            days=[(first, last) for first, last in kept.get("days") or []] or None,
            **{name: kept[name] for name in _PLAIN},
        )
    except FileNotFoundError as error:
        raise RunError(f"{folder}: has no {Path(error.filename).name}, as runs of older versions; run it again") from None
    except (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile, zlib.error, duckdb.Error) as error:
        why = str(error).partition("\n")[0]
        raise RunError(f"{folder}: is damaged ({why}); take it from a backup, or run it again") from None


def read_run(folder: Path) -> dict[str, Any]:
    """The run.json of a folder. Raises RunError where it is not what a run writes."""
    path = folder / "run.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error})") from None
    if not isinstance(said, dict) or not all(isinstance(said.get(name), dict) for name in ("meta", "summary")):
        raise RunError(f"{path}: is not what a run writes; take it from a backup, or run it again")
    return said


def folders(out: Path = OUT) -> Iterator[Path]:
    """The folder of every whole run under `out`, newest first."""
    for folder in sorted((out / "runs").glob("[!.]*"), reverse=True):
        with suppress(RunError):
            read_run(folder)
            yield folder


def find_folder(name: str | None, out: Path = OUT) -> Path:
    """The folder of the run with this id (or its unambiguous beginning), a folder, or the newest. Raises RunError with the mend."""
    if name and (Path(name) / "run.json").exists():
        return Path(name)
    known = list(folders(out))
    if not known:
        raise RunError(f"no run under {out / 'runs'}; make one with `tapebook backtest`")
    if not name:
        return known[0]
    found = [folder for folder in known if folder.name.startswith(name)]
    if len(found) != 1:
        raise RunError(f"{len(found) or 'no'} runs begin with {name!r}; `tapebook runs list` shows them all")
    return found[0]

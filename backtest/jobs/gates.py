"""Gates: what must hold of a job's steps beside those of another date, else the job fails."""

import csv
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from backtest.analysis.definitions import BY_NAME
from backtest.jobs.settings import Gate
from backtest.numbers import shown


class Judged(NamedTuple):
    """One gate on one step: whether it holds, and one line that says why."""

    step: str
    holds: bool
    text: str


class Day(NamedTuple):
    """The steps of a date by name, and their folder."""

    date: str
    folder: Path
    steps: dict[str, dict[str, Any]]


def judge(gates: list[Gate], today: Day, previous: Day | None, pinned: Day | None) -> list[Judged]:
    """Every gate on every step that it is about. One that has nothing to be held against yet holds, and says so."""
    found = []
    for gate in gates:
        for name, step in today.steps.items():
            if gate.step in (None, name):
                found += _of_step(gate, name, step, today, {"previous": previous, "pinned": pinned})
    return found


def _of_step(gate: Gate, name: str, step: dict[str, Any], today: Day, others: dict[str, Day | None]) -> list[Judged]:
    made = []
    if gate.figure is not None:
        made += _bounds(gate, name, step)
        if gate.fall is not None:
            made.append(_fall(gate, name, step, others[gate.against]))
    if gate.fills is not None and "fills" in step:
        made.append(_fills(name, step, today, others[gate.fills], gate.fills))
    if gate.luck is not None and "luck" in step:
        verdict = step["luck"]["verdict"]
        made.append(Judged(name, verdict == gate.luck, f"the best run of the sweep: {verdict}"))
    return made


def _text(figure: str, value: float | None) -> str:
    return shown(value, BY_NAME[figure].unit)


def _bounds(gate: Gate, name: str, step: dict[str, Any]) -> list[Judged]:
    assert gate.figure is not None
    label, value = BY_NAME[gate.figure].label, step["figures"].get(gate.figure)
    made = []
    for bound, sign, word in ((gate.least, 1, "at least"), (gate.most, -1, "at most")):
        if bound is not None:
            holds = value is not None and sign * (value - bound) >= 0
            made.append(Judged(name, holds, f"{label} is {_text(gate.figure, value)}, must be {word} {_text(gate.figure, bound)}"))
    return made


def _fall(gate: Gate, name: str, step: dict[str, Any], other: Day | None) -> Judged:
    assert gate.figure is not None
    assert gate.fall is not None
    label, value = BY_NAME[gate.figure].label, step["figures"].get(gate.figure)
    before = other.steps.get(name, {}).get("figures", {}).get(gate.figure) if other else None
    if other is None or before is None:
        return Judged(name, True, f"{label}: no {gate.against} value to fall from yet")
    said = f"{label} went from {_text(gate.figure, before)} ({other.date}) to {_text(gate.figure, value)}"
    return Judged(name, value is not None and before - value <= gate.fall, f"{said}; may fall by {_text(gate.figure, gate.fall)}")


def _fills(name: str, step: dict[str, Any], today: Day, other: Day | None, which: str) -> Judged:
    if other is None or name not in other.steps:
        mend = "; `tapebook job pin FILE` pins one" if which == "pinned" else ""
        return Judged(name, True, f"fills: no {which} run to be held against yet{mend}")
    if other.steps[name].get("fills") == step["fills"]:
        return Judged(name, True, f"the fills are those of {other.date}")
    where = first_difference(today.folder / name / "fills.csv", other.folder / name / "fills.csv")
    return Judged(name, False, f"the fills differ from those of {other.date}: {where}")


def first_difference(mine: Path, theirs: Path) -> str:
    """Where two files of fills part: the row (from 1) and the first column that differs."""
    try:
        ours, before = (list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for path in (mine, theirs))
    except OSError as error:
        return f"{error.filename} cannot be read"
    for number, (one, other) in enumerate(zip_longest(ours, before), 1):
        if one is None or other is None:
            return f"{len(ours)} fills instead of {len(before)}"
        for column, value in one.items():
            if value != other.get(column):
                return f"fill {number}, {column} is {value} instead of {other.get(column)}"
    return "other columns"

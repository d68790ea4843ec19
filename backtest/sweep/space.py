"""Which parameters a sweep tries: a grid of all combinations, points drawn at random, and how both are written on a command line."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from engine.errors import TapebookError

RUNS_MOST = 100_000
"""More runs than this are refused: they would take days, and their best would be luck."""
VALUES_MOST = 10_000
Point = dict[str, Any]
_RANGE = re.compile(r"(-?\d*\.?\d+)\.\.(-?\d*\.?\d+)(?:\.\.(\d*\.?\d+))?")


class SweepError(TapebookError, ValueError):
    """A sweep that cannot be run as it was asked for, with the mend."""


def _values(name: str, given: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Sequence | range | np.ndarray):
        raise SweepError(f"grid {name}: {given!r} is not a list of values; write {name}=[{given!r}]")
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if not values:
        raise SweepError(f"grid {name}: the list is empty; give one value or more")
    if len({repr(value) for value in values}) < len(values):
        raise SweepError(f"grid {name}: a value stands there twice")
    return values


def grid_points(grid: Mapping[str, Any]) -> list[Point]:
    """Every combination of the values, the last name changing fastest. Raises SweepError for more than RUNS_MOST."""
    if not grid:
        raise SweepError("the grid is empty; name a parameter and its values, like grid={'edge': [1, 2, 3]}")
    sized = {name: len(given) if hasattr(given, "__len__") else 1 for name, given in grid.items()}
    refuse_many(prod(sized.values()), "the grid")
    columns = {name: _values(name, given) for name, given in grid.items()}
    return [dict(zip(columns, values)) for values in product(*columns.values())]


def refuse_many(count: int, what: str) -> None:
    """Raises SweepError for more than RUNS_MOST runs."""
    if count > RUNS_MOST:
        mend = "take fewer values, or random=… with runs=1000"
        raise SweepError(f"{what} has {count:,} runs, more than {RUNS_MOST:,}; {mend}")


def random_points(space: Mapping[str, Any], runs: int, seed: int) -> list[Point]:
    """`runs` points, each name drawn by itself: of (low, high) uniformly, whole numbers where both are, of a list one of its values."""
    if not space:
        raise SweepError("random is empty; name a parameter and its range, like random={'edge': (1, 9)}")
    refuse_many(runs, "the sweep")
    ranges = {name: checked_range(name, given) for name, given in space.items()}
    chance = np.random.default_rng(seed)
    return [{name: _drawn(one, chance) for name, one in ranges.items()} for _ in range(runs)]


def checked_range(name: str, given: Any) -> Any:
    """(low, high) of numbers, or a list of values. Raises SweepError for anything else."""
    if isinstance(given, tuple):
        if len(given) == 2 and all(isinstance(end, int | float) and not isinstance(end, bool) for end in given) and given[0] < given[1]:
            return given
        raise SweepError(f"{name}: {given!r} is not a range; write (low, high), low below high, or a list of values")
    return _values(name, given)


def _drawn(one: Any, chance: np.random.Generator) -> Any:
    if isinstance(one, list):
        return one[int(chance.integers(len(one)))]
    low, high = one
    whole = isinstance(low, int) and isinstance(high, int)
    return int(chance.integers(low, high + 1)) if whole else float(chance.uniform(low, high))


def parsed(text: str) -> list[Any]:
    """Values as a command line writes them: "1..5", "0.1..0.5..0.1" (with a step), "10,20", "true,false". Raises SweepError."""
    found: list[Any] = []
    for part in text.split(","):
        part = part.strip()
        if matched := _RANGE.fullmatch(part):
            found += _ranged(part, *matched.groups())
        elif part:
            found.append(value_of(part))
        else:
            raise SweepError(f"{text!r} has an empty value; write values like 10,20 or a range like 1..5")
    return found


def _ranged(text: str, low: str, high: str, step: str | None) -> list[Any]:
    first, last = value_of(low), value_of(high)
    whole = isinstance(first, int) and isinstance(last, int) and (step is None or isinstance(value_of(step), int))
    if step is None and not whole:
        raise SweepError(f"{text!r} needs a step, like {text}..0.1")
    width = float(step or 1)
    if width <= 0 or float(last) < float(first):
        raise SweepError(f"{text!r} goes nowhere; write low..high or low..high..step")
    many = int((float(last) - float(first)) / width + 1e-9) + 1
    if many > VALUES_MOST:
        raise SweepError(f"{text!r} has {many:,} values, more than {VALUES_MOST:,}; take a larger step")
    return [first + k * int(width) if whole else round(float(first) + k * width, 12) for k in range(many)]


def value_of(text: str) -> Any:
    """A word of a command line as a whole number, a number, true or false, or itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

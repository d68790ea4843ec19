"""What a rule of surveillance is: its definition, where that comes from, its parameters, and what finds its cases."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl

from data.surveillance.facts import Tape
from engine.errors import TapebookError
from engine.messages.hints import did_you_mean

Given = Mapping[str, float]
SECOND = 1_000_000_000
MOST_SEQS = 200
"""Seqs that a case names at most, the first ones; its column `facts` counts all."""


class SurveillanceError(TapebookError, ValueError):
    """A rule or a parameter that is not known, or a value that it does not take; the message says which are."""


class Rule(NamedTuple):
    """A rule. `find` gives one row a case: trader instrument (numbers), seqs (list), started, ended, due (ns UTC: when it could be told),
    value and threshold (of what `says` measures), text."""

    name: str
    says: str
    source: str
    parameters: dict[str, float]
    explained: dict[str, str]
    find: Callable[[Tape, Given], pl.DataFrame]
    reach: Callable[[Given], float]
    """Seconds before the moment at which a case is due that its facts may lie."""


def settle(rule: Rule, given: Mapping[str, Any]) -> dict[str, float]:
    """A rule's parameters, with those that are `given`. Raises SurveillanceError."""
    made = dict(rule.parameters)
    for name, value in given.items():
        if name not in made:
            known = ", ".join(made) or "none"
            raise SurveillanceError(f"{rule.name}: no parameter {name!r}; {did_you_mean(name, list(made), f'there are {known}')}")
        try:
            made[name] = float(value)
        except (TypeError, ValueError):
            raise SurveillanceError(f"{rule.name}: {name} = {value!r} is not a number; by default it is {made[name]:g}") from None
        if not made[name] >= 0 or made[name] == float("inf"):
            raise SurveillanceError(f"{rule.name}: {name} = {value!r} is below 0 or not finite; by default it is {rule.parameters[name]:g}")
    return made


def nanoseconds(seconds: float) -> int:
    """Seconds as ns."""
    return round(seconds * SECOND)

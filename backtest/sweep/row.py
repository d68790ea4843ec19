"""One run of a sweep as it is kept."""

from typing import Any, NamedTuple

import numpy as np

from backtest.numbers import number
from backtest.workers.outcome import Outcome

NONE = np.zeros(0)


class Row(NamedTuple):
    """`number` in the order of the sweep. `error`: why it failed, in one line; its figures and returns are then empty.

    `returns`: float64 a return interval; `yearly`: √(intervals in a year). `seconds`: wall-clock time that it took. `lost`: its process
    died or ran out of time, so it is tried again when the sweep is.
    """

    number: int
    parameters: dict[str, Any]
    figures: dict[str, Any]
    returns: np.ndarray = NONE
    yearly: float = 1.0
    error: str | None = None
    digest: str = ""
    seconds: float = 0.0
    lost: bool = False


def row_of(number: int, parameters: dict[str, Any], outcome: Outcome, seconds: float = 0.0) -> Row:
    """What became of a point."""
    if outcome.error is not None:
        return Row(number, parameters, {}, error=outcome.error, seconds=seconds, lost=outcome.lost)
    ran = outcome.value
    return Row(number, parameters, ran.figures, ran.returns, ran.yearly, None, ran.digest, seconds)


def shown(value: Any) -> str:
    """A parameter's value as text."""
    return number(value, 4).rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

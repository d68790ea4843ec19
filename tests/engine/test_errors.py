"""What every error of ours is, what a hint proposes, what a duration is."""

import importlib
import pkgutil
from typing import Any

import numpy as np
import pytest

import backtest
import data
import engine
import tapebook as tb
from engine.messages.durations import duration_ns
from engine.messages.hints import did_you_mean, nearest

ROOMS = (engine, data, backtest)


def exceptions() -> set[type[BaseException]]:
    """Every exception class that a module of ours defines."""
    names = [found.name for room in ROOMS for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    made = [vars(importlib.import_module(name)) for name in names]
    kinds = {one for variables in made for one in variables.values() if isinstance(one, type) and issubclass(one, BaseException)}
    return {one for one in kinds if one.__module__.partition(".")[0] in {room.__name__ for room in ROOMS}}


def test_every_error_of_ours_is_a_tapebook_error() -> None:
    found = exceptions()
    assert {"DataError", "LogError", "RunError", "StrategyError", "TapebookError"} <= {one.__name__ for one in found}
    assert {one for one in found if not issubclass(one, tb.TapebookError | Warning)} == set()
    assert tb.TapebookError is engine.TapebookError


def test_the_likest_name_is_proposed() -> None:
    known = ["spread", "size", "Spree"]
    assert nearest("SPRED", known, 2) == ["spread", "Spree"]
    assert did_you_mean("sice", known, "nothing") == "did you mean size?"
    assert did_you_mean("spred", known, "nothing", count=2) == "did you mean spread or Spree?"
    assert did_you_mean("colour", known, "it has others") == "it has others"


@pytest.mark.parametrize("given", ["250", "nan", "inf", "infms", "nans", "²ms", "1_0ms", ".", "1.2.3s", True, float("inf"), np.float64(1)])
def test_what_is_not_a_duration_says_how_to_write_one(given: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write a number and a unit, like 250us, 100ms, 5min"):
        duration_ns(given)


@pytest.mark.parametrize("given", ["9" * 400 + "h", "1000000000000h", 2**63, -(2**63)])
def test_a_duration_fits_in_64_bits(given: Any) -> None:
    with pytest.raises(ValueError, match="292 years at most"):
        duration_ns(given)


def test_a_duration_is_exact() -> None:
    assert duration_ns("1.000000001s") == 1_000_000_001
    assert duration_ns("9007199.254740993s") == 9_007_199_254_740_993
    assert duration_ns(2**63 - 1) == 2**63 - 1

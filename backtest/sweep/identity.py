"""What a run of a sweep is a run of: data, code, settings, parameters.

Equal keys give equal figures, so a run that is there is not run again.
"""

import functools
import hashlib
import json
import types
from pathlib import Path
from typing import Any

from backtest.run import Backtest, engine_version
from backtest.sweep.space import Point
from backtest.sweep.variant import kind_of
from engine.compiler.code_cache import stamp
from engine.strategy.parameters import Parameter
from engine.strategy.strategy import Strategy

_HERE = Path(__file__).resolve().parents[1]


def sweep_key(backtest: Backtest) -> str:
    """Hex: of the data, the strategies' code, the engine, our figures, and every setting of the backtest."""
    said = {
        "data": backtest.feed.fingerprint,
        "engine": [engine_version(), stamp(_HERE)],
        "instruments": [repr(one) for one in backtest.instruments],
        "settings": [repr(backtest.window), backtest.warm_up, backtest.sample_every, backtest.seed],
        "participants": [_participant(one) for one in backtest.participants],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def run_key(sweep: str, point: Point) -> str:
    """Hex: of the sweep's key and the parameters."""
    said = sweep + json.dumps(point, sort_keys=True, default=repr)
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _participant(one: Any) -> list[str]:
    kind = kind_of(one)
    own = one.parameters if isinstance(one.given, type) else getattr(one.given, "__dict__", {})
    latencies = [hashlib.sha256(series.tobytes()).hexdigest() for series in one.latencies]
    told = [one.name, one.trader, one.cash, one.limits, one.rules, sorted(own.items(), key=str), latencies]
    return [repr(part) for part in told] + ([code_key(kind)] if kind else [])


def code_key(kind: type) -> str:
    """Hex: of the code of a class and of what of the user's own it calls, however it is laid out or commented."""
    hashed, seen = hashlib.sha256(), set[int]()
    _class(kind, hashed, seen)
    return hashed.hexdigest()


def _class(kind: type, hashed: Any, seen: set[int]) -> None:
    for one in kind.__mro__:
        if one in (object, Strategy) or id(one) in seen:
            continue
        seen.add(id(one))
        hashed.update(one.__qualname__.encode())
        for name, value in sorted(vars(one).items()):
            if name in ("__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"):
                continue
            hashed.update(name.encode())
            _value(value, hashed, seen)


def _value(value: Any, hashed: Any, seen: set[int]) -> None:
    """What a name stands for: code as its instructions, data as they are written; modules and foreign code by name alone."""
    value = getattr(value, "py_func", value)  # of a compiled function
    value = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, functools.cached_property):
        value = value.func
    if isinstance(value, types.FunctionType):
        _function(value, hashed, seen)
    elif isinstance(value, type):
        _class(value, hashed, seen) if _is_own(value) else hashed.update(value.__qualname__.encode())
    elif isinstance(value, Parameter):
        hashed.update(repr((value.default, value.low, value.high)).encode())
    elif isinstance(value, types.ModuleType):
        hashed.update(value.__name__.encode())
    elif isinstance(value, str | bytes | int | float | bool | tuple | list | dict | frozenset | None | Path):
        hashed.update(repr(value).encode())
    else:
        hashed.update(type(value).__qualname__.encode())


def _function(function: types.FunctionType, hashed: Any, seen: set[int]) -> None:
    if id(function) in seen or not _is_own(function):
        hashed.update(function.__qualname__.encode())
        return
    seen.add(id(function))
    _value(function.__defaults__, hashed, seen)
    names = _code(function.__code__, hashed)
    for name in sorted(names):
        if name in function.__globals__:
            _value(function.__globals__[name], hashed, seen)
    for cell in function.__closure__ or ():
        try:
            _value(cell.cell_contents, hashed, seen)
        except ValueError:  # a cell that nobody has filled
            continue


def _code(code: types.CodeType, hashed: Any) -> set[str]:
    """Hash instructions and constants; returns the names that they use."""
    hashed.update(code.co_code)
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _code(constant, hashed)
        else:
            hashed.update(repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant).encode())
    hashed.update(repr((code.co_names, code.co_varnames)).encode())
    return names


def _is_own(value: Any) -> bool:
    """Whether code is the user's: not of an installed package, nor the engine's own (which is in the key by its stamp)."""
    module = str(getattr(value, "__module__", "")).partition(".")[0]
    if module in ("engine", "data", "backtest", "live", "tapebook", "builtins", "numpy", "numba", "polars", "pandas", "scipy"):
        return str(getattr(value, "__module__", "")) == "engine.strategy.examples"
    return True

"""From a strategy's function to machine code that the loop can call by its address."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import config

from engine.compiler import calls
from engine.loop.dispatch import strategy_at
from engine.loop.loop_state import StrategyState
from engine.strategy.strategy import Strategy, parameter_values

_settings: Any = config
_njit: Any = numba.njit
_made: dict[tuple[Any, tuple[tuple[str, str], ...]], Any] = {}
_CALL = """
def call(address):
    context = strategy_at(address)
    function(context, Parameters({fields}))
"""


def parameter_array(strategy: Strategy) -> np.ndarray:
    """Parameter values as float64, in the order of their names in the class."""
    return np.array([float(value) for value in parameter_values(strategy).values()] or [0.0], np.float64)


@dataclass(frozen=True)
class MachineCode:
    """A compiled strategy: the `address` that the loop takes, and `call` for one call from Python."""

    address: int
    call: Callable[[StrategyState], None]


def _made_code(call: Callable[..., None]) -> MachineCode:
    if _settings.DISABLE_JIT:
        calls.FUNCTIONS[id(call)] = call
        return MachineCode(id(call), lambda state: call(calls.register(state)))
    made = _njit(error_model="numpy")(call)
    made.compile((types.int64,))
    code = made.overloads[(types.int64,)]
    address = int(code.library.get_pointer_to_function(code.fndesc.llvm_func_name))
    return MachineCode(address, lambda state: made(np.int64(state.address)))


def machine_code(strategy: Strategy) -> MachineCode:
    """A function of the address of its StrategyState that calls the strategy's `function(context, p)`; what that raises, `advance` raises.

    `p` is a named tuple of the parameters in their own types. Compiled once a process for each function and parameter types.
    """
    function = type(strategy).function
    if function is None:
        raise TypeError(f"{type(strategy).__name__} has no compiled function; set `function` in its class")
    kinds = tuple((name, type(value).__name__) for name, value in parameter_values(strategy).items())
    if (function, kinds) not in _made:
        casts = {"int": "np.int64(context.parameters[{k}])", "bool": "context.parameters[{k}] != 0.0", "float": "context.parameters[{k}]"}
        fields = ", ".join(casts[kind].format(k=k) for k, (_, kind) in enumerate(kinds))
        scope: dict[str, Any] = {
            "strategy_at": strategy_at,
            "function": function if hasattr(function, "py_func") else _njit(error_model="numpy")(function),
            "Parameters": namedtuple("Parameters", [name for name, _ in kinds]),
            "np": np,
        }
        exec(_CALL.format(fields=fields), scope)
        _made[function, kinds] = _made_code(scope["call"])
    return _made[function, kinds]

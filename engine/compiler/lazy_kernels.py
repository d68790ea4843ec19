"""Kernels compiled on first use (stops, limits …): each is compiled, or loaded from disk, for its first command, and called by its address.

A kernel may call a lazy one only where it is loaded; `step` gives a command back to the driver, untouched, where one is missing.
"""

import importlib
from enum import IntEnum
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from engine.compiler.handle import Handle, handle_type
from engine.compiler.kernel import hot_kernel
from engine.messages.records import COMMAND, FACT

_settings: Any = config
FUNCTIONS: dict[int, Any] = {}
"""Uncompiled, an address is a number in this table."""


class Lazy(IntEnum):
    """Places in the table of addresses."""

    SESSION = 0  # session, names, instruments, cash
    DAY = 1  # END_OF_DAY, START_OF_DAY, MARK, REFERENCE
    SWITCHES = 2  # halts, limits, rules, kill switches
    RECONCILE = 3  # history that is reconciled with a published book
    PRETRADE = 4  # compliance and risk of one order
    STOPS = 5  # stops: enter, trigger, leave
    AFTER_FILL = 6  # after a fill: alarms, reduce-only orders
    REPLACE = 7  # another price or quantity for an open order
    LEVELS = 8  # history as trades and levels, and as bars


ADDRESSES = np.zeros(len(Lazy), np.int64)
"""Where the machine code of each lazy kernel is in this process; 0 where it is not loaded yet."""
STOPS_ENTER, STOPS_LEAVE, STOPS_CASCADE = 1 << 32, 2 << 32, 3 << 32
"""Requests to Lazy.STOPS, in the bits above the number of an order's slot (of an instrument for the cascade)."""
_KERNELS = {
    Lazy.SESSION: "control.session",
    Lazy.DAY: "control.day",
    Lazy.SWITCHES: "control.switches",
    Lazy.RECONCILE: "matching.reconcile",
    Lazy.PRETRADE: "risk.pretrade",
    Lazy.STOPS: "matching.stops",
    Lazy.AFTER_FILL: "risk.after_fill",
    Lazy.REPLACE: "matching.replace",
    Lazy.LEVELS: "matching.levels",
}
"""The module of each, named like its function; two of them take a number where the others take a command."""
_NUMBERED = {Lazy.STOPS, Lazy.AFTER_FILL}


def _machine_code(function: Any, *kinds: Any) -> int:
    """Address of a kernel's machine code for arguments of these types."""
    if _settings.DISABLE_JIT:
        FUNCTIONS[id(function)] = function
        return id(function)
    function.compile(kinds)
    code = function.overloads[kinds]
    return int(code.library.get_pointer_to_function(code.fndesc.llvm_func_name))


def load_kernel(lazy: Lazy, state: Handle) -> None:
    """Compile a kernel for states like `state`, or load its code from disk, and note its address."""
    if ADDRESSES[lazy] == 0:
        module = importlib.import_module(f"engine.{_KERNELS[lazy]}")
        function = getattr(module, _KERNELS[lazy].rpartition(".")[2])
        what = types.int64 if lazy in _NUMBERED else from_dtype(COMMAND)
        out = types.none if lazy == Lazy.PRETRADE else types.Array(from_dtype(FACT), 1, "C")
        ADDRESSES[lazy] = _machine_code(function, handle_type(type(state)), what, out, types.int64)


def load_needed(state: Any) -> None:
    """Load the kernel that a command needs."""
    session = state.session[0]
    if session["needs"]:
        load_kernel(Lazy(session["needs"] - 1), state)
        session["needs"] = 0


def load_kernels_of(state: Any) -> None:
    """Load what a state that comes from elsewhere needs."""
    session = state.session[0]
    if session["guarded"]:
        load_kernel(Lazy.PRETRADE, state)
        load_kernel(Lazy.AFTER_FILL, state)
    if session["pending"]:
        load_kernel(Lazy.STOPS, state)
    if state.positions["reducers"].any():
        load_kernel(Lazy.AFTER_FILL, state)


if _settings.DISABLE_JIT:

    def call_lazy(address: int, state: Any, what: Any, out: Any, n: int) -> int:
        """Call the kernel at `address`."""
        return int(FUNCTIONS[int(address)](state, what, out, n))

else:

    @intrinsic
    def call_lazy(typingctx: Any, address: Any, state: Any, what: Any, out: Any, n: Any) -> Any:
        """Call the kernel at `address` with a command or number; returns its answer, the new n. In Numba's own convention of a call."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            convention, kinds = context.call_conv, signature.args[1:]
            kernel = builder.inttoptr(arguments[0], convention.get_function_type(types.int64, kinds).as_pointer())
            status, answer = convention.call_function(builder, kernel, types.int64, kinds, arguments[1:])
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return answer

        what = types.int64 if isinstance(what, types.Integer) else what
        return types.int64(types.int64, state, what, out, types.int64), build


@hot_kernel
def not_loaded(state, lazy):  # type: ignore[no-untyped-def]
    """Whether a lazy kernel is missing; the driver then loads it and sends the command again."""
    if state.lazy[lazy] != 0:
        return False
    state.session[0]["needs"] = lazy + 1
    return True

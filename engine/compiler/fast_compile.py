"""Compiles our kernels in half the time: Numba's own answers are cached while one of our kernels is compiled."""

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba import types
from numba.core import cgutils, event, ir
from numba.core.base import BaseContext
from numba.core.targetconfig import TargetConfig
from numba.core.types.functions import BaseFunction

_OURS = tuple(f"_ZN{len(name)}{name}" for name in ("engine", "data", "backtest", "live", "tests"))
"""How the mangled names of our own kernels begin."""
_PLAIN = {ir.Loc, str, int, bool, float, type(None)}
"""What a statement holds beside variables."""
_CALLS: dict[Any, Any] = {}
"""What `_remembered` has found: built-in function and arguments to signature."""
_SIZES: dict[str, int] = {}
"""Bytes of LLVM types."""


def _from_the_front(wrap: Any) -> Any:
    """`wrap`, Numba's treatment of an index, for others' functions; ours count from the front only."""

    def index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
        if not builder.function.name.startswith(_OURS):
            return wrap(context, builder, kind, index, size)
        return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)

    return index


def _unset(alloca: Any) -> Any:
    """`alloca`, Numba's place for a variable, which it sets to zero at the start of each call; ours are set before they are read."""

    def alloca_once(builder: Any, kind: Any, size: Any = None, name: str = "", zfill: bool = False) -> Any:
        if zfill or size is not None or not builder.function.name.startswith(_OURS):
            return alloca(builder, kind, size, name, zfill)
        with builder.goto_entry_block():
            return builder.alloca(kind, name=name)

    return alloca_once


def _remembered(resolve: Any) -> Any:
    """`resolve`, Numba's search for the overload of a built-in function, once for each kinds of arguments: a fifth of the time."""

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        key = self, tuple(args), tuple(dict(kws).items())
        if key not in _CALLS:
            _CALLS[key] = resolve(self, context, args, kws)
        return _CALLS[key]

    return get_call_type


def _quick_equality(equals: Any) -> Any:
    """`equals`, Numba's comparison of compiler flags option by option, needed only where the options that were set differ."""
    return lambda self, other: getattr(other, "_values", None) == self._values or equals(self, other)


def _quick_hash(hashes: Any) -> Any:
    """`hashes`, Numba's hash of compiler flags, which is of their names alone."""
    known: dict[type, int] = {}
    return lambda self: known[type(self)] if type(self) in known else known.setdefault(type(self), hashes(self))


def _quick_variables(lists: Any) -> Any:
    """`lists`, Numba's recursive search for variables in a statement, which visits mostly values that hold none."""

    def search(self: Any, value: Any) -> list[Any]:
        kind = type(value)
        if kind is ir.Var:
            return [value]
        if kind in _PLAIN:
            return []
        if kind is dict or kind is list or kind is tuple:
            parts = value.values() if kind is dict else value
            return [found for part in parts if type(part) not in _PLAIN for found in search(self, part)]
        return value.list_vars() if isinstance(value, ir.Inst) else lists(self, value)

    return search


def _quick_size(measures: Any) -> Any:
    """`measures`, the size of an LLVM type, for which llvmlite writes a module and has it read each time."""

    def get_abi_sizeof(self: Any, kind: Any) -> Any:
        name = str(kind)
        if name not in _SIZES:
            _SIZES[name] = measures(self, kind)
        return _SIZES[name]

    return get_abi_sizeof


def _silent(_: Any) -> Any:
    """Silences Numba's compile events; nothing listens."""
    return lambda *_, **__: None


@contextmanager
def haste() -> Iterator[None]:
    """While active: no garbage collection (it finds nothing in Numba's trees), no test of an index for being negative, and no
    question answered twice. The code is the same but for the indices.
    """
    arrayobj: Any = importlib.import_module("numba.np.arrayobj")  # takes long to load, and is needed only to compile
    places: list[tuple[Any, str, Any]] = [
        (arrayobj, "fix_integer_index", _from_the_front),
        (cgutils, "alloca_once", _unset),
        (BaseFunction, "get_call_type", _remembered),
        (TargetConfig, "__eq__", _quick_equality),
        (TargetConfig, "__hash__", _quick_hash),
        (ir.Inst, "_rec_list_vars", _quick_variables),
        (BaseContext, "get_abi_sizeof", _quick_size),
        (event, "start_event", _silent),
        (event, "end_event", _silent),
    ]
    before = [getattr(place, name) for place, name, _ in places]
    collects = gc.isenabled()
    gc.disable()
    for (place, name, quick), usual in zip(places, before):
        setattr(place, name, quick(usual))
    try:
        yield
    finally:
        for (place, name, _), usual in zip(places, before):
            setattr(place, name, usual)
        if collects:
            gc.enable()

"""How compiled code sees a `State`: one pointer to a table of (data, length) pairs, instead of some ninety scalars a call.

Arrays do not move while a kernel runs, so the loads are marked invariant and the compiler keeps them in registers.
"""

from typing import Any, ClassVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, models, register_model, typeof_impl, unbox
from numba.np.numpy_support import from_dtype


class Handle:
    """Arrays by name. A subclass lists its `FIELDS` (name to dtype); the arrays are one-dimensional and contiguous."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {}
    address: int

    def __init__(self, **arrays: Any) -> None:
        self._table = np.zeros((len(self.FIELDS), 2), np.uint64)
        self.address = self._table.ctypes.data
        for k, (name, dtype) in enumerate(self.FIELDS.items()):
            array = arrays.pop(name)
            if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise TypeError(f"{name}: expected a contiguous 1-d array of {dtype}, got {array.dtype} of shape {array.shape}")
            setattr(self, name, array)
            self._table[k] = array.ctypes.data, len(array)
        if arrays:
            raise TypeError(f"unknown arrays {sorted(arrays)}")
        self._numba_type_ = handle_type(type(self))  # where Numba looks first: a call costs 1 µs less

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in self.FIELDS}

    def replaced(self, **arrays: np.ndarray) -> Any:
        """The same with other arrays in some places."""
        return type(self)(**{**self.arrays(), **arrays})


class HandleType(types.Type):
    """Numba's type of one subclass of Handle."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"Handle({name})")


def field_types(fields: dict[str, np.dtype]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, types.Array(from_dtype(dtype), 1, "C")) for name, dtype in fields.items())


@register_model(HandleType)
class _HandleModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(8).as_pointer())


_types: dict[type, HandleType] = {}


def handle_type(kind: type[Handle]) -> HandleType:
    """Numba's type of a subclass of Handle."""
    if kind not in _types:
        _types[kind] = HandleType(kind.__name__, field_types(kind.FIELDS))
    return _types[kind]


@typeof_impl.register(Handle)
def _typeof(value: Handle, context: Any) -> HandleType:
    return handle_type(type(value))


@unbox(HandleType)
def _unbox(kind: Any, value: Any, c: Any) -> Any:
    number = c.pyapi.object_getattr_string(value, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, ir.IntType(8).as_pointer()))


@infer_getattr
class _Attributes(AttributeTemplate):
    key = HandleType

    def generic_resolve(self, kind: Any, name: str) -> Any:  # type: ignore[override]
        return dict(kind.fields).get(name)


@lower_getattr_generic(HandleType)
def _getattr(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    from numba.np.arrayobj import populate_array  # takes long to load, and is needed only to compile

    k, array_type = next((k, made) for k, (field, made) in enumerate(kind.fields) if field == name)
    word = ir.IntType(64)
    table = builder.bitcast(value, word.as_pointer())

    def fetch(at: int) -> Any:
        loaded = builder.load(builder.gep(table, [ir.Constant(word, at)]))
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    array = context.make_array(array_type)(context, builder)
    data = builder.inttoptr(fetch(2 * k), context.get_data_type(array_type.dtype).as_pointer())
    size = ir.Constant(word, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
    populate_array(
        array,
        data=data,
        shape=[fetch(2 * k + 1)],
        strides=[size],
        itemsize=size,
        meminfo=cgutils.get_null_value(ir.IntType(8).as_pointer()),
    )
    return array._getvalue()

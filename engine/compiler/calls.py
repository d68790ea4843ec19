"""Addresses in compiled code: functions that are called by theirs, and handles that are found by theirs."""

from typing import Any
from weakref import WeakValueDictionary

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from engine.compiler.handle import Handle, handle_type

_settings: Any = config

if _settings.DISABLE_JIT:
    FUNCTIONS: dict[int, Any] = {}
    HANDLES: WeakValueDictionary[int, Handle] = WeakValueDictionary()
    """Uncompiled, an address is a number in these tables."""

    def call_function(address: int, argument: int) -> None:
        """Call the function that is registered under `address`."""
        FUNCTIONS[int(address)](argument)

    def register(handle: Handle) -> int:
        """The address under which compiled code finds a handle."""
        HANDLES[handle.address] = handle
        return handle.address

    def at_address(kind: type[Handle]) -> Any:
        """A function that finds a handle by its address."""
        return lambda address: HANDLES[int(address)]

else:

    @intrinsic
    def call_function(typingctx: Any, address: Any, argument: Any) -> Any:
        """Call the compiled function of an int64 at `address`, in Numba's own convention; what it raises goes on to the caller."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            convention, kinds = context.call_conv, (types.int64,)
            function = builder.inttoptr(arguments[0], convention.get_function_type(types.none, kinds).as_pointer())
            status, _ = convention.call_function(builder, function, types.none, kinds, arguments[1:])
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), build

    def register(handle: Handle) -> int:
        """The address under which compiled code finds a handle."""
        return handle.address

    def at_address(kind: type[Handle]) -> Any:
        """A kernel that finds a handle of this kind by its address."""

        def find(typingctx: Any, address: Any) -> Any:
            def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

            return handle_type(kind)(types.int64), build

        return intrinsic(find)

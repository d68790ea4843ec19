"""Calling a compiled strategy by its address, so that the loop is compiled once and kept on disk whatever strategy it runs."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from engine.compiler.handle import handle_type
from engine.strategy.loop_state import World

_settings: Any = config

if _settings.DISABLE_JIT:
    FUNCTIONS: dict[int, Any] = {}
    """Uncompiled, an address is a number in this table."""

    def call_function(address: int, world: World) -> None:
        """Call the function that is registered under `address`."""
        FUNCTIONS[address](world)

    def as_world(address: Any) -> Any:
        """Uncompiled, a world is its own address."""
        return address

else:

    @intrinsic
    def call_function(typingctx: Any, address: Any, world: Any) -> Any:
        """Call the C function `void (void *)` at `address` with `world`."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
            function = builder.inttoptr(arguments[0], kind.as_pointer())
            builder.call(function, [builder.ptrtoint(builder.bitcast(arguments[1], pointer), ir.IntType(64))])
            return context.get_dummy_value()

        return types.void(types.int64, world), build

    @intrinsic
    def as_world(typingctx: Any, address: Any) -> Any:
        """The world at `address`."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

        return handle_type(World)(types.int64), build

"""Machine words: leading zeros, prefetch, and the one division of a 128-bit product. Each intrinsic has a Python twin."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from engine.kernel import kernel

_settings: Any = config

if _settings.DISABLE_JIT:

    def leading_zeros(word: Any) -> int:
        """Zero bits above the highest set bit of a uint64."""
        return 64 - int(word).bit_length()

    def prefetch(array: Any, index: int) -> None:
        """Ask the cache for array[index]; without effect on values."""

else:

    @intrinsic
    def leading_zeros(typingctx: Any, word: Any) -> Any:
        """Zero bits above the highest set bit of a uint64."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), build

    @intrinsic
    def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
        """Ask the cache for array[index]; without effect on values."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = context.make_array(signature.args[0])(context, builder, arguments[0])
            size = context.get_constant(types.intp, signature.args[0].dtype.size if hasattr(signature.args[0].dtype, "size") else 8)
            start = builder.ptrtoint(made.data, ir.IntType(64))
            address = builder.inttoptr(builder.add(start, builder.mul(arguments[1], size)), ir.IntType(8).as_pointer())
            number = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), number, number, number])
            fetch = builder.module.declare_intrinsic("llvm.prefetch", [ir.IntType(8).as_pointer()], kind)
            builder.call(fetch, [address, number(1), number(3), number(1)])
            return context.get_dummy_value()

        return types.void(array, types.int64), build


@kernel
def wide_product(a, b):
    """128-bit product of two uint64 as (high, low)."""
    half = np.uint64(32)
    low = np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    middle = a1 * b0 + (a0 * b0 >> half)
    other = a0 * b1 + (middle & low)
    return a1 * b1 + (middle >> half) + (other >> half), (other << half) | (a0 * b0 & low)


@kernel
def muldiv(a, b, c):
    """(a × b // c, a × b % c) for 0 <= a, b and 0 < c < 2^63, exact where the quotient fits 63 bits; the product has 128."""
    if float(a) * float(b) < 9.0e18:
        product = a * b
        return product // c, product % c
    high, low = wide_product(np.uint64(a), np.uint64(b))
    divisor, one, top = np.uint64(c), np.uint64(1), np.uint64(63)
    rest = high % divisor
    quotient = np.uint64(0)
    for _ in range(64):
        rest = (rest << one) | (low >> top)
        low = low << one
        quotient = quotient << one
        if rest >= divisor:
            rest -= divisor
            quotient |= one
    return np.int64(quotient), np.int64(rest)

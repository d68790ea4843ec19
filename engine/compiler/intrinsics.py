"""Machine words: leading zeros, prefetch, moves of neighbouring fields, the one division of a 128-bit product.

Each intrinsic has a Python twin.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from engine.compiler.kernel import kernel

_settings: Any = config

if _settings.DISABLE_JIT:

    def leading_zeros(word: Any) -> int:
        """Zero bits above the highest set bit of a uint64."""
        return 64 - int(word).bit_length()

    def prefetch(array: Any, index: int) -> None:
        """Ask the cache for array[index]; without effect on values."""

    def mover(**names: str) -> Any:
        """A function (to, source) that copies fields of one record to another: to[k] = source[v]; neighbours in both, of the same sizes."""

        def move(to: Any, source: Any) -> None:
            for name, theirs in names.items():
                to[name] = source[theirs]

        return move

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
            size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype)))
            start = builder.ptrtoint(made.data, ir.IntType(64))
            address = builder.inttoptr(builder.add(start, builder.mul(arguments[1], size)), ir.IntType(8).as_pointer())
            number = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), number, number, number])
            fetch = builder.module.declare_intrinsic("llvm.prefetch", [ir.IntType(8).as_pointer()], kind)
            builder.call(fetch, [address, number(1), number(3), number(1)])
            return context.get_dummy_value()

        return types.void(array, types.int64), build

    def mover(**names: str) -> Any:
        """A function (to, source) that copies fields of one record to another: to[k] = source[v]; neighbours in both, of the same sizes.

        Field by field the compiler must assume that writing one changes the next, and moves byte after byte.
        """

        @intrinsic
        def move(typingctx: Any, to: Any, source: Any) -> Any:
            into, out_of = _span(to, names), _span(source, names.values())

            def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                base, origin = (builder.ptrtoint(record, ir.IntType(64)) for record in arguments)
                done = 0
                while done < into.stop - into.start:
                    size = min(8, 1 << (into.stop - into.start - done).bit_length() - 1)
                    place = ir.IntType(8 * size).as_pointer()
                    start = builder.inttoptr(builder.add(origin, ir.Constant(ir.IntType(64), out_of.start + done)), place)
                    end = builder.inttoptr(builder.add(base, ir.Constant(ir.IntType(64), into.start + done)), place)
                    builder.store(builder.load(start, align=1), end, align=1)
                    done += size
                return context.get_dummy_value()

            if len(into) != len(out_of):
                raise TypeError(f"{names}: fields of {len(into)} and {len(out_of)} bytes")
            return types.void(to, source), build

        return move


def _span(record: Any, names: Iterable[str]) -> range:
    """The bytes of a record that fields cover, which must be neighbours in this order."""
    places = [range(record.offset(name), record.offset(name) + record.typeof(name).bitwidth // 8) for name in names]
    if any(first.stop != second.start for first, second in pairwise(places)):
        raise TypeError(f"{', '.join(names)} are not neighbours")
    return range(places[0].start, places[-1].stop)


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

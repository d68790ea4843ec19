"""Queue models: of the lots that leave a level untraded, how many stood before an order of ours and how many behind it.

The record of a level says how many lots left, not which. Each model answers with the lots that left from before a place in the queue,
given the lots before and behind it; it is held to what is possible by `engine.matching.levels`.
"""

import math

from engine.compiler.intrinsics import muldiv
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import QueueModel

RISK_AVERSE, PROPORTIONAL = int(QueueModel.RISK_AVERSE), int(QueueModel.PROPORTIONAL)


@kernel
def _power(base, exponent):
    """`base` to the power of `exponent` sixteenths, by products and square roots alone: they are exact to the last bit on every machine."""
    made = 1.0
    for _ in range(exponent >> 4):
        made *= base
    root, bit = base, 8
    while bit != 0:
        root = math.sqrt(root)
        if exponent & bit:
            made *= root
        bit >>= 1
    return made


@kernel
def lost_before(model, exponent, before, behind, lots):
    """Of `lots` that left a level with lots `before` and `behind` a place, those that stood before it; at most `lots`.

    RISK_AVERSE: none, as long as others could have left. POWER: lots × before^n / (before^n + behind^n), rounded down; PROPORTIONAL is
    n = 1. (The models of hftbacktest's PowerProbQueueFunc.)
    """
    if model == RISK_AVERSE or before == 0:
        return 0
    if model == PROPORTIONAL:
        return muldiv(lots, before, before + behind)[0]
    first, second = _power(float(before), exponent), _power(float(behind), exponent)
    return int(float(lots) * (first / (first + second)))

"""Who says whether an instruction settled. What is said goes into the settlement's log, so that replay asks nobody."""

from typing import Protocol

import numpy as np

from data.settlement.steps import Instruction, Step
from live.configuration.services import SettlementSettings


class Custodian(Protocol):
    """Answers for one instruction that is due: SETTLE, FAIL, or None where it will be said later."""

    def settle(self, one: Instruction) -> Step | None:
        """The same instruction, asked again after a crash, may not be answered otherwise."""


class Immediate:
    """Everything settles on its day."""

    def settle(self, one: Instruction) -> Step | None:
        """SETTLE."""
        return Step.SETTLE


class Simulated:
    """A part of all tries fails, by a seed: the answer depends on the instruction and the try alone."""

    def __init__(self, failures: float, seed: int) -> None:
        self._failures, self._seed = failures, seed

    def settle(self, one: Instruction) -> Step | None:
        """SETTLE or FAIL."""
        chance = np.random.default_rng((self._seed, one.number, one.tries)).random()
        return Step.FAIL if chance < self._failures else Step.SETTLE


class Manual:
    """Commands say it, whenever they come."""

    def settle(self, one: Instruction) -> Step | None:
        """Nothing yet."""
        return None


def custodian_of(given: SettlementSettings) -> Custodian:
    """The custodian that settings name."""
    if given.custodian == "simulated":
        return Simulated(given.failures, given.seed)
    return Immediate() if given.custodian == "immediate" else Manual()

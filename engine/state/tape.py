"""Facts as they come: few large arrays that kernels write into."""

import numpy as np

from engine.messages.records import FACT, zeros


def read_only(commands: np.ndarray) -> np.ndarray:
    """The same commands as the one kind of array that the kernels are compiled for."""
    made = np.ascontiguousarray(commands).view(np.ndarray)[:]
    made.flags.writeable = False
    return made


class Tape:
    """Facts in the order of `seq`, in few large arrays; those of one run lie together."""

    def __init__(self, reserve: int) -> None:
        self.chunk = zeros(max(1024, reserve), FACT)
        if reserve:
            self.chunk["seq"] = 0
        self.used = 0
        self._full: list[np.ndarray] = []

    def widen(self, start: int, least: int) -> int:
        """A larger chunk that takes over what the current run wrote since `start`; returns the run's new start."""
        held = self.used - start
        larger = zeros(max(2 * len(self.chunk), 2 * (held + least)), FACT)
        larger[:held] = self.chunk[start : self.used]
        self._full.append(self.chunk[:start])
        self.chunk, self.used = larger, held
        return 0

    def clear(self) -> None:
        """Forget every fact; the memory stays."""
        self._full.clear()
        self.used = 0

    def all(self) -> np.ndarray:
        """Every fact so far."""
        if not self._full:
            return self.chunk[: self.used]
        return np.concatenate([*self._full, self.chunk[: self.used]], dtype=FACT)  # without it numpy would unfold shared places

"""What a commit made durable."""

from typing import NamedTuple

import numpy as np


class Committed(NamedTuple):
    """One durable batch; nothing of it left the session before."""

    commands: np.ndarray  # COMMAND (n,), in the order of seq
    seqs: np.ndarray  # int64 (n,): seq of each command
    facts: np.ndarray  # FACT (m,), in the order of seq

    @property
    def last_seq(self) -> int:
        """The seq of its last row; 0 without rows."""
        return max(int(self.seqs[-1]) if len(self.seqs) else 0, int(self.facts["seq"][-1]) if len(self.facts) else 0)

"""The output of an order-by-order decoder: its arrays, how they grow, and the batches that come out of it."""

import warnings
from collections.abc import Sequence

import numpy as np

from data.feed import Commands, DataWarning, Feed
from data.orders.aggressor import end_aggressor
from data.orders.faults import MENDS, Fault
from data.orders.table import empty_table, grown
from data.orders.writing import FAULTS, TERMS, WRITING
from engine.compiler.kernel import entry_kernel
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND


@entry_kernel
def finish(writings, out):  # type: ignore[no-untyped-def]
    """The data end: so does the last aggressor."""
    end_aggressor(writings[0], out)


class Output:
    """One reading: `writings` (WRITING, one), `counts` of faults (int64), `terms` (TERMS) of the instruments, `table` of open orders, and
    `out`, the commands so far, about `rows` of them between two batches."""

    def __init__(self, instruments: Sequence[Instrument], rows: int, repair: bool) -> None:
        self.writings = np.zeros(1, WRITING)
        self.w = self.writings[0]
        self.w["flow"], self.w["repair"] = -1, repair
        self.w["last"] = np.iinfo(np.int64).min
        self.counts = np.zeros(FAULTS, np.int64)
        self.terms = np.zeros(max(1, len(instruments)), TERMS)
        self.terms["tick"][: len(instruments)] = [one.tick_units for one in instruments]
        self.terms["signed"][: len(instruments)] = [one.negative_prices for one in instruments]
        self.table = empty_table()
        self.room = max(rows, 64) + 64
        self.out = np.zeros(self.room, COMMAND)

    def make_room(self) -> None:
        """After Fault.ROOM, once the ready commands are out: more places for orders where they are nearly all taken."""
        while 2 * (int(self.w["orders"]) + 2) > len(self.table):
            self.table = grown(self.table)

    def flush(self) -> Commands:
        """The commands but for an aggressor that may go on; that one moves to the next, empty output."""
        w = self.w
        n, flow = int(w["n"]), int(w["flow"])
        end = flow if flow >= 0 else n
        out, self.out = self.out, np.zeros(max(self.room, 2 * (n - end) + int(w["hidden"]) + 64), COMMAND)
        self.out[: n - end] = out[end:n]
        w["n"] = n - end
        w["flow"] = 0 if flow >= 0 else -1
        return out[:end]

    def finish(self) -> Commands:
        """What is left, at the end of the data."""
        needed = int(self.w["n"]) + int(self.w["hidden"]) + 1
        if needed > len(self.out):
            self.out = np.concatenate([self.out, np.zeros(needed - len(self.out), COMMAND)])
        finish(self.writings, self.out)
        return self.flush()

    def tell(self, feed: Feed) -> None:
        """After the last message: `feed.repairs`, and a DataWarning where something was mended or named an order that is not open."""
        feed.repairs = {fault.name.lower(): int(self.counts[fault]) for fault in Fault if self.counts[fault]}
        if not feed.repairs:
            return
        first = f"; the first about an order that is not open is message {int(self.w['unknown'])}" if self.w["unknown"] else ""
        said = (f"{count} × {name.replace('_', ' ')} ({MENDS[Fault[name.upper()]]})" for name, count in feed.repairs.items())
        warnings.warn(f"{feed.source}: {'; '.join(said)}{first}", DataWarning, stacklevel=2)

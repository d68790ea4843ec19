"""The read models of a live session: each committed fact is looked at once, and every question is answered from what was kept."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.messages.names import Names
from engine.messages.records import COMMAND, FACT
from engine.state.tape import read_only
from live.models import holdings, storing
from live.models.activity import NotKept
from live.models.arrays import NEVER, Models, empty_models
from live.models.fold import DONE, ROOM, TURN, fold, forget_finished, gap
from live.models.growth import with_names, with_orders, with_room
from live.models.order_fold import list_open
from live.models.order_rows import NamesOf
from live.models.questions import Questions
from live.models.selection import newest_orders, oldest_orders
from live.models.tables import index_orders, index_pairs, locate

if TYPE_CHECKING:
    from data.log.event_log import EventLog

__all__ = ["Gap", "NotKept", "ReadModels"]

TRADES_KEPT, BREACHES_KEPT = 10_000, 1_000


class Gap(ValueError):
    """A batch does not follow the one before: something that was committed has not been shown."""


class ReadModels(Questions):
    """What a session's facts come to, as of `seq`; frames have the columns and values of `Exchange`'s.

    `names`: those of the session's exchange, which may grow; `decimals`: of its money; `trades_kept`: newest trades of each instrument
    (96 bytes each, room grows as they come); `breaches_kept`: newest risk breaches, and as many failed compliance checks; `reserve`:
    room for so many orders of a day, so that nothing is copied when they come (a million more: a tenth of a second).

    Kept are open orders and those that the day finished (some 120 bytes each; the arrays double, so at most twice that), the day's sums by
    trader and symbol, and 112 bytes a portfolio and instrument that ever met. START_OF_DAY forgets the rest, which the log has, as it has
    every fact about one order (`EventLog.order_history`). One thread at a time.
    """

    def __init__(
        self, names: Names, decimals: int, *, trades_kept: int = TRADES_KEPT, breaches_kept: int = BREACHES_KEPT, reserve: int = 0
    ) -> None:
        self.names, self.decimals = names, decimals
        self._called = NamesOf(names)
        self._models = with_names(with_orders(empty_models(trades_kept, breaches_kept), reserve), names, decimals)
        _load_kernels(empty_models(1, 1))

    @property
    def seq(self) -> int:
        """The last command or fact that was looked at; 0 before the first."""
        return int(self._models.head["seq"][0])

    @property
    def day(self) -> int:
        """The trading day that goes on, from 1; each START_OF_DAY begins the next."""
        return int(self._models.head["day"][0])

    def apply(self, commands: np.ndarray, seqs: np.ndarray, facts: np.ndarray) -> None:
        """Look at a committed batch: COMMAND (n,), int64 (n,) the seq of each, FACT (m,), both in the order of `seq`.

        What is at or below `seq` is passed over, so that a batch may come again. Raises Gap, and changes nothing, where a seq is missing
        between `seq` and the batch's last (facts about history's own orders must have been built); ValueError for other records, and
        for a fact whose portfolio, trader or instrument has no name: all before it is looked at then.
        """
        facts, seqs = _checked(commands, seqs, facts)
        seq = self.seq
        if len(facts) and facts[0]["seq"] <= seq:
            facts = facts[int(np.searchsorted(facts["seq"], seq, "right")) :]
        if len(seqs) and seqs[0] <= seq:
            seqs = seqs[int(np.searchsorted(seqs, seq, "right")) :]
        missing = int(gap(seqs, facts, seq))
        if missing:
            raise Gap(f"seq {missing} is missing: the read models stand at {seq}; show them every batch, or rebuild them from the log")
        self._models = with_names(self._models, self.names, self.decimals)
        self._fold(facts)
        if len(seqs):
            self._models.head["seq"] = max(self.seq, int(seqs[-1]))

    def _fold(self, facts: np.ndarray) -> None:
        at = 0
        while True:
            at, why = fold(self._models, facts, at)
            if why == DONE:
                return
            if why == ROOM:
                self._models = with_room(self._models, int(facts[at]["instrument"]))
            elif why == TURN:
                self._turn(facts[at])
                at += 1
            else:
                raise ValueError(_unnamed(facts[at], self.names))

    def _turn(self, fact: np.void) -> None:
        """A START_OF_DAY."""
        head = self._models.head[0]
        forget_finished(self._models)
        index_orders(self._models)
        list_open(self._models)
        holdings.begin_day(self._models)
        head["day"] += 1
        head["fill_before"] = max(head["fill_before"], head["last_fill"])
        head["first_fill"] = head["last_fill"] = NEVER
        head["seq"], head["ts"] = fact["seq"], fact["ts"]

    def store(self) -> bytes:
        """All that is kept, compressed; it stands for `seq`. The same bytes whatever the batches were."""
        return self.store_later()()

    def store_later(self) -> Callable[[], bytes]:
        """`store` in two steps: the rows are copied now, the call compresses them, in any thread, while more facts come."""
        return partial(storing.compress, storing.gather(self._models))

    @classmethod
    def restored(
        cls,
        stored: bytes,
        names: Names,
        decimals: int,
        *,
        trades_kept: int = TRADES_KEPT,
        breaches_kept: int = BREACHES_KEPT,
        reserve: int = 0,
    ) -> "ReadModels":
        """Read models as `store` left them; `seq` says from where on the facts are to be shown.

        `names`: at least those of that time, in their order. Raises ValueError for bytes of another layout, and for changed ones.
        """
        made = cls(names, decimals, trades_kept=trades_kept, breaches_kept=breaches_kept)
        made._models = with_names(with_orders(storing.unpack(stored, trades_kept, breaches_kept), reserve), names, decimals)
        return made

    @classmethod
    def from_log(
        cls, log: "EventLog", session: int, names: Names | None = None, *, stored: bytes | None = None, **kept: int
    ) -> "ReadModels":
        """The read models of a session in a log, a piece at a time; from its first fact on, or from where `stored` ends.

        `names`: those of the session's exchange, if that goes on; else the log's. `kept`: `trades_kept`, `breaches_kept`, `reserve`.
        """
        named, decimals = names or storing.names_of(log, session), storing.decimals_of(log, session)
        made = cls(named, decimals, **kept) if stored is None else cls.restored(stored, named, decimals, **kept)
        last = log.last_seq(session)
        while made.seq < last:
            commands, facts = log.read(session, made.seq + 1, min(last, made.seq + storing.PIECE))
            made.apply(commands.records, commands.seqs, facts)
        return made


def _load_kernels(empty: Models) -> None:
    """Have the machine code of every kernel now, not in the middle of a session."""
    facts, seqs, rows = read_only(np.empty(0, FACT)), read_only(np.empty(0, np.int64)), np.empty(0, np.int64)
    gap(seqs, facts, 0)
    fold(empty, facts, 0)
    for rebuild in (forget_finished, index_orders, index_pairs, list_open):
        rebuild(empty)
    for walk in (newest_orders, oldest_orders):
        walk(empty, -1, -1, -1, 0, 1, rows)
    locate(empty, np.uint64(1), 0)


def _checked(commands: np.ndarray, seqs: np.ndarray, facts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The facts and the seqs of the commands as the kernels take them. Raises ValueError."""
    if facts.dtype != FACT and facts.dtype.names == FACT.names:  # packed by np.concatenate
        facts = facts.astype(FACT)
    if facts.dtype != FACT or commands.dtype != COMMAND or len(seqs) != len(commands):
        raise ValueError(
            f"apply takes arrays of COMMAND, as many seqs, and FACT; these are {len(commands)} of {commands.dtype}, {len(seqs)} seqs "
            f"and {len(facts)} of {facts.dtype}"
        )
    return read_only(facts), read_only(np.asarray(seqs, np.int64))


def _unnamed(fact: np.void, names: Names) -> str:
    """What is wrong with a fact whose numbers have no names."""
    numbers = {name: int(fact[name]) for name in ("portfolio", "trader", "maker_portfolio", "maker_trader", "instrument")}
    known = f"{len(names.portfolios)} portfolios, {len(names.traders)} traders and {len(names.instruments)} instruments"
    return f"fact {int(fact['seq'])} names {numbers}, and there are {known}; give the read models the names of the session's exchange"

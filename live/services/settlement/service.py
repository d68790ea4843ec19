"""Settlement of a session: what was traded is instructed when its day is over, and settles T+n, as the custodian says."""

import os
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from data.log.event_log import EventLog
from data.segments.writer import SegmentWriter
from data.settlement.ladder import SUFFIX, as_frame, trade_dates
from data.settlement.ledger import Ledger, played_again
from data.settlement.steps import Instruction, Step, command, instruction_of
from data.settlement.terms import SettlementError, Terms, as_date
from live.configuration.services import SettlementSettings
from live.services.host import Host, Standstill
from live.services.settlement.custodian import Custodian, custodian_of
from live.writer.committed import Committed

NAME = "settlement"
FILE = "log.duckdb"
_TOLD = {int(Step.SettlementFailed): "SettlementFailed", int(Step.SettlementCompensated): "SettlementCompensated"}


class Settlement:
    """`terms`: by symbol. Its log is a session NAME.settlement in a folder of that name beside the session's."""

    name = NAME

    def __init__(self, host: Host, given: SettlementSettings, terms: Mapping[str, Terms], custodian: Custodian | None = None) -> None:
        self._host, self._given, self._terms = host, given, dict(terms)
        self.custodian = custodian or custodian_of(given)
        self.folder = host.folder.parent.with_name(host.name + SUFFIX)
        self._log: EventLog | None = None
        self._segments: SegmentWriter | None = None
        self._lock = threading.RLock()
        self._seq = 0

    def open(self) -> int:
        """See Service."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = EventLog(self.folder / FILE)
        try:
            self._ledger = self._ledger_in(self._log)
        except BaseException:
            self._log.close()
            raise
        self._segments = SegmentWriter(self.folder, self._log, self._ledger.number)
        self._seq = self._ledger.position
        return self._seq + 1

    def _ledger_in(self, log: EventLog) -> Ledger:
        host, zone = self._host, self._given.time_zone or "UTC"
        instruments = host.log.instruments(host.number)
        return Ledger(log, host.name + SUFFIX, host.name, instruments, self._terms, self._given.retries, zone)

    def take(self, batch: Committed) -> None:
        """See Service. Where a fact is of a new date, the day before is over."""
        with self._lock:
            facts = batch.facts
            if len(facts):
                dates = trade_dates(facts["ts"], self._ledger.time_zone)
                edges = [0, *(np.flatnonzero(np.diff(dates)) + 1).tolist(), len(facts)]
                for first, last in pairwise(edges):
                    if dates[first] > self._ledger.machine.day:
                        self._reach(int(dates[first]), int(facts["seq"][first]) - 1, int(facts["ts"][first]))
                    self._ledger.machine.trade(facts[first:last], dates[first:last])
            self._seq = max(self._seq, batch.last_seq)
            self._keep()

    def tick(self, now: int) -> None:
        """A day may be over without a fact that says so."""
        with self._lock:
            date = int(trade_dates(np.array([now]), self._ledger.time_zone)[0])
            if date > self._ledger.machine.day and (self._ledger.machine.open or self._ledger.machine.instructions):
                self._reach(date, self._seq, now)
                self._keep()

    def _reach(self, date: int, position: int, ts: int) -> None:
        self._step(command(Step.DAY, ts, date=date), position)
        for one in self._ledger.machine.due():
            said = self.custodian.settle(one)
            if said is not None:
                self._step(command(said, ts, one.number), position)

    def _step(self, made: np.ndarray, position: int) -> np.ndarray:
        try:
            facts = self._ledger.step(made, position, self._host.names)
        except SettlementError as error:  # where a calendar ends: nothing has changed, and nothing is left out
            raise Standstill(f"nothing settles from here on: {error}; then start the session again") from None
        for fact in facts[np.isin(facts["kind"], list(_TOLD))]:
            self._tell(_TOLD[int(fact["kind"])], fact)
        return facts

    def _tell(self, kind: str, fact: np.void) -> None:
        one, names = instruction_of(fact), self._host.names
        portfolio = next((name for name, number in names.portfolios.items() if number == one.portfolio), "")
        instrument = names.instruments[one.instrument]
        self._host.alert(
            f"settlement-{int(fact['seq'])}",
            kind,
            int(fact["ts"]),
            instruction=one.number,
            portfolio=portfolio,
            symbol=instrument.symbol,
            quantity=f"{instrument.quantity(one.lots):f}",
            amount=f"{one.cash / 10**self._host.decimals:.{self._host.decimals}f}",
            date=str(as_date(one.due)),
            failure=f"try {one.tries}",
        )

    def _keep(self) -> None:
        if self._ledger.keep() and self._segments is not None:
            self._segments.add(Committed(np.zeros(1), np.zeros(1, np.int64), np.zeros(1)))

    def send(self, step: Step, instruction: int, now: int) -> list[str]:
        """Say what the custodian did: SETTLE or FAIL of an instruction, or COMPENSATE; returns the names of the facts. May be called from
        any thread while the service runs. Raises SettlementError where `step` is none of them."""
        if step not in (Step.SETTLE, Step.FAIL, Step.COMPENSATE):
            raise SettlementError(f"{step!r} is not a word of a custodian; say SETTLE, FAIL or COMPENSATE")
        with self._lock:
            facts = self._step(command(step, now, instruction), self._seq)
            self._keep()
            return [Step(kind).name for kind in facts["kind"].tolist()]

    @property
    def ready(self) -> bool:
        """Whether its log is open."""
        return self._log is not None

    def pending(self) -> list[Instruction]:
        """What is due and has no answer."""
        with self._lock:
            return self._ledger.machine.due()

    def ladder(self) -> pl.DataFrame:
        """What settles when, now; see `data.settlement.ladder.as_frame`."""
        with self._lock:
            if self._log is None:
                raise SettlementError(f"the settlement of {self._host.name!r} does not run; see tapebook live services {self._host.name}")
            return as_frame(self._ledger.machine, self._host.names, self._host.decimals)

    def position(self) -> int:
        """See Service."""
        return self._seq

    def close(self) -> None:
        """See Service."""
        with self._lock:
            if self._segments is not None:
                self._segments.close()
                self._segments = None
            if self._log is not None:
                self._log.close()
                self._log = None

    def wipe(self) -> str:
        """See Service: what the custodian said is not to be had again, so its commands are carried out again over the trades, into a new
        log that takes the place of the old one."""
        old = self.folder / FILE
        if not old.exists():
            return "there was nothing yet"
        new = self.folder / "rebuilt.duckdb"
        new.unlink(missing_ok=True)
        host = self._host
        with EventLog(old, read_only=True) as source, EventLog(new) as log:
            number = source.session(host.name + SUFFIX)
            checked = source.verify_chain(number)
            if not checked.ok:
                raise SettlementError(f"{old}: {checked.message}; take the log from a backup")
            ledger = self._ledger_in(log)
            differ = played_again(host.log, host.number, ledger, host.names, source, number)
        _replace(new, old)
        return f"{checked.commands:,} commands gave {checked.facts:,} facts again, " + (
            f"{differ:,} of them others" if differ else "the same"
        )


def _replace(new: Path, old: Path) -> None:
    """Put one log in the place of another, whose segments go."""
    import shutil

    shutil.rmtree(old.parent / "segments", ignore_errors=True)
    for wal in (old.with_name(old.name + ".wal"),):
        wal.unlink(missing_ok=True)
    os.replace(new, old)

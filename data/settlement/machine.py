"""The saga of settlement, without clock and chance: trades and steps in, facts out; the same again gives the same bytes.

    trade ──(its day is over)──► instructed ──► settled
                                     │    ▲
                                     ▼    │ retried, on the next day of the calendar
                                   failed ┴──► compensated: the shares and the cash go back, and nobody owes them any more

What one portfolio receives another delivers, the outside world (portfolio "") among them: all instructions of an instrument and a day
add up to no lots, and to what was paid in fees. So, of each portfolio and instrument, traded = settled + compensated + still to come, to
the lot and the unit of money.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from data.settlement.steps import Instruction, Refusal, Step, fact_of, instruction_of, joined_facts, plain_fact
from data.settlement.terms import Terms, next_day, settle_dates
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Kind, Side

Key = tuple[int, int, int]
"""Trade date, instrument, portfolio."""


class Machine:
    """`terms`: instrument's number -> terms; others are left alone. `retries`: tries after the first."""

    def __init__(self, instruments: Sequence[Instrument], decimals: int, terms: Mapping[int, Terms], retries: int) -> None:
        self.terms, self.retries = dict(terms), retries
        self._values = np.array([int(one.value(decimals)) for one in instruments], np.int64)
        self.open: dict[Key, list[int]] = {}
        """What was traded and is not instructed yet: lots, cash, fees, trades."""
        self.instructions: dict[int, Instruction] = {}
        """What is instructed and neither settled nor compensated."""
        self.day = 0
        self.next = 1

    def trade(self, facts: np.ndarray, dates: np.ndarray) -> None:
        """Take in trades: TradeExecuted among `facts` (FACT), `dates` their trade dates (days since 1970). Both sides count."""
        chosen = (facts["kind"] == Kind.TradeExecuted) & np.isin(facts["instrument"], list(self.terms))
        facts, dates = facts[chosen], dates[chosen]
        if not len(facts):
            return
        lots = facts["quantity"].astype(np.int64) * np.where(facts["side"] == Side.BUY, 1, -1)  # the taker's
        paid = lots * facts["price"].astype(np.int64) * self._values[facts["instrument"]]
        for sign, portfolio, fee in ((1, "portfolio", "fee"), (-1, "maker_portfolio", "maker_fee")):
            keys = np.column_stack((dates, facts["instrument"], facts[portfolio])).astype(np.int64)
            sums = np.column_stack((sign * lots, -sign * paid - facts[fee], facts[fee], np.ones_like(lots)))
            self._add(keys, sums)

    def _add(self, keys: np.ndarray, sums: np.ndarray) -> None:
        found, which = np.unique(keys, axis=0, return_inverse=True)
        totals = np.zeros((len(found), 4), np.int64)
        np.add.at(totals, which.reshape(-1), sums)
        for key, added in zip(map(tuple, found.tolist()), totals.tolist()):
            had = self.open.get(key, [0, 0, 0, 0])
            self.open[key] = [a + b for a, b in zip(had, added)]

    def step(self, command: np.void) -> np.ndarray:
        """Carry out a command; returns its facts (FACT), whose seqs are not set. Raises SettlementError where a calendar ends."""
        kind, ts, number = Step(int(command["kind"])), int(command["ts"]), int(command["order_id"])
        if kind == Step.DAY:
            return self._reach(int(command["price"]), ts)
        one = self.instructions.get(number)
        if one is None:
            return plain_fact(Step.StepRejected, ts, number, reason=Refusal.UNKNOWN_INSTRUCTION)
        if one.due > self.day and kind != Step.COMPENSATE:
            return plain_fact(Step.StepRejected, ts, number, reason=Refusal.NOT_DUE)
        if kind == Step.SETTLE:
            return self._end(Step.SettlementSettled, ts, one)
        if kind == Step.COMPENSATE:
            return self._end(Step.SettlementCompensated, ts, one)
        return self._fail(ts, one)

    def _reach(self, date: int, ts: int) -> np.ndarray:
        if date <= self.day:
            return plain_fact(Step.StepRejected, ts, date=date, reason=Refusal.DAY_PASSED)
        over = sorted(key for key in self.open if key[0] < date)
        dues = {key: self._due(key) for key in over}  # first, for it may fail, and then nothing has changed
        self.day, told = date, [plain_fact(Step.DayReached, ts, date=date)]
        for key in over:
            lots, cash, fees, trades = self.open.pop(key)
            one = Instruction(self.next, key[2], key[1], lots, cash, fees, key[0], dues[key], trades)
            self.instructions[one.number] = one
            self.next += 1
            told.append(fact_of(Step.SettlementInstructed, ts, one))
        return joined_facts(told)

    def _due(self, key: Key) -> int:
        return int(settle_dates(np.array([key[0]]), self.terms[key[1]])[0])

    def _end(self, kind: Step, ts: int, one: Instruction) -> np.ndarray:
        del self.instructions[one.number]
        return fact_of(kind, ts, one)

    def _fail(self, ts: int, one: Instruction) -> np.ndarray:
        failed = one._replace(tries=one.tries + 1)
        if failed.tries > self.retries:
            return joined_facts([fact_of(Step.SettlementFailed, ts, failed), self._end(Step.SettlementCompensated, ts, failed)])
        again = failed._replace(due=next_day(self.day, self.terms[one.instrument]))
        self.instructions[one.number] = again
        return joined_facts([fact_of(Step.SettlementFailed, ts, failed), fact_of(Step.SettlementRetried, ts, again)])

    def due(self) -> list[Instruction]:
        """What the custodian is to settle now, oldest first."""
        return [one for one in self.instructions.values() if one.due <= self.day]

    def learn(self, facts: np.ndarray) -> None:
        """Take in facts that were logged before, in order: the state that they left."""
        for fact in facts:
            kind = int(fact["kind"])
            if kind in (Step.SettlementInstructed, Step.SettlementRetried):
                one = instruction_of(fact)
                self.instructions[one.number] = one
                self.next = max(self.next, one.number + 1)
            elif kind in (Step.SettlementSettled, Step.SettlementCompensated):
                self.instructions.pop(int(fact["order_id"]), None)
            elif kind == Step.DayReached:
                self.day = int(fact["price"])

    def totals(self) -> Counter[tuple[int, int]]:
        """Lots still to come, by portfolio and instrument."""
        found: Counter[tuple[int, int]] = Counter()
        for (_, instrument, portfolio), (lots, *_) in self.open.items():
            found[portfolio, instrument] += lots
        for one in self.instructions.values():
            found[one.portfolio, one.instrument] += one.lots
        return found

"""What the figures of `/metrics` count, from the facts of each batch."""

from collections import Counter
from typing import Self

import numpy as np

from engine.messages.names import Names
from engine.messages.records import FACT
from engine.messages.vocabulary import Kind, Reason, Side

PENDING = 1 << 12
"""Facts that may wait to be counted: many small batches cost as much as one."""


class Tallies:
    """Counts since the session's first fact, by names; `settled` before they are read."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.created: Counter[tuple[str, str]] = Counter()
        self.filled = 0
        self.active = 0
        self.trades: Counter[str] = Counter()
        self.volume: Counter[str] = Counter()
        self.prices: Counter[str] = Counter()
        self.breaches: Counter[tuple[str, str]] = Counter()
        self._pending: list[np.ndarray] = []
        self._rows = 0

    def add(self, facts: np.ndarray) -> None:
        """Note a batch (FACT), which is counted with others."""
        self._pending.append(facts)
        self._rows += len(facts)
        if self._rows > PENDING:
            self.settled()

    def settled(self) -> Self:
        """With all that was added."""
        if self._rows:
            self._count(self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending, dtype=FACT))
        self._pending, self._rows = [], 0
        return self

    def _count(self, facts: np.ndarray) -> None:
        kinds = facts["kind"]
        created = facts[kinds == Kind.OrderCreated]
        self.active += len(created) - int(np.count_nonzero((kinds == Kind.OrderCancelled) | (kinds == Kind.OrderExpired)))
        for (number, side), count in _counted(created, "instrument", "side"):
            self.created[self._names.instruments[number].symbol, Side(side).name] += count
        trades = facts[kinds == Kind.TradeExecuted]
        if len(trades):
            self._trades(trades)
        refused = (kinds == Kind.OrderRejected) | (kinds == Kind.ReplaceRejected)
        judged = facts[(kinds == Kind.RiskLimitBreached) | (refused & _over_a_limit(facts["reason"]))]
        if len(judged):
            called = {number: name for name, number in self._names.portfolios.items()}
            for (reason, portfolio), count in _counted(judged, "reason", "portfolio"):
                self.breaches[Reason(reason).name, called.get(portfolio, "")] += count

    def _trades(self, trades: np.ndarray) -> None:
        from engine.messages.vocabulary import HISTORY

        done = int(np.count_nonzero((trades["remaining"] == 0) & (trades["trader"] != HISTORY)))
        done += int(np.count_nonzero((trades["maker_remaining"] == 0) & (trades["maker_trader"] != HISTORY)))
        self.filled += done
        self.active -= done
        for number in np.unique(trades["instrument"]).tolist():
            mine = trades[trades["instrument"] == number]
            of = self._names.instruments[number]
            self.trades[of.symbol] += len(mine)
            self.volume[of.symbol] += float(of.quantity(int(mine["quantity"].astype(np.int64).sum())))  # type: ignore[assignment]
            self.prices[of.symbol] += float(of.price(int(mine["price"].astype(np.int64).sum())))  # type: ignore[assignment]


def _over_a_limit(reasons: np.ndarray) -> np.ndarray:
    return (reasons >= Reason.BUYING_POWER) & (reasons <= Reason.LEVERAGE_LIMIT)


def _counted(facts: np.ndarray, *fields: str) -> list[tuple[tuple[int, ...], int]]:
    """How many facts have each combination of two fields."""
    return list(Counter(zip(*(facts[field].tolist() for field in fields))).items())

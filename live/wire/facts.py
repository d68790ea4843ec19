"""Facts as the JSON records of their topics."""

import struct
from collections.abc import Collection, Iterator

import numpy as np

from engine.messages.names import Names
from engine.messages.records import FACT
from engine.messages.vocabulary import HISTORY, Kind, Reason
from live.wire.called import Dictionary
from live.wire.control_json import SHOWS, control
from live.wire.fact_json import KIND, REASON, RECORD, Fact, Owner, judged, order, trade
from live.wire.routes import FILLED, OWNED, REFUSED_BY_COMPLIANCE, REFUSED_BY_RISK, ROUTES, Route

Row = tuple[str, bytes, bytes]
"""Topic, key and value of one record."""

_RECORD = struct.Struct(RECORD)
assert _RECORD.size == FACT.itemsize
_COMPLIANCE = range(Reason.RESTRICTED_SYMBOL, Reason.ORDER_RATE + 1)
_RISK = range(Reason.BUYING_POWER, Reason.LEVERAGE_LIMIT + 1)
_UNOWNED: Owner = (0, 0)
_FILLED, _TRADED, _BREACHED = ROUTES[FILLED], ROUTES[Kind.TradeExecuted.name], ROUTES[Kind.RiskLimitBreached.name]
_REJECTED, _REPLACE = int(Kind.OrderRejected), int(Kind.ReplaceRejected)
_TOLD_BY_ORDER = (int(Kind.CancelRejected), _REPLACE)


class FactEncoder:
    """Turns a session's facts, in their order, into records of its topics; the same facts always give the same bytes.

    Two things stand in earlier facts alone: the day (a START_OF_DAY begins the next), and whose the order is that a refused cancel or
    replace names. So it keeps the owners of open orders; `learn` gives it what was before, after a restart.
    Encoders of one session may share what its numbers are `called`.
    """

    def __init__(self, session: str, names: Names, decimals: int, *, called: Dictionary | None = None) -> None:
        self.day = 1
        self.owners: dict[tuple[int, int], Owner] = {}
        """Portfolio and side of open orders, by trader and id."""
        self._called = called or Dictionary(session, names, decimals)
        self._rows: list[Row] = []
        write = {
            **dict.fromkeys((Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled), self._order),
            **dict.fromkeys((Kind.OrderExpired, Kind.OrderRejected), self._order),
            Kind.TradeExecuted: self._trade,
            Kind.RiskLimitBreached: self._alarm,
            **dict.fromkeys(SHOWS, self._control),
        }
        self._write = {int(kind): of for kind, of in write.items()}
        keep = {Kind.OrderCreated: self._opened, Kind.TradeExecuted: self._filled, Kind.DayStarted: self._new_day}
        keep |= dict.fromkeys((Kind.OrderCancelled, Kind.OrderExpired), self._ended)
        self._keep = {int(kind): of for kind, of in keep.items()}

    def learn(self, facts: np.ndarray) -> None:
        """Take in earlier facts (FACT) without encoding them: all of them, or those of kinds OrderCreated, OrderCancelled, OrderExpired,
        TradeExecuted and DayStarted."""
        for fact in _RECORD.iter_unpack(facts.tobytes()):
            if fact[KIND] in self._keep:
                self._keep[fact[KIND]](fact)

    def encode(self, facts: np.ndarray) -> list[Row]:
        """The records of the next facts (FACT), in their order; facts about history's own orders have none."""
        self._called.update()
        rows: list[Row] = []
        self._rows = rows
        write, keep = self._write, self._keep
        for fact in _RECORD.iter_unpack(facts.tobytes()):
            kind = fact[KIND]
            if kind in write:
                write[kind](fact)
                if kind in keep:
                    keep[kind](fact)
        return rows

    def encode_some(self, facts: np.ndarray, kinds: Collection[int]) -> Iterator[tuple[int, int, list[Row]]]:
        """Seq, time and records of those of the next facts (FACT) that are of `kinds`; the others are learned."""
        self._called.update()
        write, keep = self._write, self._keep
        for fact in _RECORD.iter_unpack(facts.tobytes()):
            kind = fact[KIND]
            if kind in kinds and kind in write:
                self._rows = rows = list[Row]()
                write[kind](fact)
                yield fact[0], fact[1], rows
            if kind in keep:
                keep[kind](fact)

    def _opened(self, fact: Fact) -> None:
        self.owners[fact[11], fact[2]] = (fact[10], fact[19])

    def _filled(self, fact: Fact) -> None:
        if not fact[7]:
            self.owners.pop((fact[11], fact[2]), None)
        if not fact[8]:
            self.owners.pop((fact[13], fact[3]), None)

    def _ended(self, fact: Fact) -> None:
        self.owners.pop((fact[11], fact[2]), None)

    def _new_day(self, fact: Fact) -> None:
        self.day += 1

    def _tell(self, routes: tuple[Route, ...], portfolio: int, number: int, text: str) -> None:
        value, called = text.encode(), self._called
        for topic, by_portfolio in routes:
            key = called.keys.get(portfolio, b"") if by_portfolio else called.instrument(number).key
            self._rows.append((topic, key, value))

    def _order(self, fact: Fact) -> None:
        self._tell(OWNED, fact[10], fact[16], order(self._called, fact))
        if fact[KIND] == _REJECTED:
            self._refusal(fact, (fact[10], fact[19]))

    def _refusal(self, fact: Fact, owner: Owner) -> None:
        """What a limit or a rule refused, as such."""
        if fact[REASON] in _RISK:
            self._tell(ROUTES[REFUSED_BY_RISK], owner[0], fact[16], judged(self._called, fact, "RiskLimitBreached", owner))
        elif fact[REASON] in _COMPLIANCE:
            self._tell(ROUTES[REFUSED_BY_COMPLIANCE], owner[0], fact[16], judged(self._called, fact, "ComplianceCheckFailed", owner))

    def _trade(self, fact: Fact) -> None:
        text, filled = trade(self._called, fact, self.day)
        for portfolio, side in filled:
            self._tell(_FILLED, portfolio, fact[16], side)
        self._tell(_TRADED, fact[12] if fact[11] == HISTORY else fact[10], fact[16], text)

    def _alarm(self, fact: Fact) -> None:
        self._tell(_BREACHED, fact[10], fact[16], judged(self._called, fact, "RiskLimitBreached", (fact[10], fact[19])))

    def _control(self, fact: Fact) -> None:
        owner = (fact[10], fact[19])
        if fact[KIND] in _TOLD_BY_ORDER:
            owner = self.owners.get((fact[11], fact[2]), _UNOWNED if fact[KIND] == _REPLACE else owner)
        self._tell(OWNED, owner[0], fact[16], control(self._called, fact, owner))
        if fact[KIND] == _REPLACE:
            self._refusal(fact, owner)


def encode_facts(session: str, facts: np.ndarray, names: Names, decimals: int) -> list[Row]:
    """The records of a session's facts (FACT) from its first one on; a part of them that begins later needs a `FactEncoder`, which has
    seen what was before."""
    return FactEncoder(session, names, decimals).encode(facts)

"""A settlement session's log: its commands and facts with their seqs, appended as everything is, and played again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.settlement.ladder import last_day, terms_of, trade_dates
from data.settlement.machine import Machine
from data.settlement.steps import Step, joined_facts
from data.settlement.terms import SettlementError, Terms
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.names import Names
from engine.messages.records import COMMAND, FACT, write_name
from engine.messages.vocabulary import Kind

if TYPE_CHECKING:
    from data.log.event_log import EventLog


class Ledger:
    """The settlement session `name` of `log`, begun where it is new: with `terms` by symbol, `retries`, and whose date a trade has.

    Raises SettlementError where it was begun with others.
    """

    def __init__(
        self,
        log: "EventLog",
        name: str,
        of: str,
        instruments: Sequence[Instrument],
        terms: Mapping[str, Terms],
        retries: int,
        time_zone: str,
    ) -> None:
        self.log, self._of, self.time_zone = log, of, time_zone
        meta = {
            "name": name,
            "feed": {"session": of},  # what it is made of, by reference: the chain is verified here, the rest by playing both again
            "terms": {symbol: list(one) for symbol, one in terms.items()},
            "retries": retries,
            "time_zone": time_zone,
        }
        known = log.sessions()["session_id"].to_list()
        if name not in known:
            log.begin(name, meta, instruments)
        self.number = log.session(name)
        was = log.meta(self.number)
        for key in ("terms", "retries", "time_zone"):
            if was.get(key) != meta[key]:
                raise SettlementError(
                    f"{log.path}: {name} was begun with {key} = {was.get(key)}, not {meta[key]}; put the configuration back, or begin a "
                    "session of another name"
                )
        self.machine = Machine(instruments, money_decimals(list(instruments)), terms_of(was, instruments), retries)
        for facts in log.read_facts(self.number):
            self.machine.learn(facts)
        self.seq, self.position = log.last_seq(self.number), last_day(log, self.number)
        """The last seq; and the trading session's up to which trades are instructed."""
        self._introduced = {int(row[0]) for row in log.rows(_NUMBERS, [self.number])} | {0}
        self._commands: list[np.ndarray] = []
        self._facts: list[np.ndarray] = []
        self._seqs: list[int] = []
        self._positions: list[int] = []

    def step(self, command: np.ndarray, position: int, names: Names) -> np.ndarray:
        """Carry out a command (COMMAND, one) that entered behind `position`; returns its facts. `keep` makes them durable."""
        facts = self.machine.step(command[0])
        for number in sorted(set(facts["portfolio"][facts["kind"] == Step.SettlementInstructed].tolist()) - self._introduced):
            self._introduce(number, int(command["ts"][0]), position, names)
        return self._log(command, facts, position)

    def _introduce(self, number: int, ts: int, position: int, names: Names) -> None:
        made, told = np.zeros(1, COMMAND), np.zeros(1, FACT)
        made["kind"], made["trader"], made["ts"] = Kind.PORTFOLIO, number, ts
        write_name(made[0], next(name for name, known in names.portfolios.items() if known == number))
        told["kind"], told["portfolio"], told["ts"] = Kind.PortfolioOpened, number, ts
        self._introduced.add(number)
        self._log(made, told, position)

    def _log(self, command: np.ndarray, facts: np.ndarray, position: int) -> np.ndarray:
        self.seq += 1
        self._commands.append(command)
        self._seqs.append(self.seq)
        self._positions.append(position)
        facts["seq"] = np.arange(self.seq + 1, self.seq + 1 + len(facts))
        self.seq += len(facts)
        self._facts.append(facts)
        return facts

    def keep(self) -> int:
        """Append what was carried out since, in one transaction; returns the number of facts. Raises LogError."""
        if not self._commands:
            return 0
        commands, facts = np.concatenate(self._commands), joined_facts(self._facts)
        cursors = {self._of: self._positions[-1]}
        places = (np.array(self._seqs, np.int64), np.array(self._positions, np.int64))
        self.log.append(self.number, commands, facts, places[0], cursors=cursors, positions=places[1])
        self._commands, self._facts, self._seqs, self._positions = [], [], [], []
        return len(facts)


_NUMBERS = "SELECT number FROM names WHERE session = ? AND kind = 'portfolio'"


def played_again(trading: "EventLog", session: int, ledger: Ledger, names: Names, source: "EventLog", number: int) -> int:
    """Carry out the commands of a settlement session (`number` of `source`) again into a new `ledger`, with the trades that they stood
    behind; returns how many of the facts differ from those of `source`."""
    trades = _trades(trading, session, ledger)
    at, waiting = 0, next(trades, None)
    for commands in source.read_commands(number):
        for command, position in zip(commands.records, commands.positions.tolist()):
            if command["kind"] == Kind.PORTFOLIO:
                continue
            while at < position and waiting is not None:
                at, waiting = _taken(ledger, waiting, position, trades)
            ledger.step(np.array([command], COMMAND), position, names)
    facts = joined_facts(ledger._facts)
    ledger.keep()
    logged = joined_facts(list(source.read_facts(number)))
    count = min(len(facts), len(logged))
    return int((facts[:count] != logged[:count]).sum()) + abs(len(facts) - len(logged))


def _trades(trading: "EventLog", session: int, ledger: Ledger) -> Iterator[np.ndarray]:
    for facts in trading.read_facts(session):
        yield facts[facts["kind"] == Kind.TradeExecuted]


def _taken(ledger: Ledger, waiting: np.ndarray, position: int, trades: Iterator[np.ndarray]) -> tuple[int, np.ndarray | None]:
    """Take in the trades up to a position; returns where we are, and what waits."""
    end = int(np.searchsorted(waiting["seq"], position, side="right"))
    part, rest = waiting[:end], waiting[end:]
    ledger.machine.trade(part, trade_dates(part["ts"], ledger.time_zone))
    if len(rest):
        return position, rest
    return (int(waiting["seq"][-1]) if len(waiting) else 0), next(trades, None)

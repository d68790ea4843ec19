"""Strategies on a timeline whose history comes turn by turn: a session's commands as they arrive."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.exchange import Exchange
from engine.loop.loop_state import COMMANDS_PER_CALL, NEVER, Want
from engine.loop.turns import catch_up
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import NOT_NAMED, Kind
from engine.strategy.compile import machine_code
from engine.strategy.driver import Driver, doubled
from engine.strategy.participant import Participant
from engine.strategy.strategy import Strategy
from engine.strategy.view import UTC

CASCADE = 1_000_000
"""Commands that strategies may send in answer to each other before one of them is taken to have gone mad."""


class Turn(NamedTuple):
    """What one turn did."""

    commands: np.ndarray  # COMMAND (n,), given ones and strategies', in the order of seq
    seqs: np.ndarray  # int64 (n,)
    facts: np.ndarray  # FACT (m,), a copy
    given: np.ndarray  # int64 (n,): row of the given commands; -1 - k for one of strategy k


class LiveDriver(Driver):
    """An exchange and its strategies, each of whose commands is an exchange event of its own, at the next free nanosecond.

    All facts are built, so that every seq is a command's or a fact's. `failed(k, error)` is told of a strategy that raised: it is called
    no more, and its orders are cancelled.
    """

    def __init__(self, exchange: Exchange, participants: Sequence[Participant] = (), offsets: np.ndarray = UTC) -> None:
        self.participants = list(participants)
        states = [one.state(len(exchange.instruments)) for one in self.participants]
        super().__init__(exchange, states, np.zeros(0, COMMAND), offsets)
        self.clock["distinct"] = 1
        self.strategies: list[Strategy] = [one.strategy for one in self.participants if one.strategy is not None]
        self.failed: Callable[[int, Exception], None] = _raise
        names = exchange.names
        for one, state in zip(self.participants, self.states):
            state.clock["portfolio"], state.clock["trader"] = names.portfolios[one.name], names.traders[one.trader]

    def enter(self, opening: np.ndarray) -> Turn:
        """Carry out the session's opening commands (COMMAND)."""
        self.open(opening)
        self.history = opening
        self.clock["row"] = len(opening)
        return self._end(1)

    def begin(self, first: int) -> None:
        """From the exchange time `first` on, strategies are called."""
        codes = [machine_code(one) if type(one).function is not None else None for one in self.strategies]
        self.loop.functions[:] = [0 if code is None else code.address for code in codes]
        for k, (one, state) in enumerate(zip(self.participants, self.states)):
            one.arm(state.clock[0], first)
            self._attach(self.strategies, k)
        self._want([int(state.clock["wants"][0]) for state in self.states])

    def due(self) -> int:
        """Exchange time of the next timer, bar or alarm of a strategy; NEVER where there is none."""
        found = NEVER
        for state in self.states:
            clock = state.clock[0]
            wants = int(clock["wants"])
            timer = int(clock["timer_next"]) if wants & Want.TIMER else NEVER
            bar = int(clock["bar_next"]) if wants & Want.BAR else NEVER
            found = min(found, timer, bar, int(clock["alarm_next"]))
        return found

    def turn(self, commands: np.ndarray, until: int, settle: bool = True) -> Turn:
        """Carry out `commands` (COMMAND, their `ts` ascending and beyond what has been), call strategies for them and for their timers up
        to `until`; where it is to settle, go on until nothing that they sent is on its way."""
        session = self.exchange.state.session
        first = int(session["seq"][0]) + 1
        self.history = np.ascontiguousarray(commands)
        self.history.flags.writeable = False
        self.clock["row"], self.clock["rows"] = 0, len(commands)
        self.clock["marks"] = 0
        self._advance(until)
        sent = sum(int(state.clock["entered"][0]) for state in self.states)
        while settle and self._pending():
            self._advance(int(self.clock["now"]) + COMMANDS_PER_CALL)
            if sum(int(state.clock["entered"][0]) for state in self.states) - sent > CASCADE:
                raise RuntimeError(f"strategies answered each other with more than {CASCADE:,} commands at one time")
        return self._end(first)

    def said(self) -> list[tuple[str, int, str]]:
        """What strategies logged since the last time: trader, ns by its clock, text; it is forgotten."""
        found = []
        for one, state in zip(self.participants, self.states):
            if one.strategy is None or not (one.strategy.logged or state.clock["notes"][0]):
                continue
            found += [(one.trader, ts, text) for _, ts, text in one.logged(state)]
            one.strategy.logged.clear()
            state.clock["notes"] = 0
        return found

    def stop(self, k: int) -> None:
        """Call strategy k no more, and cancel its open orders."""
        clock = self.states[k].clock
        clock["wants"], clock["alarms"] = 0, 0
        for name in ("timer_next", "bar_next", "alarm_next", "first"):
            clock[name] = NEVER
        self.loop.functions[k] = 0
        self._cancel_open(k)

    def _pending(self) -> bool:
        """Whether a command of a strategy is on its way."""
        return any(state.clock["entered"][0] < state.clock["sent"][0] for state in self.states)

    def _advance(self, until: int) -> None:
        while True:
            try:
                self._run(max(until, int(self.clock["now"])), self.strategies)
                return
            except Exception as error:
                if not self.clock["calling"]:
                    raise
                self.facts.used = int(self.clock["facts"])
                self.clock["calling"] = 0
                self._drop(int(self.clock["called"]), error)

    def _call(self, strategies: Sequence[Strategy]) -> None:
        try:
            super()._call(strategies)
        except Exception as error:
            self._drop(int(self.clock["called"]), error)

    def _drop(self, k: int, error: Exception) -> None:
        """A strategy raised: what it sent in that call is void, and it is stopped."""
        clock = self.states[k].clock
        clock["sent"] = clock["stamped"]
        self.stop(k)
        self.failed(k, error)

    def _cancel_open(self, k: int) -> None:
        own = self.states[k].own[: int(self.states[k].clock["open"][0])]
        asked = np.flatnonzero(own["cancelling"] == 0)
        sent = int(self.states[k].clock["sent"][0])
        while sent + len(asked) + COMMANDS_PER_CALL > len(self.states[k].commands):
            self._replace(k, **{name: doubled(getattr(self.states[k], name)) for name in ("commands", "sent")})
            self._attach(self.strategies, k)
        rows = self.states[k].commands[sent : sent + len(asked)]
        rows[:] = np.zeros(1, COMMAND)
        rows["kind"], rows["trader"] = Kind.CANCEL, self.states[k].clock["trader"][0]
        rows["quantity"] = rows["price"] = rows["stop_price"] = NOT_NAMED
        rows["order_id"], rows["instrument"] = own["order_id"][asked], own["instrument"][asked]
        own["cancelling"][asked] = 1
        self.states[k].clock["sent"] += len(asked)

    def _end(self, first: int) -> Turn:
        """What has happened since the seq `first`; then it may be forgotten."""
        made = self._made(first)
        self._forget()
        return made

    def _made(self, first: int) -> Turn:
        facts = self.facts.all().copy()
        last = int(self.exchange.state.session["seq"][0])
        free = np.ones(last - first + 1, bool)
        free[facts["seq"] - first] = False
        seqs = np.flatnonzero(free) + first
        made, given = np.zeros(len(seqs), COMMAND), np.full(len(seqs), -1, np.int64)
        theirs = np.zeros(len(seqs), bool)
        for k, state in enumerate(self.states):
            count = int(state.clock["entered"][0])
            at = np.searchsorted(seqs, state.sent["seq"][:count])
            made[at], given[at], theirs[at] = state.commands[:count], -1 - k, True
        played = int(self.clock["row"])
        made[~theirs], given[~theirs] = self.history[:played], np.arange(played)
        return Turn(made, seqs, facts.astype(FACT, copy=False), given)

    def _forget(self) -> None:
        """What the turn left behind is told; the memory stays."""
        catch_up(self.exchange.state, self.loop, self.facts.all(), self.facts.used)
        self.facts.clear()
        several = len(self.exchange.instruments) > 1
        for state, strategy in zip(self.states, self.strategies):
            entered, sent = int(state.clock["entered"][0]), int(state.clock["sent"][0])
            if several:
                strategy.remember(state.commands[:entered])
            for rows in (state.commands, state.sent):
                rows[: sent - entered] = rows[entered:sent].copy()
            for name in ("sent", "stamped", "entered"):
                state.clock[name] -= entered
        if self.exchange.state.session["named"][0] != self._named:
            self._named = int(self.exchange.state.session["named"][0])
            self.exchange.learn()

    _named = 0


def _raise(k: int, error: Exception) -> Any:
    raise error

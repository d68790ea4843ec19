"""Runs strategies, compiled or not, or a given order flow through the engine's loop, and makes room whenever an array is full."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.compiler.calls import register
from engine.exchange import Exchange
from engine.loop.event_loop import CALL, DONE, advance
from engine.loop.loop_state import COMMANDS_PER_CALL, StrategyState, Wake, Want, new_loop_state
from engine.messages.vocabulary import Kind
from engine.state.digest import digest
from engine.state.tape import Tape, read_only
from engine.strategy.compile import MachineCode, machine_code
from engine.strategy.strategy import Strategy
from engine.strategy.view import UTC

BLOCK = 65_536
"""Rows of history between two digests."""


class Driver:
    """One run: an exchange, the states of its strategies in the order in which they are called, and history.

    `blocks` collects (seq, digest) at every BLOCK rows; `offsets`: STEP, ns that the strategies' local clock is ahead of UTC.
    """

    def __init__(self, exchange: Exchange, states: Sequence[StrategyState], history: np.ndarray, offsets: np.ndarray = UTC) -> None:
        self.exchange, self.history, self.offsets = exchange, read_only(history), offsets
        self.states = list(states)
        self.loop = new_loop_state(len(exchange.instruments), len(self.states))
        self.loop.strategies[:] = [register(state) for state in self.states]
        self.facts = Tape(1 << 12)
        self.opening = 0
        self.blocks: list[tuple[int, str]] = []
        self.progress: Callable[[int], None] | None = None

    @property
    def clock(self) -> np.void:
        """The timeline (TIMELINE)."""
        return self.loop.clock[0]

    def open(self, commands: np.ndarray) -> None:
        """Carry out the session's opening commands, through the same loop (one kernel to compile), then start with row 0 of history."""
        history, self.history = self.history, read_only(commands)
        self.clock["rows"] = len(commands)
        self._run(int(commands["ts"].max(initial=0)), [])
        self.opening = self.facts.used
        self.history = history
        self.clock["row"], self.clock["rows"] = 0, len(history)
        terms, facts = self.exchange.state.instruments, self.facts.all()
        deposits = facts[facts["kind"] == Kind.CashDeposited]
        for state in self.states:
            mine = deposits["value"][deposits["portfolio"] == state.clock["portfolio"]]
            state.clock["cash"] = state.clock["deposits"] = mine.sum()
            state.clock["seen"], state.clock["unit"] = self.opening, 10**self.exchange.decimals
            for name in ("value", "tick"):
                state.holdings[name] = terms[name][: len(state.holdings)]

    def load(self, commands: np.ndarray, arrivals: np.ndarray) -> None:
        """Put ready commands of the one strategy on their way to the exchange; `arrivals` (int64 ns) ascend."""
        count = len(commands)
        sent = np.zeros(count + 2 * COMMANDS_PER_CALL, self.states[0].sent.dtype)
        sent["arrival"][:count] = arrivals
        records = np.zeros(len(sent), commands.dtype)
        records[:count] = commands
        records["ts"][:count] = arrivals
        self._replace(0, commands=records, sent=sent)
        clock = self.states[0].clock
        clock["sent"] = clock["stamped"] = count

    def play(self, until: int) -> None:
        """History and whatever is in flight up to and including `until`; nobody is called."""
        wants = [int(state.clock["wants"][0]) for state in self.states]
        self._want([0] * len(wants))
        self._run(until, [])
        self._want(wants)

    def run(self, strategies: Sequence[Strategy], until: int) -> None:
        """The strategies, one a state, from now until `until`."""
        codes = [machine_code(strategy) if type(strategy).function is not None else None for strategy in strategies]
        self.loop.functions[:] = [0 if code is None else code.address for code in codes]
        for k in range(len(strategies)):
            self._attach(strategies, k)
        self._want([int(state.clock["wants"][0]) for state in self.states])
        self._run(until, strategies)
        self.loop.functions[:] = 0
        for strategy, code, state in zip(strategies, codes, self.states):
            self._stop(strategy, code, state)

    def sent(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Strategies' commands that entered the exchange, the seq of each, and after how many rows of history; in the order of seq."""
        counts = [int(state.clock["entered"][0]) for state in self.states]
        if len(counts) == 1:  # they are in order as they stand
            (state,), (count,) = self.states, counts
            return state.commands[:count], state.sent["seq"][:count], state.sent["row"][:count]
        commands = np.concatenate([state.commands[:count] for state, count in zip(self.states, counts)])
        sent = np.concatenate([state.sent[:count] for state, count in zip(self.states, counts)])
        order = np.argsort(sent["seq"], kind="stable")
        return commands[order], sent["seq"][order], sent["row"][order]

    def unarrived(self) -> np.ndarray:
        """Strategies' commands (COMMAND) that had not reached the exchange at the end; `ts`: when they would have; prices in units."""
        return np.concatenate([_unarrived(state, self.exchange.state.instruments["tick"]) for state in self.states])

    def _want(self, wants: Sequence[int]) -> None:
        for state, want in zip(self.states, wants):
            state.clock["wants"] = want
        self.clock["wants"] = int(np.bitwise_or.reduce(np.array(wants, np.int64)))

    def _attach(self, strategies: Sequence[Strategy], k: int) -> None:
        if k < len(strategies):
            strategies[k].attach(self.states[k], self.exchange.instruments, self.offsets)

    @staticmethod
    def _stop(strategy: Strategy, code: MachineCode | None, state: StrategyState) -> None:
        if code is None:
            strategy.on_stop()
        elif type(strategy).wants & Want.STOP:
            state.event["kind"] = Wake.STOP
            code.call(state)

    def _run(self, until: int, strategies: Sequence[Strategy]) -> None:
        """Advance to `until`; `strategies` are called where they are Python's."""
        self.clock["end"] = until
        tape = self.facts
        while True:
            code, tape.used = advance(self.exchange.state, self.loop, self.history, tape.chunk, tape.used)
            if code == DONE:
                break
            if code == CALL:
                self._call(strategies)
            else:
                self._make_room(strategies)
        for state in self.states:
            if state.clock["overflow"][0]:
                raise RuntimeError(
                    f"the strategy sent more than {COMMANDS_PER_CALL} commands in one call; send fewer, or spread them over several calls"
                )

    def _call(self, strategies: Sequence[Strategy]) -> None:
        """Call the strategy whose turn it is."""
        strategies[int(self.clock["called"])].call()

    def _make_room(self, strategies: Sequence[Strategy]) -> None:
        """Do what the loop stopped for: note a block's digest, or replace what is full."""
        clock = self.clock
        if clock["row"] >= clock["block"]:
            self.blocks.append((int(self.exchange.state.session["seq"][0]), digest(self.exchange.state)))
            clock["block"] += BLOCK
            if self.progress is not None:
                self.progress(int(clock["row"]))
        if self.facts.used + int(clock["need"]) > len(self.facts.chunk):
            self.facts.widen(0, int(clock["need"]))
        for command in self._waiting():
            self.exchange.make_room(command)
        if clock["samples"] + len(self.loop.sampled) > len(self.loop.samples):
            self.loop = self.loop.replaced(samples=doubled(self.loop.samples))
        if clock["marks"] >= len(self.loop.marks):
            self.loop = self.loop.replaced(marks=doubled(self.loop.marks))
        for k, state in enumerate(self.states):
            if full := _full_arrays(state):
                self._replace(k, **{name: doubled(getattr(state, name)) for name in full})
                self._attach(strategies, k)

    def _waiting(self) -> list[np.void]:
        """The commands of which one is carried out next."""
        row = int(self.clock["row"])
        found = list(self.history[row : row + 1])
        for state in self.states:
            own = state.clock[0]
            if own["entered"] < own["stamped"]:
                found.append(state.commands[int(own["entered"])])
        return found

    def _replace(self, k: int, **arrays: np.ndarray) -> None:
        self.states[k] = self.states[k].replaced(**arrays)
        self.loop.strategies[k] = register(self.states[k])


def _unarrived(state: StrategyState, ticks: np.ndarray) -> np.ndarray:
    clock = state.clock[0]
    found = state.commands[int(clock["entered"]) : int(clock["sent"])].copy()
    late = found[int(clock["stamped"] - clock["entered"]) :]  # sent in the last call of all: nobody has given them a time or units yet
    late["ts"] = clock["time"] + clock["order"]
    tick = ticks[np.minimum(late["instrument"], len(ticks) - 1)]
    for name in ("price", "stop_price"):
        late[name] = np.where(np.abs(late[name]) < 1 << 31, late[name] * tick, late[name])
    return found


def _full_arrays(state: StrategyState) -> list[str]:
    """Arrays of a strategy that one more call might overfill."""
    clock = state.clock[0]
    full = ["commands", "sent"] if clock["sent"] + COMMANDS_PER_CALL > len(state.commands) else []
    return full + [
        name
        for name, count in (("own", "open"), ("alarms", "alarms"), ("notes", "notes"))
        if clock[count] + COMMANDS_PER_CALL > len(getattr(state, name))
    ]


def doubled(array: np.ndarray) -> np.ndarray:
    """The same rows, and room for as many again."""
    made: Any = np.zeros(2 * len(array), array.dtype)
    made[: len(array)] = array
    return made

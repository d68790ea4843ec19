"""Runs a strategy, a compiled strategy or a given order flow through the engine's loop, and makes room whenever an array is full."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.exchange import Exchange
from engine.state.digest import digest
from engine.state.tape import Tape, read_only
from engine.strategy.compile import machine_code
from engine.strategy.event_loop import CALL, DONE, advance, trade
from engine.strategy.loop_state import COMMANDS_PER_CALL, Wake, Want, World
from engine.strategy.strategy import Strategy

BLOCK = 65_536
"""Rows of history between two digests."""


class Driver:
    """One run: exchange, world and history; `blocks` collects (seq, digest) at every BLOCK rows."""

    def __init__(self, exchange: Exchange, world: World, history: np.ndarray) -> None:
        self.exchange, self.world, self.history = exchange, world, read_only(history)
        self.facts = Tape(1 << 12)
        self.opening = 0
        self.blocks: list[tuple[int, str]] = []
        self.progress: Callable[[int], None] | None = None

    @property
    def clock(self) -> np.void:
        return self.world.clock[0]

    def open(self, commands: np.ndarray) -> None:
        """Carry out the session's opening commands, through the same loop (one kernel to compile), then start with row 0 of history."""
        history, self.history = self.history, read_only(commands)
        self.clock["rows"] = len(commands)
        self._run(0, None)
        self.opening = self.facts.used
        self.history = history
        self.clock["row"], self.clock["rows"] = 0, len(history)

    def load(self, commands: np.ndarray, arrivals: np.ndarray) -> None:
        """Put ready commands on their way to the exchange; `arrivals` (int64 ns) ascend."""
        world, count = self.world, len(commands)
        sent = np.zeros(count + 2 * COMMANDS_PER_CALL, world.sent.dtype)
        sent["arrival"][:count] = arrivals
        records = np.zeros(len(sent), commands.dtype)
        records[:count] = commands
        records["ts"][:count] = arrivals
        self.world = world.replaced(commands=records, sent=sent)
        self.clock["sent"] = self.clock["stamped"] = count

    def play(self, until: int) -> None:
        """History and whatever is in flight up to and including `until`; nobody is called."""
        wants, self.clock["wants"] = int(self.clock["wants"]), 0
        self._run(until, None)
        self.clock["wants"] = wants

    def run(self, strategy: Strategy, until: int) -> None:
        """The strategy from now until `until`."""
        if type(strategy).function is not None:
            self._run_compiled(strategy, until)
            return
        strategy.attach(self.world)
        self._run(until, strategy)
        strategy.stop()

    def _run_compiled(self, strategy: Strategy, until: int) -> None:
        code = machine_code(strategy)
        self._run(until, code)
        if type(strategy).wants & Want.STOP:
            self.world.event["kind"] = Wake.STOP
            code.call(self.world)

    def _run(self, until: int, caller: Any) -> None:
        """Advance to `until`; `caller` is a Strategy, a C function, or None."""
        self.clock["end"] = until
        tape = self.facts
        slow = caller if isinstance(caller, Strategy) else None
        while True:
            exchange, world = self.exchange, self.world
            if caller is None or slow is not None:
                code, tape.used = advance(exchange.state, world, self.history, tape.chunk, tape.used)
            else:
                code, tape.used = trade(exchange.state, world, self.history, tape.chunk, tape.used, caller.address)
            if code == DONE:
                break
            if code == CALL and slow is not None:
                slow.call()
            else:
                self._make_room()
                if slow is not None and world is not self.world:
                    slow.attach(self.world)
        if self.clock["overflow"]:
            raise RuntimeError(
                f"the strategy sent more than {COMMANDS_PER_CALL} commands in one call; send fewer, or spread them over several calls"
            )

    def _make_room(self) -> None:
        """Do what the loop stopped for: note a block's digest, or replace what is full."""
        clock, world = self.clock, self.world
        if clock["row"] >= clock["block"]:
            self.blocks.append((int(self.exchange.state.session["seq"][0]), digest(self.exchange.state)))
            clock["block"] += BLOCK
            if self.progress is not None:
                self.progress(int(clock["row"]))
        if self.facts.used + int(clock["need"]) > len(self.facts.chunk):
            self.facts.widen(0, int(clock["need"]))
        waiting = self.history[int(clock["row"]) : int(clock["row"]) + 1]
        if clock["entered"] < clock["stamped"]:
            self.exchange.make_room(world.commands[int(clock["entered"])])
        if len(waiting):
            self.exchange.make_room(waiting[0])
        arrays: dict[str, np.ndarray] = {}
        if clock["sent"] + COMMANDS_PER_CALL > len(world.commands):
            arrays |= {"commands": _doubled(world.commands), "sent": _doubled(world.sent)}
        if clock["open"] + COMMANDS_PER_CALL > len(world.own):
            arrays["own"] = _doubled(world.own)
        if clock["samples"] + len(world.sampled) > len(world.samples):
            arrays["samples"] = _doubled(world.samples)
        if arrays:
            self.world = world.replaced(**arrays)

    def sent(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Our commands that entered the exchange, the seq of each, and after how many rows of history."""
        count = int(self.clock["entered"])
        return self.world.commands[:count], self.world.sent["seq"][:count], self.world.sent["row"][:count]


def _doubled(array: np.ndarray) -> np.ndarray:
    made = np.zeros(2 * len(array), array.dtype)
    made[: len(array)] = array
    return made

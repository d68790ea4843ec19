"""Scripts of what several traders do, each command at its second, and the log of what an exchange says to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.log.event_log import EventLog
from engine import Exchange, Instrument, Side, cancel, limit
from engine.messages.commands import Command
from engine.messages.records import FACT

SECOND = 10**9
START = 1_767_625_200 * SECOND  # 2026-01-05 15:00 UTC
INSTRUMENTS = [Instrument("X", "0.01"), Instrument("Y", "0.01")]


class Script:
    """Commands of several traders, each at its second."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self._id = 0

    def at(self, second: float, make: Callable[..., Command], *given: Any, **named: Any) -> None:
        """A command of some kind."""
        self.commands.append(make(*given, ts=START + round(second * SECOND), **named))

    def order(self, second: float, trader: str, side: Side, quantity: int, price: str, portfolio: str = "", symbol: str = "X") -> int:
        """A LIMIT order for the trader's own portfolio, or another; returns its id."""
        self._id += 1
        owner = portfolio or f"p-{trader}"
        self.at(second, limit, self._id, symbol, side, quantity, price, trader=trader, portfolio=owner)
        return self._id

    def cancel(self, second: float, order_id: int, trader: str, symbol: str = "X") -> None:
        """A cancel."""
        self.at(second, cancel, order_id, symbol, trader=trader)


def played(script: Script, **options: Any) -> tuple[Exchange, np.ndarray, np.ndarray, np.ndarray]:
    """The exchange after the script, in the order of its times; commands, their seqs, and facts."""
    exchange = Exchange(INSTRUMENTS, **options)
    opening, opened = exchange.opening, exchange.facts.copy()
    commands = exchange.encode(*sorted(script.commands, key=lambda one: one.ts))
    facts = np.concatenate([opened, exchange.run(commands)], dtype=FACT)
    every = np.concatenate([opening, commands])
    seqs = np.setdiff1d(np.arange(1, len(every) + len(facts) + 1), facts["seq"]).astype(np.int64)
    return exchange, every, seqs, facts


def logged(path: Path, script: Script, **options: Any) -> EventLog:
    """An open log of a session `desk` with what the exchange said to a script."""
    _, commands, seqs, facts = played(script, **options)
    log = EventLog(path)
    log.append(log.begin("desk", {}, INSTRUMENTS), commands, facts, seqs)
    return log

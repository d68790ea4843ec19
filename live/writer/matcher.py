"""The one who writes: takes what waits, stamps it, lets the engine carry it out, and hands what came of it to the committer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.messages.records import COMMAND
from engine.strategy.live_driver import LiveDriver, Turn
from live.wire.portfolios import Account, account, touched
from live.writer.clock import Clock, ReplayClock
from live.writer.days import Days
from live.writer.intake import Intake, Question, Request
from live.writer.meters import Meters

MOST = 1 << 13
"""Commands of one batch, about: what the engine carries out without letting anybody else run."""
_NONE = np.zeros(0, COMMAND)
APART = 1_000
"""Nanoseconds between two commands of one batch, so that strategies' answers fit between them."""


@dataclass(slots=True)
class Matched:
    """A turn that is to be committed, and who waits for that."""

    turn: Turn
    requests: list[tuple[Request, int]] = field(default_factory=list)  # with their first row among the turn's given commands
    answers: "list[tuple[asyncio.Future[Any], Any]]" = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    portfolios: dict[str, Account] = field(default_factory=dict)  # those that it changed


class Matcher:
    """Runs the engine, batch after batch; `hand` takes each on, and `room` waits until there is room for the next."""

    def __init__(self, driver: LiveDriver, intake: Intake, clock: Clock, days: Days, meters: Meters) -> None:
        self.driver, self.intake, self.clock, self.days, self.meters = driver, intake, clock, days, meters
        self.hand: Callable[[Matched], None] = lambda matched: None
        self.heard: Callable[[set[str]], None] | None = None
        self.logged: Callable[[str, int, str], None] = lambda strategy, ts, text: None
        self.pictures = False
        self.commands = 0
        self.until = 0
        self._names: list[str] = []

    @property
    def now(self) -> int:
        """Session time: everything up to it has happened."""
        return max(int(self.driver.clock["now"]), self.until)

    async def work(self) -> bool:
        """Wait for something to do and do it; False once the intake is closed and empty."""
        if self.intake.closed and not len(self.intake):
            return False
        await self.intake.wait(self._patience())
        self.step(self.intake.take(MOST))
        return True

    def step(self, taken: list[Request | Question]) -> None:
        """Carry out what was taken, and whatever is due by now."""
        began = time.perf_counter()
        now = self.clock.now()
        requests = [one for one in taken if isinstance(one, Request)]
        commands, first, last = self._stamped(requests, now)
        until = last if isinstance(self.clock, ReplayClock) and not self.clock.speed else max(now, last)
        matched = Matched(self.driver.turn(commands, until), first)
        self.until = until
        matched.cursors = {one.source: one.offset for one in requests if one.source}
        for one in taken:
            if isinstance(one, Question):
                matched.answers.append((one.answer, _asked(one.ask, self.driver.exchange)))
        for said in self.driver.said():
            self.logged(*said)
        turn = matched.turn
        if not (len(turn.seqs) or matched.answers or matched.requests):
            return
        self.commands += len(turn.seqs)
        if self.heard is not None and requests:
            traders = list(self.driver.exchange.names.traders)
            self.heard({traders[k] for k in np.unique(turn.commands["trader"][turn.given >= 0]).tolist() if k < len(traders)})
        if self.pictures:
            matched.portfolios = self._changed(turn.facts)
        self.meters.stage("match").observe(time.perf_counter() - began)
        self.hand(matched)

    def _stamped(self, requests: list[Request], now: int) -> tuple[np.ndarray, list[tuple[Request, int]], int]:
        """The commands of requests and of the day, each with its time; the first row of each request; the last time."""
        last, count = self.now, 0
        rows: list[np.ndarray] = []
        first: list[tuple[Request, int]] = []
        for turned in self.days.due(max(now, last)):
            turned["ts"] = np.maximum(turned["ts"], last + 1 + np.arange(len(turned)))
            last = int(turned["ts"][-1])
            rows.append(turned)
            count += len(turned)
        for one in requests:
            first.append((one, count))
            if not len(one.commands):
                continue
            made = one.commands
            if one.timed:
                made["ts"] = np.maximum(made["ts"], last + 1)
                if isinstance(self.clock, ReplayClock):
                    self.clock.reached = max(self.clock.reached, int(made["ts"][-1]))
            else:
                made["ts"] = max(now, last + 1) + APART * np.arange(len(made))
            last = int(made["ts"][-1])
            rows.append(made)
            count += len(made)
        return rows[0] if count and len(rows) == 1 else np.concatenate([_NONE, *rows], dtype=COMMAND), first, last

    def _changed(self, facts: np.ndarray) -> dict[str, Account]:
        """The portfolios whose cash or positions the facts changed, as they are now."""
        exchange = self.driver.exchange
        if len(self._names) < len(exchange.names.portfolios):
            self._names = list(exchange.names.portfolios)
        return {self._names[number]: account(exchange.state, number) for number in touched(facts)}

    def _patience(self) -> float | None:
        """Seconds until a timer or the day asks for a turn; None where nothing does."""
        due = min(self.driver.due(), self.days.next)
        return None if due >= 1 << 62 else self.clock.wait(due)


def _asked(ask: Callable[[Any], Any], exchange: Any) -> Any:
    try:
        return ask(exchange)
    except Exception as error:
        return error

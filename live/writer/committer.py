"""Group commit: what was matched meanwhile becomes one durable transaction; only then it leaves the session."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np

from data.write_ahead.session_log import SessionLog
from engine.messages.records import COMMAND, FACT
from live.wire.portfolios import Account
from live.writer.committed import Committed
from live.writer.matcher import Matched
from live.writer.meters import Meters

AHEAD = 1 << 17
"""Rows that may be matched before they are committed."""


class Committer:
    """Appends to the log in a thread of its own; `sinks` are shown each committed batch, in order, before anybody is answered."""

    def __init__(self, log: SessionLog, session: int, thread: Executor, meters: Meters) -> None:
        self.log, self.session, self.thread, self.meters = log, session, thread, meters
        self.sinks: list[Callable[[Committed], None]] = []
        self.portfolios: Callable[[dict[str, Account], int, int], None] = lambda changed, seq, ts: None
        self.cursors: dict[str, int] = {}
        self._waiting: list[Matched] = []
        self._rows = 0
        self._some, self._room, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()
        self._idle.set()

    def offer(self, matched: Matched) -> None:
        """Commit it next."""
        self._waiting.append(matched)
        self._rows += len(matched.turn.seqs) + len(matched.turn.facts)
        if self._rows >= AHEAD:
            self._room.clear()
        self._idle.clear()
        self._some.set()

    def flush(self) -> None:
        """Keep the cursors that were noted, though nothing else is to be committed."""
        if self.cursors and not self._waiting:
            self._idle.clear()
            self._some.set()

    async def room(self) -> None:
        """Wait until little enough is ahead of the log."""
        await self._room.wait()

    async def idle(self) -> None:
        """Wait until everything is committed and told."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit whatever waits, for ever. Raises LogError where a commit fails: nothing of that batch is stored or told."""
        loop = asyncio.get_running_loop()
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting, self._rows = self._waiting, [], 0
            noted, self.cursors = self.cursors, {}
            self._room.set()
            began = time.perf_counter()
            commands, seqs, facts, positions = _merged(batch)
            cursors = noted
            for one in batch:
                cursors.update(one.cursors)
            await loop.run_in_executor(self.thread, self._append, commands, seqs, facts, positions, cursors)
            self.meters.stage("commit").observe(time.perf_counter() - began)
            self._tell(batch, Committed(commands, seqs, facts))
            if not self._some.is_set():
                self._idle.set()

    def _append(self, commands: np.ndarray, seqs: np.ndarray, facts: np.ndarray, positions: np.ndarray, cursors: dict[str, int]) -> None:
        self.log.commit(self.session, commands, facts, seqs, positions, cursors)

    def _tell(self, batch: list[Matched], committed: Committed) -> None:
        counts = self.meters.counts
        counts["batches"] += 1
        counts["commands"] += len(committed.seqs)
        counts["facts"] += len(committed.facts)
        if len(committed.seqs):
            for sink in self.sinks:
                sink(committed)
        now = time.monotonic_ns()
        for one in batch:
            if one.portfolios:
                self.portfolios(one.portfolios, int(one.turn.facts["seq"][-1]), int(one.turn.facts["ts"][-1]))
            answers = Answers(one) if any(request.answer is not None for request, _ in one.requests) else None
            for request, first in one.requests:
                if request.arrived:
                    self.meters.stage("answer").observe((now - request.arrived) / 1e9)
                if answers is not None and request.answer is not None and not request.answer.done():
                    request.answer.set_result(answers.of(first, len(request.commands)))
            for future, value in one.answers:
                if not future.done():
                    if isinstance(value, Exception):
                        future.set_exception(value)
                    else:
                        future.set_result(value)


class Answers:
    """The facts of each given command of a turn."""

    def __init__(self, matched: Matched) -> None:
        turn = matched.turn
        self.facts = turn.facts
        self.given = np.flatnonzero(turn.given >= 0)
        self.begins = np.searchsorted(turn.facts["seq"], turn.seqs[self.given])
        self.ends = np.searchsorted(turn.facts["seq"], np.append(turn.seqs, 1 << 62)[self.given + 1])

    def of(self, first: int, count: int) -> np.ndarray:
        """The facts (FACT) of the given commands from row `first` on."""
        if not count:
            return np.zeros(0, FACT)
        if self.given[first + count - 1] - self.given[first] == count - 1:  # nobody sent anything in between
            return self.facts[self.begins[first] : self.ends[first + count - 1]]
        pieces = [self.facts[a:b] for a, b in zip(self.begins[first : first + count], self.ends[first : first + count])]
        return np.concatenate(pieces, dtype=FACT)


def _merged(batch: list[Matched]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Commands, seqs, facts and positions of several turns. A strategy's own command has as position the seq of the one before it."""
    turns = [one.turn for one in batch]
    if not turns:
        return np.zeros(0, COMMAND), np.zeros(0, np.int64), np.zeros(0, FACT), np.zeros(0, np.int64)
    if len(turns) == 1:
        commands, seqs, facts, given = turns[0]
    else:
        commands = np.concatenate([turn.commands for turn in turns], dtype=COMMAND)
        seqs, given = (np.concatenate([turn[k] for turn in turns]) for k in (1, 3))
        facts = np.concatenate([turn.facts for turn in turns], dtype=FACT)
    return commands, seqs, facts, np.where(given < 0, seqs - 1, -1)

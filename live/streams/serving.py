"""The streams over topics: market-data-raw in; bars, indicators and alerts out, each once, whatever is killed in between.

State and offset are kept together, after what they caused was published. What is told is numbered; records carry their number. After a
crash the streams go on from what was kept, do the same again, and leave out what the topics have already.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.messages.durations import duration_ns
from live.broker.port import BEGINNING, Broker, Message, OffsetRemoved, Outgoing, Reader
from live.broker.topics import MARKET_DATA_RAW
from live.streams.intake import Intake
from live.streams.kept import Kept, StateFile, begin, pack
from live.streams.kernels.records import Bad
from live.streams.pipeline import Pipeline
from live.streams.told_json import TOPICS, ToldWriter, plain_rows

MOST = 1_000
"""Messages of a micro-batch, at most."""
WAIT = 0.5
_CHECKED = 1.0
"""Seconds between two looks whether the shard's streams are still ours."""
_BACK = (1, 64, 4_096)
Notice = Callable[..., None]


def _nothing() -> None:
    """Nothing is to be done."""


def _save(before: Callable[[], None], file: StateFile, packed: bytes) -> None:
    before()
    file.save(packed)


def _silent(kind: str, **said: Any) -> None:
    """Nobody listens."""


class Serving:
    """One shard's streams over a broker. `folder`: where its state is kept; None keeps none. `notice`: told what the operator should know.

    `passing`: the topics live and die with this process, so a kept offset means nothing.
    """

    def __init__(
        self,
        broker: Broker,
        pipeline: Pipeline,
        folder: Path | str | None,
        *,
        shard: int = 0,
        passing: bool = False,
        begin_at: int = BEGINNING,
        notice: Notice = _silent,
    ) -> None:
        self.broker, self.pipeline, self.shard, self.notice = broker, pipeline, shard, notice
        self._file = StateFile(Path(folder), shard) if folder is not None else None
        self._passing, self._writer = passing, ToldWriter(pipeline.folding.known)
        self._published: dict[str, int] = {}
        self.before_state: Callable[[], Callable[[], None]] = lambda: _nothing
        """Asked whenever the state is kept: what is to be done, in the thread that keeps it, before it is."""
        self.kept = self._file.load(pipeline.folding) if self._file is not None else begin()
        self._fresh = self.kept.offset < 0
        if passing or self._fresh:
            self.kept = self.kept._replace(offset=BEGINNING if passing else begin_at)
        self._intake = Intake(pipeline.folding, self.kept.seqs)
        self._complained: dict[Bad, int] = {reason: int(pipeline.folding.state.counts[reason]) for reason in Bad}
        self._every = duration_ns(pipeline.folding.settings.store_every) / 1e9
        pipeline.consume("told", self._publish)

    async def run(self) -> None:
        """Serve until it is cancelled; keeps the state at the end.

        Raises BrokerError, Fenced once other streams serve the shard, and what a consumer raised.
        """
        claim = await self.broker.claim(f"streams-{self.shard}")
        reader = await self._begin()
        stored, changed, asked = time.monotonic(), False, time.monotonic()
        try:
            while True:
                messages = await reader.take(MOST, WAIT)
                if time.monotonic() - asked >= _CHECKED:
                    await claim.check()
                    asked = time.monotonic()
                if messages:
                    await self._take(messages)
                    changed = True
                if changed and time.monotonic() - stored >= self._every:
                    await self._store()
                    stored, changed = time.monotonic(), False
        finally:
            await asyncio.shield(self._end(reader, changed))

    async def _end(self, reader: Reader, changed: bool) -> None:
        if changed and self._whole:
            await self._store()
        await reader.close()

    async def _begin(self) -> Reader:
        """A reader from where the streams stood; what the topics have of ours already is found out first."""
        self._whole = True
        for topic in dict.fromkeys(TOPICS.values()):
            self._published[topic] = 0 if self._fresh else await last_number(self.broker, topic, self.shard, self.kept.lineage)
        try:
            reader = await self.broker.read(MARKET_DATA_RAW, self.shard, self.kept.offset)
        except OffsetRemoved as gone:
            lost = f"offsets {self.kept.offset} to {gone.first - 1} were removed before they were taken"
            self.notice("TicksRemoved", topic=MARKET_DATA_RAW, failure=f"{lost}; give the topic a longer retention")
            reader = await self.broker.read(MARKET_DATA_RAW, self.shard, gone.first)
        self.kept = self.kept._replace(offset=reader.position)
        await self._store()  # the lineage is known before anything is published under it
        return reader

    async def _take(self, messages: Sequence[Message]) -> None:
        """One micro-batch: to the end, or not at all."""
        self._whole = False
        ticks, letters = self._intake.read(messages)
        if letters:
            await self.broker.publish(letters)
        if len(ticks):
            await self.pipeline.put(ticks)
        self.kept = Kept(self.kept.lineage, messages[-1].offset + 1, self._intake.seqs)
        self._whole = True
        self._complain()

    async def _publish(self, told: np.ndarray) -> None:
        lineage, made = self.kept.lineage.encode(), []
        for row in plain_rows(told):
            topic, number = TOPICS[row["kind"]], row["number"]
            if number <= self._published[topic]:
                continue
            self._published[topic] = number
            headers = (("streams", lineage), ("number", b"%d" % number))
            made.append(Outgoing(topic, self.shard, self._writer.keys[row["symbol"]], self._writer.text(row).encode(), headers))
        if made:
            await self.broker.publish(made)

    async def _store(self) -> None:
        if self._file is not None:
            packed, before = pack(self.kept, self.pipeline.folding), self.before_state()
            await asyncio.to_thread(_save, before, self._file, packed)

    def _complain(self) -> None:
        """Say what to do about bad ticks: at the first of a reason, and whenever there are ten times as many."""
        counts = self.pipeline.folding.state.counts
        for reason in Bad:
            count, told = int(counts[reason]), self._complained[reason]
            if count > told and (told == 0 or count >= 10 * told):
                self._complained[reason] = count
                self.notice("BadTicks", reason=reason.name, count=count, failure=self.pipeline.folding.complaint(reason))


async def last_number(broker: Broker, topic: str, shard: int, lineage: str) -> int:
    """The number of the last record of a lineage in a topic; 0 where there is none."""
    first, end = (await broker.ends(topic))[shard]
    for back in (*_BACK, end - first):
        reader = await broker.read(topic, shard, max(first, end - back))
        found = 0
        try:
            while reader.position < end and (taken := await reader.take(MOST, 1.0)):
                for message in taken:
                    said = dict(message.headers)
                    if said.get("streams") == lineage.encode() and said.get("number", b"").isdigit():
                        found = max(found, int(said["number"]))
        finally:
            await reader.close()
        if found or end - back <= first:
            return found
    return 0


async def serve(
    broker: Broker,
    pipeline: Pipeline,
    folder: Path | str | None = None,
    *,
    shard: int = 0,
    begin_at: int = BEGINNING,
    notice: Notice = _silent,
) -> None:
    """Serve the streams of a shard over an opened broker, from `market-data-raw` to its other topics, until it is cancelled.

    `folder`: where state and offset are kept together. Without a kept state they begin at the offset `begin_at` (BEGINNING: with what the
    topic still has; END: with what comes). `notice(kind, **said)` is told what an
    operator should know. Raises BrokerError, KeptError, and what a consumer of the pipeline raised.
    """
    await Serving(broker, pipeline, folder, shard=shard, begin_at=begin_at, notice=notice).run()

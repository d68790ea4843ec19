"""The pipeline over history: a feed or a frame of ticks in, frames out."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from data.feed import DataError, Feed
from engine.messages.instrument import Instrument
from engine.state.card import card, figures, note, table
from live.configuration.streams import StreamsSettings
from live.streams.folding import Known
from live.streams.frames import alerts_frame, bars_frame, feed_ticks, frame_ticks, values_frame
from live.streams.kernels.records import TICK, TOLD
from live.streams.pipeline import Pipeline

BATCH = 10_000
SHOWN = 5
"""Bars that a notebook shows, the last."""


class Output:
    """What the streams told of a history. `told`: TOLD (n,), in its order; `counts`: ticks, what was told, and bad ticks by reason."""

    def __init__(self, told: np.ndarray, known: Known, counts: dict[str, int]) -> None:
        self.told, self.known, self.counts = told, known, counts

    def __repr__(self) -> str:
        said = ", ".join(f"{count:,} {name}" for name, count in self.counts.items() if count)
        return f"<Output {said}>"

    def _repr_html_(self) -> str:
        counts = figures((name.replace("_", " "), f"{count:,}") for name, count in self.counts.items() if count)
        bars = self.bars.tail(SHOWN)
        named = ("symbol", "start", "open", "high", "low", "close", "volume", "trades")
        rows = [[_cell(row[name]) for name in named] for row in bars.rows(named=True)]
        last = table(named, rows, words=2) if rows else note("No bar was made.")
        return card("Streams", "what they made of a history: .bars, .indicators, .alerts; the last bars:", counts, last)

    @property
    def bars(self) -> pl.DataFrame:
        """The bars: symbol, start, end, open, high, low, close, volume, vwap, trades, revision; of each minute its last revision."""
        frame = bars_frame(self.told, self.known)
        return frame.unique(["symbol", "start"], keep="last", maintain_order=True)

    @property
    def revisions(self) -> pl.DataFrame:
        """The bars as they were told, every revision."""
        return bars_frame(self.told, self.known)

    @property
    def indicators(self) -> pl.DataFrame:
        """Values of the indicators: symbol, name, ts, value."""
        return values_frame(self.told, self.known)

    @property
    def alerts(self) -> pl.DataFrame:
        """Alerts: symbol, ts, type, and what belongs to its type."""
        return alerts_frame(self.told, self.known)

    def json(self, topic: str) -> list[str]:
        """The messages of a topic, as the live streams send them."""
        from live.streams.told_json import TOPICS, ToldWriter, plain_rows

        if topic not in TOPICS.values():
            raise ValueError(f"the streams do not write {topic!r}; ask for {', '.join(dict.fromkeys(TOPICS.values()))}")
        writer = ToldWriter(self.known)
        return [writer.text(row) for row in plain_rows(self.told) if TOPICS[row["kind"]] == topic]


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def run(
    source: Any,
    instruments: Sequence[Instrument] | None = None,
    settings: StreamsSettings | None = None,
    *,
    batch: int = BATCH,
    finish: bool = True,
    **options: Any,
) -> Output:
    """The streams over a history: a feed, a frame of ticks (`live.streams.frame_ticks` says its columns), or an array of ticks (TICK).

    `instruments`: what the frame's symbols are, with their units; a feed brings its own. `settings`, or `options` as in `[streams]` of a
    session's file: `indicators=["SMA5"]`, `price="0.03"`. `batch`: ticks a micro-batch, which changes no result. `finish`: tell the windows
    that are open at the end. Raises DataError, ValueError.
    """
    if batch < 1:
        raise ValueError(f"batch is {batch}; a micro-batch has at least one tick")
    if settings is not None and options:
        raise ValueError("give settings, or single options, not both")
    listed = list(source.instruments if isinstance(source, Feed) else instruments or ())
    if not listed:
        raise DataError("ticks", "the streams need the units of what is traded; give instruments=[Instrument(symbol, tick), …]")
    pipeline = Pipeline(listed, settings or StreamsSettings(**options))
    told: list[np.ndarray] = [np.zeros(0, TOLD)]
    pipeline.consume("told", told.append)
    _in_a_loop(_all(pipeline, _batches(_ticks(source, listed), batch), finish))
    return Output(np.concatenate(told), pipeline.folding.known, pipeline.counts)


def _ticks(source: Any, listed: Sequence[Instrument]) -> Iterable[np.ndarray]:
    if isinstance(source, Feed):
        return feed_ticks(source)
    if isinstance(source, np.ndarray) and source.dtype == TICK:
        return [source]
    return [frame_ticks(source, listed)]


def _batches(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    for piece in pieces:
        for at in range(0, len(piece), size):
            yield piece[at : at + size]


async def _all(pipeline: Pipeline, batches: Iterator[np.ndarray], finish: bool) -> None:
    try:
        for one in batches:
            await pipeline.put(one)
        if finish:
            await pipeline.finish()
    finally:
        await pipeline.close()


def _in_a_loop(work: Any) -> None:
    """Run it in an event loop: this thread's own, or, where one runs already (a notebook), in a thread beside."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1, "streams") as thread:
        thread.submit(asyncio.run, work).result()

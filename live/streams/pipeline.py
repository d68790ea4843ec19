"""The pipeline: micro-batches of ticks in at one end, consumers of bars, indicators, alerts and quotes at the other. A streamz graph.

The same object runs over history (`live.streams.run`) and over topics (`live.streams.serve`), with the same output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from streamz import Stream

from engine.messages.instrument import Instrument
from live.configuration.streams import StreamsSettings
from live.streams.folding import Folding
from live.streams.kernels.records import SYMBOL, TOLD, Told
from live.streams.nodes import Consumer, MicroBatches, Supervisor, Take, check_policy, consumer

QUOTE = np.dtype([("symbol", "<u4")] + [(name, SYMBOL[name]) for name in (*(SYMBOL.names or ())[:8], "last_ts", "quote_ts", "has")])
"""The latest quote of a symbol: price units and lots; what `has` does not name is 0, times are NEVER."""
BRANCHES: dict[str, tuple[int, ...]] = {
    "bars": (Told.BAR,),
    "indicators": (Told.VALUE,),
    "alerts": (Told.PRICE_ALERT, Told.SPREAD_ALERT, Told.VOLUME_ALERT),
    "told": tuple(Told),
}
"""What a consumer may ask for, beside `quotes`."""


class Pipeline:
    """Streams of the listed instruments, whose numbers ticks carry.

    Add consumers, then `put` micro-batches (TICK) from one task and await each; `close` at the end. A consumer is told arrays of rows:
    TOLD, or QUOTE for `quotes`. `folding`: the state of an earlier pipeline, to go on with.
    """

    def __init__(
        self, instruments: Sequence[Instrument], settings: StreamsSettings | None = None, *, folding: Folding | None = None
    ) -> None:
        self.folding = folding or Folding(instruments, settings)
        self._wanted: list[tuple[str, Take, str]] = []
        self._consumers: list[Consumer] = []
        self._source: MicroBatches | None = None
        self._supervisor = Supervisor()

    def consume(self, what: str, take: Take, policy: str = "block") -> None:
        """Tell `take` (a function, or one that is awaited) of `bars`, `indicators`, `alerts`, `quotes`, or of all that is `told`.

        `policy`: what becomes of the stream when it is slow: `block` (it waits), `buffer(1000)` (up to so many rows are kept, then the
        oldest dropped), `latest` (the newest row of each symbol is kept). Raises ValueError.
        """
        check_policy(policy)
        if what not in (*BRANCHES, "quotes"):
            raise ValueError(f"the streams tell no {what!r}; ask for {', '.join((*BRANCHES, 'quotes'))}")
        if self._source is not None:
            raise ValueError("consumers are added before the first batch is put")
        self._wanted.append((what, take, policy))

    @property
    def counts(self) -> dict[str, int]:
        """What was looked at, told, refused by reason, and `dropped` by consumers that were too slow."""
        return self.folding.counts | {"dropped": sum(one.dropped for one in self._consumers)}

    async def put(self, ticks: np.ndarray) -> None:
        """One micro-batch. Returns once every blocking consumer has taken what came of it; raises what any consumer has failed with."""
        await self._emit(ticks, False)

    async def finish(self) -> None:
        """The market is over: tell what is open, and wait until every consumer has taken what it gets."""
        await self._emit(np.zeros(0, np.uint8), True)
        for one in self._consumers:
            await one.settled()
        self._supervisor.check()

    async def close(self) -> None:
        """Let go of the graph."""
        await self._supervisor.close()
        for one in self._consumers:
            one.destroy()

    async def _emit(self, batch: np.ndarray, last: bool) -> None:
        if self._source is None:
            self._source = self._build()
        self._supervisor.check()
        self._last = last
        await self._source.put(batch)

    def _build(self) -> MicroBatches:
        """The graph, within the running event loop."""
        source = MicroBatches()
        folded = source.map(self._fold)
        branches: dict[str, Stream] = {}
        for what, take, policy in self._wanted:
            if what not in branches:
                branches[what] = folded.map(self._quotes if what == "quotes" else _chooser(BRANCHES[what]))
            self._consumers.append(consumer(policy, branches[what], take, self._supervisor))
        self._kept: list[Any] = [folded, *branches.values()]  # streamz holds what is downstream by weak references alone
        return source

    def _fold(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._last:
            return batch, self.folding.finish()
        return batch, self.folding.take(batch)

    def _quotes(self, folded: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """The latest quotes of the symbols that a batch named."""
        ticks, symbols = folded[0], self.folding.state.symbols
        if ticks.dtype.names is None:
            return np.zeros(0, QUOTE)
        touched = np.unique(ticks["symbol"])
        touched = touched[touched < len(symbols)]
        made = np.zeros(len(touched), QUOTE)
        made["symbol"] = touched
        for name in (QUOTE.names or ())[1:]:
            made[name] = symbols[name][touched]
        return made


def _chooser(kinds: tuple[int, ...]) -> Any:
    def choose(folded: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        told = folded[1]
        return told if len(kinds) == len(Told) or not len(told) else told[np.isin(told["kind"], kinds)]

    return choose


__all__ = ["BRANCHES", "QUOTE", "TOLD", "Pipeline"]

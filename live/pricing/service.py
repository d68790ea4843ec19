"""The pricing service of a session: what its sources say becomes MARK commands, each when it changes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.configuration import ConfigurationError
from engine.errors import TapebookError
from engine.messages.commands import mark
from engine.messages.durations import duration_ns
from engine.messages.instrument import Instrument
from live.configuration.streams import StreamsSettings
from live.models.market import quote
from live.pricing.formulas import Formula, formula_of
from live.pricing.marks import MarkFile, Marks, MarkTopic


class Pricing:
    """Marks from a file or topic, and theoretical prices. `folder`: where a relative file is looked for."""

    def __init__(self, settings: StreamsSettings, instruments: Sequence[Instrument], folder: Path = Path()) -> None:
        self.settings, self._listed, self._folder = settings, {one.symbol: one for one in instruments}, folder
        self._formulas = theoretical(settings, self._listed)
        self._sent: Marks = {}
        self._said, self._complained = "", 0

    async def run(self, session: Any) -> None:
        """Price for ever; what a source gets wrong is said once, and the rest goes on. Raises BrokerError."""
        source = self._source(session)
        every = duration_ns(self.settings.marks.every if self.settings.marks else "1s") / 1e9
        while True:
            try:
                marks = await source.newest() if source is not None else {}
                self._complain(session, source)
                marks |= await self._theoretical(session) if self._formulas else {}
                await self._send(session, marks)
            except TapebookError as odd:
                if str(odd) != self._said:
                    self._said = str(odd)
                    session.notice("MarksRefused", failure=str(odd))
            await asyncio.sleep(every)

    def _complain(self, session: Any, source: MarkFile | MarkTopic | None) -> None:
        """Say what was wrong with a record of the topic: at the first, and whenever there are ten times as many."""
        count = source.refused if isinstance(source, MarkTopic) else 0
        if isinstance(source, MarkTopic) and count > self._complained and count >= 10 * self._complained:
            self._complained = count
            session.notice("MarksRefused", topic=source.topic, count=count, failure=f"{source.complaint}; it is in dead-letters")

    def _source(self, session: Any) -> MarkFile | MarkTopic | None:
        given, listed = self.settings.marks, list(self._listed.values())
        if given is None:
            return None
        if given.file is not None:
            return MarkFile(self._folder / given.file, listed)
        broker = session.equipment.broker
        if broker is None or given.topic is None:
            raise ConfigurationError([f"streams.marks: the topic {given.topic!r} lies on a broker; name one, or a file"])
        return MarkTopic(broker, given.topic, session.settings.broker.shard, listed)

    async def _theoretical(self, session: Any) -> Marks:
        needs = sorted({symbol for one in self._formulas.values() for symbol in one.needs})
        ts = session.clock.now()
        quotes = await session.ask(lambda exchange: [quote(exchange, symbol) for symbol in needs])
        prices = {symbol: _price(found) for symbol, found in zip(needs, quotes)}
        made: Marks = {}
        for symbol, formula in self._formulas.items():
            known = {name: price for name in formula.needs if (price := prices[name]) is not None}
            if len(known) == len(formula.needs):
                made[symbol] = round(formula.price(known, ts) / float(self._listed[symbol].price_unit))
        return made

    async def _send(self, session: Any, marks: Marks) -> None:
        changed = {symbol: units for symbol, units in marks.items() if self._sent.get(symbol) != units}
        if changed:
            await session.send([mark(symbol, self._listed[symbol].price(units)) for symbol, units in changed.items()])
            self._sent |= changed


def _price(found: dict[str, Any]) -> float | None:
    """The middle of the best prices, else the last trade, else the mark."""
    if found["bid"] is not None and found["ask"] is not None:
        return float(found["bid"] + found["ask"]) / 2
    price = found["last"] if found["last"] is not None else found["mark"]
    return None if price is None else float(price)


def theoretical(settings: StreamsSettings, listed: dict[str, Instrument]) -> dict[str, Formula]:
    """The formulas by symbol. Raises ConfigurationError with every problem."""
    made: dict[str, Formula] = {}
    problems: list[str] = []
    for k, one in enumerate(settings.theoretical):
        where = f"streams.theoretical {k + 1} ({one.symbol})"
        try:
            formula = formula_of(one.formula, one.of, one.set)
        except ValueError as odd:
            problems.append(f"{where}: {odd}")
            continue
        unknown = [symbol for symbol in (one.symbol, *formula.needs) if symbol not in listed]
        if unknown:
            problems.append(f"{where}: no instrument {unknown[0]!r}; there are {', '.join(listed)}")
        made[one.symbol] = formula
    if problems:
        raise ConfigurationError(problems)
    return made

"""The streams' state and the kernels over it: ticks in, what they tell out, however they are cut into batches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.messages.durations import duration_ns
from engine.messages.instrument import Instrument
from engine.messages.records import zeros
from engine.messages.vocabulary import NOT_WHOLE
from live.configuration.streams import StreamsSettings, indicator, share
from live.streams.kernels.fold import finish, take
from live.streams.kernels.records import MENDS, MINUTE, NEVER, PARTS, TICK, TOLD, Bad, Formula, Has, StreamState

ROOM = 1 << 10


class Known(NamedTuple):
    """What the streams know of their world: the listed instruments, whose numbers ticks carry, and the indicators."""

    instruments: Sequence[Instrument]
    indicators: Sequence[str]

    def numbers(self) -> dict[str, int]:
        """Symbol to number."""
        return {one.symbol: number for number, one in enumerate(self.instruments)}

    def value_name(self, number: int, part: int) -> str:
        """The name of a value: SMA5, BOLLINGER20_UPPER."""
        name = self.indicators[number]
        return name + PARTS[Formula[indicator(name)[0]]][part]

    def value_names(self) -> frozenset[str]:
        """The names of all values."""
        parts = [len(PARTS[Formula[indicator(name)[0]]]) for name in self.indicators]
        return frozenset(self.value_name(number, part) for number, count in enumerate(parts) for part in range(count))


def _rules(settings: StreamsSettings, state: StreamState) -> None:
    rules, lengths = state.rules, [indicator(name) for name in settings.indicators]
    for name in ("allowance", "revise", "jump"):
        rules[name] = duration_ns(getattr(settings, name))
    for name in ("confirm", "spread", "volume", "quotes", "volumes"):
        rules[name] = getattr(settings, name)
    rules["slots"], rules["bars"] = _slots(settings), _bars(settings)
    rules["longest"] = max([1, *(length for formula, length in lengths if formula == "SMA")])
    rules["price"] = share(settings.price)
    for k, (formula, length) in enumerate(lengths):
        state.indicators[k] = (length, Formula[formula])


def _slots(settings: StreamsSettings) -> int:
    return (duration_ns(settings.allowance) + duration_ns(settings.revise)) // MINUTE + 3


def _bars(settings: StreamsSettings) -> int:
    return max([settings.volumes, 1, *(length for formula, length in map(indicator, settings.indicators) if formula != "SMA")]) + 1


def empty_state(instruments: Sequence[Instrument], settings: StreamsSettings) -> StreamState:
    """Streams that have seen nothing. Raises ValueError for a close of an unlisted symbol, or off its price unit."""
    count, kinds = len(instruments), len(settings.indicators)
    bars = count * _bars(settings)
    lengths = {"head": 1, "rules": 1, "counts": len(Bad), "examples": len(Bad), "held": settings.confirm, "symbols": count}
    lengths |= {"windows": count * _slots(settings), "indicators": kinds, "memories": 2 * count * kinds}
    lengths |= {"closes": bars, "vwaps": bars, "volumes": bars}
    state = StreamState(**{name: zeros(lengths[name], dtype) for name, dtype in StreamState.FIELDS.items()})
    state.head["clock"] = NEVER
    state.windows["minute"] = NEVER
    state.memories["key"] = NEVER
    for name in ("last_ts", "quote_ts"):
        state.symbols[name] = NEVER
    _rules(settings, state)
    numbers = {one.symbol: number for number, one in enumerate(instruments)}
    for number, one in enumerate(instruments):
        state.symbols[number]["negative"] = one.negative_prices
    for symbol, price in settings.closes.items():
        if symbol not in numbers:
            raise ValueError(f"streams: closes names {symbol!r}, which is not listed; there are {', '.join(numbers)}")
        units = instruments[numbers[symbol]].price_units(price)
        if units == NOT_WHOLE:
            raise ValueError(f"streams: the close {price} of {symbol} is off its price unit {instruments[numbers[symbol]].price_unit}")
        state.symbols[numbers[symbol]]["close"] = units
        state.symbols[numbers[symbol]]["has"] = int(Has.CLOSE)
    return state


class Folding:
    """Ticks (TICK) in, TOLD rows out. Which are in one batch makes no difference."""

    def __init__(self, instruments: Sequence[Instrument], settings: StreamsSettings | None = None) -> None:
        self.settings = settings or StreamsSettings()
        self.known = Known(list(instruments), list(self.settings.indicators))
        if not self.known.instruments:
            raise ValueError("streams need at least one instrument; list what is traded")
        self.state = empty_state(self.known.instruments, self.settings)

    def take(self, ticks: np.ndarray) -> np.ndarray:
        """What these ticks cause to be told (TOLD), in its order."""
        if ticks.dtype != TICK:
            raise TypeError(f"streams take an array of ticks (live.streams.TICK), not {ticks.dtype}")
        parts: list[np.ndarray] = []
        at, room = 0, ROOM + len(ticks)
        while at < len(ticks):
            out = np.zeros(room, TOLD)
            at, rows, least = take(self.state, ticks, at, out, 0)
            parts.append(out[:rows])
            room = max(room, least)
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, TOLD), *parts])

    def finish(self) -> np.ndarray:
        """The market is over: what is open is told, as if the watermark had passed it."""
        rules = self.state.rules[0]
        kinds = len(self.known.indicators)
        most = len(self.known.instruments) * (int(rules["slots"]) * (2 + 3 * kinds) + 2 * kinds) + 4
        out = np.zeros(most, TOLD)
        return out[: finish(self.state, out)]

    @property
    def counts(self) -> dict[str, int]:
        """Ticks that were looked at, what was told, and the ticks that changed nothing by reason."""
        head = self.state.head[0]
        made = {name: int(head[name]) for name in ("ticks", "bars", "values", "alerts")}
        return made | {reason.name.lower(): int(self.state.counts[reason]) for reason in Bad}

    def count(self, reason: Bad, ticks: int = 1) -> None:
        """Note ticks that were bad before they came here."""
        self.state.counts[reason] += ticks

    def complaint(self, reason: Bad) -> str:
        """What to do about bad ticks of a reason: one line."""
        count, last = int(self.state.counts[reason]), self.state.examples[reason]
        number = int(last["symbol"])
        symbol = self.known.instruments[number].symbol if number < len(self.known.instruments) else f"number {number}"
        from live.wire.times import time_text

        where = f", the last of {symbol} at {time_text(int(last['ts']))}" if last["ts"] else ""
        return f"{count:,} tick{'s' * (count != 1)} {reason.name}{where}: {MENDS[reason]}"

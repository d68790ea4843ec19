"""Packed ticks: TICK records as they are, many a message; the headers say layout, count and the symbols with their units."""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from engine.messages.instrument import Instrument
from live.broker.port import Message, Outgoing
from live.streams.kernels.records import TICK
from live.wire.errors import WireError

LAYOUT = b"1"
TICKS_MAX = 10_000
"""Ticks of one message: 800 kB, below the million bytes that a broker takes."""
RECORD = ("record", b"tick")


def pack_ticks(topic: str, instruments: Sequence[Instrument], ticks: np.ndarray, partition: int | None = None) -> Iterator[Outgoing]:
    """Messages of ticks (TICK), at most TICKS_MAX in each."""
    if ticks.dtype != TICK:
        raise TypeError(f"ticks (live.streams.TICK) can be packed, not {ticks.dtype}")
    symbols = json.dumps([[one.symbol, str(one.price_unit), str(one.lot)] for one in instruments], separators=(",", ":")).encode()
    for at in range(0, len(ticks), TICKS_MAX):
        part = ticks[at : at + TICKS_MAX]
        headers = (RECORD, ("layout", LAYOUT), ("count", b"%d" % len(part)), ("symbols", symbols))
        yield Outgoing(topic, partition, None, part.tobytes(), headers)


def is_packed(message: Message) -> bool:
    """Whether a message says that it holds packed ticks."""
    return RECORD in message.headers


class Unpacker:
    """Reads packed ticks into the numbers of the listed instruments."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._listed = {one.symbol: (number, one) for number, one in enumerate(instruments)}
        self._maps: dict[bytes, np.ndarray] = {}

    def ticks(self, message: Message) -> np.ndarray:
        """TICK (n,). An unlisted symbol keeps a number that none has, and is counted as such. Raises WireError for another layout, a
        cut message, or prices in other units."""
        said = dict(message.headers)
        for name in ("layout", "count", "symbols"):
            if name not in said:
                raise WireError(name, "the header is missing; pack the ticks with live.streams.pack_ticks")
        if said["layout"] != LAYOUT:
            raise WireError("layout", f"the ticks have layout {said['layout'][:40]!a}; this Tapebook reads {LAYOUT.decode()}")
        if not said["count"].isdigit() or int(said["count"]) * TICK.itemsize != len(message.value):
            whole = f"{said['count'][:20]!a} ticks of {TICK.itemsize} bytes"
            raise WireError("value", f"it has {len(message.value):,} bytes, which are not {whole}; it was cut: send it again")
        numbers = self._numbers(said["symbols"])
        made = np.frombuffer(message.value, TICK).copy()
        made["symbol"] = numbers[np.minimum(made["symbol"], len(numbers) - 1)]
        return made

    def _numbers(self, symbols: bytes) -> np.ndarray:
        """Their number to ours; the last stands for numbers that they do not name."""
        if symbols not in self._maps:
            if len(self._maps) > 1_000:
                self._maps.clear()
            self._maps[symbols] = self._mapped(symbols)
        return self._maps[symbols]

    def _mapped(self, symbols: bytes) -> np.ndarray:
        try:
            told = [(str(symbol), str(unit), str(lot)) for symbol, unit, lot in json.loads(symbols)]
        except (ValueError, TypeError):
            raise WireError(
                "symbols", "the header is not a list of [symbol, price_unit, lot]; pack them with live.streams.pack_ticks"
            ) from None
        made = np.full(len(told) + 1, np.iinfo(np.uint32).max, np.uint32)
        for at, (symbol, unit, lot) in enumerate(told):
            if symbol not in self._listed:
                continue
            made[at], one = self._listed[symbol]
            if (unit, lot) != (str(one.price_unit), str(one.lot)):
                ours = f"price unit {one.price_unit} and lot {one.lot}"
                raise WireError("symbols", f"{symbol} has price unit {unit} and lot {lot}, but is listed with {ours}; send them as JSON")
        return made

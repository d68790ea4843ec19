"""Records of market-data-raw as JSON: read strictly and exactly, plain ones many at a time; written with what they have."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import NOT_WHOLE
from live.streams.kernels.raw_text import HASHED, ROW, SCALE, read_records
from live.streams.kernels.records import PRICE_END, PRICES, SIZE_END, TICK, Bad, Has
from live.wire.command_json import read_object
from live.wire.errors import WireError
from live.wire.fields import known, name, number, shown, time
from live.wire.numbers import Texts, Units
from live.wire.times import time_text

FIELDS = ("symbol", "ts", "last", "size", "bid", "ask", "open", "high", "low", "close")
Row = tuple[int, ...]
"""The fields of a TICK in their order."""
_BITS = tuple(int(Has[field.upper()]) for field in FIELDS[2:])


class TickError(WireError):
    """A record that is no tick, and the reason under which it is counted."""

    def __init__(self, path: str, says: str, reason: Bad = Bad.UNREADABLE) -> None:
        super().__init__(path, says)
        self.reason = reason


class PlainRecords:
    """Reads records of the listed instruments that are written plainly, many a call; any other is left to a `TickReader`."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        symbols = [one.symbol.encode() for one in instruments]
        self._names = np.frombuffer(b"".join(symbols), np.uint8)
        self._slots = np.full((2 * len(symbols) + 1, 3), -1, np.int64)
        self._scales, self._room = np.zeros(len(symbols), SCALE), np.zeros((9, 2), np.int64)
        end = 0
        for at, (symbol, one) in enumerate(zip(symbols, instruments)):
            start, end = end, end + len(symbol)
            self._slots[self._free(symbol)] = at, start, end
            price, lot = Units(one.price_unit), Units(one.lot)
            self._scales[at] = price.mantissa, price.power, lot.mantissa, lot.power, _least(one)

    def _free(self, symbol: bytes) -> int:
        key = 0
        for letter in symbol:
            key = (key * 31 + letter) & HASHED
        at = key % len(self._slots)
        while self._slots[at, 0] >= 0:
            at = (at + 1) % len(self._slots)
        return at

    def read(self, values: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """The ticks (TICK (n,)) of records, and which of them (bool (n,)) could be read here."""
        made, done = np.zeros(len(values), TICK), np.zeros(len(values), np.bool_)
        text = np.frombuffer(b"\n".join([*values, b""]), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)) + 1) - 1
        rows = made.view(np.int64).reshape(-1, ROW)
        read_records(text, ends, self._names, self._slots, self._scales, self._room, rows, done)
        return made, done


class TickReader:
    """Reads any record of the listed instruments, one at a time, and says what is wrong with one that is no tick."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self.instruments = instruments
        self._numbers = {one.symbol: at for at, one in enumerate(instruments)}

    def row(self, value: bytes) -> Row:
        """The tick of a record. Raises TickError with the field, what is wrong, and the mend."""
        given = read_object(value)
        known(given, FIELDS, "market-data-raw")
        for field in ("symbol", "ts"):
            if given.get(field) is None:
                raise TickError(field, f"it is missing; a record has symbol and ts, and any of {', '.join(FIELDS[2:])}")
        at = self._number(name("symbol", given["symbol"]))
        ts = time("ts", given["ts"])
        if not 0 < ts < 1 << 62:
            raise TickError("ts", f"{shown(given['ts'])} is not from 1970 to 2116; mend the clock of its source", Bad.BAD_TIME)
        made, has = [], 0
        for field, bit in zip(FIELDS[2:], _BITS):
            made.append(0 if given.get(field) is None else self._units(field, given[field], at))
            has |= bit * (given.get(field) is not None)
        return (ts, *made, at, has)

    def _number(self, symbol: str) -> int:
        if symbol not in self._numbers:
            mend = did_you_mean(symbol, list(self._numbers), f"there are {', '.join(list(self._numbers)[:20])}")
            raise TickError("symbol", f"no instrument {shown(symbol)}; {mend}", Bad.UNKNOWN_SYMBOL)
        return self._numbers[symbol]

    def _units(self, field: str, value: Any, at: int) -> int:
        reason = Bad.BAD_SIZE if field == "size" else Bad.BAD_PRICE
        try:
            exact = number(field, value)
        except WireError as odd:
            raise TickError(field, str(odd).removeprefix(f"{field}: "), reason) from None
        one = self.instruments[at]
        if field == "size":
            units, unit, least, end = one.lots(exact), f"lot {one.lot}", 0, SIZE_END
        else:
            units, unit, least, end = one.price_units(exact), f"price unit {one.price_unit}", _least(one), PRICE_END
        if units == NOT_WHOLE:
            raise TickError(
                field, f"{shown(value)} is not a whole number of the {unit} of {one.symbol}; mend the source, or the unit", reason
            )
        if not least <= units < end:
            raise TickError(field, f"{shown(value)} is out of range; it is {least} or more, and below {end:,}, times the {unit}", reason)
        return units


def _least(one: Instrument) -> int:
    """Price units of the lowest price."""
    return -PRICE_END + 1 if one.negative_prices else 1


class TickWriter:
    """Writes ticks of the listed instruments as JSON, with the fields that they have."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self._texts = [(Texts(one.price_unit), Texts(one.lot)) for one in instruments]
        self._symbols = [msgspec.json.encode(one.symbol).decode() for one in instruments]
        self._fields: dict[tuple[int, int], list[tuple[str, int, Texts]]] = {}

    def value(self, row: Sequence[int]) -> bytes:
        """The record of one tick (the fields of a TICK in their order)."""
        kind = (row[-2], row[-1])
        if kind not in self._fields:
            self._fields[kind] = self._fields_of(*kind)
        made = "".join([f"{head}{texts[row[k]]}" for head, k, texts in self._fields[kind]])
        return f'{{"symbol":{self._symbols[kind[0]]},"ts":"{time_text(row[0])}"{made}}}'.encode()

    def _fields_of(self, at: int, has: int) -> list[tuple[str, int, Texts]]:
        """Those that a tick with these bits has: what stands before the number, its place in the row, and its texts."""
        prices, lots = self._texts[at]
        fields = zip(FIELDS[2:], _BITS, range(1, len(FIELDS)))
        return [(f',"{field}":', k, lots if field == "size" else prices) for field, bit, k in fields if has & bit]


assert set(PRICES) | {"size"} == set(FIELDS[2:])

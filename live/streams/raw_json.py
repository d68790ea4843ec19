"""Records of market-data-raw as JSON: read strictly and exactly, plain ones the fast way; written with what they have."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import NOT_WHOLE
from live.streams.kernels.records import PRICE_END, PRICES, SIZE_END, Bad, Has
from live.wire.command_json import read_object
from live.wire.errors import WireError
from live.wire.fields import known, name, number, shown, time
from live.wire.numbers import Texts, Units
from live.wire.times import nanoseconds, time_text

FIELDS = ("symbol", "ts", "last", "size", "bid", "ask", "open", "high", "low", "close")
Row = tuple[int, ...]
"""The fields of a TICK in their order."""
_ABSENT = Raw(b"")
_NULL = b"null"
_BITS = tuple(int(Has[field.upper()]) for field in FIELDS[2:])
_REMEMBERED = 1 << 16


class TickError(WireError):
    """A record that is no tick, and the reason under which it is counted."""

    def __init__(self, path: str, says: str, reason: Bad = Bad.UNREADABLE) -> None:
        super().__init__(path, says)
        self.reason = reason


class RawMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A record as it stands in JSON; what is absent has a default that no message can have."""

    symbol: str
    ts: Raw
    last: Raw = _ABSENT
    size: Raw = _ABSENT
    bid: Raw = _ABSENT
    ask: Raw = _ABSENT
    open: Raw = _ABSENT
    high: Raw = _ABSENT
    low: Raw = _ABSENT
    close: Raw = _ABSENT


_decode = msgspec.json.Decoder(RawMessage).decode


class TickReader:
    """Reads records of the listed instruments; it remembers how their prices and sizes are written."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self.instruments = instruments
        self._numbers = {one.symbol: at for at, one in enumerate(instruments)}
        self._scales = [(Units(one.price_unit), Units(one.lot)) for one in instruments]
        self._least = [-PRICE_END + 1 if one.negative_prices else 1 for one in instruments]
        self._seconds: dict[bytes, int] = {}

    def row(self, value: bytes) -> Row:
        """The tick of a record. Raises TickError with the field, what is wrong, and the mend."""
        made = self._plain(value)
        return made if made is not None else self._exact(value)

    def _plain(self, value: bytes) -> Row | None:
        try:
            asked = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        number = self._numbers.get(asked.symbol)
        ts = self._time(bytes(asked.ts))
        if number is None or ts is None or not 0 < ts < 1 << 62 or b"\\" in value:
            return None
        prices, lots = self._scales[number]
        marks, has, least, made = 8, 0, self._least[number], []
        for bit, raw in zip(_BITS, (asked.last, asked.size, asked.bid, asked.ask, asked.open, asked.high, asked.low, asked.close)):
            if raw is _ABSENT:
                made.append(0)
                continue
            text = bytes(raw)
            of = lots if bit == 2 else prices
            units = of.get(text)
            if units is None and (units := _within(of, text, *((0, SIZE_END) if bit == 2 else (least, PRICE_END)))) is None:
                return None
            has |= bit
            marks += 4 if text[0] == 34 else 2
            made.append(units)
        if value.count(b'"') != marks:  # a field that stands twice has two quotation marks more
            return None
        return (ts, *made, number, has)

    def _time(self, raw: bytes) -> int | None:
        """A time as it is nearly always written; each second is read once."""
        if len(raw) == 32 and raw[20] == 46 and raw[30] == 90 and raw[:20] in self._seconds and raw[21:30].isdigit():
            return self._seconds[raw[:20]] + int(raw[21:30])
        if len(raw) < 22 or raw[-2:] != b'Z"' or (len(raw) > 22 and raw[20] != 46):
            return None
        second = self._seconds.get(raw[:20])
        if second is None:
            found = nanoseconds(raw[1:20].decode("ascii", "replace") + "Z")
            if found is None:
                return None
            if len(self._seconds) >= _REMEMBERED:
                self._seconds.clear()
            second = self._seconds[raw[:20]] = found
        part = raw[21:-2]
        if not part:
            return second if len(raw) == 22 else None
        return second + int(part.ljust(9, b"0")) if part.isdigit() and len(part) <= 9 else None

    def _exact(self, value: bytes) -> Row:
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
            units, unit, least, end = one.price_units(exact), f"price unit {one.price_unit}", self._least[at], PRICE_END
        if units == NOT_WHOLE:
            raise TickError(
                field, f"{shown(value)} is not a whole number of the {unit} of {one.symbol}; mend the source, or the unit", reason
            )
        if not least <= units < end:
            raise TickError(field, f"{shown(value)} is out of range; it is {least} or more, and below {end:,}, times the {unit}", reason)
        return units


def _within(of: Units, text: bytes, least: int, end: int) -> int | None:
    """Whole units from `least` to below `end`; what is none is not remembered, and goes the exact way."""
    units = of[text]
    if units is None or not least <= units < end:
        of.pop(text, None)
        return None
    return units


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

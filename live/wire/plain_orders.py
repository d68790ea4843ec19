"""The fast way for what is nearly everything: a NEW, a CANCEL or a REPLACE of names that the session knows, written plainly.

It answers with the very record that `Exchange.encode` makes of what `command_json.read_command` reads, or says that it is not sure; tests
hold the two against each other.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from engine.messages.names import Names
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, SelfTrade, Side, TimeInForce
from live.wire.fields import PRICED, STOPS
from live.wire.numbers import Units
from live.wire.times import nanoseconds

Row = tuple[int, ...]
"""The fields of a COMMAND in their order."""
_ABSENT = Raw(b"")
_NULL = b"null"
_QUOTE = 34
_PLAIN_BYTES_MAX = 4_096
_DIGITS_MAX = 19
"""Longer ids and times go the slow way: they may pass 64 bits."""
_NEW, _CANCEL, _REPLACE = int(Kind.NEW), int(Kind.CANCEL), int(Kind.REPLACE)


class NewMessage(msgspec.Struct, tag_field="kind", tag="NEW", forbid_unknown_fields=True, gc=False):
    """A NEW as it stands in JSON; what is absent has a default that no message can have."""

    order_id: Raw
    symbol: str
    side: str
    quantity: Raw
    type: str = ""
    price: Raw = _ABSENT
    stop_price: Raw = _ABSENT
    time_in_force: str = ""
    post_only: bool | None = None
    reduce_only: bool | None = None
    self_trade: str = ""
    portfolio: str = ""
    trader: str = ""
    ts: Raw = _ABSENT


class CancelMessage(msgspec.Struct, tag_field="kind", tag="CANCEL", forbid_unknown_fields=True, gc=False):
    """A CANCEL, likewise."""

    order_id: Raw
    symbol: str
    portfolio: str = ""
    trader: str = ""
    ts: Raw = _ABSENT


class ReplaceMessage(msgspec.Struct, tag_field="kind", tag="REPLACE", forbid_unknown_fields=True, gc=False):
    """A REPLACE, likewise."""

    order_id: Raw
    symbol: str
    quantity: Raw = _ABSENT
    price: Raw = _ABSENT
    stop_price: Raw = _ABSENT
    portfolio: str = ""
    trader: str = ""
    ts: Raw = _ABSENT


_decode = msgspec.json.Decoder(NewMessage | CancelMessage | ReplaceMessage).decode
_SIDES = {side.name: int(side) for side in Side}
_TYPES = {"": int(OrderType.LIMIT), **{kind.name: int(kind) for kind in OrderType}}
_TIMES = {"": int(TimeInForce.DAY), **{time.name: int(time) for time in TimeInForce}}
_SELF_TRADES = {"": int(SelfTrade.CANCEL_TAKER), **{mode.name: int(mode) for mode in SelfTrade}}
_PRICED = [kind in PRICED for kind in OrderType]
_STOPS = [kind in STOPS for kind in OrderType]
_BUY, _LIMIT, _DAY, _TAKER = int(Side.BUY), int(OrderType.LIMIT), int(TimeInForce.DAY), int(SelfTrade.CANCEL_TAKER)
_POST, _REDUCE = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)


class PlainOrders:
    """Reads plain messages into rows; it remembers how prices and quantities of each instrument are written."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._scales: list[tuple[Units, Units]] = []

    def row(self, value: bytes) -> Row | None:
        """The record of a message, its fields in the order of COMMAND; None where the slow way has to decide."""
        if len(value) > _PLAIN_BYTES_MAX:
            return None
        try:
            asked = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if b"\\" in value:
            return None
        names = self.names
        number = names.symbols.get(asked.symbol)
        portfolio, trader = names.portfolios.get(asked.portfolio), names.traders.get(asked.trader)
        if number is None or number >= len(names.instruments) or portfolio is None or trader is None:
            return None
        order_id = bytes(asked.order_id)
        if len(order_id) > _DIGITS_MAX or not order_id.isdigit():
            return None
        marks = 10 + 4 * (asked.portfolio != "") + 4 * (asked.trader != "")
        ts = 0
        if asked.ts is not _ABSENT:
            raw = bytes(asked.ts)
            at = self._time(raw)
            if at is None:
                return None
            ts, marks = at, marks + (4 if raw[0] == _QUOTE else 2)
        owner = (number, portfolio, trader)
        if type(asked) is NewMessage:
            return self._new(asked, value, ts, int(order_id), owner, marks)
        if type(asked) is ReplaceMessage:
            return self._replace(asked, value, ts, int(order_id), owner, marks)
        if value.count(b'"') != marks:
            return None
        return (ts, int(order_id), NOT_NAMED, NOT_NAMED, NOT_NAMED, *owner, _CANCEL, _BUY, _LIMIT, _DAY, 0, _TAKER, 0, 0)

    def _new(self, asked: NewMessage, value: bytes, ts: int, order_id: int, owner: Row, marks: int) -> Row | None:
        prices, lots = self._scale(owner[0])
        side, kind = _SIDES.get(asked.side), _TYPES.get(asked.type)
        time, mode = _TIMES.get(asked.time_in_force), _SELF_TRADES.get(asked.self_trade)
        raw = bytes(asked.quantity)
        quantity = lots[raw]
        if side is None or kind is None or time is None or mode is None or quantity is None:
            return None
        marks += 8 if raw[0] == _QUOTE else 6
        marks += 4 * (asked.type != "") + 4 * (asked.time_in_force != "") + 4 * (asked.self_trade != "")
        price: int | None = NOT_NAMED
        stop_price: int | None = NOT_NAMED
        if asked.price is not _ABSENT:
            price, more = _number(asked.price, prices)
            marks += more
        if asked.stop_price is not _ABSENT:
            stop_price, more = _number(asked.stop_price, prices)
            marks += more
        if (price == NOT_NAMED and _PRICED[kind]) or (stop_price == NOT_NAMED and _STOPS[kind]) or price is None or stop_price is None:
            return None
        flags = _POST if asked.post_only else 0
        if asked.reduce_only:
            flags |= _REDUCE
        marks += 2 * (asked.post_only is not None) + 2 * (asked.reduce_only is not None)
        if value.count(b'"') != marks:  # a field that stands twice has two quotation marks more
            return None
        return (ts, order_id, quantity, price, stop_price, *owner, _NEW, side, kind, time, flags, mode, 0, 0)

    def _replace(self, asked: ReplaceMessage, value: bytes, ts: int, order_id: int, owner: Row, marks: int) -> Row | None:
        prices, lots = self._scale(owner[0])
        terms = []
        for raw, units in ((asked.quantity, lots), (asked.price, prices), (asked.stop_price, prices)):
            term, more = _number(raw, units) if raw is not _ABSENT else (NOT_NAMED, 0)
            if term is None:
                return None
            marks += more
            terms.append(term)
        if value.count(b'"') != marks:
            return None
        return (ts, order_id, *terms, *owner, _REPLACE, _BUY, _LIMIT, _DAY, 0, _TAKER, 0, 0)

    def _scale(self, number: int) -> tuple[Units, Units]:
        """How prices and quantities of an instrument are read."""
        while number >= len(self._scales):
            listed = self.names.instruments[len(self._scales)]
            self._scales.append((Units(listed.price_unit), Units(listed.lot)))
        return self._scales[number]

    @staticmethod
    def _time(raw: bytes) -> int | None:
        if raw[0] != _QUOTE:
            return int(raw) if raw.isdigit() and len(raw) <= _DIGITS_MAX and int(raw) < 1 << 63 else None
        try:
            return nanoseconds(raw[1:-1].decode("ascii"))
        except UnicodeDecodeError:
            return None


def _number(raw: Raw, units: Mapping[bytes, int | None]) -> tuple[int | None, int]:
    """Whole units of a price or quantity, and the quotation marks of its field; null is "not named"."""
    text = bytes(raw)
    if text == _NULL:
        return NOT_NAMED, 2
    return units[text], 4 if text[0] == _QUOTE else 2

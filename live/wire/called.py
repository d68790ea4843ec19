"""What the numbers of a session are called on the wire: names, prices, quantities, money and times as JSON, each made once."""

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

from engine.messages.names import Names
from engine.messages.vocabulary import Kind, OrderType, Reason, Side, TimeInForce
from live.wire.numbers import Texts
from live.wire.times import SECOND, second_text

NULL = "null"


def quoted(text: str) -> str:
    """A text as a JSON string."""
    return json.dumps(text, ensure_ascii=False)


class Called(dict[int, str]):
    """Numbers and their JSON; `null` for a number that stands for nothing."""

    def __missing__(self, number: int) -> str:
        return NULL


class Listed(NamedTuple):
    """An instrument: its symbol as JSON and as a key; price units and lots as JSON."""

    symbol: str
    key: bytes
    price: Mapping[int, str]
    quantity: Mapping[int, str]


NOWHERE = Listed(NULL, b"", Called(), Called())
"""An instrument that is not known: nothing can be said in its units."""


def _words(enum: type[IntEnum]) -> Called:
    return Called({int(word): quoted(word.name) for word in enum})


KINDS, SIDES, TYPES, TIMES, REASONS = (_words(enum) for enum in (Kind, Side, OrderType, TimeInForce, Reason))
del REASONS[Reason.NONE]
FLAGS = ("false", "true")


class Dictionary:
    """What a session's numbers are called. Names only grow; `update` learns those that are new."""

    def __init__(self, session: str, names: Names, decimals: int) -> None:
        self.head = f'{{"session":{quoted(session)},"seq":'
        self.names = names
        self.decimals = decimals
        self.money = Texts(Decimal(1).scaleb(-decimals))
        self.portfolios, self.traders = Called(), Called()
        self.keys: dict[int, bytes] = {}
        self.listed: list[Listed] = []
        self._ts: int | None = None
        self._second: int | None = None
        self._time = self._start = ""
        self._learnt = [0, 0]
        self.update()

    def update(self) -> None:
        """Learn the names and instruments that were introduced since."""
        names = self.names
        for k, (table, made) in enumerate(((names.portfolios, self.portfolios), (names.traders, self.traders))):
            if len(table) > self._learnt[k]:
                for name, number in islice(table.items(), self._learnt[k], None):
                    made[number] = quoted(name)
                    if k == 0:
                        self.keys[number] = name.encode()
                self._learnt[k] = len(table)
        for instrument in names.instruments[len(self.listed) :]:
            price, quantity = Texts(instrument.price_unit), Texts(instrument.lot)
            self.listed.append(Listed(quoted(instrument.symbol), instrument.symbol.encode(), price, quantity))

    def instrument(self, number: int) -> Listed:
        """The instrument of a number."""
        return self.listed[number] if number < len(self.listed) else NOWHERE

    def time(self, ts: int) -> str:
        """ns UTC as a JSON string."""
        if ts != self._ts:  # the facts of a command have one time
            second = ts // SECOND
            if second != self._second:
                self._second, self._start = second, f'"{second_text(second)}.'
            self._ts, self._time = ts, f'{self._start}{ts - second * SECOND:09d}Z"'
        return self._time

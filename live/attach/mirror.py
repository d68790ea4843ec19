"""The market as the gateway tells it, as commands for a mirror of the session's books."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.names import record
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind, Side

LOTS_MAX = (1 << 32) - 1
"""Lots of one record."""
Level = Sequence[Any]
"""Price, quantity, as decimal texts, and what else there is."""


class Mirror:
    """Makes commands of quotes, books and trades. `deep`: the levels come as books; a quote then says the mark alone."""

    def __init__(self, instruments: Sequence[Instrument], deep: bool = False) -> None:
        self.instruments, self.deep = list(instruments), deep
        self.numbers = {one.symbol: k for k, one in enumerate(self.instruments)}
        self._marks: dict[int, int] = {}
        self._shown: dict[int, tuple[tuple[tuple[str, str], ...], ...]] = {}

    def number(self, symbol: str) -> int:
        """An instrument's number here; -1 for one that came later than we."""
        return self.numbers.get(symbol, -1)

    def quote(self, data: Mapping[str, Any], ts: int) -> np.ndarray:
        """The rows (COMMAND) after which the mirror has the best prices, lots and mark of a MARKET_DATA."""
        sides = [[(data[side], data[f"{side}_quantity"])] if data[side] is not None else [] for side in ("bid", "ask")]
        return self._rows(data["symbol"], None if self.deep else sides, data.get("mark"), ts)

    def book(self, data: Mapping[str, Any], ts: int) -> np.ndarray:
        """The rows after which it has the levels of an ORDER_BOOK."""
        return self._rows(data["symbol"], [data["bids"], data["asks"]], None, ts)

    def trade(self, data: Mapping[str, Any], ts: int) -> np.ndarray:
        """The row of a TRADE."""
        k = self.number(data["symbol"])
        if k < 0:
            return np.zeros(0, COMMAND)
        side, price = Side[data["taker_side"]], self.instruments[k].price_units(Decimal(data["price"]))
        self._marks[k] = price
        return record(Kind.PRINT, ts=ts, instrument=k, side=side, price=price, quantity=self._lots(k, data["quantity"]))

    def opening(self, quotes: Sequence[Mapping[str, Any]], ts: int) -> np.ndarray:
        """The rows that bring an empty mirror to where the market stands: last prices and volumes, books, marks."""
        made = []
        for data in quotes:
            k = self.number(data["symbol"])
            if k >= 0 and data["last"] is not None and self._lots(k, data["volume"]):
                made.append(self.trade({**data, "price": data["last"], "quantity": data["volume"], "taker_side": "BUY"}, ts))
            made.append(self.quote(data, ts))
        return np.concatenate([np.zeros(0, COMMAND), *made])

    def _rows(self, symbol: str, sides: Sequence[Sequence[Level]] | None, mark: str | None, ts: int) -> np.ndarray:
        k = self.number(symbol)
        if k < 0:
            return np.zeros(0, COMMAND)
        made = []
        shown = None if sides is None else tuple(tuple((level[0], level[1]) for level in levels) for levels in sides)
        if shown is not None and self._shown.get(k) != shown:
            self._shown[k] = shown
            made.append(record(Kind.CLEAR, ts=ts, instrument=k))
            for side, levels in zip(Side, shown):
                made += [self._level(k, side, price, quantity, ts) for price, quantity in levels]
        units = None if mark is None else self.instruments[k].price_units(Decimal(mark))
        if units is not None and self._marks.get(k) != units:
            self._marks[k] = units
            made.append(record(Kind.MARK, ts=ts, instrument=k, price=units))
        return np.concatenate([np.zeros(0, COMMAND), *made])

    def _level(self, k: int, side: Side, price: str, quantity: str, ts: int) -> np.ndarray:
        units = self.instruments[k].price_units(Decimal(price))
        return record(Kind.REVEAL, ts=ts, instrument=k, side=side, price=units, quantity=self._lots(k, quantity))

    def _lots(self, k: int, quantity: str) -> int:
        return min(self.instruments[k].lots(Decimal(quantity)), LOTS_MAX)

"""Facts as JSON for those whom they concern: the owner of an order gets what stands on `orders.events`, everybody the trade."""

from collections.abc import Callable, Iterator

import numpy as np

from engine.messages.names import Names
from engine.messages.vocabulary import HISTORY, Kind, Side
from live.models.order_rows import NamesOf
from live.wire.called import Dictionary, quoted
from live.wire.facts import FactEncoder, Row
from live.wire.routes import ORDER_KINDS, ORDERS_EVENTS

ABOUT_ORDERS = np.zeros(256, np.bool_)
ABOUT_ORDERS[[*ORDER_KINDS, Kind.TradeExecuted]] = True
"""Facts that an order's owner is told, by kind; for a handful of facts it costs a tenth of np.isin."""
_LOOKED_AT = ABOUT_ORDERS.copy()
_LOOKED_AT[Kind.DayStarted] = True
Owner = Callable[[int, int], tuple[int, int] | None]
"""(trader, order id) to (portfolio, side), all numbers; None for an order that is not known."""


class _Owners(dict[tuple[int, int], tuple[int, int]]):
    """Owners of orders that are asked for when needed; nothing is kept."""

    def __init__(self, owner: Owner | None) -> None:
        super().__init__()
        self._owner = owner

    def get(self, key: tuple[int, int], default: object = None) -> object:  # type: ignore[override]
        found = self._owner(*key) if self._owner is not None else None
        return default if found is None else found

    def __setitem__(self, key: tuple[int, int], value: tuple[int, int]) -> None:
        return


class Told:
    """Writes facts as JSON with the names of a session."""

    def __init__(self, session: str, names: Names, decimals: int) -> None:
        self.session, self.names, self.decimals = session, names, decimals
        self._called = Dictionary(session, names, decimals)
        self._names = NamesOf(names)

    def trader(self, number: int) -> str:
        """A trader's name."""
        return self._names.trader(number)

    def encoder(self, day: int) -> FactEncoder:
        """An encoder of facts of a trading day."""
        made = FactEncoder(self.session, self.names, self.decimals, called=self._called)
        made.day = day
        return made

    def trade(self, fact: np.void) -> str:
        """A trade as everybody sees it: no names of those who traded."""
        called = self._called
        if int(fact["instrument"]) >= len(called.listed):
            called.update()
        at = called.instrument(int(fact["instrument"]))
        side = quoted(Side(int(fact["side"])).name)
        return (
            f'{called.head}{int(fact["seq"])},"ts":{called.time(int(fact["ts"]))},"symbol":{at.symbol}'
            f',"price":{at.price[int(fact["price"])]},"quantity":{at.quantity[int(fact["quantity"])]},"taker_side":{side}}}'
        )


def owned(encoder: FactEncoder, facts: np.ndarray, owner: Owner | None = None) -> Iterator[tuple[int, int, str]]:
    """(trader's number, seq, JSON) of each fact about an order, for its owner; of a trade, for both. DayStarted turns the encoder's day."""
    encoder.owners = _Owners(owner)
    kept = np.flatnonzero(_LOOKED_AT[facts["kind"]]).tolist()
    for k in kept:
        fact = facts[k]
        if fact["kind"] == Kind.DayStarted:
            encoder.day += 1
            continue
        rows = encoder.encode(facts[k : k + 1])
        seq = int(fact["seq"])
        for trader, text in _addressed(rows, fact):
            yield trader, seq, text


def _addressed(rows: list[Row], fact: np.void) -> list[tuple[int, str]]:
    """The JSON of one fact with the number of the trader that it is for."""
    events = [value.decode() for topic, _, value in rows if topic == ORDERS_EVENTS]
    trader = int(fact["trader"])
    if fact["kind"] != Kind.TradeExecuted:
        return [] if trader == HISTORY or not events else [(trader, events[0])]
    sides = [number for number in (int(fact["maker_trader"]), trader) if number != HISTORY]
    return list(zip(sides, events))  # the maker's OrderFilled, the taker's, then the TradeExecuted

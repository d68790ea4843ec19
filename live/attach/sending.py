"""What a strategy sends, as messages of the gateway, and what has not been answered yet."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, SelfTrade, Side, TimeInForce
from live.client.sockets import request
from live.wire.fields import PRICED, STOPS

KINDS = {Kind.NEW: "NEW_ORDER", Kind.CANCEL: "CANCEL_ORDER", Kind.REPLACE: "REPLACE_ORDER"}


class Sending:
    """Numbers requests and remembers those without an answer: a connection that was lost may have lost them, and each may be sent again
    (a repeated order id is refused without harm, a repeated cancel or replace changes nothing)."""

    def __init__(self, instruments: Sequence[Instrument], portfolio: str) -> None:
        self.instruments, self.portfolio = list(instruments), portfolio
        self.waiting: dict[int, np.void] = {}
        """Commands (COMMAND) by the `id` of their request."""
        self.count = 0

    def put(self, command: np.void) -> str | None:
        """The message of a command, which waits for its answer from now on; None for one of an instrument that does not exist."""
        if int(command["instrument"]) >= len(self.instruments):
            return None
        self.count += 1
        self.waiting[self.count] = command.copy()
        return self.message(self.count)

    def message(self, number: int) -> str:
        """The message of a command that waits."""
        command = self.waiting[number]
        return request(KINDS[Kind(int(command["kind"]))], self._data(command), number)

    def again(self) -> Iterator[str]:
        """The messages of all that wait, in their order."""
        for number in self.waiting:
            yield self.message(number)

    def answered(self, number: Any) -> np.void | None:
        """The command whose request was answered; None for an `id` that none waits for."""
        return self.waiting.pop(number, None) if isinstance(number, int) else None

    def _data(self, command: np.void) -> dict[str, Any]:
        kind, instrument = Kind(int(command["kind"])), self.instruments[int(command["instrument"])]
        made: dict[str, Any] = {"order_id": int(command["order_id"])}
        if kind == Kind.CANCEL:
            return made
        lots, price, stop = (int(command[name]) for name in ("quantity", "price", "stop_price"))
        if kind == Kind.REPLACE:
            terms = {"quantity": (lots, instrument.quantity), "price": (price, instrument.price), "stop_price": (stop, instrument.price)}
            return made | {name: f"{of(units):f}" for name, (units, of) in terms.items() if units != NOT_NAMED}
        order_type, flags = OrderType(int(command["type"])), int(command["flags"])
        made |= {
            "symbol": instrument.symbol,
            "side": Side(int(command["side"])).name,
            "type": order_type.name,
            "quantity": f"{instrument.quantity(lots):f}",
            "time_in_force": TimeInForce(int(command["time_in_force"])).name,
            "self_trade": SelfTrade(int(command["self_trade"])).name,
            "post_only": bool(flags & Flag.POST_ONLY),
            "reduce_only": bool(flags & Flag.REDUCE_ONLY),
            "portfolio": self.portfolio,
        }
        if order_type in PRICED:
            made["price"] = f"{instrument.price(price):f}"
        if order_type in STOPS:
            made["stop_price"] = f"{instrument.price(stop):f}"
        return made

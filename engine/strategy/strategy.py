"""Strategies: a class with a few obvious methods, or the same as one compiled function.

A strategy sees the event, its view (books, own orders and positions as far as their facts have reached it, the clock) and an order
buffer; nothing else. Prices are ticks, quantities lots, times ns UTC.
"""

import struct
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from engine.messages.hints import nearest
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, Reason, Side, TimeInForce
from engine.strategy.loop_state import CLOCK, COMMANDS_PER_CALL, Wake, Want, World
from engine.strategy.parameters import parameters_of, set_parameters

_COMMAND = struct.Struct("<qQqqqIIIBBBBBBHI")
_AT = {name: k for k, name in enumerate(CLOCK.names or ())}


class Touch(NamedTuple):
    """The best of a book, in ticks and lots; a price is None where the side is empty. `last` may be half a tick."""

    bid: int | None
    bid_lots: int
    ask: int | None
    ask_lots: int
    last: float | None
    volume: int

    @property
    def mid(self) -> float | None:
        """Middle of bid and ask; None unless both are there."""
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


class OwnOrder(NamedTuple):
    """An open order as the strategy knows it."""

    order_id: int
    instrument: int
    side: Side
    price: int
    quantity: int
    remaining: int
    accepted: bool
    cancelling: bool


class Event(NamedTuple):
    """What a strategy is called for: a trade of the market, a bar's instrument, a fact of its own. `ts` is exchange time."""

    instrument: int
    ts: int
    order_id: int
    price: float
    quantity: int
    remaining: int
    side: Side
    reason: Reason
    ahead: int


class Bar(NamedTuple):
    """Trades of an interval: prices in ticks, volume in lots; volume 0 where nothing traded."""

    open: float
    high: float
    low: float
    close: float
    volume: int


class Strategy:
    """Override what you need; what you do not override costs nothing.

    Class attributes: parameters (`spread = Parameter(2, low=1)`), `every` (time between `on_timer` calls), `bar` (length of bars),
    `depth` (levels to see), `touch_only` (call `on_book` only where the best prices or their lots changed), `memory` (floats of its
    own for a compiled function), `function` (the strategy as one compiled function, called for everything in `wants`).
    """

    every: ClassVar[int | str] = 0
    bar: ClassVar[int | str] = 0
    depth: ClassVar[int] = 1
    memory: ClassVar[int] = 0
    touch_only: ClassVar[bool] = True
    function: ClassVar[Callable[..., None] | None] = None
    wants: ClassVar[Want] = Want.NOTHING

    def __init__(self, **parameters: Any) -> None:
        set_parameters(self, parameters)
        self._world: World | None = None

    # what you may override

    def start(self) -> None:
        """Before the first event."""

    def stop(self) -> None:
        """After the last event."""

    def on_book(self, instrument: int) -> None:
        """A book changed (its touch, unless `touch_only` is False)."""

    def on_trade(self, trade: Event) -> None:
        """The market traded: price of the last print, quantity of all prints of this exchange event."""

    def on_bar(self, instrument: int, bar: Bar) -> None:
        """A bar ended: trades after the last bar's end, up to and including this one's."""

    def on_accepted(self, order: Event) -> None:
        """An order of ours was accepted."""

    def on_rejected(self, order: Event) -> None:
        """An order, cancel or replace of ours was refused; `reason` says why."""

    def on_cancelled(self, order: Event) -> None:
        """An order of ours was cancelled or expired."""

    def on_replaced(self, order: Event) -> None:
        """An order of ours was replaced."""

    def on_fill(self, fill: Event) -> None:
        """An order of ours traded."""

    def on_timer(self) -> None:
        """`every` has passed."""

    # what you may look at

    @property
    def now(self) -> int:
        """The strategy's time, ns UTC: exchange time + feed latency."""
        return int(self._clock[_AT["time"]])

    def book(self, instrument: int = 0) -> Touch:
        """The best of a book."""
        row = self._view.touches[instrument].item()
        bid, bid_lots, ask, ask_lots, has_bid, has_ask, last, has_last, volume, _ = row
        return Touch(bid if has_bid else None, bid_lots, ask if has_ask else None, ask_lots, last if has_last else None, volume)

    def levels(self, side: Side, instrument: int = 0) -> list[tuple[int, int]]:
        """(price, lots) of the first `depth` levels of a side, best first."""
        depth = int(self._clock[_AT["depth"]])
        first = (2 * instrument + int(side)) * depth
        return [level for level in self._view.levels[first : first + depth].tolist() if level[1]]

    def position(self, instrument: int = 0) -> int:
        """Own position in lots, as far as fills have reached us."""
        return int(self._view.touches[instrument]["position"])

    @property
    def orders(self) -> list[OwnOrder]:
        """Own open orders, oldest first, those on their way too."""
        count = self._clock[_AT["open"]]
        return [
            OwnOrder(i, k, Side(side), price, quantity, remaining, bool(accepted), bool(cancelling))
            for i, k, side, price, quantity, remaining, accepted, cancelling in self._view.own[:count].tolist()
        ]

    # what you may do

    def buy(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        """Send an order to buy; LIMIT where `price` is given, else MARKET. Also: time_in_force, post_only. Returns its id."""
        return self._order(0, quantity, price, instrument, **how)

    def sell(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        """Send an order to sell, as `buy`."""
        return self._order(1, quantity, price, instrument, **how)

    def cancel(self, order_id: int) -> None:
        """Ask to cancel an open order; without effect where it is not open or a cancel is on its way."""
        self._cancel({order_id})

    def cancel_all(self) -> None:
        """Ask to cancel every open order that no cancel is on its way for."""
        self._cancel(None)

    def replace(self, order_id: int, quantity: int | None = None, price: int | None = None) -> None:
        """Ask for a new total quantity or price of an open order."""
        for row in self._view.own[: self._clock[_AT["open"]]].tolist():
            if row[0] == order_id:
                lots = NOT_NAMED if quantity is None else quantity
                ticks = NOT_NAMED if price is None else price
                self._send(order_id, lots, ticks, row[1], 0, Kind.REPLACE, 0, 0, 0, 0)

    # the machine behind

    def _order(
        self,
        side: int,
        quantity: int,
        price: int | None,
        instrument: int,
        time_in_force: TimeInForce = TimeInForce.DAY,
        post_only: bool = False,
    ) -> int:
        order_id = int(self._clock[_AT["next_id"]])
        self._clock[_AT["next_id"]] = order_id + 1
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        flags = Flag.POST_ONLY if post_only else 0
        self._send(order_id, quantity, price or 0, instrument, self._portfolio, Kind.NEW, side, kind, time_in_force, flags)
        return order_id

    def _cancel(self, only: set[int] | None) -> None:
        own = self._view.own
        for k, row in enumerate(own[: self._clock[_AT["open"]]].tolist()):
            if not row[7] and (only is None or row[0] in only):
                self._send(row[0], NOT_NAMED, NOT_NAMED, row[1], 0, Kind.CANCEL, 0, 0, 0, 0)
                own["cancelling"][k] = 1

    def _send(self, i: int, lots: int, ticks: int, k: int, owner: int, kind: int, side: int, order: int, tif: int, flags: int) -> None:
        row = int(self._clock[_AT["sent"]])
        if row - int(self._clock[_AT["stamped"]]) >= COMMANDS_PER_CALL:
            raise RuntimeError(f"more than {COMMANDS_PER_CALL} commands in one call; send fewer, or spread them over several calls")
        try:
            _COMMAND.pack_into(
                self._buffer, row * 64, 0, i, lots, ticks, NOT_NAMED, k, owner, self._trader, kind, side, order, tif, flags, 0, 0, 0
            )
        except struct.error:
            raise ValueError(f"{lots} lots at {ticks} ticks: quantities are whole lots, prices whole ticks, instruments numbers") from None
        self._clock[_AT["sent"]] = row + 1

    def attach(self, world: World) -> None:
        """Show the strategy its world (again, after an array of it was replaced)."""
        self._world = self._view = world
        self._clock = world.clock.view(np.int64)
        self._buffer = memoryview(world.commands).cast("B")
        self._portfolio = int(world.clock["portfolio"][0])
        self._trader = int(world.clock["trader"][0])

    def call(self) -> None:
        """One call of the method that `world.event` is for."""
        kind, instrument, ts, order_id, price, quantity, remaining, side, reason, ahead = self._view.event[0].item()
        if kind == Wake.START:
            self.start()
        elif kind == Wake.TIMER:
            self.on_timer()
        elif kind == Wake.BOOK:
            self.on_book(instrument)
        elif kind == Wake.BAR:
            self.on_bar(instrument, Bar(*self._view.bars[instrument].item()[:5]))
        else:
            event = Event(instrument, ts, order_id, price, quantity, remaining, Side(side), Reason(reason), ahead)
            getattr(self, _METHODS[kind])(event)


_METHODS = {
    Wake.TRADE: "on_trade",
    Wake.ACCEPTED: "on_accepted",
    Wake.REJECTED: "on_rejected",
    Wake.CANCELLED: "on_cancelled",
    Wake.REPLACED: "on_replaced",
    Wake.FILL: "on_fill",
}

_CALLED = {Wake.START: "start", Wake.BOOK: "on_book", Wake.BAR: "on_bar", Wake.TIMER: "on_timer"} | _METHODS


def wants_of(strategy: Strategy) -> Want:
    """The wake mask: of a compiled function what it declares, of a class the methods that it overrides."""
    kind = type(strategy)
    mask = kind.wants
    if kind.function is None:
        for want, name in _CALLED.items():
            if getattr(kind, name) is not getattr(Strategy, name):
                mask |= Want(1 << want)
    if not mask:
        own = [name for name in vars(kind) if callable(getattr(kind, name)) and not name.startswith("_")]
        near = [nearest(name, _CALLED.values(), cutoff=0.7) for name in own]
        hint = next((f"; did you mean {found[0]} by {name}?" for name, found in zip(own, near) if found), "")
        what = "set `wants` beside `function`" if kind.function is not None else f"it overrides none of {', '.join(_CALLED.values())}{hint}"
        raise ValueError(f"{kind.__name__} would never be called: {what}")
    if kind.touch_only and mask & Want.BOOK:
        mask = (mask & ~Want.BOOK) | Want.TOUCH
    return mask


def parameter_values(strategy: Strategy) -> dict[str, Any]:
    """Values of the strategy's parameters."""
    return {name: getattr(strategy, name) for name in parameters_of(type(strategy))}

"""Strategies: a class with a few obvious methods, or the same as one compiled function."""

from array import array
from collections.abc import Callable
from typing import Any, ClassVar

from engine.loop.loop_state import Wake, Want
from engine.messages.hints import nearest
from engine.messages.vocabulary import Reason, Side
from engine.strategy.parameters import Parameter, parameters_of, set_parameters
from engine.strategy.trading import Trading
from engine.strategy.values import Bar, Event

_OLD_NAMES = {"start": "on_start", "stop": "on_stop"}


class Strategy(Trading):
    """Override what you need; what you do not override costs nothing.

    Class attributes: parameters (`spread = Parameter(2, low=1)`), `every` (time between `on_timer` calls), `bar` (length of bars),
    `depth` (levels to see), `touch_only` (call `on_book` only where the best prices or their lots changed), `memory` (floats of its
    own for a compiled function), `function` (the strategy as one compiled function, called for everything in `wants`).

    A strategy sees the event, its view (books, own orders, positions and cash as far as their facts have reached it, the clock) and
    what it sends; nothing else.
    """

    every: ClassVar[int | str] = 0
    bar: ClassVar[int | str] = 0
    depth: ClassVar[int] = 1
    memory: ClassVar[int] = 0
    touch_only: ClassVar[bool] = True
    function: ClassVar[Callable[..., None] | None] = None
    wants: ClassVar[Want] = Want.NOTHING

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            if name in _OLD_NAMES and getattr(getattr(value, "__code__", None), "co_argcount", 0) == 1:
                raise ValueError(f"{cls.__name__}.{name} is called {_OLD_NAMES[name]} now; rename it")
            if isinstance(value, Parameter) and (name.startswith("_") or hasattr(Strategy, name)):
                raise ValueError(f"{cls.__name__}: a parameter cannot be called {name!r}, which a strategy has already; take another name")

    def __init__(self, **parameters: Any) -> None:
        set_parameters(self, parameters)
        self.logged: list[tuple[int, str]] = []
        self._calls: dict[int, Callable[[], None]] = {}
        self._traded = array("I")

    def on_start(self) -> None:
        """Before the first event."""

    def on_stop(self) -> None:
        """After the last event."""

    def on_book(self, instrument: int) -> None:
        """A book changed (its touch, unless `touch_only` is False)."""

    def on_trade(self, trade: Event) -> None:
        """The market traded: price of the last print, quantity of all prints of this exchange event."""

    def on_bar(self, instrument: int, bar: Bar) -> None:
        """A bar ended: trades after the last bar's end, up to and including this one's. Of a feed of bars, where `bar` is 0: its bars."""

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
        """`every` has passed, or an alarm of `at` or `after` that names nothing else to call."""

    def call(self) -> None:
        """One call of the method that the event is for."""
        kind, instrument, ts, order_id, price, quantity, remaining, side, reason, ahead, fee, maker = self._state.event[0].item()
        if kind == Wake.TIMER:
            self.on_timer()
        elif kind == Wake.BOOK:
            self.on_book(instrument)
        elif kind == Wake.START:
            self.on_start()
        elif kind == Wake.BAR:
            self.on_bar(instrument, Bar(*self._state.bars[instrument].item()[:5]))
        elif kind == Wake.ALARM:
            self._calls.pop(order_id, self.on_timer)()
        else:
            paid = fee / int(self._state.clock[0]["unit"]) if fee else 0.0
            event = Event(instrument, ts, order_id, price, quantity, remaining, Side(side), Reason(reason), ahead, paid, bool(maker))
            getattr(self, _METHODS[kind])(event)


_METHODS = {
    Wake.TRADE: "on_trade",
    Wake.ACCEPTED: "on_accepted",
    Wake.REJECTED: "on_rejected",
    Wake.CANCELLED: "on_cancelled",
    Wake.REPLACED: "on_replaced",
    Wake.FILL: "on_fill",
}

_CALLED = {Wake.START: "on_start", Wake.BOOK: "on_book", Wake.BAR: "on_bar", Wake.TIMER: "on_timer"} | _METHODS


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

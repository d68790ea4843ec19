"""What a strategy may look at. Prices are ticks, quantities lots; an instrument is its number or its symbol."""

from collections.abc import Sequence

import numpy as np

from engine.loop.loop_state import CLOCK, STEP, StrategyState
from engine.messages.instrument import Instrument, Number
from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, OrderType, Side
from engine.strategy.clock import local_time
from engine.strategy.values import OwnOrder, Touch

AT = {name: k for k, name in enumerate(CLOCK.names or ())}
"""Place of each field of CLOCK."""
UTC = np.zeros(1, STEP)


class View:
    """Books, time, own orders, positions and cash of a strategy, as far as they have reached it."""

    _state: StrategyState
    _clock: np.ndarray
    _buffer: memoryview

    @property
    def now(self) -> int:
        """The strategy's time, ns UTC: exchange time + feed latency."""
        return int(self._clock[AT["time"]])

    @property
    def local(self) -> np.datetime64:
        """`now` on the clock of the feed's time zone."""
        return np.datetime64(local_time(self.now, self._offsets), "ns")

    @property
    def symbols(self) -> list[str]:
        """Symbols in the order of the instruments' numbers."""
        return [instrument.symbol for instrument in self._instruments]

    def instrument(self, instrument: int | str = 0) -> Instrument:
        """Tick, lot and fees of an instrument."""
        return self._instruments[self._number(instrument)]

    def book(self, instrument: int | str = 0) -> Touch:
        """The best of a book."""
        row = self._state.touches[self._number(instrument)].item()
        bid, bid_lots, ask, ask_lots, has_bid, has_ask, last, has_last, volume, *_ = row
        return Touch(bid if has_bid else None, bid_lots, ask if has_ask else None, ask_lots, last if has_last else None, volume)

    def levels(self, side: Side, instrument: int | str = 0) -> list[tuple[int, int]]:
        """(price, lots) of the first `depth` levels of a side, best first."""
        depth = int(self._clock[AT["depth"]])
        first = (2 * self._number(instrument) + int(side)) * depth
        return [level for level in self._state.levels[first : first + depth].tolist() if level[1]]

    def position(self, instrument: int | str = 0) -> int:
        """Own position in lots, as far as fills have reached us."""
        return int(self._state.holdings[self._number(instrument)]["quantity"])

    def average_price(self, instrument: int | str = 0) -> float | None:
        """Average price of the position in ticks; None where it is flat."""
        lots, cost, _, value, tick = self._state.holdings[self._number(instrument)].item()
        return cost / (lots * value * tick) if lots else None

    @property
    def orders(self) -> list[OwnOrder]:
        """Own open orders, oldest first, those on their way too."""
        return [
            OwnOrder(i, k, Side(side), price, lots, left, bool(accepted), bool(asked), OrderType(kind), None if stop == NOT_NAMED else stop)
            for i, k, side, price, lots, left, accepted, asked, kind, stop in self._state.own[: self._clock[AT["open"]]].tolist()
        ]

    @property
    def cash(self) -> float:
        """Currency in the portfolio, net of fees."""
        return int(self._clock[AT["cash"]]) / int(self._clock[AT["unit"]])

    @property
    def equity(self) -> float:
        """Cash + Σ position × mark, in currency. A mark is the last trade price or the last MARK, whichever came later."""
        return self._equity() / int(self._clock[AT["unit"]])

    @property
    def pnl(self) -> float:
        """Realised and unrealised P&L less fees, in currency, since the start: equity less deposits."""
        return (self._equity() - int(self._clock[AT["deposits"]])) / int(self._clock[AT["unit"]])

    @property
    def fees(self) -> float:
        """Fees paid so far, in currency; negative where rebates were more."""
        return int(self._clock[AT["fees"]]) / int(self._clock[AT["unit"]])

    def ticks(self, price: Number, instrument: int | str = 0) -> int:
        """A price in ticks: `self.ticks("100.05")`. Raises ValueError for one that is off the tick."""
        terms = self.instrument(instrument)
        units = terms.price_units(price)
        if units == NOT_WHOLE or units % terms.tick_units:
            raise ValueError(f"{price} is not a whole number of ticks; the tick of {terms.symbol} is {terms.tick}")
        return units // terms.tick_units

    def price(self, ticks: float, instrument: int | str = 0) -> float:
        """The price of so many ticks, in currency."""
        tick = self.instrument(instrument).tick
        return float(ticks * tick) if isinstance(ticks, int) else ticks * float(tick)

    def lots(self, quantity: Number, instrument: int | str = 0) -> int:
        """A quantity in lots: `self.lots("0.5")`. Raises ValueError for one that is off the lot."""
        terms = self.instrument(instrument)
        lots = terms.lots(quantity)
        if lots == NOT_WHOLE:
            raise ValueError(f"{quantity} is not a whole number of lots; the lot of {terms.symbol} is {terms.lot}")
        return lots

    def _equity(self) -> int:
        total = int(self._clock[AT["cash"]])
        for held, touch in zip(self._state.holdings.tolist(), self._state.touches["mark"].tolist()):
            total += held[0] * held[3] * touch
        return total

    def _number(self, instrument: int | str) -> int:
        if not isinstance(instrument, str):
            return instrument
        if instrument not in self._numbers:
            raise ValueError(f"no instrument {instrument!r}; there are {', '.join(self._numbers)}")
        return self._numbers[instrument]

    def attach(self, state: StrategyState, instruments: Sequence[Instrument], offsets: np.ndarray = UTC) -> None:
        """Show the strategy its state (again, after an array of it was replaced). `offsets`: STEP, ns that its clock is ahead of UTC."""
        self._state, self._offsets = state, offsets
        self._instruments = list(instruments)
        self._numbers = {instrument.symbol: k for k, instrument in enumerate(instruments)}
        self._clock = state.clock.view(np.int64)
        self._buffer = memoryview(state.commands).cast("B")
        self._portfolio = int(state.clock["portfolio"][0])
        self._trader = int(state.clock["trader"][0])

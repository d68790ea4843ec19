"""The book of one instrument, as people read it."""

from collections.abc import Callable

import numpy as np

from engine.compiler.kernel import entry_kernel
from engine.messages.instrument import Instrument
from engine.state.arrays import State
from engine.state.card import card, ladder
from engine.state.levels import levels_into

SHOWN = 10
"""Levels of each side that a notebook shows."""


@entry_kernel
def _levels(state, ladder, out):
    return levels_into(state, ladder, out)


class Book:
    """The order book of one instrument, as it is when asked. `state` gives the current one: arrays that grow are another state."""

    def __init__(self, state: Callable[[], State], instrument: Instrument, number: int) -> None:
        self._state, self._instrument, self._number = state, instrument, number

    def rows(self, side: int, depth: int) -> np.ndarray:
        """int64 rows (price in units, lots, orders) of a side, best first, at most `depth`."""
        out = np.zeros((depth, 3), np.int64)
        return out[: _levels(self._state(), 2 * self._number + side, out)]

    def levels(self, depth: int = 10) -> tuple[list[tuple[float, float, int]], list[tuple[float, float, int]]]:
        """(bids, asks): lists of (price, quantity, order count), best first."""
        instrument = self._instrument
        bids, asks = (
            [(float(instrument.price(p)), float(instrument.quantity(q)), n) for p, q, n in self.rows(side, depth).tolist()]
            for side in (0, 1)
        )
        return bids, asks

    def __repr__(self) -> str:
        bids, asks = self.levels(5)
        places = self._instrument.price_decimals
        rows = [f"{'':>12} {price:>12.{places}f} {quantity:<12g}" for price, quantity, _ in reversed(asks)]
        rows += [f"{quantity:>12g} {price:>12.{places}f}" for price, quantity, _ in bids]
        return "\n".join([f"{'bid':>12} {self._instrument.symbol:^12} ask", *rows])

    def _repr_html_(self) -> str:
        instrument, (bids, asks) = self._instrument, self.levels(SHOWN)
        if not bids and not asks:
            return card(instrument.symbol, "the book is empty")
        about = "one side is empty"
        if bids and asks:
            both = bids[0][1] + asks[0][1]
            wide = f"{asks[0][0] - bids[0][0]:,.{instrument.price_decimals}f}"
            about = f"order book, spread {wide}, imbalance at the touch {100 * (bids[0][1] - asks[0][1]) / both:+.0f} %"
        return card(instrument.symbol, about, ladder(bids, asks, instrument.price_decimals))

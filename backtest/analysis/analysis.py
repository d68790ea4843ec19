"""A recording, worked out: fills, orders, round trips, curve, markouts, as numpy arrays that are made when first asked for."""

from functools import cached_property
from typing import Any

import numpy as np

from backtest.analysis import curves, fills, markouts, orders, trips
from backtest.analysis.quotes import Quotes
from backtest.recording import Recording


class Analysis:
    """Everything a metric, a caution and a drawing need, in exact integers (see each module for units)."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @cached_property
    def quotes(self) -> list[Quotes]:
        return [Quotes(self.recording, number) for number in range(len(self.recording.instruments))]

    @cached_property
    def fills(self) -> np.ndarray:
        """FILL array in order of seq."""
        return fills.own_fills(self.recording, self.quotes)

    @cached_property
    def orders(self) -> orders.Orders:
        return orders.own_orders(self.recording.facts, self.fills, self.recording.end)

    @cached_property
    def trips(self) -> np.ndarray:
        """TRIP array in order of entry."""
        return trips.round_trips(self.recording, self.fills, self.quotes)

    @cached_property
    def curve(self) -> curves.Curve:
        return curves.equity_curve(self.recording, self.fills, self.quotes)

    @cached_property
    def returns(self) -> curves.Returns:
        return curves.returns(self.recording, self.curve)

    @cached_property
    def drawdowns(self) -> list[curves.Drawdown]:
        """Every drawdown, deepest first."""
        return curves.drawdowns(self.curve)

    @cached_property
    def markouts(self) -> markouts.Markouts:
        return markouts.markouts(self.recording, self.fills, self.quotes)

    def money(self, units: Any) -> Any:
        """Money units as a float (or an array of them)."""
        return units / self.recording.unit
